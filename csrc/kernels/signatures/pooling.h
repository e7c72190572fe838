// Windows of images. An image is (height, width, channels), channels next to each other; images follow each other
// without padding.
#pragma once

#include <cstddef>

namespace ravine {

// How many windows of `window` cells there are every `stride` along `size` cells, and how far the first begins before
// them. valid: those wholly inside. same: ceil(size / stride); what they reach beyond is halved between both ends, an
// odd cell at the far one.
struct Placed {
  std::size_t count, pad;
};

constexpr Placed place_windows(std::size_t size, std::size_t window, std::size_t stride, bool same) {
  if (!same) return {window > size ? 0 : (size - window) / stride + 1, 0};
  const std::size_t count = (size + stride - 1) / stride, reach = (count - 1) * stride + window;
  return {count, reach > size ? (reach - size) / 2 : 0};
}

// Windows of pool_height x pool_width pixels, every stride_height rows and stride_width columns of an image, the first
// of them pad_top rows above and pad_left columns left of it. What lies outside the image is no part of a window, and
// each window holds at least one pixel. Windows are numbered, and their pixels met, row by row.
struct Pool2D {
  std::size_t height, width, channels;
  std::size_t pool_height, pool_width;
  std::size_t stride_height, stride_width;
  std::size_t pad_top, pad_left;
  std::size_t out_height, out_width;

  constexpr std::size_t inputs() const { return height * width * channels; }
  constexpr std::size_t outputs() const { return out_height * out_width * channels; }
};

// y (images, out_height, out_width, channels) from x (images, height, width, channels), and dx from dy.
template <class T>
struct MaxPoolKernels {
  // y = the largest pixel of the window; a NaN counts as larger than any number
  void (*forward)(T* y, const T* x, std::size_t images, const Pool2D& pool) noexcept;
  // y: what `forward` gave, bit for bit. dy goes to the window's first pixel with the bits of y, which is the first of
  // its largest ones, or its first NaN; what several windows give to a pixel is added in their order. With `relu`, x =
  // max(z, 0) and dx is the gradient by z: dy counts where y > 0 alone.
  void (*backward)(T* dx, const T* dy, const T* y, const T* x, std::size_t images, const Pool2D& pool,
                   bool relu) noexcept;
  // the same, with the number in its window of the pixel that y is, row by row, for a backward pass without x
  void (*forward_index)(T* y, T* index, const T* x, std::size_t images, const Pool2D& pool) noexcept;
  void (*backward_index)(T* dx, const T* dy, const T* y, const T* index, std::size_t images, const Pool2D& pool,
                         bool relu) noexcept;
};

// A window's sum: each of its rows from left to right, then the rows' sums from top to bottom.
template <class T>
struct AveragePoolKernels {
  // y = the window's sum / the number of its pixels
  void (*forward)(T* y, const T* x, std::size_t images, const Pool2D& pool) noexcept;
  // dx = the sum of dy / number over the windows that hold the pixel, in their order
  void (*backward)(T* dx, const T* dy, std::size_t images, const Pool2D& pool) noexcept;
  // the same without the division: the sum of a window, and every pixel as that of its window
  void (*sum)(T* y, const T* x, std::size_t images, const Pool2D& pool) noexcept;
  void (*spread)(T* dx, const T* dy, std::size_t images, const Pool2D& pool) noexcept;
};

}  // namespace ravine
