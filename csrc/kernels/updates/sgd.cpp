// Gradient descent and its three momentum forms.
#include "kernels/updates/update.h"

namespace ravine::RAVINE_ISA {
namespace {

enum Factor { keep, rate, momentum, rest };

void prepare(UpdateFactors& factors, UpdateRunning&, const UpdateSettings& s) noexcept {
  factors.factor[keep] = kept_weight(s);
  factors.factor[rate] = s.learning_rate;
  factors.factor[momentum] = s.momentum;
}

// running: b^t
void prepare_average(UpdateFactors& factors, UpdateRunning& running, const UpdateSettings& s) noexcept {
  running.product[0] *= s.momentum;
  factors.factor[keep] = kept_weight(s);
  factors.factor[rate] = s.learning_rate / average_divisor(s, running.product[0]);
  factors.factor[momentum] = s.momentum;
  factors.factor[rest] = 1.0 - s.momentum;
}

// w -= a g
template <class T>
void sgd(T* w, T*, std::size_t, const T* dw, std::size_t count, const UpdateFactors& factors) noexcept {
  const Vec<T> kept = factor<T>(factors, keep), a = factor<T>(factors, rate);
  each_vector<T>(count, [&](auto at) { at.template store<T>(w, fma(-a, at.load(dw), kept * at.load(w))); });
}

// v = m v + a g; w -= v
template <class T>
void classic(T* w, T* state, std::size_t, const T* dw, std::size_t count, const UpdateFactors& factors) noexcept {
  const Vec<T> kept = factor<T>(factors, keep), a = factor<T>(factors, rate), m = factor<T>(factors, momentum);
  each_vector<T>(count, [&](auto at) {
    const Vec<T> v = fma(m, at.load(state), a * at.load(dw));
    at.template store<T>(state, v);
    at.template store<T>(w, fma(kept, at.load(w), -v));
  });
}

// V = b V + (1 - b) g; w -= a / (1 - b^t) V
template <class T>
void average(T* w, T* state, std::size_t, const T* dw, std::size_t count, const UpdateFactors& factors) noexcept {
  const Vec<T> kept = factor<T>(factors, keep), a = factor<T>(factors, rate);
  const Vec<T> b = factor<T>(factors, momentum), one_less_b = factor<T>(factors, rest);
  each_vector<T>(count, [&](auto at) {
    const Vec<T> v = moving_average<T>(b, at.load(state), one_less_b, at.load(dw));
    at.template store<T>(state, v);
    at.template store<T>(w, fma(-a, v, kept * at.load(w)));
  });
}

// v = m v + a g; w -= m v + a g
template <class T>
void nesterov(T* w, T* state, std::size_t, const T* dw, std::size_t count, const UpdateFactors& factors) noexcept {
  const Vec<T> kept = factor<T>(factors, keep), a = factor<T>(factors, rate), m = factor<T>(factors, momentum);
  each_vector<T>(count, [&](auto at) {
    const Vec<T> move = a * at.load(dw);
    const Vec<T> v = fma(m, at.load(state), move);
    at.template store<T>(state, v);
    at.template store<T>(w, fma(kept, at.load(w), -fma(m, v, move)));
  });
}

}  // namespace

extern constinit const Both<Update> update_sgd = {{"sgd", 0, prepare, sgd<float>, true},
                                                  {"sgd", 0, prepare, sgd<double>, true}};
extern constinit const Both<Update> update_momentum = {{"momentum", 1, prepare, classic<float>},
                                                       {"momentum", 1, prepare, classic<double>}};
extern constinit const Both<Update> update_momentum_average = {
    {"momentum_average", 1, prepare_average, average<float>},
    {"momentum_average", 1, prepare_average, average<double>}};
extern constinit const Both<Update> update_nesterov = {{"nesterov", 1, prepare, nesterov<float>},
                                                       {"nesterov", 1, prepare, nesterov<double>}};

}  // namespace ravine::RAVINE_ISA
