// Numbers of the kernels that are bits: another value gives other weights (docs/architecture.md, Frozen constants).
#pragma once

#include <cstddef>

namespace ravine {

// A sum over a product's inner dimension is cut every `product_slice` terms: each slice is one fma chain from zero,
// and the slices are added in ascending order.
inline constexpr std::size_t product_slice = 256;

// A sum along a row runs in this many lanes, whatever the vector's width: term i goes to lane i % row_lanes, and the
// lanes are added pairwise (l with l + 8, then 4, 2, 1).
inline constexpr std::size_t row_lanes = 16;

// A sum over an array of any length is one sum along a row for each chunk of so many elements, the chunks added in
// float64, in ascending order.
inline constexpr std::size_t sum_chunk = 4096;

// The gradient of a convolution by w sums a block of at most so many outputs in one chain; with images in lanes, of so
// many.
inline constexpr std::size_t convolution_block = 256;
inline constexpr std::size_t convolution_lanes_block = 64;

}  // namespace ravine
