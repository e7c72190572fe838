// Targets of a row, either dense or a class index, read alike: target(at) gives a vector of them.
#pragma once

#include "kernels/vec/reductions.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct DenseTarget {
  const T* row;

  template <class At>
  RAVINE_INLINE Vec<T> operator()(At at) const {
    return at.load(row);
  }
  RAVINE_INLINE T sum(std::size_t cols) const {
    return row_sum<T>(cols, [&](auto at) __attribute__((always_inline)) { return at.load(row); });
  }
  RAVINE_INLINE DenseTarget of_row(std::size_t i, std::size_t cols) const { return {row + i * cols}; }
};

// 1 for the class, 0 for the others
template <class T>
struct LabelTarget {
  const std::int32_t* label;

  template <class At>
  RAVINE_INLINE Vec<T> operator()(At at) const {
    const Mask<T> here = lane_numbers<Int<T>>() == static_cast<Int<T>>(*label) - static_cast<Int<T>>(at.first);
    return select<T>(here, broadcast<T>(1), Vec<T>{});
  }
  RAVINE_INLINE T sum(std::size_t) const { return 1; }
  RAVINE_INLINE LabelTarget of_row(std::size_t i, std::size_t) const { return {label + i}; }
};

}  // namespace
}  // namespace ravine::RAVINE_ISA
