// Adam, and AMSGrad, whose denominator never falls.
#include "kernels/updates/update.h"

namespace ravine::RAVINE_ISA {
namespace {

enum Factor { keep, rate, beta1, rest1, beta2, rest2, inside, outside };

// running: b1^t, b2^t. The correction of v is moved out of the root, so that an element costs one root and one
// division:
//   a m / (1 - b1^t) / (sqrt(v / c) + e) = a sqrt(c) / (1 - b1^t) m / (sqrt(v) + sqrt(c) e),  c = 1 - b2^t
void prepare(UpdateFactors& factors, UpdateRunning& running, const UpdateSettings& s) noexcept {
  running.product[0] *= s.beta1;
  running.product[1] *= s.beta2;
  const double c = average_divisor(s, running.product[1]);
  factors.factor[keep] = kept_weight(s);
  factors.factor[rate] = s.learning_rate / average_divisor(s, running.product[0]) * __builtin_sqrt(c);
  factors.factor[beta1] = s.beta1;
  factors.factor[rest1] = 1.0 - s.beta1;
  factors.factor[beta2] = s.beta2;
  factors.factor[rest2] = 1.0 - s.beta2;
  factors.factor[inside] = c * epsilon_inside(s);
  factors.factor[outside] = __builtin_sqrt(c) * epsilon_outside(s);
}

// m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w -= a m' / (sqrt(v') + e),  m' and v' the corrected averages
// AMSGrad: x = max(x, v), and x in place of v under the root.
// Slots in the order m, v, x.
template <class T, bool amsgrad>
void step(T* w, T* state, std::size_t stride, const T* dw, std::size_t count, const UpdateFactors& factors) noexcept {
  const Vec<T> kept = factor<T>(factors, keep), a = factor<T>(factors, rate);
  const Vec<T> b1 = factor<T>(factors, beta1), one_less_b1 = factor<T>(factors, rest1);
  const Vec<T> b2 = factor<T>(factors, beta2), one_less_b2 = factor<T>(factors, rest2);
  const Vec<T> in = factor<T>(factors, inside), out = factor<T>(factors, outside);
  T* const mean = state;
  T* const mean_square = state + stride;
  T* const largest = state + 2 * stride;
  each_vector<T>(count, [&](auto at) {
    const Vec<T> g = at.load(dw);
    const Vec<T> m = moving_average<T>(b1, at.load(mean), one_less_b1, g);
    Vec<T> v = moving_average<T>(b2, at.load(mean_square), one_less_b2, g * g);
    at.template store<T>(mean, m);
    at.template store<T>(mean_square, v);
    if constexpr (amsgrad) {
      v = larger<T>(at.load(largest), v);
      at.template store<T>(largest, v);
    }
    at.template store<T>(w, fma(kept, at.load(w), -(a * m / (sqrt(v + in) + out))));
  });
}

}  // namespace

extern constinit const Both<Update> update_adam = {{"adam", 2, prepare, step<float, false>},
                                                   {"adam", 2, prepare, step<double, false>}};
extern constinit const Both<Update> update_amsgrad = {{"amsgrad", 3, prepare, step<float, true>},
                                                      {"amsgrad", 3, prepare, step<double, true>}};

}  // namespace ravine::RAVINE_ISA
