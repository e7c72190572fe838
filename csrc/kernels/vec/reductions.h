// Sums and maxima along a row, in an order that no width changes.
#pragma once

#include <cstddef>
#include <utility>

#include "kernels/signatures/frozen.h"
#include "kernels/vec/ranges.h"

namespace ravine::RAVINE_ISA {
namespace {

// v with its lanes turned down by `by`.
template <class T, std::size_t by, std::size_t... lane>
RAVINE_INLINE Vec<T> turned(Vec<T> v, std::index_sequence<lane...>) {
  return __builtin_shufflevector(v, v, ((lane + by) % lanes<T>)...);
}

// Lane 0 after the upper half of the lanes has been joined to the lower one, then a quarter to its neighbour, and so
// on.
template <class T, std::size_t half = lanes<T> / 2, class Join>
RAVINE_INLINE T fold(Vec<T> v, Join&& join) {
  if constexpr (half == 0)
    return v[0];
  else
    return fold<T, half / 2>(join(v, turned<T, half>(v, std::make_index_sequence<lanes<T>>{})), join);
}

// The sum over a row in 16 virtual lanes (see row_lanes): term(at) gives the terms of one vector.
template <class T, class Term>
RAVINE_INLINE T row_sum(std::size_t count, Term&& term) {
  constexpr std::size_t parts = row_lanes / lanes<T>;
  Vec<T> sum[parts] = {};
  std::size_t i = 0;
  for (; i + row_lanes <= count; i += row_lanes) {
#pragma GCC unroll 8
    for (std::size_t p = 0; p < parts; ++p) sum[p] += term(FullVector{i + p * lanes<T>});
  }
  // unrolled, so that sum[] stays in registers
#pragma GCC unroll 8
  for (std::size_t p = 0; p < parts; ++p) {
    const std::size_t first = i + p * lanes<T>;
    if (first + lanes<T> <= count) {
      sum[p] += term(FullVector{first});
    } else if (first < count) {
      const LastVector at{first, count - first};
      sum[p] += at.template keep<T>(term(at));
    }
  }
#pragma GCC unroll 8
  for (std::size_t half = parts / 2; half > 0; half /= 2)
    for (std::size_t p = 0; p < half; ++p) sum[p] += sum[p + half];
  return fold<T>(sum[0], [](Vec<T> a, Vec<T> b) __attribute__((always_inline)) { return a + b; });
}

// The largest term of a row of at least one element; a NaN anywhere gives NaN.
template <class T, class Term>
RAVINE_INLINE T row_max(std::size_t count, Term&& term) {
  Vec<T> largest = broadcast<T>(-__builtin_inf());
  each_vector<T>(count, [&](auto at) __attribute__((always_inline)) {
    largest = larger<T>(largest, at.template keep<T>(term(at), largest));
  });
  return fold<T>(largest, larger<T>);
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
