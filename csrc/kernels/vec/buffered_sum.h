// row_sum for terms that are very long code, such as two powers. row_sum writes its term out for every
// part of its lanes, 24 times for doubles of the x86-64 baseline; here the terms go to a buffer first and the term is
// written out twice. The same terms are added in the same order, so that the bits are the same.
#pragma once

#include <cstddef>

#include "kernels/vec/reductions.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T, class Term>
RAVINE_INLINE T buffered_row_sum(std::size_t count, Term&& term) {
  constexpr std::size_t parts = row_lanes / lanes<T>, block = 8 * row_lanes;
  alignas(64) T buffer[block];
  Vec<T> sum[parts] = {};
  for (std::size_t first = 0; first < count; first += block) {
    const std::size_t end = count - first < block ? count - first : block;
    std::size_t i = 0;
    for (; i + lanes<T> <= end; i += lanes<T>) store<T>(buffer + i, term(FullVector{first + i}));
    if (i < end) {
      const LastVector at{first + i, end - i};
      store<T>(buffer + i, at.template keep<T>(term(at)));
      i += lanes<T>;
    }
    std::size_t j = 0;
    for (; j + row_lanes <= i; j += row_lanes)
#pragma GCC unroll 8
      for (std::size_t p = 0; p < parts; ++p) sum[p] += load<T>(buffer + j + p * lanes<T>);
#pragma GCC unroll 8
    for (std::size_t p = 0; p < parts; ++p)
      if (j + p * lanes<T> < i) sum[p] += load<T>(buffer + j + p * lanes<T>);
  }
#pragma GCC unroll 8
  for (std::size_t half = parts / 2; half > 0; half /= 2)
    for (std::size_t p = 0; p < half; ++p) sum[p] += sum[p + half];
  return fold<T>(sum[0], [](Vec<T> a, Vec<T> b) __attribute__((always_inline)) { return a + b; });
}

// The form of the two that is less code where the vector's width makes a difference; terms of one exponential or
// logarithm are 3 to 11 % slower in a buffer (AVX2, doubles, 10 columns).
template <class T, bool buffered = true, class Term>
RAVINE_INLINE T long_row_sum(std::size_t count, Term&& term) {
  if constexpr (buffered && row_lanes / lanes<T> > 2)
    return buffered_row_sum<T>(count, term);
  else
    return row_sum<T>(count, term);
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
