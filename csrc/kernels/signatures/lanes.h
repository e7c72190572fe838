// Images in the lanes of vectors, and back.
#pragma once

#include <cstddef>

namespace ravine {

template <class T>
struct LaneKernels {
  // Rows (rows, units) in groups of row_lanes: y[g, j, l] = x[row_lanes g + l, j], 0 after the last row.
  void (*rows_to_lanes)(T* y, const T* x, std::size_t rows, std::size_t units) noexcept;
  void (*lanes_to_rows)(T* x, const T* y, std::size_t rows, std::size_t units) noexcept;
};

}  // namespace ravine
