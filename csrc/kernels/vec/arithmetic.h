// Exact arithmetic on vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "kernels/vec/width.h"

namespace ravine::RAVINE_ISA {
namespace {

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

// The larger of two, NaN where either is.
template <class T>
RAVINE_INLINE Vec<T> larger(Vec<T> a, Vec<T> b) {
  return select<T>((b <= a) | (a != a), a, b);
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
