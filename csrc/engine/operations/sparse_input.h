// What operations do with an input of which each row touches few rows of the weights: sparse rows, or ids.
#pragma once

#include <algorithm>
#include <cstddef>

#include "engine/pass.h"

namespace ravine {

// The rows from row `first` on.
template <class T>
SparseRows<T> rows_from(const SparseRows<T>& x, std::size_t first) {
  if (x.row) return {x.value, x.column, x.start, x.row + first};
  return {x.value, x.column, x.start + first, nullptr};
}

// |x|^2 of row i.
template <class T>
double squared_length(const SparseRows<T>& x, std::size_t i, const SparseKernels<T>& kernels) noexcept {
  const std::int64_t* const start = x.start + (x.row ? x.row[i] : i);
  return kernels.sum_squares(x.value + start[0], x.column + start[0], static_cast<std::size_t>(start[1] - start[0]));
}

// dweight (rows, units) = x^T dy from x's terms by columns. A part writes the rows of its share of the columns that
// have terms, and zeros where the pass before has left something; all parts together leave dweight whole.
template <class T>
void gradient_by_columns(T* dweight, const InputColumns<T>& x, const T* dy, std::size_t rows, std::size_t units,
                         std::size_t slice, Part part, const SparseKernels<T>& kernels) noexcept {
  const auto clear = [&](std::size_t column) {
    if (x.terms.first[column] == no_term) std::fill_n(dweight + column * units, units, T{0});
  };
  const Span stale = span_of(part, x.all_stale ? rows : x.stale_count, 1);
  for (std::size_t k = stale.first; k < stale.first + stale.count; ++k) clear(x.all_stale ? k : x.stale[k]);
  const Span own = span_of(part, x.count, 1);
  kernels.columns_product(dweight, x.terms, dy, own.first, own.count, units, units, units, slice);
}

}  // namespace ravine
