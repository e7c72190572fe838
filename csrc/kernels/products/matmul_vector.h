// Products with a vector: a single row, a single column, a single term. Memory bounds them: what is large is read once,
// in long runs.
#pragma once

#include <type_traits>
#include <utility>

#include "kernels/products/finish.h"
#include "kernels/signatures/matmul.h"
#include "kernels/tuning.h"
#include "kernels/vec/ranges.h"
#include "kernels/vec/shuffles.h"

namespace ravine::RAVINE_ISA {
namespace {

// What follows a sum: + bias(), then the activation, or the mask of its derivative by gate().
template <class T, class Bias, class Gate>
RAVINE_INLINE Vec<T> finished(const Matmul<T>& x, Vec<T> sum, Bias&& bias, Gate&& gate) {
  if (x.bias) sum = sum + bias();
  if (x.finish == Finish::relu) return relu_of<T>(sum);
  if (x.finish == Finish::mask) return masked<T>(sum, gate());
  return sum;
}

// --------------------------------------------------------------------------------------------------- a single row

// `vectors` vectors of a single row from column j on.
template <class T, std::size_t vectors>
void row_columns(const Matmul<T>& x, std::size_t j) noexcept {
  T* const c = x.c + j;
  for (std::size_t p = 0; p < x.k || p == 0; p += product_slice) {
    const std::size_t end = p + product_slice < x.k ? p + product_slice : x.k;
    Vec<T> sum[vectors] = {};
    for (std::size_t q = p; q < end; ++q) {
      const Vec<T> element = broadcast<T>(x.a[q]);
      const T* const b = x.b + q * x.ldb + j;
#pragma GCC unroll 16
      for (std::size_t v = 0; v < vectors; ++v) {
        sum[v] = fma(element, load<T>(b + v * lanes<T>), sum[v]);
      }
    }
    const bool add_c = x.accumulate || p > 0, last = end == x.k;
#pragma GCC unroll 16
    for (std::size_t v = 0; v < vectors; ++v) {
      const std::size_t i = v * lanes<T>;
      const Vec<T> total = add_c ? load<T>(c + i) + sum[v] : sum[v];
      const auto bias = [&] { return load<T>(x.bias + j + i); };
      const auto gate = [&] { return load<T>(x.gate + j + i); };
      store<T>(c + i, last ? finished<T>(x, total, bias, gate) : total);
    }
  }
}

// sum (n), or zeros if `first`, + `terms` rows of b times as many elements of a.
template <class T, std::size_t terms>
void add_rows(T* __restrict sum, const T* a, const T* b, std::size_t ldb, std::size_t n, bool first) noexcept {
  each_vector<T>(n, [&](auto at) __attribute__((always_inline)) {
    Vec<T> total = first ? Vec<T>{} : at.load(sum);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < terms; ++r) total = fma(broadcast<T>(a[r]), at.load(b + r * ldb), total);
    at.template store<T>(sum, total);
  });
}

// `n` columns of a single row from column j on, b read by whole rows.
template <class T>
void row_stream(const Matmul<T>& x, std::size_t j, std::size_t n) noexcept {
  T* const c = x.c + j;
  for (std::size_t p = 0; p < x.k; p += product_slice) {
    const std::size_t end = p + product_slice < x.k ? p + product_slice : x.k;
    T* const sum = p > 0 || x.accumulate ? x.workspace : c;
    std::size_t q = p;
    for (; q + rows_together <= end; q += rows_together)
      add_rows<T, rows_together>(sum, x.a + q, x.b + q * x.ldb + j, x.ldb, n, q == p);
    for (; q < end; ++q) add_rows<T, 1>(sum, x.a + q, x.b + q * x.ldb + j, x.ldb, n, q == p);
    const bool last = end == x.k;
    if (sum == c && !last) continue;
    each_vector<T>(n, [&](auto at) __attribute__((always_inline)) {
      const auto bias = [&] { return at.load(x.bias + j); };
      const auto gate = [&] { return at.load(x.gate + j); };
      const Vec<T> total = sum == c ? at.load(c) : at.load(c) + at.load(sum);
      at.template store<T>(c, last ? finished<T>(x, total, bias, gate) : total);
    });
  }
}

// The first columns of a single row, as many as come in whole vectors by fours, or all; returns how many.
template <class T>
std::size_t row_product(const Matmul<T>& x) noexcept {
  constexpr std::size_t most = row_vectors, least = least_row_vectors;
  std::size_t j = 0;
  if (x.k * x.n * sizeof(T) > far_b_bytes) {
    for (; j < x.n; j += streamed_cols) row_stream<T>(x, j, x.n - j < streamed_cols ? x.n - j : streamed_cols);
    return x.n;
  }
  for (; x.n - j >= most * lanes<T>; j += most * lanes<T>) row_columns<T, most>(x, j);
  for (; x.n - j >= least * lanes<T>; j += least * lanes<T>) row_columns<T, least>(x, j);
  return j;
}

// ------------------------------------------------------------------------------------------------ a single column

// Whether c and the gate are one column without gaps, of a vector at least.
template <class T>
bool is_column(const Matmul<T>& x) noexcept {
  return x.n == 1 && x.ldc == 1 && (!x.gate || x.ldgate == 1) && x.m >= lanes<T>;
}

// Adds `depth` terms to a vector of rows' sums: a square of a, transposed, so that lanes are rows and each row's terms
// come in ascending order.
template <class T, bool whole>
RAVINE_INLINE void add_square(Vec<T>& sum, const T* a, std::size_t lda, const T* b, std::size_t ldb, std::size_t rows,
                              std::size_t depth) {
  const auto add = [&](const auto& full) __attribute__((always_inline)) {
    Vec<T> terms[lanes<T>];
#pragma GCC unroll 16
    for (std::size_t r = 0; r < lanes<T>; ++r) {
      const T* const row = a + r * lda;
      terms[r] = !whole && r >= rows ? Vec<T>{} : full ? load<T>(row) : load_first<T>(row, depth);
    }
    transpose<T>(terms);
#pragma GCC unroll 16
    for (std::size_t r = 0; r < lanes<T>; ++r)
      if (full || r < depth) sum = fma(terms[r], broadcast<T>(b[r * ldb]), sum);
  };
  depth == lanes<T> ? add(std::true_type{}) : add(std::false_type{});
}

// Vectors of rows of a single column from row i on, `group` of them, the last of `rows` rows unless `whole`: one
// group's squares are transposed while another's chain waits.
template <class T, bool whole, std::size_t... group>
void column_rows(const Matmul<T>& x, std::size_t i, std::size_t rows, std::index_sequence<group...>) noexcept {
  constexpr std::size_t side = lanes<T>;
  const auto at = [&](const T* p)
                      __attribute__((always_inline)) { return whole ? load<T>(p) : load_first<T>(p, rows); };
  Vec<T> total[] = {(x.accumulate ? at(x.c + i + group * side) : Vec<T>{})...};
  for (std::size_t p = 0; p < x.k || p == 0; p += product_slice) {
    const std::size_t end = p + product_slice < x.k ? p + product_slice : x.k;
    Vec<T> sum[sizeof...(group)] = {};
    for (std::size_t q = p; q < end; q += side) {
      const std::size_t depth = end - q < side ? end - q : side;
      const T* const a = x.a + i * x.lda + q;
      const T* const b = x.b + q * x.ldb;
      (add_square<T, whole>(sum[group], a + group * side * x.lda, x.lda, b, x.ldb, rows, depth), ...);
    }
    ((total[group] = x.accumulate || p > 0 ? total[group] + sum[group] : sum[group]), ...);
  }
  const auto end = [&](Vec<T> sum, std::size_t first) __attribute__((always_inline)) {
    const auto bias = [&] { return broadcast<T>(*x.bias); };
    const auto gate = [&] { return at(x.gate + first); };
    sum = finished<T>(x, sum, bias, gate);
    whole ? store<T>(x.c + first, sum) : store_first<T>(x.c + first, sum, rows);
  };
  (end(total[group], i + group * side), ...);
}

template <class T>
void column_product(const Matmul<T>& x) noexcept {
  std::size_t i = 0;
  for (; i + 2 * lanes<T> <= x.m; i += 2 * lanes<T>)
    column_rows<T, true>(x, i, lanes<T>, std::make_index_sequence<2>{});
  for (; i + lanes<T> <= x.m; i += lanes<T>) column_rows<T, true>(x, i, lanes<T>, std::make_index_sequence<1>{});
  if (i < x.m) column_rows<T, false>(x, i, x.m - i, std::make_index_sequence<1>{});
}

// --------------------------------------------------------------------------------------------------- a single term

// k = 1: every row of c is b's only row times one element of a, `step` apart.
template <class T>
void outer_product(const Matmul<T>& product, std::size_t step) noexcept {
  const Matmul<T> x = product;  // in registers: no store to c can change it
  for (std::size_t i = 0; i < x.m; ++i) {
    const Vec<T> element = broadcast<T>(x.a[i * step]);
    T* const c = x.c + i * x.ldc;
    each_vector<T>(x.n, [&](auto at) __attribute__((always_inline)) {
      Vec<T> sum = fma(element, at.load(x.b), Vec<T>{});
      if (x.accumulate) sum = at.load(c) + sum;
      const auto bias = [&] { return at.load(x.bias); };
      const auto gate = [&] { return at.load(x.gate + i * x.ldgate); };
      at.template store<T>(c, finished<T>(x, sum, bias, gate));
    });
  }
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
