// The loops of a loss that is a sum of terms over a row; its file gives the formula, a struct of
//   at(z, t, setting)               the term and its derivative by z, on vectors
//   scaled(x, cols, setting)        what the sum over the row, and every derivative, is multiplied by
//   buffered                        whether the term is so much code that it should be written out less often
#pragma once

#include "kernels/signatures/losses.h"
#include "kernels/signatures/rows.h"
#include "kernels/vec/buffered_sum.h"

namespace ravine::RAVINE_ISA {
namespace {

// A term of a loss and its derivative.
template <class T>
struct Term {
  Vec<T> loss, slope;
};

// The mean over the columns.
struct Mean {
  static constexpr bool buffered = false;
  template <class X, class T>
  static RAVINE_INLINE X scaled(X x, T cols, T) {
    return x / cols;
  }
};

// f times the sum over the columns, f being the setting.
struct Multiple {
  static constexpr bool buffered = false;
  template <class X, class T>
  static RAVINE_INLINE X scaled(X x, T, T factor) {
    return x * factor;
  }
};

// One column: the rows are the lanes. The bits are those of the general case, whose sum of one term is exact.
template <class T, class Formula>
RAVINE_INLINE void one_column(T* loss, T* dz, const T* z, const T* target, const T* weight, std::size_t rows, T scale,
                              T setting) {
  constexpr T cols = 1;
  each_vector<T>(rows, [&](auto at) __attribute__((always_inline)) {
    const Term<T> term = Formula::at(at.load(z), at.load(target), setting);
    if (dz != nullptr) {
      const Vec<T> factor = weight != nullptr ? scale * at.load(weight) : broadcast<T>(scale);
      at.template store<T>(dz, Formula::scaled(factor, cols, setting) * term.slope);
    }
    at.template store<T>(loss, Formula::scaled(term.loss + Vec<T>{}, cols, setting));
  });
}

template <class T, template <class> class Formula>
void rowwise(T* loss, T* dz, const T* z, const T* target, const T* weight, std::size_t rows, std::size_t cols, T scale,
             T setting) noexcept {
  using F = Formula<T>;
  if (cols == 1) return one_column<T, F>(loss, dz, z, target, weight, rows, scale, setting);
  const T columns = static_cast<T>(cols);
  for (std::size_t i = 0; i < rows; ++i, z += cols, target += cols) {
    const Vec<T> factor = broadcast<T>(F::scaled(weight != nullptr ? scale * weight[i] : scale, columns, setting));
    const auto term_at = [&](auto at) __attribute__((always_inline)) {
      const Term<T> term = F::at(at.load(z), at.load(target), setting);
      if (dz != nullptr) at.template store<T>(dz, factor * term.slope);
      return term.loss;
    };
    loss[i] = F::scaled(long_row_sum<T, F::buffered>(cols, term_at), columns, setting);
    if (dz != nullptr) dz += cols;
  }
}

// The table row of a formula.
template <template <class> class Formula>
constexpr Both<Loss> rowwise_loss(const char* name) {
  return {{name, rowwise<float, Formula>, nullptr}, {name, rowwise<double, Formula>, nullptr}};
}

// t v, where 0 times an infinity is 0: what a probability of zero contributes
template <class T>
RAVINE_INLINE Vec<T> weighted(Vec<T> t, Vec<T> v) {
  return select<T>((t == 0) & (v == v), Vec<T>{}, t * v);
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
