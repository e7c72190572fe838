// Vectors from memory and to it.
#pragma once

#include <cstddef>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "kernels/vec/width.h"

namespace ravine::RAVINE_ISA {
namespace {

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

}  // namespace
}  // namespace ravine::RAVINE_ISA
