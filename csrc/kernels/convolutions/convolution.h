// What the forms of a convolution share: an image with a border of zeros, the cut into blocks of outputs, and the way
// back as correlations.
#pragma once

#include "kernels/products/matmul_pack.h"
#include "kernels/signatures/convolution.h"

namespace ravine::RAVINE_ISA {
namespace {

// Slices of a batch that a gradient may have: the tree over them has so many open branches besides the youngest.
inline constexpr std::size_t open_branches = 4;

constexpr std::size_t whole_vectors(std::size_t count) { return (count + 15) / 16 * 16; }
constexpr std::size_t larger_size(std::size_t x, std::size_t y) { return x < y ? y : x; }

template <class T>
void clear(T* __restrict to, std::size_t count) noexcept {
  each_vector<T>(count, [&](auto at) __attribute__((always_inline)) { at.template store<T>(to, Vec<T>{}); });
}

template <class T>
void add_to(T* __restrict sum, const T* __restrict x, std::size_t count) noexcept {
  each_vector<T>(count,
                 [&](auto at) __attribute__((always_inline)) { at.template store<T>(sum, at.load(sum) + at.load(x)); });
}

// A rectangle of an image (height, width, channels) that may reach beyond it.
struct Region {
  std::ptrdiff_t y, x;
  std::size_t rows, cols;

  bool inside(std::size_t height, std::size_t width) const {
    return y >= 0 && x >= 0 && static_cast<std::size_t>(y) + rows <= height &&
           static_cast<std::size_t>(x) + cols <= width;
  }
  // Of an image that holds the region.
  template <class T>
  const T* first(const T* image, std::size_t width, std::size_t channels) const {
    return image + (static_cast<std::size_t>(y) * width + static_cast<std::size_t>(x)) * channels;
  }
};

// How much of [first, first + count) lies before 0, in [0, size), and after it.
struct Overlap {
  std::size_t before, within, after;

  Overlap(std::ptrdiff_t first, std::size_t count, std::size_t size) {
    before = first < 0 ? smaller(static_cast<std::size_t>(-first), count) : 0;
    const std::size_t begin = first < 0 ? 0 : static_cast<std::size_t>(first);
    within = begin < size ? smaller(size - begin, count - before) : 0;
    after = count - before - within;
  }
};

// The region, zero where it lies outside the image; copy_pixels(to, from, count) copies a run of pixels, each of
// `channels` elements there and of `width_of_pixel` here.
template <class T, class CopyPixels>
RAVINE_INLINE void copy_region(T* to, const T* image, std::size_t height, std::size_t width, std::size_t channels,
                               const Region& region, std::size_t width_of_pixel, CopyPixels&& copy_pixels) {
  const Overlap rows(region.y, region.rows, height), cols(region.x, region.cols, width);
  const std::size_t row = region.cols * width_of_pixel;
  clear<T>(to, rows.before * row);
  to += rows.before * row;
  const std::size_t first_row = region.y < 0 ? 0 : static_cast<std::size_t>(region.y);
  const std::size_t first_col = region.x < 0 ? 0 : static_cast<std::size_t>(region.x);
  for (std::size_t r = 0; r < rows.within; ++r, to += row) {
    clear<T>(to, cols.before * width_of_pixel);
    copy_pixels(to + cols.before * width_of_pixel, image + ((first_row + r) * width + first_col) * channels,
                cols.within);
    clear<T>(to + (cols.before + cols.within) * width_of_pixel, cols.after * width_of_pixel);
  }
  clear<T>(to, rows.after * row);
}

template <class T>
void copy_region(T* to, const T* image, std::size_t height, std::size_t width, std::size_t channels,
                 const Region& region) noexcept {
  copy_region<T>(to, image, height, width, channels, region, channels,
                 [&](T* pixels, const T* from, std::size_t count)
                     __attribute__((always_inline)) { copy<T>(pixels, from, count * channels); });
}

// A grid of outputs, rows x cols, each of which reads taps_y x taps_x pixels, `step` apart, the first output from pixel
// (y, x) of an image on, its neighbours from `stride` pixels further.
struct Grid {
  std::size_t rows, cols;
  std::size_t stride_y, stride_x;
  std::size_t taps_y, taps_x;
  std::size_t step_y, step_x;
  std::ptrdiff_t y, x;

  std::size_t taps() const { return taps_y * taps_x; }
  // What `count_y` x `count_x` outputs from (i, j) on read.
  Region region(std::size_t i, std::size_t j, std::size_t count_y, std::size_t count_x) const {
    if (taps() == 0) return {0, 0, 0, 0};
    return {y + static_cast<std::ptrdiff_t>(i * stride_y), x + static_cast<std::ptrdiff_t>(j * stride_x),
            (count_y - 1) * stride_y + (taps_y - 1) * step_y + 1, (count_x - 1) * stride_x + (taps_x - 1) * step_x + 1};
  }
};

inline Grid forward_grid(const ConvolutionShape& s) {
  return {s.out_height,
          s.out_width,
          s.stride_y,
          s.stride_x,
          s.kernel_height,
          s.kernel_width,
          s.dilation_y,
          s.dilation_x,
          -static_cast<std::ptrdiff_t>(s.top),
          -static_cast<std::ptrdiff_t>(s.left)};
}

// In the backward pass, along one axis: every stride-th element of dx, from `first` on, reads the elements of dy that
// every `tap_step`-th tap of w, from `tap` on, has taken to it. In the order of dy these taps descend.
struct PhaseAxis {
  std::size_t first, count;
  std::size_t tap, tap_step, taps;
  std::size_t step;      // between the elements of dy
  std::ptrdiff_t begin;  // the first of them for the phase's first element

  PhaseAxis(std::size_t phase, std::size_t size, std::size_t kernel, std::size_t stride, std::size_t dilation,
            std::size_t padding) {
    first = (phase + stride - padding % stride) % stride;
    count = first < size ? (size - first + stride - 1) / stride : 0;
    for (tap = 0; tap < smaller(kernel, stride) && tap * dilation % stride != phase;) ++tap;
    for (tap_step = 1; tap_step * dilation % stride != 0;) ++tap_step;
    const bool reached = tap < kernel && tap * dilation % stride == phase;
    taps = reached ? (kernel - 1 - tap) / tap_step + 1 : 0;
    step = tap_step * dilation / stride;
    const std::size_t last_tap = tap + (reached ? taps - 1 : 0) * tap_step;
    begin = reached
                ? (static_cast<std::ptrdiff_t>(first + padding) - static_cast<std::ptrdiff_t>(last_tap * dilation)) /
                      static_cast<std::ptrdiff_t>(stride)
                : 0;
  }
  // The tap that meets element m of dy.
  std::size_t tap_at(std::size_t m) const { return tap + (taps - 1 - m) * tap_step; }
};

struct Phase {
  PhaseAxis y, x;

  Phase(const ConvolutionShape& s, std::size_t number)
      : y(number / s.stride_x, s.height, s.kernel_height, s.stride_y, s.dilation_y, s.top),
        x(number % s.stride_x, s.width, s.kernel_width, s.stride_x, s.dilation_x, s.left) {}
  static std::size_t count(const ConvolutionShape& s) { return s.stride_y * s.stride_x; }
  Grid grid() const { return {y.count, x.count, 1, 1, y.taps, x.taps, y.step, x.step, y.begin, x.begin}; }
};

// Calls use(i, j, rows, cols) for each block of a grid, in ascending order.
template <class Use>
RAVINE_INLINE void each_block(std::size_t rows, std::size_t cols, std::size_t most, Use&& use) {
  const ConvolutionBlock block(cols, most);
  for (std::size_t i = 0; i < rows; i += block.rows)
    for (std::size_t j = 0; j < cols; j += block.cols)
      use(i, j, smaller(block.rows, rows - i), smaller(block.cols, cols - j));
}

// The pixels that a block reads at most.
inline std::size_t border_pixels(const Grid& grid, std::size_t most) {
  const ConvolutionBlock block(grid.cols, most);
  if (grid.rows == 0 || grid.cols == 0) return 0;
  const Region region = grid.region(0, 0, smaller(block.rows, grid.rows), smaller(block.cols, grid.cols));
  return region.rows * region.cols;
}

inline std::size_t backward_border_pixels(const ConvolutionShape& s, std::size_t most) {
  std::size_t pixels = 0;
  for (std::size_t p = 0; p < Phase::count(s); ++p)
    pixels = larger_size(pixels, border_pixels(Phase(s, p).grid(), most));
  return pixels;
}

// The sum over a batch: slice_sum(to, first, images) gives that of a slice; the slices are added in a balanced tree,
// whose open branches are in `branches`, `count` elements each, except the oldest, which is in `sum`.
template <class T, class SliceSum>
RAVINE_INLINE void sum_slices(T* sum, T* branches, std::size_t count, std::size_t images, std::size_t slice,
                              SliceSum&& slice_sum) {
  if (images == 0) return clear<T>(sum, count);
  const std::size_t step = slice > 0 ? slice : images;
  const auto branch = [&](std::size_t i)
                          __attribute__((always_inline)) { return i == 0 ? sum : branches + (i - 1) * count; };
  std::size_t open = 0;
  for (std::size_t first = 0, s = 1; first < images; first += step, ++s) {
    slice_sum(branch(open), first, smaller(step, images - first));
    const bool last = images - first <= step;
    std::size_t folds = last ? open : static_cast<std::size_t>(__builtin_ctzll(s));
    for (; folds > 0; --folds, --open) add_to<T>(branch(open - 1), branch(open), count);
    ++open;
  }
}

// Calls use(run, begin, count) for what each run of `length` terms has of terms [first, first + terms).
template <class Use>
RAVINE_INLINE void each_run(std::size_t first, std::size_t terms, std::size_t length, Use&& use) {
  for (std::size_t term = first, end = first + terms; term < end;) {
    const std::size_t count = smaller(length - term % length, end - term);
    use(term / length, term % length, count);
    term += count;
  }
}

// Calls use(image, i, j, rows, cols, add) for each block of each image of a slice; `add` says that it is not the first.
template <class Use>
RAVINE_INLINE void each_image_block(const Grid& grid, std::size_t first, std::size_t images, std::size_t most,
                                    Use&& use) {
  for (std::size_t n = first; n < first + images; ++n)
    each_block(grid.rows, grid.cols, most, [&](std::size_t i, std::size_t j, std::size_t rows, std::size_t cols) {
      use(n, i, j, rows, cols, n > first || i > 0 || j > 0);
    });
}

// db (+)= the sums of dy over a block's outputs, one chain.
template <class T>
void add_bias_block(T* db, const T* dy, std::size_t rows, std::size_t cols, const ConvolutionShape& s,
                    bool add) noexcept {
  each_vector<T>(s.filters, [&](auto at) __attribute__((always_inline)) {
    Vec<T> sum{};
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < cols; ++c) sum += at.load(dy + (r * s.out_width + c) * s.filters);
    at.template store<T>(db, add ? at.load(db) + sum : sum);
  });
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
