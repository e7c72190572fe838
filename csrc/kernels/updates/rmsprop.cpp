// RMSProp, plain and with a centred denominator, momentum or both.
#include "kernels/updates/update.h"

namespace ravine::RAVINE_ISA {
namespace {

enum Factor { keep, rate, rho, rest, momentum, inside, outside };

void prepare(UpdateFactors& factors, UpdateRunning&, const UpdateSettings& s) noexcept {
  factors.factor[keep] = kept_weight(s);
  factors.factor[rate] = s.learning_rate;
  factors.factor[rho] = s.rho;
  factors.factor[rest] = 1.0 - s.rho;
  factors.factor[momentum] = s.momentum;
  factors.factor[inside] = epsilon_inside(s);
  factors.factor[outside] = epsilon_outside(s);
}

// G = r G + (1 - r) g^2;  d = a g / (sqrt(G) + e);  w -= d
// centred: M = r M + (1 - r) g, and G - M^2 in place of G under the root, 0 where rounding made it negative
// momentum: v = m v + d; w -= v
// Slots in the order G, M, v.
template <class T, bool centered, bool with_momentum>
void step(T* w, T* state, std::size_t stride, const T* dw, std::size_t count, const UpdateFactors& factors) noexcept {
  const Vec<T> kept = factor<T>(factors, keep), a = factor<T>(factors, rate), m = factor<T>(factors, momentum);
  const Vec<T> r = factor<T>(factors, rho), one_less_r = factor<T>(factors, rest);
  const Vec<T> in = factor<T>(factors, inside), out = factor<T>(factors, outside);
  T* const mean_square = state;
  T* const mean = state + stride;
  T* const velocity = state + (centered ? 2 : 1) * stride;
  each_vector<T>(count, [&](auto at) {
    const Vec<T> g = at.load(dw);
    Vec<T> spread = moving_average<T>(r, at.load(mean_square), one_less_r, g * g);
    at.template store<T>(mean_square, spread);
    if constexpr (centered) {
      const Vec<T> center = moving_average<T>(r, at.load(mean), one_less_r, g);
      at.template store<T>(mean, center);
      const Vec<T> variance = fma(-center, center, spread);
      spread = select<T>(variance < Vec<T>{}, Vec<T>{}, variance);
    }
    Vec<T> move = a * g / (sqrt(spread + in) + out);
    if constexpr (with_momentum) {
      move = fma(m, at.load(velocity), move);
      at.template store<T>(velocity, move);
    }
    at.template store<T>(w, fma(kept, at.load(w), -move));
  });
}

}  // namespace

extern constinit const Both<Update> update_rmsprop = {{"rmsprop", 1, prepare, step<float, false, false>},
                                                      {"rmsprop", 1, prepare, step<double, false, false>}};
extern constinit const Both<Update> update_rmsprop_momentum = {
    {"rmsprop_momentum", 2, prepare, step<float, false, true>},
    {"rmsprop_momentum", 2, prepare, step<double, false, true>}};
extern constinit const Both<Update> update_rmsprop_centered = {
    {"rmsprop_centered", 2, prepare, step<float, true, false>},
    {"rmsprop_centered", 2, prepare, step<double, true, false>}};
extern constinit const Both<Update> update_rmsprop_centered_momentum = {
    {"rmsprop_centered_momentum", 3, prepare, step<float, true, true>},
    {"rmsprop_centered_momentum", 3, prepare, step<double, true, true>}};

}  // namespace ravine::RAVINE_ISA
