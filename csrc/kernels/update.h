// What the update rules share.
#pragma once

#include "kernels/vec.h"

namespace ravine::RAVINE_ISA {
namespace {

// A factor of the step, derived in float64 and rounded once.
template <class T>
RAVINE_INLINE Vec<T> factor(const UpdateFactors& factors, int index) {
  return broadcast(static_cast<T>(factors.factor[index]));
}

// What decoupled weight decay leaves of w: 1 - a weight_decay.
inline double kept_weight(const UpdateSettings& s) { return 1.0 - s.learning_rate * s.weight_decay; }

// The epsilon of sqrt(x + inside) + outside: one of the two, the other 0, so that both forms run the same code.
inline double epsilon_inside(const UpdateSettings& s) { return s.epsilon_inside ? s.epsilon : 0.0; }
inline double epsilon_outside(const UpdateSettings& s) { return s.epsilon_inside ? 0.0 : s.epsilon; }

// What divides a running average of t terms with the product beta^t: 1 - beta^t, or 1 without bias correction.
inline double average_divisor(const UpdateSettings& s, double product) {
  return s.bias_correction ? 1.0 - product : 1.0;
}

// State as a step finds it: 0 where it has faded below the smallest normal number and the gradient g is 0. Else it
// would stay there for good (0.9 times the smallest number rounds to itself), and a step on such numbers takes 2.8
// times as long.
template <class T, class At>
RAVINE_INLINE Vec<T> load_state(At at, const T* state, Vec<T> g) {
  constexpr T smallest_normal = sizeof(T) == 4 ? T(0x1p-126) : T(0x1p-1022);
  const Vec<T> x = at.load(state);
  return select<T>((g == Vec<T>{}) & (abs(x) < broadcast<T>(smallest_normal)), Vec<T>{}, x);
}

// beta old + rest value, where rest is 1 - beta
template <class T>
RAVINE_INLINE Vec<T> moving_average(Vec<T> beta, Vec<T> old, Vec<T> rest, Vec<T> value) {
  return fma(beta, old, rest * value);
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
