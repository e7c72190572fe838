#include "engine/random.h"

#include <stdexcept>
#include <string>
#include <utility>

namespace ravine {

void EpochOrder::reserve(std::size_t rows) {
  constexpr std::size_t most = 0xFFFF'FFFF;
  if (rows > most) throw std::invalid_argument("shuffle takes at most 2^32 - 1 rows, got " + std::to_string(rows));
  order_.resize(rows);
}

void EpochOrder::draw(std::size_t end, std::uint32_t seed, std::uint64_t epoch,
                      decltype(RandomKernels<float>::bits) bits) noexcept {
  std::uint32_t word[2 * draws];
  const std::size_t first = end > draws ? end - draws : 0;
  bits(word, 2 * first, 2 * (end - first), {seed, stream(Purpose::shuffle, 0), epoch});
  for (std::size_t i = end; i-- > first;) {
    const std::uint64_t draw = word[2 * (i - first)] | std::uint64_t{word[2 * (i - first) + 1]} << 32;
    const std::size_t j = static_cast<std::size_t>((static_cast<unsigned __int128>(draw) * (i + 1)) >> 64);
    std::swap(order_[i], order_[j]);
  }
}

}  // namespace ravine
