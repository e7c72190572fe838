// Permutations of lanes.
#pragma once

#include <cstddef>
#include <utility>

#include "kernels/vec/width.h"

namespace ravine::RAVINE_ISA {
namespace {

// (a0 b0 a1 b1 ...): the first halves interleaved, and the second halves.
template <class T>
RAVINE_INLINE void interleave(Vec<T> a, Vec<T> b, Vec<T>& low, Vec<T>& high) {
  constexpr int n = static_cast<int>(lanes<T>);
  if constexpr (n == 16) {
    low = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    high = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  } else if constexpr (n == 8) {
    low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
  } else if constexpr (n == 4) {
    low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  } else {
    low = __builtin_shufflevector(a, b, 0, 2);
    high = __builtin_shufflevector(a, b, 1, 3);
  }
}

// Lane source(i) of a, or of b where that is past a's last, as lane i of the result.
template <class T, class Source, std::size_t... lane>
RAVINE_INLINE Vec<T> picked(Vec<T> a, Vec<T> b, Source, std::index_sequence<lane...>) {
  return __builtin_shufflevector(a, b, static_cast<int>(Source::of(lane))...);
}

// Inside each 16 bytes: (a0 b0 a1 b1 ...) of their lower half, or of their upper one.
template <class T, bool upper>
struct InterleavedHalf {
  static constexpr std::size_t of(std::size_t lane) {
    constexpr std::size_t side = 16 / sizeof(T);
    const std::size_t within = lane % side;
    return lane - within + within / 2 + (upper ? side / 2 : 0) + within % 2 * lanes<T>;
  }
};

// The even ones of a's 16 bytes, then b's; or the odd ones.
template <class T, bool odd>
struct EveryOther {
  static constexpr std::size_t of(std::size_t lane) {
    constexpr std::size_t side = 16 / sizeof(T), half = lanes<T> / 2;
    const std::size_t within = lane % half;
    return 2 * (within - within % side) + within % side + (odd ? side : 0) + lane / half * lanes<T>;
  }
};

// A square block, transposed in place: first the squares of 16 bytes, by shuffles inside each 16 bytes, of which
// processors do more at a time; then whole 16 bytes.
template <class T>
RAVINE_INLINE void transpose(Vec<T> (&row)[lanes<T>]) {
  constexpr std::size_t side = 16 / sizeof(T);
  const auto each_pair = [&](std::size_t distance, auto first, auto second) __attribute__((always_inline)) {
#pragma GCC unroll 16
    for (std::size_t pair = 0; pair < lanes<T> / 2; ++pair) {
      const std::size_t i = 2 * pair - pair % distance;
      const Vec<T> a = row[i], b = row[i + distance];
      row[i] = picked<T>(a, b, first, std::make_index_sequence<lanes<T>>{});
      row[i + distance] = picked<T>(a, b, second, std::make_index_sequence<lanes<T>>{});
    }
  };
#pragma GCC unroll 2
  for (std::size_t distance = side / 2; distance > 0; distance /= 2)
    each_pair(distance, InterleavedHalf<T, false>{}, InterleavedHalf<T, true>{});
  if constexpr (lanes<T> > side) {
#pragma GCC unroll 2
    for (std::size_t distance = side; distance < lanes<T>; distance *= 2)
      each_pair(distance, EveryOther<T, false>{}, EveryOther<T, true>{});
  }
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
