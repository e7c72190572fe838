// The families of kernels whose bits are compared, and what their calls have in common.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "kernels/kernels.h"
#include "tests/hash.h"

namespace ravine::tests {

// Sizes with every tail, and some that are longer.
inline const std::vector<std::size_t>& sizes() {
  static const std::vector<std::size_t> made = [] {
    std::vector<std::size_t> list;
    for (std::size_t n = 0; n <= 67; ++n) list.push_back(n);
    list.insert(list.end(), {127, 257, 1031});
    return list;
  }();
  return made;
}

// Hashes the `count` values that call(y) writes.
template <class T, class Call>
void hash_map(Hash& hash, std::size_t count, Call&& call) {
  Block<T> y(count);
  std::forward<Call>(call)(y.data());
  hash.add(y.data(), count);
}

// Numbers in [0, 1): targets for which every loss has a value, weights.
template <class T>
Block<T> shares(std::size_t count, std::uint64_t seed) {
  Block<T> made(count);
  Numbers source(seed);
  for (std::size_t i = 0; i < count; ++i) made.data()[i] = static_cast<T>(source.below(1 << 20)) / T(1 << 20);
  return made;
}

// image_bits.cpp
template <class T>
Hash convolutions(const Kernels<T>& kernels);
template <class T>
Hash pools(const Kernels<T>& kernels);
template <class T>
Hash augmentations(const Kernels<T>& kernels);

// row_bits.cpp
template <class T>
Hash batch_norms(const BatchNormKernels<T>& k);
template <class T>
Hash layer_norms(const LayerNormKernels<T>& k);
template <class T>
Hash standardizations(const StandardizeKernels<T>& k);
template <class T>
Hash sparse_products(const SparseKernels<T>& k);

}  // namespace ravine::tests
