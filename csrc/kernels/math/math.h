// Elementary functions on vectors, from the exact operations of vec/ alone: range reduction, then a polynomial.
// Each takes and gives a Vec<float> or a Vec<double>.
//
// Largest errors in ULP, with fma; one more is allowed without. NaN in gives NaN out; infinities, signed zeros and
// denormals (in and out) are right.
//                float   double                       float   double                         float   double
//   exp          1       2              tanh          2       4              erf           4       4
//   expm1        4       4              sigmoid       2       4              pow           4       4
//   log, log1p   2       2              softplus      4       4              sincospi      4       4
#pragma once

#include "kernels/math/exp_log.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class V>
RAVINE_INLINE V erf(V x) {
  using T = Element<V>;
  using C = MathConstants<T>;
  const V a = at_most<T>(abs(x), C::erf_highest);
  const ExpParts<T> e = exp_parts<T>(polynomial<T>(C::erfc, a));
  const V power = e.power();
  const V small = fma(a, polynomial<T>(C::erf, a * a), a);
  return copysign(select<T>(a < C::erf_seam, small, fma(-power, e.p(), T(1) - power)), x);
}

// a b = product + error, exactly with fma, nearly without (each factor cut in two halves)
template <class T>
RAVINE_INLINE Vec<T> two_product(Vec<T> a, Vec<T> b, Vec<T>& error) {
  const Vec<T> product = a * b;
  if constexpr (has_fma) {
    error = fma(a, b, -product);
  } else {
    constexpr UInt<T> upper = ~((UInt<T>{1} << (MathConstants<T>::mantissa_bits + 2) / 2) - 1);
    const Vec<T> a1 = (Vec<T>)((Bits<T>)a & upper), b1 = (Vec<T>)((Bits<T>)b & upper), a2 = a - a1, b2 = b - b1;
    error = (((a1 * b1 - product) + a1 * b2) + a2 * b1) + a2 * b2;
  }
  return product;
}

// log x = high + low: k ln 2 + 2 s + 2/3 s^3 + s^5 atanh(s^2), s = f / (2 + f), all but the last in two parts
template <class T>
RAVINE_INLINE Vec<T> log_two_parts(Vec<T> x, Vec<T>& low) {
  using C = MathConstants<T>;
  const LogParts<T> parts = log_parts_any<T>(x);
  const Vec<T> f = parts.f;
  Vec<T> below_low, product_low, square_low, cube_low, third_low, first_low, high_low;
  const Vec<T> below = two_sum<T>(broadcast<T>(2), f, below_low);
  const Vec<T> s = f / below;
  const Vec<T> product = two_product<T>(s, below, product_low);
  const Vec<T> s_low = (((f - product) - product_low) - s * below_low) / below;
  const Vec<T> square = two_product<T>(s, s, square_low);
  square_low += T(2) * s * s_low;
  const Vec<T> cube = two_product<T>(s, square, cube_low);
  cube_low += s * square_low + s_low * square;
  const Vec<T> third = two_product<T>(cube, broadcast<T>(C::two_thirds_high), third_low);
  third_low += cube_low * C::two_thirds_high + cube * C::two_thirds_low;
  const Vec<T> first = two_sum<T>(parts.k * C::ln2_high, s + s, first_low);
  const Vec<T> high = two_sum<T>(first, third, high_low);
  const Vec<T> tail = cube * square * polynomial<T>(C::atanh, square);
  const Vec<T> rest = (first_low + high_low) + (((s_low + s_low) + third_low) + (tail + parts.k * C::ln2_low));
  return two_sum<T>(high, rest, low);
}

template <class T>
RAVINE_INLINE Mask<T> is_integer(Vec<T> magnitude) {
  using C = MathConstants<T>;
  return (magnitude >= C::ones) | ((magnitude + C::ones) - C::ones == magnitude);
}

// x^y = e^(y log |x|), negated for a negative x and an odd y; limits as in C's pow (x^0 = 1^y = 1 for NaN too)
template <class V>
RAVINE_INLINE V pow(V x, V y) {
  using T = Element<V>;
  using C = MathConstants<T>;
  constexpr T infinity = __builtin_inf();
  const V a = abs(x), n = abs(y);
  V log_low, low;
  V log_a = log_two_parts<T>(a, log_low);
  log_a = select<T>(a < infinity, select<T>(a == T(0), broadcast<T>(-infinity), log_a), a);
  const V high = two_product<T>(log_a, y, low);
  // beyond the clamp, and at NaN, `low` may be anything
  const V inside = at_least<T>(at_most<T>(high, C::exp_highest), C::exp_lowest);
  low = select<T>(high == inside, fma(log_low, y, low), V{});
  const V size = exp_parts<T>(inside, low).exp();
  const Mask<T> integer = is_integer<T>(n), odd = integer & ~is_integer<T>(n * T(0.5));
  V result = select<T>(odd, copysign(size, x), size);
  result = select<T>((x < T(0)) & (a < infinity) & ~integer, broadcast<T>(__builtin_nan("")), result);
  return select<T>((x == T(1)) | (y == T(0)) | ((a == T(1)) & (n == infinity)), broadcast<T>(1), result);
}

// sin(pi x) and cos(pi x): |x| less its multiple of 2, then a quarter turn n and a rest |f| <= 1/4, all exact
template <class V>
RAVINE_INLINE void sincospi(V x, V& sine, V& cosine) {
  using T = Element<V>;
  using C = MathConstants<T>;
  const V a = abs(x);
  const V turns = (a * T(0.5) + C::ones) - C::ones;
  // from 2 C::ones on every number is even; infinity gives NaN
  const V t = select<T>(a < 2 * C::ones, a - (turns + turns), a - a);
  const V shifted = (t + t) + C::round;
  const V f = t - (shifted - C::round) * T(0.5);
  const V z = f * f;
  const V s = fma(f, broadcast<T>(C::pi_high), f * fma(z, polynomial<T>(C::sin, z), broadcast<T>(C::pi_low)));
  const V c = fma(z, polynomial<T>(C::cos, z), broadcast<T>(1));
  const Bits<T> n = (Bits<T>)shifted;
  const Mask<T> swap = (Mask<T>)(n << (8 * sizeof(T) - 1)) < 0;
  const Bits<T> flip_sine = (n << (8 * sizeof(T) - 2)) & sign_bit<T>;
  const Bits<T> flip_cosine = ((n + 1) << (8 * sizeof(T) - 2)) & sign_bit<T>;
  // adding 0 turns -0 into +0
  const V sine_of_size = (V)((Bits<T>)select<T>(swap, c, s) ^ flip_sine) + T(0);
  sine = (V)((Bits<T>)sine_of_size ^ ((Bits<T>)x & sign_bit<T>));
  cosine = (V)((Bits<T>)select<T>(swap, s, c) ^ flip_cosine) + T(0);
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
