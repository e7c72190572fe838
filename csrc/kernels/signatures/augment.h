// Images moved at random.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/signatures/random.h"

namespace ravine {

// What an image is beyond its edges; for a row a b c d:
enum class Border {
  constant,  // k k | a b c d | k k
  nearest,   // a a | a b c d | d d
  reflect,   // b a | a b c d | d c
  wrap,      // c d | a b c d | a b
};

// How (height, width, channels) becomes (out_height, out_width, channels): y[i, j] = x[t + i', l + j'], where i' is i
// or, upside down, out_height - 1 - i, and j' likewise. A position is drawn from the words w0 .. w3 of a block:
// t = top + floor(tops w0 / 2^32), l = left + floor(lefts w1 / 2^32), upside down iff flip_vertical and w2 < 2^31,
// mirrored iff flip_horizontal and w3 < 2^31.
struct Window {
  std::size_t height, width, channels;
  std::size_t out_height, out_width;
  std::int64_t top = 0, left = 0;
  std::uint32_t tops = 1, lefts = 1;
  bool flip_vertical = false, flip_horizontal = false;
  Border border = Border::constant;
  double fill = 0.0;  // k
};

template <class T>
struct AugmentKernels {
  // the windows of images [0, rows), image r at the position that block first + r gives
  void (*image_window)(T* y, const T* x, std::size_t first, std::size_t rows, const Window& window,
                       RandomKey key) noexcept;
  // dx[s] = sum of dy[p] over the output pixels p that are input pixel s, from zero in ascending order of p
  void (*image_window_backward)(T* dx, const T* dy, std::size_t first, std::size_t rows, const Window& window,
                                RandomKey key) noexcept;
};

}  // namespace ravine
