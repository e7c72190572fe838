// l = max(0, margin - t z) for targets -1 and +1
// dl/dz = -t where t z <= margin, else 0. The kink counts as an error, so that a perceptron learns from zero weights.
#pragma once

#include "kernels/losses/rowwise_loss.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
RAVINE_INLINE Term<T> margin_loss(Vec<T> z, Vec<T> t, T margin) {
  const Vec<T> m = margin - t * z;
  const Vec<T> slope = select<T>(m == m, -t, m);
  return {select<T>(m < 0, Vec<T>{}, m), select<T>(m < 0, Vec<T>{}, slope)};
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
