// Numbers to compute with, made by integers alone, and a hash of what came of them: the same on every machine.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "engine/arena.h"

namespace ravine::tests {

// SplitMix64 (Steele, Lea, Flood 2014).
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed) {}

  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
  }
  // Of [-5.4, 5.4), with all digits that T has. Now and then large, tiny, or zero of either sign.
  template <class T>
  T number() {
    const std::uint64_t z = bits();
    const T x = static_cast<T>(static_cast<std::int64_t>(z >> 41) - (std::int64_t{1} << 22)) / T(3 << 18);
    switch (z & 63) {
      case 0:
        return x * T(64);
      case 1:
        return x / T(1 << 20);
      case 2:
        return z & 64 ? T(0) : -T(0);
      default:
        return x;
    }
  }
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(bits() >> 33) % end; }

 private:
  std::uint64_t state_;
};

// `count` numbers on 64 bytes.
template <class T>
Block<T> numbers(std::size_t count, std::uint64_t seed) {
  Block<T> made(count);
  Numbers source(seed);
  for (std::size_t i = 0; i < count; ++i) made.data()[i] = source.number<T>();
  return made;
}

inline std::vector<std::int32_t> labels(std::size_t count, std::size_t classes, std::uint64_t seed) {
  std::vector<std::int32_t> made(count + 1);
  Numbers source(seed);
  for (std::int32_t& label : made) label = static_cast<std::int32_t>(source.below(classes));
  return made;
}

// FNV-1a, 64 bits, over values; all NaN are one.
class Hash {
 public:
  template <class T>
  void add(const T* x, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      T value = x[i];
      if constexpr (std::is_floating_point_v<T>) {
        if (value != value) value = static_cast<T>(NAN);
        if (value != value) value = std::copysign(value, T(1));
      }
      unsigned char bytes[sizeof(T)];
      std::memcpy(bytes, &value, sizeof value);
      for (const unsigned char byte : bytes) hash_ = (hash_ ^ byte) * 0x100000001B3;
    }
  }
  template <class T>
  void add(T x) {
    add(&x, 1);
  }
  std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xCBF29CE484222325;
};

}  // namespace ravine::tests
