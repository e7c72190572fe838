// Random numbers, and what is drawn by them: dropout and noise.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ravine {

// Philox4x32-10, key (seed, 0), counter (block, step low, step high, stream); word w of block b is position 4 b + w.
struct RandomKey {
  std::uint32_t seed;
  std::uint32_t stream;
  std::uint64_t step;
};

template <class T>
struct RandomKernels {
  // the 32-bit words at positions [first, first + count)
  void (*bits)(std::uint32_t* word, std::size_t first, std::size_t count, RandomKey key) noexcept;
  // uniform on [low, high): low + (high - low) u, where u has 53 bits: words 2 i and 2 i + 1 of the stream make value
  // i, computed in float64 and rounded once
  void (*uniform)(T* x, std::size_t count, double low, double high, RandomKey key) noexcept;
  // normal by Box and Muller in float64, rounded once: block i (words 4 i .. 4 i + 3) gives values 2 i (cosine) and
  // 2 i + 1 (sine)
  void (*normal)(T* x, std::size_t count, double mean, double deviation, RandomKey key) noexcept;
  // y = x / (1 - rate) where kept, 0 where dropped; element i of the range is position first + i, dropped iff its
  // word < rate * 2^32. The backward pass is the same map on dy. y may be x.
  void (*dropout)(T* y, const T* x, std::size_t first, std::size_t count, double rate, RandomKey key) noexcept;
  // y = x + deviation z, where element i of the range has value first + i of `normal` with mean 0 as its z; computed in
  // float64 and rounded once. y may be x.
  void (*gaussian_noise)(T* y, const T* x, std::size_t first, std::size_t count, double deviation,
                         RandomKey key) noexcept;
  // dropout of whole channels: x (rows, pixels, channels), channel c of row i has position (first + i) channels + c for
  // all its pixels. y may be x.
  void (*spatial_dropout)(T* y, const T* x, std::size_t first, std::size_t rows, std::size_t pixels,
                          std::size_t channels, double rate, RandomKey key) noexcept;
};

}  // namespace ravine
