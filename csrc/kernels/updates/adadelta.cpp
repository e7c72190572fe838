#include "kernels/updates/update.h"

namespace ravine::RAVINE_ISA {
namespace {

enum Factor { keep, rate, rho, rest, epsilon };

void prepare(UpdateFactors& factors, UpdateRunning&, const UpdateSettings& s) noexcept {
  factors.factor[keep] = kept_weight(s);
  factors.factor[rate] = s.learning_rate;
  factors.factor[rho] = s.rho;
  factors.factor[rest] = 1.0 - s.rho;
  factors.factor[epsilon] = s.epsilon;
}

// E = r E + (1 - r) g^2;  d = sqrt((D + e) / (E + e)) g;  D = r D + (1 - r) d^2;  w -= a d
// Slots in the order E, D. The rule itself puts epsilon inside the roots.
template <class T>
void step(T* w, T* state, std::size_t stride, const T* dw, std::size_t count, const UpdateFactors& factors) noexcept {
  const Vec<T> kept = factor<T>(factors, keep), a = factor<T>(factors, rate), e = factor<T>(factors, epsilon);
  const Vec<T> r = factor<T>(factors, rho), one_less_r = factor<T>(factors, rest);
  T* const gradients = state;
  T* const moves = state + stride;
  each_vector<T>(count, [&](auto at) {
    const Vec<T> g = at.load(dw), past = at.load(moves);
    const Vec<T> mean_square = moving_average<T>(r, at.load(gradients), one_less_r, g * g);
    const Vec<T> d = sqrt((past + e) / (mean_square + e)) * g;
    at.template store<T>(gradients, mean_square);
    at.template store<T>(moves, moving_average<T>(r, past, one_less_r, d * d));
    at.template store<T>(w, fma(-a, d, kept * at.load(w)));
  });
}

}  // namespace

extern constinit const Both<Update> update_adadelta = {{"adadelta", 2, prepare, step<float>},
                                                       {"adadelta", 2, prepare, step<double>}};

}  // namespace ravine::RAVINE_ISA
