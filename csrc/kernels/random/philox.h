// Philox4x32-10: a block of four 32-bit words as a function of counter and key (Salmon, Moraes, Dror and Shaw,
// "Parallel random numbers: as easy as 1, 2, 3", 2011).
#pragma once

#include "kernels/signatures/random.h"
#include "kernels/vec/ranges.h"
#include "kernels/vec/shuffles.h"

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

// The words at the 2 lanes<uint32_t> positions from a block on, each in an integer as wide as T.
template <class T>
RAVINE_INLINE void position_words(std::size_t block, RandomKey key, Vec<UInt<T>> (&word)[sizeof(T) / 2]) {
  Words low, high;
  philox_words(block, key, low, high);
  if constexpr (sizeof(T) == sizeof(std::uint32_t)) {
    word[0] = (Vec<UInt<T>>)low;
    word[1] = (Vec<UInt<T>>)high;
  } else {
    using Narrow = Vec<std::uint32_t>;
    Narrow part[4];
    interleave<std::uint32_t>((Narrow)low, Narrow{}, part[0], part[1]);
    interleave<std::uint32_t>((Narrow)high, Narrow{}, part[2], part[3]);
    for (int i = 0; i < 4; ++i) word[i] = (Vec<UInt<T>>)part[i];
  }
}

// Calls formula(at, words) for the positions [first, first + count); `at` counts from `first`.
template <class T, class Formula>
RAVINE_INLINE void each_word(std::size_t first, std::size_t count, RandomKey key, Formula&& formula) {
  constexpr std::size_t parts = sizeof(T) / 2, step = parts * lanes<T>;
  Vec<UInt<T>> word[parts];
  std::size_t i = 0;
  if (first % 4 != 0) {  // the rest of a block
    i = 4 - first % 4 < count ? 4 - first % 4 : count;
    UInt<T> buffer[step];
    position_words<T>(first / 4, key, word);
    for (std::size_t p = 0; p < parts; ++p) store<UInt<T>>(buffer + p * lanes<T>, word[p]);
    for (std::size_t done = 0; done < i; done += lanes<T>) {
      const std::size_t rest = i - done < lanes<T> ? i - done : lanes<T>;
      formula(LastVector{done, rest}, load_first<UInt<T>>(buffer + first % 4 + done, rest));
    }
  }
  for (; i + step <= count; i += step) {
    position_words<T>((first + i) / 4, key, word);
#pragma GCC unroll 4
    for (std::size_t p = 0; p < parts; ++p) formula(FullVector{i + p * lanes<T>}, word[p]);
  }
  if (i == count) return;
  position_words<T>((first + i) / 4, key, word);
  for (std::size_t p = 0; p < parts && i < count; ++p, i += lanes<T>) {
    if (i + lanes<T> <= count)
      formula(FullVector{i}, word[p]);
    else
      formula(LastVector{i, count - i}, word[p]);
  }
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
