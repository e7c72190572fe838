// Layer norm.
#pragma once

#include <cstddef>

namespace ravine {

// Layer norm, for each row: y_j = gamma_j n_j + beta_j with n_j = (x_j - mean) / sqrt(variance + epsilon), mean and
// variance those of the row, in float64. gamma and beta (cols): null means ones and zeros.
template <class T>
struct LayerNormKernels {
  void (*forward)(T* y, const T* x, const T* gamma, const T* beta, std::size_t rows, std::size_t cols,
                  double epsilon) noexcept;
  // dx may be dy
  void (*backward)(T* dx, const T* dy, const T* x, const T* gamma, std::size_t rows, std::size_t cols,
                   double epsilon) noexcept;
  // dgamma_j = sum_i dy_ij n_ij and dbeta_j = sum_i dy_ij (either may be null), in float64, rows in ascending order;
  // workspace (2 cols)
  void (*gradient)(T* dgamma, T* dbeta, const T* dy, const T* x, std::size_t rows, std::size_t cols, double epsilon,
                   double* workspace) noexcept;
};

}  // namespace ravine
