// The windows of a pooling layer, for kernels that give each window's pixels to a formula.
#pragma once

#include "kernels/signatures/pooling.h"
#include "kernels/vec/ranges.h"

namespace ravine::RAVINE_ISA {
namespace {

// `count` neighbouring windows of one row of windows, each `step` pixels right of the one before: the first one's
// pixels in the image are rows x cols from pixel `first` on, and it is pixel `output` of the output.
struct Run {
  std::size_t output, first, count, step;
  std::size_t rows, cols;
};

// A window's size where the compiler knows it, so that loops over its pixels unroll; 0 x 0: as the run says.
template <std::size_t height, std::size_t width>
struct Size {
  static RAVINE_INLINE std::size_t rows(const Run& run) { return height ? height : run.rows; }
  static RAVINE_INLINE std::size_t cols(const Run& run) { return width ? width : run.cols; }
};

// Window `index` of one dimension, cut to the image.
struct Extent {
  std::size_t first, count;
};

RAVINE_INLINE Extent extent(std::size_t index, std::size_t stride, std::size_t pool, std::size_t pad,
                            std::size_t size) {
  const std::size_t begin = index * stride, end = begin + pool - pad;
  const std::size_t first = begin < pad ? 0 : begin - pad;
  return {first, (end < size ? end : size) - first};
}

// How many windows from `index` of a row on have the same size and distance.
RAVINE_INLINE std::size_t alike(const Pool2D& pool, std::size_t index) {
  const std::size_t begin = index * pool.stride_width, end = pool.width + pool.pad_left;
  if (begin < pool.pad_left || begin + pool.pool_width > end) return 1;
  return (end - pool.pool_width) / pool.stride_width + 1 - index;
}

// Calls formula(run, size) for all windows of an image, in their order.
template <class Formula>
RAVINE_INLINE void each_run(const Pool2D& pool, Formula&& formula) {
  for (std::size_t i = 0; i < pool.out_height; ++i) {
    const Extent rows = extent(i, pool.stride_height, pool.pool_height, pool.pad_top, pool.height);
    for (std::size_t j = 0; j < pool.out_width;) {
      const Extent cols = extent(j, pool.stride_width, pool.pool_width, pool.pad_left, pool.width);
      const Run run{.output = i * pool.out_width + j,
                    .first = rows.first * pool.width + cols.first,
                    .count = alike(pool, j),
                    .step = pool.stride_width,
                    .rows = rows.count,
                    .cols = cols.count};
      if (run.rows == 2 && run.cols == 2)
        formula(run, Size<2, 2>{});
      else if (run.rows == 3 && run.cols == 3)
        formula(run, Size<3, 3>{});
      else
        formula(run, Size<0, 0>{});
      j += run.count;
    }
  }
}

// Whether windows share pixels, and whether they leave pixels out.
RAVINE_INLINE bool overlap(const Pool2D& pool) {
  return (pool.stride_height < pool.pool_height && pool.out_height > 1) ||
         (pool.stride_width < pool.pool_width && pool.out_width > 1);
}

RAVINE_INLINE bool all_in(std::size_t out, std::size_t stride, std::size_t pool, std::size_t pad, std::size_t size) {
  return (stride <= pool || out == 1) && (out - 1) * stride + pool - pad >= size;
}

RAVINE_INLINE bool leave_out(const Pool2D& pool) {
  return !all_in(pool.out_height, pool.stride_height, pool.pool_height, pool.pad_top, pool.height) ||
         !all_in(pool.out_width, pool.stride_width, pool.pool_width, pool.pad_left, pool.width);
}

// How a window's gradient comes to a pixel: added to what is there where windows overlap, else written.
struct Adds {
  template <class T, class At>
  static RAVINE_INLINE void give(T* pixel, At at, Vec<T> d) {
    at.template store<T>(pixel, at.load(pixel) + d);
  }
};

struct Writes {
  template <class T, class At>
  static RAVINE_INLINE void give(T* pixel, At at, Vec<T> d) {
    at.template store<T>(pixel, d);
  }
};

// Calls formula(dx, image, run, size, giving) for all windows of all images, dx zero where it is added to and where no
// window is.
template <class T, class Formula>
RAVINE_INLINE void each_run_back(T* dx, std::size_t images, const Pool2D& pool, Formula&& formula) {
  const bool adds = overlap(pool), clears = adds || leave_out(pool);
  for (std::size_t image = 0; image < images; ++image, dx += pool.inputs()) {
    if (clears) __builtin_memset(dx, 0, pool.inputs() * sizeof(T));
    each_run(pool, [&](const Run& run, auto size) __attribute__((always_inline)) {
      if (adds)
        formula(dx, image, run, size, Adds{});
      else
        formula(dx, image, run, size, Writes{});
    });
  }
}

// How many neighbouring vectors of channels a formula takes at once.
template <std::size_t count>
struct Strip {
  static constexpr std::size_t vectors = count;
};

// Calls formula(at, strip) for all channels: four vectors at a time, so that chains of dependent operations hide each
// other's latency, then single ones.
template <class T, class Formula>
RAVINE_INLINE void each_strip(std::size_t channels, Formula&& formula) {
  std::size_t c = 0;
  for (; c + 4 * lanes<T> <= channels; c += 4 * lanes<T>) formula(FullVector{c}, Strip<4>{});
  for (; c + lanes<T> <= channels; c += lanes<T>) formula(FullVector{c}, Strip<1>{});
  if (c < channels) formula(LastVector{c, channels - c}, Strip<1>{});
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
