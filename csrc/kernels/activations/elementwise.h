// The loops of an elementwise activation; its file gives the formula, a struct of two functions on vectors:
//   value(x, alpha)             f(x)
//   gradient(dy, saved, alpha)  dy f'(.), from the output y or the input x as its row says
#pragma once

#include "kernels/signatures/activations.h"
#include "kernels/signatures/rows.h"
#include "kernels/vec/ranges.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T, template <class> class Formula>
void elementwise_forward(T* y, const T* x, std::size_t rows, std::size_t cols, T alpha) noexcept {
  each_vector<T>(rows * cols, [&](auto at) __attribute__((always_inline)) {
    at.template store<T>(y, Formula<T>::value(at.load(x), alpha));
  });
}

template <class T, template <class> class Formula>
void elementwise_backward(T* dx, const T* dy, const T* saved, std::size_t rows, std::size_t cols, T alpha) noexcept {
  each_vector<T>(rows * cols, [&](auto at) __attribute__((always_inline)) {
    at.template store<T>(dx, Formula<T>::gradient(at.load(dy), at.load(saved), alpha));
  });
}

enum class Saved { output, input };

// The table row of a formula.
template <template <class> class Formula>
constexpr Both<Activation> elementwise(const char* name, Saved saved = Saved::output, Alpha alpha = {}) {
  const bool from_input = saved == Saved::input;
  return {
      {name, from_input, false, elementwise_forward<float, Formula>, elementwise_backward<float, Formula>, alpha},
      {name, from_input, false, elementwise_forward<double, Formula>, elementwise_backward<double, Formula>, alpha}};
}

// v where x is a number, else the NaN x
template <class T>
RAVINE_INLINE Vec<T> unless_nan(Vec<T> x, Vec<T> v) {
  return select<T>(x == x, v, x);
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
