// Random numbers by counter: a value depends on (seed, stream, step, position), never on the thread that asks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/signatures/random.h"

namespace ravine {

// A stream is a purpose and a number within it.
enum class Purpose : std::uint32_t { initializer = 1, dropout = 2, shuffle = 3, noise = 8, sampler = 9, augment = 11 };

constexpr std::uint32_t stream(Purpose purpose, std::size_t number) {
  return static_cast<std::uint32_t>(purpose) << 24 | static_cast<std::uint32_t>(number);
}

// The order of an epoch's rows: a pure function of (rows, seed, epoch). Fisher and Yates from the end, with 64-bit
// draws d_i: j = floor(d_i (i + 1) / 2^64).
class EpochOrder {
 public:
  void reserve(std::size_t rows);  // throws std::invalid_argument for more rows than it can number
  // `bits` is RandomKernels::bits. stop() is asked every 512 rows; once it says so, the order is left unfinished.
  template <class Stop>
  void shuffle(std::size_t rows, std::uint32_t seed, std::uint64_t epoch, decltype(RandomKernels<float>::bits) bits,
               Stop&& stop) noexcept {
    for (std::size_t i = 0; i < rows; ++i) order_[i] = static_cast<std::uint32_t>(i);
    for (std::size_t end = rows; end > 0 && !stop(); end -= std::min(end, draws)) draw(end, seed, epoch, bits);
  }
  const std::uint32_t* data() const { return order_.data(); }

 private:
  static constexpr std::size_t draws = 512;
  // Places the last `draws` rows of the first `end`.
  void draw(std::size_t end, std::uint32_t seed, std::uint64_t epoch,
            decltype(RandomKernels<float>::bits) bits) noexcept;

  std::vector<std::uint32_t> order_;
};

}  // namespace ravine
