// What softmax and its cross entropy share.
#pragma once

#include "kernels/math/math.h"
#include "kernels/vec/reductions.h"

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

// sum_j exp(z_j - m) - 1, m being the largest z_j; summed without a largest term. The exponentials go to e, unless
// null.
template <class T>
RAVINE_INLINE T sum_without_largest(T* e, const T* z, std::size_t cols, T m) {
  const Vec<T> zero{}, one = broadcast<T>(1);
  Vec<T> largest{};
  const T smaller = row_sum<T>(cols, [&](auto at) __attribute__((always_inline)) {
    const Vec<T> v = exp(below_max<T>(at.load(z), m));
    if (e != nullptr) at.template store<T>(e, v);
    largest += at.template keep<T>(select<T>(v == 1, one, zero));
    return select<T>(v == 1, zero, v);
  });
  return smaller + (lane_sum<T>(largest) - 1);
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
