// Random numbers by counter: a value depends on (seed, stream, step, position), never on the thread that asks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/kernels.h"

namespace ravine {

// A stream is a purpose and a number within it.
enum class Purpose : std::uint32_t { initializer = 1, dropout = 2, shuffle = 3 };

constexpr std::uint32_t stream(Purpose purpose, std::size_t number) {
  return static_cast<std::uint32_t>(purpose) << 24 | static_cast<std::uint32_t>(number);
}

// The order of an epoch's rows: a pure function of (rows, seed, epoch). Fisher and Yates from the end, with 64-bit
// draws d_i: j = floor(d_i (i + 1) / 2^64).
class EpochOrder {
 public:
  void reserve(std::size_t rows);  // throws std::invalid_argument for more rows than it can number
  // `bits` is RandomKernels::bits.
  void shuffle(std::size_t rows, std::uint32_t seed, std::uint64_t epoch,
               decltype(RandomKernels<float>::bits) bits) noexcept;
  const std::uint32_t* data() const { return order_.data(); }

 private:
  std::vector<std::uint32_t> order_;
};

}  // namespace ravine
