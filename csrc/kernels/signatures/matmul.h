// The matrix product.
#pragma once

#include <cstddef>

#include "kernels/signatures/finish.h"

namespace ravine {

// c = finish(op(a) op(b) + bias), or c = finish(c + op(a) op(b) + bias) with `accumulate`.
//   nn: a (m, k), b (k, n)     tn: a (k, m), b (k, n)     nt: a (m, k), b (n, k)
template <class T>
struct Matmul {
  T* c;
  const T* a;
  const T* b;
  std::size_t m, n, k;
  std::size_t ldc, lda, ldb;
  const T* bias = nullptr;       // (n)
  Finish finish = Finish::none;  // relu: max(c, 0); mask: c where gate > 0 (or NaN), else 0
  const T* gate = nullptr;       // (m, n), read by Finish::mask
  std::size_t ldgate = 0;
  bool accumulate = false;      // c is the first term of its sum; the slices of k follow in ascending order
  std::size_t batch_slice = 0;  // tn only, not with `accumulate`: k is cut every batch_slice rows, the slices' products
                                // are added in a balanced tree; 0: k is one slice
  T* workspace = nullptr;       // MatmulKernels::workspace elements, aligned to 64 bytes
};

template <class T>
struct MatmulKernels {
  void (*nn)(const Matmul<T>&) noexcept;
  void (*tn)(const Matmul<T>&) noexcept;
  void (*nt)(const Matmul<T>&) noexcept;
  std::size_t workspace;
};

}  // namespace ravine
