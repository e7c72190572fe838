// The vector's width, and the types that follow from it. Only this folder knows the width, and everything in it is
// IEEE-exact (add, multiply, divide, square root, fma), so that a formula written once gives the same bits on every
// instruction set that has fma.
#pragma once

#include <cstddef>
#include <cstdint>

#define RAVINE_INLINE inline __attribute__((always_inline))

namespace ravine::RAVINE_ISA {
namespace {

// The instruction set that this copy is compiled for; baseline: what every x86-64 has.
enum class Isa { baseline, avx2, avx512, neon };
#if defined(__AVX512F__)
inline constexpr Isa isa = Isa::avx512;
inline constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX2__)
inline constexpr Isa isa = Isa::avx2;
inline constexpr std::size_t vector_bytes = 32;
#elif defined(__aarch64__)
inline constexpr Isa isa = Isa::neon;
inline constexpr std::size_t vector_bytes = 16;
#else
inline constexpr Isa isa = Isa::baseline;
inline constexpr std::size_t vector_bytes = 16;
#endif

// Whether a part of a vector is loaded and stored by one instruction.
#if defined(__AVX512F__) || defined(__AVX2__)
inline constexpr bool has_masks = true;
#else
inline constexpr bool has_masks = false;
#endif

// Whether masks are in registers of their own, so that a part of a vector is as fast as a whole one.
inline constexpr bool has_mask_registers = isa == Isa::avx512;

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

}  // namespace
}  // namespace ravine::RAVINE_ISA
