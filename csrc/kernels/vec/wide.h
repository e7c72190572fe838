// Elements of either type in float64.
#pragma once

#include <cstddef>
#include <utility>

#include "kernels/vec/memory.h"
#include "kernels/vec/ranges.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T, std::size_t... lane>
RAVINE_INLINE auto first_half(Vec<T> v, std::index_sequence<lane...>) {
  return __builtin_shufflevector(v, v, static_cast<int>(lane)...);
}

// As many elements as a Vec<double> has lanes, in float64, for an `at` that goes by these.
template <class T>
RAVINE_INLINE Vec<double> load_wide(FullVector at, const T* p) {
  typedef T Narrow __attribute__((vector_size(lanes<double> * sizeof(T))));
  Narrow x;
  __builtin_memcpy(&x, p + at.first, sizeof x);
  return __builtin_convertvector(x, Vec<double>);
}

template <class T>
RAVINE_INLINE Vec<double> load_wide(LastVector at, const T* p) {
  if constexpr (sizeof(T) == sizeof(double))
    return at.load(p);
  else
    return __builtin_convertvector(first_half<T>(at.load(p), std::make_index_sequence<lanes<double>>{}), Vec<double>);
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
