// Gradients and weights within limits.
#pragma once

#include <cstddef>

namespace ravine {

template <class T>
struct ClipKernels {
  // sum_i (scale x_i)^2 in float64 whatever T is: one row sum a chunk of 4096 elements, the chunks added in ascending
  // order
  double (*squared_norm)(const T* x, std::size_t count, double scale) noexcept;
  // y = x held within [-limit, limit]; a NaN stays. y may be x.
  void (*clip)(T* y, const T* x, std::size_t count, T limit) noexcept;
  // y = sign(x) max(|x| - threshold, 0); a NaN stays. y may be x.
  void (*soft_threshold)(T* y, const T* x, std::size_t count, T threshold) noexcept;
  // w[:, j] *= limit / |w[:, j]| where that norm exceeds the limit and is finite
  void (*limit_columns)(T* w, std::size_t rows, std::size_t cols, std::size_t ldw, double limit) noexcept;
};

}  // namespace ravine
