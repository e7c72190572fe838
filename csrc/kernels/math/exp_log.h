// The exponential and logarithmic functions of math.h, which states their bounds.
#pragma once

#include "kernels/math/math_constants.h"
#include "kernels/vec/arithmetic.h"
#include "kernels/vec/memory.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class V>
struct ElementOf;
template <>
struct ElementOf<Vec<float>> {
  using type = float;
};
template <>
struct ElementOf<Vec<double>> {
  using type = double;
};
template <class V>
using Element = typename ElementOf<V>::type;

template <class T>
using Bits = Vec<UInt<T>>;

// The lowest bit of the exponent, and the bits of 1.
template <class T>
inline constexpr UInt<T> exponent_unit = UInt<T>{1} << MathConstants<T>::mantissa_bits;
template <class T>
inline constexpr UInt<T> one_bits = __builtin_bit_cast(UInt<T>, T(1));

// sum_i coefficient[i] x^i; from six terms on even and odd powers apart, two chains side by side
template <class T, std::size_t terms>
RAVINE_INLINE Vec<T> polynomial(const T (&coefficient)[terms], Vec<T> x) {
  constexpr std::size_t stride = terms >= 6 ? 2 : 1;
  const Vec<T> power = stride == 2 ? x * x : x;
  Vec<T> sum[stride];
  for (std::size_t s = 0; s < stride; ++s) sum[s] = broadcast<T>(coefficient[terms - 1 - s]);
#pragma GCC unroll 32
  for (std::size_t i = stride; i < terms; ++i) {
    sum[i % stride] = fma(sum[i % stride], power, broadcast<T>(coefficient[terms - 1 - i]));
  }
  if constexpr (stride == 1)
    return sum[0];
  else
    return fma(sum[terms % 2], x, sum[1 - terms % 2]);
}

// NaN stays NaN.
template <class T>
RAVINE_INLINE Vec<T> at_most(Vec<T> x, T highest) {
  return select<T>(highest < x, broadcast<T>(highest), x);
}
template <class T>
RAVINE_INLINE Vec<T> at_least(Vec<T> x, T lowest) {
  return select<T>(lowest > x, broadcast<T>(lowest), x);
}

// ------------------------------------------------------------------------------------------------- exponentials

// x = n ln 2 + r. `exponent` holds n + 2^exponent_bits in the exponent's bits, an unsigned number.
template <class T>
struct ExpParts {
  Vec<T> r;
  Bits<T> exponent;

  // 2^(n + shift), which must be normal
  RAVINE_INLINE Vec<T> power(int shift = 0) const {
    return (Vec<T>)(exponent + (one_bits<T> + sign_bit<T> + exponent_unit<T> * static_cast<UInt<T>>(shift)));
  }
  // e^r - 1
  RAVINE_INLINE Vec<T> p() const { return fma(r * r, polynomial<T>(MathConstants<T>::exp, r), r); }
  // e^x = 2^n (1 + r (1 + r exp(r))): two factors for 2^n, so that only the last product can round to a denormal
  RAVINE_INLINE Vec<T> exp() const {
    constexpr UInt<T> half_bias = one_bits<T> - (sign_bit<T> >> 1);
    const Vec<T> one = broadcast<T>(1);
    const Bits<T> half = (exponent >> 1) & ~(exponent_unit<T> - 1);
    const Vec<T> scaled =
        fma(r, fma(r, polynomial<T>(MathConstants<T>::exp, r), one), one) * (Vec<T>)(half + half_bias);
    return scaled * (Vec<T>)((exponent - half) + half_bias);
  }
};

// The parts of x + low, |low| far below |x|.
template <class T>
RAVINE_INLINE ExpParts<T> exp_parts(Vec<T> x, Vec<T> low = -Vec<T>{}) {
  using C = MathConstants<T>;
  constexpr T round = C::round + (1 << C::exponent_bits);
  const Vec<T> shifted = fma(x, broadcast<T>(C::log2_e), broadcast<T>(round));
  const Vec<T> n = shifted - round;
  const Vec<T> r = fma(n, broadcast<T>(-C::ln2_high), x) + low;
  return {fma(n, broadcast<T>(-C::ln2_low), r), (Bits<T>)shifted << C::mantissa_bits};
}

template <class V>
RAVINE_INLINE V exp(V x) {
  using T = Element<V>;
  using C = MathConstants<T>;
  return exp_parts<T>(at_least<T>(at_most<T>(x, C::exp_highest), C::exp_lowest)).exp();
}

// e^x - 1 = 2 (2^(n-1) p + (2^(n-1) - 1/2)), and x itself where x^2 no longer counts
template <class V>
RAVINE_INLINE V expm1(V x) {
  using T = Element<V>;
  using C = MathConstants<T>;
  const ExpParts<T> e = exp_parts<T>(at_least<T>(at_most<T>(x, C::exp_highest), -C::unit_highest));
  const V power = e.power(-1);
  const V half = fma(power, e.p(), power - T(0.5));
  return select<T>(abs(x) < T(0.25) / C::round, x, half + half);
}

// 1 / (1 + 2^n (1 + p)), all scaled down so that the denominator stays finite; what 1 + 2^n lost joins the smaller term
template <class V>
RAVINE_INLINE V sigmoid(V x) {
  using T = Element<V>;
  using C = MathConstants<T>;
  const ExpParts<T> e = exp_parts<T>(at_least<T>(at_most<T>(-x, -C::exp_lowest), -C::unit_highest));
  const V power = e.power(C::sigmoid_shift), one = broadcast<T>(C::sigmoid_one);
  const V sum = power + one;
  return one / (sum + fma(power, e.p(), one - (sum - power)));
}

// (1 - e^-2|x|) / (1 + e^-2|x|) with the sign of x
template <class V>
RAVINE_INLINE V tanh(V x) {
  using T = Element<V>;
  using C = MathConstants<T>;
  const ExpParts<T> e = exp_parts<T>(at_most<T>(abs(x), C::unit_highest / 2) * T(-2));
  const V power = e.power(), p = e.p();
  return copysign(fma(-power, p, T(1) - power) / fma(power, p, T(1) + power), x);
}

// --------------------------------------------------------------------------------------------------- logarithms

// x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2). `exponent` holds k + bias in the exponent's bits.
template <class T>
struct LogParts {
  Vec<T> k, f;
  Bits<T> exponent;
};

// The parts of a normal x > 0 that was scaled up by 2^scaled.
template <class T>
RAVINE_INLINE LogParts<T> log_parts(Vec<T> x, Vec<T> scaled = Vec<T>{}) {
  using C = MathConstants<T>;
  constexpr T bias = (1 << (C::exponent_bits - 1)) - 1;
  const Bits<T> lifted = (Bits<T>)x + (one_bits<T> - __builtin_bit_cast(UInt<T>, C::sqrt_half));
  const Bits<T> exponent = lifted & (sign_bit<T> - exponent_unit<T>);
  const Bits<T> k = (exponent >> C::mantissa_bits) | __builtin_bit_cast(UInt<T>, C::ones);
  const Vec<T> significand = (Vec<T>)((Bits<T>)x - exponent + one_bits<T>);
  return {(Vec<T>)k - ((C::ones + bias) + scaled), significand - T(1), exponent};
}

// The same for every positive finite x.
template <class T>
RAVINE_INLINE LogParts<T> log_parts_any(Vec<T> x) {
  using C = MathConstants<T>;
  const Mask<T> denormal = x < C::min_normal;
  return log_parts<T>(select<T>(denormal, x * (C::ones * 2), x),
                      select<T>(denormal, broadcast<T>(C::mantissa_bits + 1), Vec<T>{}));
}

// k ln 2 + log(1 + f)
RAVINE_INLINE Vec<float> log_result(Vec<float> k, Vec<float> f) {
  using C = MathConstants<float>;
  const Vec<float> tail = fma(f, polynomial<float>(C::log, f), broadcast<float>(-0.5f));
  return fma(k, broadcast<float>(C::ln2_high), f + fma(f * f, tail, k * C::ln2_low));
}
// log(1 + f) = f - (h - s (h + r)), h = f^2 / 2, s = f / (2 + f), r = s^2 log(s^2)
RAVINE_INLINE Vec<double> log_result(Vec<double> k, Vec<double> f) {
  using C = MathConstants<double>;
  const Vec<double> s = f / (f + 2.0), z = s * s, h = f * f * 0.5;
  const Vec<double> tail = fma(s, fma(z, polynomial<double>(C::log, z), h), k * C::ln2_low);
  return fma(k, broadcast<double>(C::ln2_high), f - (h - tail));
}

// `result` where x is positive and finite; else log's value at zero, infinity, below zero and at NaN.
template <class T>
RAVINE_INLINE Vec<T> log_limits(Vec<T> x, Vec<T> result) {
  const Vec<T> infinity = broadcast<T>(__builtin_inf());
  const Vec<T> outside = select<T>(x == T(0), -infinity, broadcast<T>(__builtin_nan("")));
  return select<T>(x > T(0), select<T>(x < infinity, result, x), outside);
}

template <class V>
RAVINE_INLINE V log(V x) {
  using T = Element<V>;
  const LogParts<T> parts = log_parts_any<T>(x);
  return log_limits<T>(x, log_result(parts.k, parts.f));
}

// a + b = sum + error, exactly
template <class T>
RAVINE_INLINE Vec<T> two_sum(Vec<T> a, Vec<T> b, Vec<T>& error) {
  const Vec<T> sum = a + b, part = sum - a;
  error = (a - (sum - part)) + (b - part);
  return sum;
}

// log(sum + error), |error| far below sum: error 2^-k joins f (2^-k is half of 2^(1-k), which is normal)
template <class T>
RAVINE_INLINE Vec<T> log_sum(Vec<T> sum, Vec<T> error) {
  const LogParts<T> parts = log_parts<T>(sum);
  constexpr UInt<T> mirror = 2 * one_bits<T> + exponent_unit<T>;
  const Vec<T> scale = (Vec<T>)(mirror - parts.exponent);
  return log_result(parts.k, fma(error * scale, broadcast<T>(T(0.5)), parts.f));
}

template <class V>
RAVINE_INLINE V log1p(V x) {
  using T = Element<V>;
  V error;
  const V sum = two_sum<T>(broadcast<T>(1), x, error);
  return copysign(log_limits<T>(sum, log_sum<T>(sum, error)), x);
}

// max(x, 0) + log(1 + e^-|x|)
template <class V>
RAVINE_INLINE V softplus(V x) {
  using T = Element<V>;
  const V e = exp_parts<T>(at_least<T>(-abs(x), MathConstants<T>::exp_lowest)).exp();
  const V sum = T(1) + e;
  return select<T>(x > T(0), x, V{}) + log_sum<T>(sum, e - (sum - T(1)));
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
