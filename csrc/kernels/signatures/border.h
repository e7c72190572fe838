// Zeros around an image.
#pragma once

#include <cstddef>

namespace ravine {

// Rows and columns of zeros around an image of height x width pixels.
struct Border2D {
  std::size_t height, width, channels;
  std::size_t top, bottom, left, right;

  constexpr std::size_t inputs() const { return height * width * channels; }
  constexpr std::size_t outputs() const { return (top + height + bottom) * (left + width + right) * channels; }
};

template <class T>
struct BorderKernels {
  // y = x within zeros
  void (*forward)(T* y, const T* x, std::size_t images, const Border2D& border) noexcept;
  // dx = dy without its border
  void (*backward)(T* dx, const T* dy, std::size_t images, const Border2D& border) noexcept;
};

}  // namespace ravine
