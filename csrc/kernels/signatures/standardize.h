// Standardisation of columns.
#pragma once

#include <cstddef>

namespace ravine {

template <class T>
struct StandardizeKernels {
  // y = (x - mean) / deviation, both (cols). y may be x.
  void (*standardize)(T* y, const T* x, const T* mean, const T* deviation, std::size_t rows, std::size_t cols) noexcept;
  // dx = dy / deviation. dx may be dy.
  void (*standardize_backward)(T* dx, const T* dy, const T* deviation, std::size_t rows, std::size_t cols) noexcept;
};

}  // namespace ravine
