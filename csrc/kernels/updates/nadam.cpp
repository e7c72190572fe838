#include "kernels/updates/update.h"

namespace ravine::RAVINE_ISA {
namespace {

enum Factor { keep, rate_g, rate_m, rest1, beta2, rest2, inside, outside };

// 0.96^0.004, by which the momentum schedule c_t = b1 (1 - 0.96^(0.004 t) / 2) proceeds
constexpr double schedule_step = 0.99983672535267527842;

// running: C_t = c_1 ... c_t, b2^t, 0.96^(0.004 t). The correction of v is moved out of the root, as in Adam.
void prepare(UpdateFactors& factors, UpdateRunning& running, const UpdateSettings& s) noexcept {
  running.product[1] *= s.beta2;
  running.product[2] *= schedule_step;
  const double now = s.beta1 * (1.0 - 0.5 * running.product[2]);
  const double next = s.beta1 * (1.0 - 0.5 * running.product[2] * schedule_step);
  running.product[0] *= now;
  const double c = average_divisor(s, running.product[1]);
  const double rate = s.learning_rate * __builtin_sqrt(c);
  factors.factor[keep] = kept_weight(s);
  factors.factor[rate_g] = rate * (1.0 - now) / average_divisor(s, running.product[0]);
  factors.factor[rate_m] = rate * next / average_divisor(s, running.product[0] * next);
  factors.factor[rest1] = 1.0 - s.beta1;
  factors.factor[beta2] = s.beta2;
  factors.factor[rest2] = 1.0 - s.beta2;
  factors.factor[inside] = c * epsilon_inside(s);
  factors.factor[outside] = __builtin_sqrt(c) * epsilon_outside(s);
}

// m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
// w -= a ((1 - c_t) / (1 - C_t) g + c_(t+1) / (1 - C_(t+1)) m) / (sqrt(v') + e),  v' the corrected average
// m is computed as m + (1 - b1) (g - m). Slots in the order m, v.
template <class T>
void step(T* w, T* state, std::size_t stride, const T* dw, std::size_t count, const UpdateFactors& factors) noexcept {
  const Vec<T> kept = factor<T>(factors, keep);
  const Vec<T> a_g = factor<T>(factors, rate_g), a_m = factor<T>(factors, rate_m);
  const Vec<T> one_less_b1 = factor<T>(factors, rest1);
  const Vec<T> b2 = factor<T>(factors, beta2), one_less_b2 = factor<T>(factors, rest2);
  const Vec<T> in = factor<T>(factors, inside), out = factor<T>(factors, outside);
  T* const mean = state;
  T* const mean_square = state + stride;
  each_vector<T>(count, [&](auto at) {
    const Vec<T> g = at.load(dw), past = at.load(mean);
    const Vec<T> m = fma(one_less_b1, g - past, past);
    const Vec<T> v = moving_average<T>(b2, at.load(mean_square), one_less_b2, g * g);
    at.template store<T>(mean, m);
    at.template store<T>(mean_square, v);
    at.template store<T>(w, fma(kept, at.load(w), -(fma(a_g, g, a_m * m) / (sqrt(v + in) + out))));
  });
}

}  // namespace

extern constinit const Both<Update> update_nadam = {{"nadam", 2, prepare, step<float>},
                                                    {"nadam", 2, prepare, step<double>}};

}  // namespace ravine::RAVINE_ISA
