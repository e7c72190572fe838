// Maps and sums of vectors.
#pragma once

#include <cstddef>

namespace ravine {

template <class T>
struct VectorKernels {
  void (*pow)(T* y, const T* x, const T* exponent, std::size_t count) noexcept;
  void (*sincospi)(T* sine, T* cosine, const T* x, std::size_t count) noexcept;
  // y = factor x
  void (*scale)(T* y, const T* x, std::size_t count, T factor) noexcept;
  // y = a + b
  void (*add)(T* y, const T* a, const T* b, std::size_t count) noexcept;
  // y += factor x
  void (*add_scaled)(T* y, const T* x, std::size_t count, T factor) noexcept;
  // (x, y) <- (c x + s y, c y - s x)
  void (*rotate)(T* x, T* y, std::size_t count, T c, T s) noexcept;
  // sum_i x_i^2, sum_i |x_i| and sum_i a_i b_i, each one row sum a chunk of 4096 elements, the chunks added in float64
  double (*sum_squares)(const T* x, std::size_t count) noexcept;
  double (*sum_abs)(const T* x, std::size_t count) noexcept;
  double (*dot)(const T* a, const T* b, std::size_t count) noexcept;
  // sum[j] = sum_i x[i, j]: rows in ascending order from zero inside a slice of batch_slice rows (0: all rows), the
  // slices added in a balanced tree
  void (*column_sums)(T* sum, const T* x, std::size_t rows, std::size_t cols, std::size_t ldx,
                      std::size_t batch_slice) noexcept;
  bool (*all_finite)(const T* x, std::size_t count) noexcept;
  // x = 0 where |x| is below the smallest normal number and g is 0
  void (*flush_subnormals)(T* x, const T* g, std::size_t count) noexcept;
  // y += share (x - y)
  void (*lerp)(T* y, const T* x, std::size_t count, T share) noexcept;
  // dw += l1 sign(w) + 2 l2 w
  void (*add_penalty_gradient)(T* dw, const T* w, std::size_t count, T l1, T l2) noexcept;
};

}  // namespace ravine
