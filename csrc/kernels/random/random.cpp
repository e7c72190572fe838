// Random numbers: a value depends on key and position alone.
#include "kernels/math/math.h"
#include "kernels/random/philox.h"
#include "kernels/signatures/rows.h"

namespace ravine::RAVINE_ISA {
namespace {

void bits(std::uint32_t* word, std::size_t first, std::size_t count, RandomKey key) noexcept {
  each_word<float>(first, count, key, [&](auto at, Vec<std::uint32_t> w) __attribute__((always_inline)) {
    at.template store<std::uint32_t>(word, w);
  });
}

// How many of the 2^32 words drop a unit.
std::uint64_t dropping_words(double rate) {
  const double bound = (rate > 0 ? (rate < 1 ? rate : 1) : 0) * 0x1p32;
  const std::uint64_t dropped = static_cast<std::uint64_t>(bound);
  return dropped + (static_cast<double>(dropped) < bound);
}

template <class T>
void dropout(T* y, const T* x, std::size_t first, std::size_t count, double rate, RandomKey key) noexcept {
  const std::uint64_t dropped = dropping_words(rate);
  if (dropped >> 32) {
    each_vector<T>(count, [&](auto at) __attribute__((always_inline)) { at.template store<T>(y, Vec<T>{}); });
    return;
  }
  const T scale = static_cast<T>(1 / (1 - rate));
  const UInt<T> lowest = static_cast<UInt<T>>(dropped);
  each_word<T>(first, count, key, [&](auto at, Bits<T> word) __attribute__((always_inline)) {
    at.template store<T>(y, select<T>(word >= lowest, at.load(x) * scale, Vec<T>{}));
  });
}

// A block of channels' masks is drawn once a row and serves all pixels.
template <class T>
void spatial_dropout(T* y, const T* x, std::size_t first, std::size_t rows, std::size_t pixels, std::size_t channels,
                     double rate, RandomKey key) noexcept {
  constexpr std::size_t block = 256;
  const std::uint64_t dropped = dropping_words(rate);
  const T scale = static_cast<T>(1 / (1 - rate));
  Int<T> kept[block] = {};
  for (std::size_t i = 0; i < rows; ++i, x += pixels * channels, y += pixels * channels)
    for (std::size_t c = 0; c < channels; c += block) {
      const std::size_t count = channels - c < block ? channels - c : block;
      if (!(dropped >> 32))
        each_word<T>((first + i) * channels + c, count, key, [&](auto at, Bits<T> word) __attribute__((always_inline)) {
          at.template store<Int<T>>(kept, word >= static_cast<UInt<T>>(dropped));
        });
      for (std::size_t p = c; p < pixels * channels; p += channels)
        each_vector<T>(count, [&](auto at) __attribute__((always_inline)) {
          at.template store<T>(y + p, select<T>(at.load(kept), at.load(x + p) * scale, Vec<T>{}));
        });
    }
}

// [0, 1) in steps of 2^-53, exactly: the upper 32 bits as the fraction of 2^20 + h, the next 21 as that of 1/2 + l
RAVINE_INLINE Vec<double> unit_interval(Words word) {
  const Vec<double> upper = (Vec<double>)((word >> 32) | __builtin_bit_cast(std::uint64_t, 0x1p20));
  const Vec<double> lower =
      (Vec<double>)(((word >> 11) & std::uint64_t{0x1FFFFF}) | __builtin_bit_cast(std::uint64_t, 0.5));
  return (upper - (0x1p20 + 0.5)) + lower;
}

// x[i] = convert(value i), for two vectors of values a block group: values(block, low, high)
template <class T, class Values, class Convert>
RAVINE_INLINE void each_pair(T* x, std::size_t count, Values&& values, Convert&& convert) {
  constexpr std::size_t step = 2 * lanes<double>;
  for (std::size_t i = 0; i < count; i += step) {
    Vec<double> low, high;
    values(i / 2, low, high);
    double value[step];
    store<double>(value, low);
    store<double>(value + lanes<double>, high);
    const std::size_t n = count - i < step ? count - i : step;
    for (std::size_t j = 0; j < n; ++j) x[i + j] = convert(value[j]);
  }
}

// The largest T below x, for finite x.
template <class T>
T below(double x) {
  const T y = static_cast<T>(x);
  if (static_cast<double>(y) < x) return y;
  if (y == 0) return -__builtin_bit_cast(T, UInt<T>{1});
  return __builtin_bit_cast(T,
                            static_cast<UInt<T>>(__builtin_bit_cast(UInt<T>, y) + (y > 0 ? UInt<T>(-1) : UInt<T>(1))));
}

// What rounds up to `high` becomes the largest T below it.
template <class T>
void uniform(T* x, std::size_t count, double low, double high, RandomKey key) noexcept {
  const T largest = low < high ? below<T>(high) : static_cast<T>(low);
  each_pair(
      x, count,
      [&](std::size_t block, Vec<double>& first, Vec<double>& second) __attribute__((always_inline)) {
        Words a, b;
        philox_words(block, key, a, b);
        first = low + (high - low) * unit_interval(a);
        second = low + (high - low) * unit_interval(b);
      },
      [&](double value) __attribute__((always_inline)) {
        const T y = static_cast<T>(value);
        return largest < y ? largest : y;
      });
}

// sqrt(-2 log u) cos(2 pi v) and sqrt(-2 log u) sin(2 pi v), u on (0, 1], v on [0, 1)
RAVINE_INLINE void standard_normals(std::size_t block, RandomKey key, Vec<double>& first, Vec<double>& second) {
  Words a, b;
  philox_pairs(block, key, a, b);
  const Vec<double> radius = sqrt(log(1.0 - unit_interval(a)) * -2.0), turn = unit_interval(b);
  Vec<double> sine, cosine;
  sincospi(turn + turn, sine, cosine);
  interleave<double>(radius * cosine, radius * sine, first, second);
}

template <class T>
void normal(T* x, std::size_t count, double mean, double deviation, RandomKey key) noexcept {
  each_pair(
      x, count,
      [&](std::size_t block, Vec<double>& first, Vec<double>& second)
          __attribute__((always_inline)) { standard_normals(block, key, first, second); },
      [&](double value) __attribute__((always_inline)) { return static_cast<T>(mean + deviation * value); });
}

// The odd value before an odd `first` shares its block, and is drawn and left out.
template <class T>
void gaussian_noise(T* y, const T* x, std::size_t first, std::size_t count, double deviation, RandomKey key) noexcept {
  constexpr std::size_t step = 2 * lanes<double>;
  const std::size_t skipped = first % 2, end = skipped + count;
  for (std::size_t i = 0; i < end; i += step) {
    Vec<double> low, high;
    standard_normals((first - skipped + i) / 2, key, low, high);
    double z[step];
    store<double>(z, low);
    store<double>(z + lanes<double>, high);
    const std::size_t n = end - i < step ? end - i : step;
    for (std::size_t j = i == 0 ? skipped : 0; j < n; ++j) {
      const std::size_t at = i + j - skipped;
      y[at] = static_cast<T>(static_cast<double>(x[at]) + deviation * z[j]);
    }
  }
}

}  // namespace

extern constinit const Both<RandomKernels> random_kernels = {
    {bits, uniform<float>, normal<float>, dropout<float>, gaussian_noise<float>, spatial_dropout<float>},
    {bits, uniform<double>, normal<double>, dropout<double>, gaussian_noise<double>, spatial_dropout<double>}};

}  // namespace ravine::RAVINE_ISA
