// Batch norm.
#pragma once

#include <cstddef>

namespace ravine {

// Batch norm, for each channel j: y = gamma_j (x - mean_j) / sqrt(variance_j + epsilon) + beta_j. x (rows, positions,
// cols); weight (rows): null means ones. Rows of weight 0 count for nothing: the statistics do not see what is in them.
// gamma and beta (cols): null means ones and zeros. What a batch gives is kept in float64 whatever T is.
template <class T>
struct BatchNormKernels {
  // moments (2 cols + 2): mean_j = sum_i w_i x_ij / W and squares_j = sum_i w_i (x_ij - mean_j)^2 over rows and
  // positions in ascending order, the mass W = sum_i w_i, and the number of values with a weight above 0. The sums run
  // over the distances from the first row that counts, so that a mean far from 0 costs no digits.
  void (*moments)(double* moments, const T* x, const T* weight, std::size_t rows, std::size_t positions,
                  std::size_t cols) noexcept;
  // a: the moments of what gave a and b
  void (*join_moments)(double* a, const double* b, std::size_t cols) noexcept;
  // squares_j becomes variance_j = squares_j / W, 0 where W is 0
  void (*finish_moments)(double* moments, std::size_t cols) noexcept;
  // running += (1 - momentum) (of the batch - running), rounded once
  void (*learn)(T* running_mean, T* running_variance, const double* mean, const double* variance, double momentum,
                std::size_t cols) noexcept;
  // coefficient (3, cols) for `forward`: centre, scale, shift
  void (*fold)(T* coefficient, const double* mean, const double* variance, const T* gamma, const T* beta,
               double epsilon, std::size_t cols) noexcept;
  // y = (x - centre_j) scale_j + shift_j; y may be x
  void (*forward)(T* y, const T* x, const T* coefficient, std::size_t rows, std::size_t cols) noexcept;
  // sums (2 cols) continue with sum_i dy_ij and sum_i dy_ij (x_ij - mean_j), in ascending order
  void (*sums)(double* sums, const T* dy, const T* x, const T* weight, const double* mean, std::size_t rows,
               std::size_t positions, std::size_t cols) noexcept;
  // a += b
  void (*join_sums)(double* a, const double* b, std::size_t cols) noexcept;
  // coefficient (4, cols) for `backward`: slope a, b, c and centre; dgamma and dbeta (cols), unless null
  void (*fold_back)(T* coefficient, T* dgamma, T* dbeta, const double* sums, const double* mean, const double* variance,
                    const T* gamma, double epsilon, std::size_t cols) noexcept;
  // dx = a_j dy - w / W (b_j + c_j (x - centre_j)); an infinite mass W says that mean and variance are constants. dx
  // may be dy
  void (*backward)(T* dx, const T* dy, const T* x, const T* weight, const T* coefficient, double mass, std::size_t rows,
                   std::size_t positions, std::size_t cols) noexcept;
};

}  // namespace ravine
