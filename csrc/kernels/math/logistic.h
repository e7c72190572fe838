// The logistic function and its complement from one exponential, each with all its digits:
//   p = 1 / (1 + e^-x), q = 1 - p = 1 / (1 + e^x), e = e^-|x|
#pragma once

#include "kernels/math/math.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct Logistic {
  Vec<T> p, q, e;
};

template <class T>
RAVINE_INLINE Logistic<T> logistic(Vec<T> x) {
  const Vec<T> e = exp(-abs(x));
  const Vec<T> larger = 1 / (1 + e);
  const Vec<T> smaller = e * larger;
  return {select<T>(x > 0, larger, smaller), select<T>(x > 0, smaller, larger), e};
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
