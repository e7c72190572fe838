#include "kernels/updates/update.h"

namespace ravine::RAVINE_ISA {
namespace {

enum Factor { keep, rate, beta1, rest1, beta2, epsilon };

// running: b1^t
void prepare(UpdateFactors& factors, UpdateRunning& running, const UpdateSettings& s) noexcept {
  running.product[0] *= s.beta1;
  factors.factor[keep] = kept_weight(s);
  factors.factor[rate] = s.learning_rate / average_divisor(s, running.product[0]);
  factors.factor[beta1] = s.beta1;
  factors.factor[rest1] = 1.0 - s.beta1;
  factors.factor[beta2] = s.beta2;
  factors.factor[epsilon] = s.epsilon;
}

// m = b1 m + (1 - b1) g;  u = max(b2 u, |g| + e);  w -= a / (1 - b1^t) m / u
// u is kept at 0 while every g has been 0: b2 u < |g| + e then as well, so that no later step depends on it.
// Slots in the order m, u.
template <class T>
void step(T* w, T* state, std::size_t stride, const T* dw, std::size_t count, const UpdateFactors& factors) noexcept {
  const Vec<T> kept = factor<T>(factors, keep), a = factor<T>(factors, rate);
  const Vec<T> b1 = factor<T>(factors, beta1), one_less_b1 = factor<T>(factors, rest1);
  const Vec<T> b2 = factor<T>(factors, beta2), e = factor<T>(factors, epsilon);
  T* const mean = state;
  T* const norm = state + stride;
  each_vector<T>(count, [&](auto at) {
    const Vec<T> g = at.load(dw), past = at.load(norm);
    const Vec<T> m = moving_average<T>(b1, at.load(mean), one_less_b1, g);
    const Vec<T> u = larger<T>(b2 * past, abs(g) + e);
    at.template store<T>(mean, m);
    at.template store<T>(norm, select<T>((g == Vec<T>{}) & (past == Vec<T>{}), Vec<T>{}, u));
    at.template store<T>(w, fma(kept, at.load(w), -(a * m / u)));
  });
}

}  // namespace

extern constinit const Both<Update> update_adamax = {{"adamax", 2, prepare, step<float>},
                                                     {"adamax", 2, prepare, step<double>}};

}  // namespace ravine::RAVINE_ISA
