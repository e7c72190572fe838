// The table of all kernels, one for each instruction set. This page knows no instruction set, and no signature.
#pragma once

#include <cstddef>

#include "kernels/signatures/rows.h"

namespace ravine {

template <class T>
struct MatmulKernels;
template <class T>
struct VectorKernels;
template <class T>
struct ClipKernels;
template <class T>
struct BatchNormKernels;
template <class T>
struct LayerNormKernels;
template <class T>
struct RandomKernels;
template <class T>
struct AugmentKernels;
template <class T>
struct StandardizeKernels;
template <class T>
struct MaxPoolKernels;
template <class T>
struct AveragePoolKernels;
template <class T>
struct BorderKernels;
template <class T>
struct LaneKernels;
template <class T>
struct SparseKernels;
template <class T>
struct Convolution;
template <class T>
struct Elementary;
template <class T>
struct Activation;
template <class T>
struct Loss;
template <class T>
struct Metric;
template <class T>
struct Update;

template <class T>
struct Kernels {
  const MatmulKernels<T>* matmul;
  const VectorKernels<T>* vector;
  const ClipKernels<T>* clip;
  const BatchNormKernels<T>* batch_norm;
  const LayerNormKernels<T>* layer_norm;
  const RandomKernels<T>* random;
  const AugmentKernels<T>* augment;
  const StandardizeKernels<T>* standardize;
  const MaxPoolKernels<T>* max_pool;
  const AveragePoolKernels<T>* average_pool;
  const BorderKernels<T>* border;
  const LaneKernels<T>* lanes;
  const SparseKernels<T>* sparse;
  Rows<Convolution<T>> convolutions;
  Rows<Elementary<T>> elementary;
  Rows<Activation<T>> activations;
  Rows<Loss<T>> losses;
  Rows<Metric<T>> metrics;
  Rows<Update<T>> updates;
};

struct InstructionSet {
  const char* name;
  std::size_t vector_bytes;
  bool fma;
  Kernels<float> f;
  Kernels<double> d;

  template <class T>
  constexpr const Kernels<T>& kernels() const {
    if constexpr (sizeof(T) == sizeof(float))
      return f;
    else
      return d;
  }
};

// One entry per compiled copy of this folder, each defined by its own compilation of table.cpp.
namespace baseline {
extern const InstructionSet instruction_set;
}
namespace avx2 {
extern const InstructionSet instruction_set;
}
namespace avx512 {
extern const InstructionSet instruction_set;
}

}  // namespace ravine
