// The left factors of a convolution as a product, read from the image: see matmul_tile.h.
#pragma once

#include "kernels/convolution.h"

namespace ravine::RAVINE_ISA {
namespace {

// The terms of an output: `runs` runs of `length` elements, `run_jump` from one to the next, make up a row of taps; the
// next row is `row_jump` from the end of the last run.
struct Taps {
  std::size_t length, runs;
  std::size_t run_jump;
  std::ptrdiff_t row_jump;

  // For taps of `depth` channels out of `channels`, in an image whose rows are `row` elements long.
  Taps(const Grid& grid, std::size_t channels, std::size_t depth, std::size_t row) {
    const bool together = depth == channels && grid.step_x == 1;
    const std::size_t taps_x = larger_size(1, grid.taps_x);  // a phase without taps reads none
    length = together ? taps_x * depth : depth;
    runs = together ? 1 : taps_x;
    const std::size_t pitch = together ? length : grid.step_x * channels;
    run_jump = pitch - length;
    row_jump = static_cast<std::ptrdiff_t>(grid.step_y * row) - static_cast<std::ptrdiff_t>(runs * pitch);
  }
};

// Element (i, p) of the left factor is term p of the i-th of neighbouring outputs, `stride` elements apart.
template <class T>
struct TapRows {
  static constexpr bool in_trees = false, finished = true;
  const T* a;
  std::size_t stride;
  const Taps* taps;
  std::size_t left, runs;  // terms of this run, runs of this row of taps

  TapRows(const T* image, std::size_t distance, const Taps& terms, std::size_t first) : stride(distance), taps(&terms) {
    const std::size_t row = first / (terms.length * terms.runs), rest = first % (terms.length * terms.runs);
    const std::size_t run = rest / terms.length;
    left = terms.length - rest % terms.length, runs = terms.runs - run;
    const std::size_t row_length = terms.runs * (terms.length + terms.run_jump);
    a = image + static_cast<std::ptrdiff_t>(row) * (static_cast<std::ptrdiff_t>(row_length) + terms.row_jump) +
        run * (terms.length + terms.run_jump) + rest % terms.length;
  }
  RAVINE_INLINE T at(std::size_t i) const { return a[i * stride]; }
  RAVINE_INLINE void next() { ++a; }
  RAVINE_INLINE std::size_t run(std::size_t k) const { return smaller(left, k); }
  RAVINE_INLINE void jump() {
    left = taps->length;
    a += taps->run_jump;
    if (--runs == 0) runs = taps->runs, a += taps->row_jump;
  }
};

// Element (i, p) is channel i of the pixel that output p of a block reads: `cols` outputs a row, `stride` elements
// apart, `row_jump` from the end of one row to the next.
template <class T>
struct PixelColumns {
  static constexpr bool in_trees = false, finished = false;
  const T* a;
  std::size_t stride, cols;
  std::ptrdiff_t row_jump;
  RAVINE_INLINE T at(std::size_t i) const { return a[i]; }
  RAVINE_INLINE void next() { a += stride; }
  RAVINE_INLINE std::size_t run(std::size_t) const { return cols; }
  RAVINE_INLINE void jump() { a += row_jump; }
};

}  // namespace
}  // namespace ravine::RAVINE_ISA
