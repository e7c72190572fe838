// The only file that knows the vector's width. Everything here is IEEE-exact (add, multiply, divide, square root, fma),
// so a formula written once gives the same bits on every instruction set that has fma.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "kernels/kernels.h"

#define RAVINE_INLINE inline __attribute__((always_inline))

namespace ravine::RAVINE_ISA {
namespace {

#if defined(__AVX512F__)
inline constexpr std::size_t vector_bytes = 64;
inline constexpr std::size_t vector_registers = 32;
#elif defined(__AVX2__)
inline constexpr std::size_t vector_bytes = 32;
inline constexpr std::size_t vector_registers = 16;
#else
inline constexpr std::size_t vector_bytes = 16;
#if defined(__aarch64__)
inline constexpr std::size_t vector_registers = 32;
#else
inline constexpr std::size_t vector_registers = 16;
#endif
#endif

// Whether a part of a vector is loaded and stored by one instruction.
#if defined(__AVX512F__) || defined(__AVX2__)
inline constexpr bool has_masks = true;
#else
inline constexpr bool has_masks = false;
#endif

#if defined(__FMA__) || defined(__aarch64__)
inline constexpr bool has_fma = true;
#else
inline constexpr bool has_fma = false;
#endif

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(vector_bytes)));
};
template <class T>
using Vec = typename VectorOf<T>::type;

template <class T>
inline constexpr std::size_t lanes = vector_bytes / sizeof(T);

// The integers of a float's width, for bit work and as comparison masks (all ones where true).
template <class T>
struct IntegersOf;
template <>
struct IntegersOf<float> {
  using Signed = std::int32_t;
  using Unsigned = std::uint32_t;
};
template <>
struct IntegersOf<double> {
  using Signed = std::int64_t;
  using Unsigned = std::uint64_t;
};
template <class T>
using Int = typename IntegersOf<T>::Signed;
template <class T>
using UInt = typename IntegersOf<T>::Unsigned;
template <class T>
using Mask = Vec<Int<T>>;

// ------------------------------------------------------------------------------------------ loading and storing

template <class T>
RAVINE_INLINE Vec<T> broadcast(T x) {
  return x - Vec<T>{};
}

template <class T>
RAVINE_INLINE Vec<T> load(const T* p) {
  Vec<T> v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

template <class T>
RAVINE_INLINE void store(T* p, Vec<T> v) {
  __builtin_memcpy(p, &v, sizeof v);
}

// Keeps v in a register: GCC would read it from memory again for each of its uses, which is slower where loads are what
// a loop is short of.
template <class V>
RAVINE_INLINE void hold(V& v) {
#if defined(__AVX512F__)
  asm("" : "+v"(v));
#elif defined(__x86_64__)
  asm("" : "+x"(v));
#elif defined(__aarch64__)
  asm("" : "+w"(v));
#endif
}

// The lane numbers 0, 1, 2, ...
template <class I>
RAVINE_INLINE Vec<I> lane_numbers() {
  Vec<I> v;
  for (std::size_t i = 0; i < lanes<I>; ++i) v[i] = static_cast<I>(i);
  return v;
}

// All ones in the first `count` lanes.
template <class T>
RAVINE_INLINE Mask<T> first_lanes(std::size_t count) {
  return lane_numbers<Int<T>>() < static_cast<Int<T>>(count);
}

// The first `count` elements, zero in the lanes after them; nothing past them is touched.
template <class T>
RAVINE_INLINE Vec<T> load_first(const T* p, std::size_t count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    return (Vec<T>)_mm512_maskz_loadu_epi32(static_cast<__mmask16>((1u << count) - 1u), p);
  } else {
    return (Vec<T>)_mm512_maskz_loadu_epi64(static_cast<__mmask8>((1u << count) - 1u), p);
  }
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    return (Vec<T>)_mm256_maskload_epi32(reinterpret_cast<const int*>(p), (__m256i)first_lanes<float>(count));
  } else {
    return (Vec<T>)_mm256_maskload_epi64(reinterpret_cast<const long long*>(p), (__m256i)first_lanes<double>(count));
  }
#else
  Vec<T> v{};
  for (std::size_t i = 0; i < lanes<T>; ++i)
    if (i < count) v[i] = p[i];
  return v;
#endif
}

template <class T>
RAVINE_INLINE void store_first(T* p, Vec<T> v, std::size_t count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    _mm512_mask_storeu_epi32(p, static_cast<__mmask16>((1u << count) - 1u), (__m512i)v);
  } else {
    _mm512_mask_storeu_epi64(p, static_cast<__mmask8>((1u << count) - 1u), (__m512i)v);
  }
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    _mm256_maskstore_epi32(reinterpret_cast<int*>(p), (__m256i)first_lanes<float>(count), (__m256i)v);
  } else {
    _mm256_maskstore_epi64(reinterpret_cast<long long*>(p), (__m256i)first_lanes<double>(count), (__m256i)v);
  }
#else
  for (std::size_t i = 0; i < lanes<T>; ++i)
    if (i < count) p[i] = v[i];
#endif
}

// --------------------------------------------------------------------------------------------------- arithmetic

// a b + c, rounded once where the instruction set has fma, twice where it has not
RAVINE_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
#if defined(__AVX512F__)
  return (Vec<float>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
  return (Vec<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
  return (Vec<float>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}

RAVINE_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
#if defined(__AVX512F__)
  return (Vec<double>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
  return (Vec<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__aarch64__)
  return (Vec<double>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
  return a * b + c;
#endif
}

// The AVX-512 forms with a full mask: GCC 12 warns of an uninitialised value inside the plain ones.
RAVINE_INLINE Vec<float> sqrt(Vec<float> x) {
#if defined(__AVX512F__)
  return (Vec<float>)_mm512_maskz_sqrt_ps(0xFFFF, (__m512)x);
#elif defined(__AVX2__)
  return (Vec<float>)_mm256_sqrt_ps((__m256)x);
#elif defined(__aarch64__)
  return (Vec<float>)vsqrtq_f32((float32x4_t)x);
#else
  return (Vec<float>)_mm_sqrt_ps((__m128)x);
#endif
}

RAVINE_INLINE Vec<double> sqrt(Vec<double> x) {
#if defined(__AVX512F__)
  return (Vec<double>)_mm512_maskz_sqrt_pd(0xFF, (__m512d)x);
#elif defined(__AVX2__)
  return (Vec<double>)_mm256_sqrt_pd((__m256d)x);
#elif defined(__aarch64__)
  return (Vec<double>)vsqrtq_f64((float64x2_t)x);
#else
  return (Vec<double>)_mm_sqrt_pd((__m128d)x);
#endif
}

// The 64-bit products of the even 32-bit lanes (0, 2, 4, ...).
RAVINE_INLINE Vec<std::uint64_t> multiply_even(Vec<std::uint32_t> a, Vec<std::uint32_t> b) {
#if defined(__AVX512F__)
  return (Vec<std::uint64_t>)_mm512_maskz_mul_epu32(0xFF, (__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return (Vec<std::uint64_t>)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__aarch64__)
  return (Vec<std::uint64_t>)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
#else
  return (Vec<std::uint64_t>)_mm_mul_epu32((__m128i)a, (__m128i)b);
#endif
}

template <class T>
RAVINE_INLINE Vec<T> select(Mask<T> mask, Vec<T> yes, Vec<T> no) {
  return mask ? yes : no;
}

template <class T>
inline constexpr UInt<T> sign_bit = UInt<T>{1} << (8 * sizeof(T) - 1);

RAVINE_INLINE Vec<float> abs(Vec<float> x) { return (Vec<float>)((Vec<std::uint32_t>)x & ~sign_bit<float>); }
RAVINE_INLINE Vec<double> abs(Vec<double> x) { return (Vec<double>)((Vec<std::uint64_t>)x & ~sign_bit<double>); }
RAVINE_INLINE Vec<float> copysign(Vec<float> magnitude, Vec<float> sign) {
  return (Vec<float>)(((Vec<std::uint32_t>)magnitude & ~sign_bit<float>) |
                      ((Vec<std::uint32_t>)sign & sign_bit<float>));
}
RAVINE_INLINE Vec<double> copysign(Vec<double> magnitude, Vec<double> sign) {
  return (Vec<double>)(((Vec<std::uint64_t>)magnitude & ~sign_bit<double>) |
                       ((Vec<std::uint64_t>)sign & sign_bit<double>));
}

// ------------------------------------------------------------------------------------------------------- ranges

// Where in a range a formula stands: a full vector, or the last, partial one. Lanes past the end load as zero and are
// never stored.
struct FullVector {
  std::size_t first;

  template <class T>
  RAVINE_INLINE Vec<T> load(const T* p) const {
    return RAVINE_ISA::load(p + first);
  }
  template <class T>
  RAVINE_INLINE void store(T* p, Vec<T> v) const {
    RAVINE_ISA::store(p + first, v);
  }
  // v, zero in the lanes past the end
  template <class T>
  RAVINE_INLINE Vec<T> keep(Vec<T> v) const {
    return v;
  }
  // v, `other` in the lanes past the end
  template <class T>
  RAVINE_INLINE Vec<T> keep(Vec<T> v, Vec<T>) const {
    return v;
  }
};

struct LastVector {
  std::size_t first;
  std::size_t count;

  template <class T>
  RAVINE_INLINE Vec<T> load(const T* p) const {
    return load_first(p + first, count);
  }
  template <class T>
  RAVINE_INLINE void store(T* p, Vec<T> v) const {
    store_first(p + first, v, count);
  }
  template <class T>
  RAVINE_INLINE Vec<T> keep(Vec<T> v) const {
    return select<T>(first_lanes<T>(count), v, Vec<T>{});
  }
  template <class T>
  RAVINE_INLINE Vec<T> keep(Vec<T> v, Vec<T> other) const {
    return select<T>(first_lanes<T>(count), v, other);
  }
};

// Calls formula(at) for every vector of a range of `count` elements of T; the formula reads at.load(p) and writes
// at.store<T>(p, v), so that it is written once for body and tail.
template <class T, class Formula>
RAVINE_INLINE void each_vector(std::size_t count, Formula&& formula) {
  std::size_t i = 0;
  for (; i + lanes<T> <= count; i += lanes<T>) formula(FullVector{i});
  if (i < count) formula(LastVector{i, count - i});
}

// --------------------------------------------------------------------------------------------------- in float64

template <class T, std::size_t... lane>
RAVINE_INLINE auto first_half(Vec<T> v, std::index_sequence<lane...>) {
  return __builtin_shufflevector(v, v, static_cast<int>(lane)...);
}

// As many elements as a Vec<double> has lanes, in float64, for an `at` that goes by these.
template <class T>
RAVINE_INLINE Vec<double> load_wide(FullVector at, const T* p) {
  typedef T Narrow __attribute__((vector_size(lanes<double> * sizeof(T))));
  Narrow x;
  __builtin_memcpy(&x, p + at.first, sizeof x);
  return __builtin_convertvector(x, Vec<double>);
}

template <class T>
RAVINE_INLINE Vec<double> load_wide(LastVector at, const T* p) {
  if constexpr (sizeof(T) == sizeof(double))
    return at.load(p);
  else
    return __builtin_convertvector(first_half<T>(at.load(p), std::make_index_sequence<lanes<double>>{}), Vec<double>);
}

// -------------------------------------------------------------------------------------------------------- sums

// v with its lanes turned down by `by`.
template <class T, std::size_t by, std::size_t... lane>
RAVINE_INLINE Vec<T> turned(Vec<T> v, std::index_sequence<lane...>) {
  return __builtin_shufflevector(v, v, ((lane + by) % lanes<T>)...);
}

// Lane 0 after the upper half of the lanes has been joined to the lower one, then a quarter to its neighbour, and so
// on.
template <class T, std::size_t half = lanes<T> / 2, class Join>
RAVINE_INLINE T fold(Vec<T> v, Join&& join) {
  if constexpr (half == 0)
    return v[0];
  else
    return fold<T, half / 2>(join(v, turned<T, half>(v, std::make_index_sequence<lanes<T>>{})), join);
}

// The sum over a row in 16 virtual lanes (see row_lanes): term(at) gives the terms of one vector.
template <class T, class Term>
RAVINE_INLINE T row_sum(std::size_t count, Term&& term) {
  constexpr std::size_t parts = row_lanes / lanes<T>;
  Vec<T> sum[parts] = {};
  std::size_t i = 0;
  for (; i + row_lanes <= count; i += row_lanes) {
#pragma GCC unroll 8
    for (std::size_t p = 0; p < parts; ++p) sum[p] += term(FullVector{i + p * lanes<T>});
  }
  // unrolled, so that sum[] stays in registers
#pragma GCC unroll 8
  for (std::size_t p = 0; p < parts; ++p) {
    const std::size_t first = i + p * lanes<T>;
    if (first + lanes<T> <= count) {
      sum[p] += term(FullVector{first});
    } else if (first < count) {
      const LastVector at{first, count - first};
      sum[p] += at.template keep<T>(term(at));
    }
  }
#pragma GCC unroll 8
  for (std::size_t half = parts / 2; half > 0; half /= 2)
    for (std::size_t p = 0; p < half; ++p) sum[p] += sum[p + half];
  return fold<T>(sum[0], [](Vec<T> a, Vec<T> b) __attribute__((always_inline)) { return a + b; });
}

// The larger of two, NaN where either is.
template <class T>
RAVINE_INLINE Vec<T> larger(Vec<T> a, Vec<T> b) {
  return select<T>((b <= a) | (a != a), a, b);
}

// The largest term of a row of at least one element; a NaN anywhere gives NaN.
template <class T, class Term>
RAVINE_INLINE T row_max(std::size_t count, Term&& term) {
  Vec<T> largest = broadcast<T>(-__builtin_inf());
  each_vector<T>(count, [&](auto at) __attribute__((always_inline)) {
    largest = larger<T>(largest, at.template keep<T>(term(at), largest));
  });
  return fold<T>(largest, larger<T>);
}

// ------------------------------------------------------------------------------------------------ lane shuffles

// (a0 b0 a1 b1 ...): the first halves interleaved, and the second halves.
template <class T>
RAVINE_INLINE void interleave(Vec<T> a, Vec<T> b, Vec<T>& low, Vec<T>& high) {
  constexpr int n = static_cast<int>(lanes<T>);
  if constexpr (n == 16) {
    low = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    high = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  } else if constexpr (n == 8) {
    low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
  } else if constexpr (n == 4) {
    low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  } else {
    low = __builtin_shufflevector(a, b, 0, 2);
    high = __builtin_shufflevector(a, b, 1, 3);
  }
}

// Lane source(i) of a, or of b where that is past a's last, as lane i of the result.
template <class T, class Source, std::size_t... lane>
RAVINE_INLINE Vec<T> picked(Vec<T> a, Vec<T> b, Source, std::index_sequence<lane...>) {
  return __builtin_shufflevector(a, b, static_cast<int>(Source::of(lane))...);
}

// Inside each 16 bytes: (a0 b0 a1 b1 ...) of their lower half, or of their upper one.
template <class T, bool upper>
struct InterleavedHalf {
  static constexpr std::size_t of(std::size_t lane) {
    constexpr std::size_t side = 16 / sizeof(T);
    const std::size_t within = lane % side;
    return lane - within + within / 2 + (upper ? side / 2 : 0) + within % 2 * lanes<T>;
  }
};

// The even ones of a's 16 bytes, then b's; or the odd ones.
template <class T, bool odd>
struct EveryOther {
  static constexpr std::size_t of(std::size_t lane) {
    constexpr std::size_t side = 16 / sizeof(T), half = lanes<T> / 2;
    const std::size_t within = lane % half;
    return 2 * (within - within % side) + within % side + (odd ? side : 0) + lane / half * lanes<T>;
  }
};

// A square block, transposed in place: first the squares of 16 bytes, by shuffles inside each 16 bytes, of which
// processors do more at a time; then whole 16 bytes.
template <class T>
RAVINE_INLINE void transpose(Vec<T> (&row)[lanes<T>]) {
  constexpr std::size_t side = 16 / sizeof(T);
  const auto each_pair = [&](std::size_t distance, auto first, auto second) __attribute__((always_inline)) {
#pragma GCC unroll 16
    for (std::size_t pair = 0; pair < lanes<T> / 2; ++pair) {
      const std::size_t i = 2 * pair - pair % distance;
      const Vec<T> a = row[i], b = row[i + distance];
      row[i] = picked<T>(a, b, first, std::make_index_sequence<lanes<T>>{});
      row[i + distance] = picked<T>(a, b, second, std::make_index_sequence<lanes<T>>{});
    }
  };
#pragma GCC unroll 2
  for (std::size_t distance = side / 2; distance > 0; distance /= 2)
    each_pair(distance, InterleavedHalf<T, false>{}, InterleavedHalf<T, true>{});
  if constexpr (lanes<T> > side) {
#pragma GCC unroll 2
    for (std::size_t distance = side; distance < lanes<T>; distance *= 2)
      each_pair(distance, EveryOther<T, false>{}, EveryOther<T, true>{});
  }
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
