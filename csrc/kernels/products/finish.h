// The last steps of a sum: the activation, or the mask of its derivative.
#pragma once

#include "kernels/vec/arithmetic.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
RAVINE_INLINE Vec<T> relu_of(Vec<T> sum) {
  return select<T>(sum < T{0}, Vec<T>{}, sum);
}
template <class T>
RAVINE_INLINE Vec<T> masked(Vec<T> sum, Vec<T> gate) {
  return select<T>(gate <= T{0}, Vec<T>{}, sum);
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
