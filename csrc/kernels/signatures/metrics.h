// Metrics.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ravine {

// value (rows): the unweighted value of each row, from targets or labels (the other is null).
template <class T>
struct Metric {
  const char* name;
  void (*rows)(T* value, const T* z, const T* target, const std::int32_t* label, std::size_t rows, std::size_t cols,
               T setting) noexcept;
};

}  // namespace ravine
