// What the update rules share.
#pragma once

#include "kernels/signatures/rows.h"
#include "kernels/signatures/updates.h"
#include "kernels/vec/ranges.h"

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

// beta old + rest value, where rest is 1 - beta
template <class T>
RAVINE_INLINE Vec<T> moving_average(Vec<T> beta, Vec<T> old, Vec<T> rest, Vec<T> value) {
  return fma(beta, old, rest * value);
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
