// Losses.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ravine {

// loss (rows): the unweighted loss l_i of each row. dz (rows, cols), unless null: scale * weight_i * dl_i/dz.
// z (rows, cols): what the last layer gives. weight (rows): null means ones. dz may be z.
template <class T>
struct Loss {
  const char* name;
  void (*dense)(T* loss, T* dz, const T* z, const T* target, const T* weight, std::size_t rows, std::size_t cols,
                T scale, T setting) noexcept;
  // the same with targets given as one class index a row; null where a loss has no such form
  void (*labels)(T* loss, T* dz, const T* z, const std::int32_t* label, const T* weight, std::size_t rows,
                 std::size_t cols, T scale, T setting) noexcept;
};

}  // namespace ravine
