// Convolutions of images.
#pragma once

#include <cstddef>

#include "kernels/signatures/finish.h"

namespace ravine {

// Images (height, width, channels), contiguous, and what a convolution makes of them, (out_height, out_width, filters):
//   y[i, j, f] = sum_{u, v, c} x[i stride_y + u dilation_y - top, j stride_x + v dilation_x - left, c] w[u, v, c, f]
//                + b[f]
// x is 0 outside the image. w is (kernel_height, kernel_width, channels / groups, filters): group g takes the g-th
// share of the channels to the g-th share of the filters.
struct ConvolutionShape {
  std::size_t height, width, channels;
  std::size_t kernel_height, kernel_width, filters;
  std::size_t stride_y = 1, stride_x = 1;
  std::size_t dilation_y = 1, dilation_x = 1;
  std::size_t top = 0, left = 0;
  std::size_t out_height, out_width;
  std::size_t groups = 1;

  constexpr std::size_t group_channels() const { return channels / groups; }
  constexpr std::size_t group_filters() const { return filters / groups; }
  constexpr std::size_t taps() const { return kernel_height * kernel_width; }
  constexpr std::size_t terms() const { return taps() * group_channels(); }  // of an output
  constexpr std::size_t inputs() const { return height * width * channels; }
  constexpr std::size_t outputs() const { return out_height * out_width * filters; }
};

// A block of outputs, whole rows of them or a piece of one, that the gradient by w sums in one chain. Bits depend on
// it.
struct ConvolutionBlock {
  std::size_t rows, cols;

  constexpr ConvolutionBlock(std::size_t out_width, std::size_t most)
      : rows(out_width > 0 && out_width < most ? most / out_width : 1), cols(out_width < most ? out_width : most) {}
};

// Called with the number of each image, in ascending order: going forward after its outputs are there, going back
// before its dy is read. Then y, or dy, points to one image at a time.
struct EachImage {
  void (*call)(const void* context, std::size_t image) noexcept = nullptr;  // null: y, or dy, holds all images
  const void* context = nullptr;

  void operator()(std::size_t image) const noexcept {
    if (call) call(context, image);
  }
  constexpr std::size_t stride(const ConvolutionShape& shape) const { return call ? 0 : shape.outputs(); }
};

// An output is one sum over (u, v, c), a gradient by x one over (i, j, f), ascending and cut as a product's terms are;
// what lies outside the image counts as a term. The gradient by w adds the chains of an image's blocks, then images, in
// ascending order, inside a slice of `slice` images (0: all); slices are added in a balanced tree, up to 16 of them.
template <class T>
struct Convolution {
  const char* name;
  bool visits;  // whether it takes an EachImage
  bool lanes;   // images come as rows_to_lanes leaves them, and `images` counts groups of row_lanes of them
  bool (*takes)(const ConvolutionShape&) noexcept;
  std::size_t (*workspace)(const ConvolutionShape&) noexcept;
  // y = finish(...), none or relu; bias: null for none
  void (*forward)(T* y, const T* x, const T* w, const T* bias, std::size_t images, const ConvolutionShape& shape,
                  Finish finish, const EachImage& each, T* workspace) noexcept;
  // dx, 0 where gate <= 0 unless gate is null
  void (*backward)(T* dx, const T* dy, const T* w, const T* gate, std::size_t images, const ConvolutionShape& shape,
                   const EachImage& each, T* workspace) noexcept;
  // rows [first, first + terms) of dw, a matrix (shape.terms(), filters), and db (null: not wanted)
  void (*gradient)(T* dw, T* dbias, const T* x, const T* dy, std::size_t images, std::size_t slice,
                   const ConvolutionShape& shape, std::size_t first, std::size_t terms, const EachImage& each,
                   T* workspace) noexcept;
};

}  // namespace ravine
