// The left factors of a convolution as a product, read from the image: see tile.h.
#pragma once

#include "kernels/convolutions/convolution.h"
#include "kernels/products/tile.h"

namespace ravine::RAVINE_ISA {
namespace {

// The terms of an output, for taps of `depth` channels out of `channels` in an image whose rows are `row` elements
// long: a row of taps is one run, or one for each of its taps.
inline Runs runs_of_taps(const Grid& grid, std::size_t channels, std::size_t depth, std::size_t row) {
  const bool together = depth == channels && grid.step_x == 1;
  const std::size_t taps_x = larger_size(1, grid.taps_x);  // a phase without taps reads none
  const std::size_t length = together ? taps_x * depth : depth, count = together ? 1 : taps_x;
  const std::size_t pitch = together ? length : grid.step_x * channels;
  return {length, count, pitch - length,
          static_cast<std::ptrdiff_t>(grid.step_y * row) - static_cast<std::ptrdiff_t>(count * pitch)};
}

// The rows of the left factor: neighbouring outputs, `distance` elements apart, from term `first` on.
template <class T>
LeftRows<T> rows_of_taps(const T* image, std::size_t distance, const Runs& runs, std::size_t first) {
  const std::size_t row = first / (runs.length * runs.count), rest = first % (runs.length * runs.count);
  const std::size_t run = rest / runs.length, term = rest % runs.length;
  const std::size_t row_length = runs.count * (runs.length + runs.jump);
  const T* const a = image +
                     static_cast<std::ptrdiff_t>(row) * (static_cast<std::ptrdiff_t>(row_length) + runs.row_jump) +
                     run * (runs.length + runs.jump) + term;
  return {a, distance, &runs, runs.length - term, runs.count - run};
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
