// Philox4x32-10: a block of four 32-bit words as a function of counter and key (Salmon, Moraes, Dror and Shaw,
// "Parallel random numbers: as easy as 1, 2, 3", 2011).
#pragma once

#include "kernels/vec.h"

namespace ravine::RAVINE_ISA {
namespace {

using Words = Vec<std::uint64_t>;

inline constexpr std::size_t blocks_per_vector = lanes<std::uint64_t>;

// Counters to words, in place, one block a 64-bit lane. Only the lanes' low halves count: the upper ones come out as
// rests of products, which a 32-bit multiplication ignores.
RAVINE_INLINE void philox(Words (&word)[4], std::uint32_t key0, std::uint32_t key1) {
  using Factor = Vec<std::uint32_t>;
  const Factor factor0 = (Factor)(Words{} + std::uint64_t{0xD2511F53}),
               factor1 = (Factor)(Words{} + std::uint64_t{0xCD9E8D57});
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const Words product0 = multiply_even((Factor)word[0], factor0), product1 = multiply_even((Factor)word[2], factor1);
    word[0] = (product1 >> 32) ^ word[1] ^ std::uint64_t{key0};
    word[1] = product1;
    word[2] = (product0 >> 32) ^ word[3] ^ std::uint64_t{key1};
    word[3] = product0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

// The words of blocks first_block, first_block + 1, ... in pairs: word 0 below word 1, and word 2 below word 3.
RAVINE_INLINE void philox_pairs(std::size_t first_block, RandomKey key, Words& pair01, Words& pair23) {
  Words word[4] = {lane_numbers<std::uint64_t>() + static_cast<std::uint64_t>(first_block),
                   Words{} + (key.step & 0xFFFFFFFFu), Words{} + (key.step >> 32), Words{} + std::uint64_t{key.stream}};
  philox(word, key.seed, 0);
  pair01 = (word[0] & std::uint64_t{0xFFFFFFFF}) | (word[1] << 32);
  pair23 = (word[2] & std::uint64_t{0xFFFFFFFF}) | (word[3] << 32);
}

// The same in the order of positions: `low` the first half of the blocks, `high` the second.
RAVINE_INLINE void philox_words(std::size_t first_block, RandomKey key, Words& low, Words& high) {
  Words pair01, pair23;
  philox_pairs(first_block, key, pair01, pair23);
  interleave<std::uint64_t>(pair01, pair23, low, high);
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
