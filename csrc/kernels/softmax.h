// What softmax and its cross entropy share.
#pragma once

#include "kernels/math.h"
#include "kernels/vec.h"

namespace ravine::RAVINE_ISA {
namespace {

// z - m, for m the largest of the row; 0 where z is m, so that infinite logits get their limits.
template <class T>
RAVINE_INLINE Vec<T> below_max(Vec<T> z, T m) {
  return select<T>(z == m, Vec<T>{}, z - m);
}

// The sum of a vector's lanes, in the order of a row.
template <class T>
RAVINE_INLINE T lane_sum(Vec<T> v) {
  return row_sum<T>(lanes<T>, [&](auto) __attribute__((always_inline)) { return v; });
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
