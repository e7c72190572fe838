// Products with sparse rows, and rows taken from a table.
#include <type_traits>

#include "kernels/products/finish.h"
#include "kernels/signatures/rows.h"
#include "kernels/signatures/sparse.h"
#include "kernels/tuning.h"
#include "kernels/vec/ranges.h"

namespace ravine::RAVINE_ISA {
namespace {

// --------------------------------------------------------------------------------------------------- by rows

// The terms of row i.
struct Terms {
  std::size_t begin = 0, end = 0;
};

template <class T>
RAVINE_INLINE Terms terms_of(const SparseRows<T>& a, std::size_t i) {
  const std::int64_t* const start = a.start + (a.row ? a.row[i] : i);
  return {static_cast<std::size_t>(start[0]), static_cast<std::size_t>(start[1])};
}

// Asks for the row of b that comes `sparse_terms_ahead` terms later, in this row of a or in the next.
template <class T>
struct Ahead {
  const SparseRows<T>& a;
  const std::size_t end;
  const Terms next;

  // Forced inline, since GCC drops the call of a function that does nothing but prefetch.
  RAVINE_INLINE void prefetch(std::size_t p, const T* b, std::size_t ldb, std::size_t elements) const noexcept {
    std::size_t q = p + sparse_terms_ahead;
    if (q >= end) {
      q = next.begin + (q - end);
      if (q >= next.end) return;
    }
    const T* const row = b + static_cast<std::size_t>(a.column[q]) * ldb;
    for (std::size_t e = 0; e < elements; e += 64 / sizeof(T)) __builtin_prefetch(row + e);
  }
};

// `vectors` vectors of columns of every row: the terms of one slice of k are a chain of fused multiply-adds from zero,
// the slices are added in ascending order.
template <class T, std::size_t vectors, class At>
void strip_of_rows(T* c, const SparseRows<T>& a, const T* b, std::size_t m, std::size_t ldc, std::size_t ldb,
                   const T* bias, Finish finish, At at) noexcept {
  for (std::size_t i = 0; i < m; ++i) {
    const auto [begin, end] = terms_of(a, i);
    const Ahead<T> ahead{a, end, i + 1 < m ? terms_of(a, i + 1) : Terms{}};
    Vec<T> total[vectors] = {};
    for (std::size_t p = begin; p < end;) {
      const std::size_t slice = static_cast<std::size_t>(a.column[p]) / product_slice;
      Vec<T> sum[vectors] = {};
      do {
        const Vec<T> element = broadcast<T>(a.value[p]);
        const T* const row = b + static_cast<std::size_t>(a.column[p]) * ldb;
        ahead.prefetch(p, b + at.first, ldb, vectors * lanes<T>);
#pragma GCC unroll 8
        for (std::size_t v = 0; v < vectors; ++v) sum[v] = fma(element, at.load(row + v * lanes<T>), sum[v]);
        ++p;
      } while (p < end && static_cast<std::size_t>(a.column[p]) / product_slice == slice);
#pragma GCC unroll 8
      for (std::size_t v = 0; v < vectors; ++v) total[v] = total[v] + sum[v];
    }
    T* const to = c + i * ldc;
#pragma GCC unroll 8
    for (std::size_t v = 0; v < vectors; ++v) {
      Vec<T> y = total[v];
      if (bias) y = y + at.load(bias + v * lanes<T>);
      if (finish == Finish::relu) y = relu_of<T>(y);
      at.template store<T>(to + v * lanes<T>, y);
    }
  }
}

// Calls strip(vectors, at) for neighbouring columns, as many vectors at a time as are left, of 8, 4, 2 or 1.
template <class T, std::size_t vectors, class Strip>
RAVINE_INLINE void each_strip(std::size_t& j, std::size_t n, Strip&& strip) {
  for (; j + vectors * lanes<T> <= n; j += vectors * lanes<T>)
    strip(std::integral_constant<std::size_t, vectors>{}, FullVector{j});
  if constexpr (vectors > 1)
    each_strip<T, vectors / 2>(j, n, strip);
  else if (j < n)
    strip(std::integral_constant<std::size_t, 1>{}, LastVector{j, n - j}), j = n;
}

template <class T>
void rows_product(T* c, const SparseRows<T>& a, const T* b, std::size_t m, std::size_t n, std::size_t ldc,
                  std::size_t ldb, const T* bias, Finish finish) noexcept {
  std::size_t j = 0;
  each_strip<T, sparse_vectors>(
      j, n, [&](auto vectors, auto at) { strip_of_rows<T, vectors.value>(c, a, b, m, ldc, ldb, bias, finish, at); });
}

// ------------------------------------------------------------------------------------------------- by columns

// The open branches of the tree over slices, for `vectors` vectors of a sum. Slices without terms are zero and are left
// out: two branches join once a slice comes that is not below the node where they meet. Which node that is tells the
// highest bit in which the numbers of a slice of each differ.
template <class T, std::size_t vectors>
struct Branches {
  static constexpr std::size_t most = 22;  // of 2^20 slices
  Vec<T> sum[most][vectors];
  std::size_t slice[most];
  std::size_t open = 0;

  RAVINE_INLINE void join() {
    --open;
#pragma GCC unroll 8
    for (std::size_t v = 0; v < vectors; ++v) sum[open - 1][v] = sum[open - 1][v] + sum[open][v];
  }

  // Joins what meets below the node where the last branch meets slice s.
  RAVINE_INLINE void close_before(std::size_t s) {
    while (open > 1 && __builtin_clzll(slice[open - 2] ^ slice[open - 1]) > __builtin_clzll(slice[open - 1] ^ s))
      join();
  }
};

// The list from `t` on, as one row of `vectors` vectors of c.
template <class T, std::size_t vectors, class At>
RAVINE_INLINE void sum_of_list(T* c, const ColumnTerm<T>* term, std::uint32_t t, const T* b, std::size_t ldb,
                               std::size_t batch_slice, At at) noexcept {
  Branches<T, vectors> branches;
  do {
    const std::size_t s = term[t].row / batch_slice, first = s * batch_slice, end = first + batch_slice;
    branches.close_before(s);
    Vec<T> total[vectors] = {};
    do {
      const std::size_t cut = first + ((term[t].row - first) / product_slice + 1) * product_slice;
      const std::size_t chain_end = cut < end ? cut : end;
      Vec<T> sum[vectors] = {};
      do {
        const Vec<T> element = broadcast<T>(term[t].value);
        const T* const row = b + term[t].row * ldb;
#pragma GCC unroll 8
        for (std::size_t v = 0; v < vectors; ++v) sum[v] = fma(element, at.load(row + v * lanes<T>), sum[v]);
        t = term[t].next;
      } while (t != no_term && term[t].row < chain_end);
#pragma GCC unroll 8
      for (std::size_t v = 0; v < vectors; ++v) total[v] = total[v] + sum[v];
    } while (t != no_term && term[t].row < end);
    branches.slice[branches.open] = s;
#pragma GCC unroll 8
    for (std::size_t v = 0; v < vectors; ++v) branches.sum[branches.open][v] = total[v];
    ++branches.open;
  } while (t != no_term);
  while (branches.open > 1) branches.join();
#pragma GCC unroll 8
  for (std::size_t v = 0; v < vectors; ++v) at.template store<T>(c + v * lanes<T>, branches.sum[0][v]);
}

// Asks for what column k + sparse_columns_ahead of the list needs, and for where the list of one as much later begins.
// Forced inline, as above.
template <class T>
RAVINE_INLINE void prefetch_column(const T* c, const ColumnTerms<T>& a, std::size_t k, std::size_t end, std::size_t ldc,
                                   std::size_t elements) noexcept {
  if (k + 2 * sparse_columns_ahead < end) __builtin_prefetch(a.first + a.column[k + 2 * sparse_columns_ahead]);
  if (k + sparse_columns_ahead >= end) return;
  const std::size_t column = a.column[k + sparse_columns_ahead];
  __builtin_prefetch(a.term + a.first[column]);
  for (std::size_t e = 0; e < elements; e += 64 / sizeof(T)) __builtin_prefetch(c + column * ldc + e, 1);
}

template <class T>
void columns_product(T* c, const ColumnTerms<T>& a, const T* b, std::size_t first, std::size_t count, std::size_t n,
                     std::size_t ldc, std::size_t ldb, std::size_t batch_slice) noexcept {
  const std::size_t slice = batch_slice > 0 ? batch_slice : std::size_t{1} << 32;
  std::size_t j = 0;
  each_strip<T, sparse_vectors>(j, n, [&](auto vectors, auto at) {
    for (std::size_t k = first; k < first + count; ++k) {
      const std::size_t column = a.column[k];
      prefetch_column(c + at.first, a, k, first + count, ldc, vectors.value * lanes<T>);
      sum_of_list<T, vectors.value>(c + column * ldc, a.term, a.first[column], b, ldb, slice, at);
    }
  });
}

// ---------------------------------------------------------------------------------------------------- the rest

// Term j of a dense row goes to lane j % row_lanes of its chunk.
template <class T>
double sum_squares(const T* value, const std::int32_t* column, std::size_t count) noexcept {
  constexpr auto chunk = static_cast<std::int32_t>(sum_chunk);
  double sum = 0.0;
  for (std::size_t p = 0; p < count;) {
    const std::int32_t end = column[p] - column[p] % chunk + (chunk - 1);
    T lane[row_lanes] = {};
    for (; p < count && column[p] <= end; ++p)
      lane[static_cast<std::size_t>(column[p]) % row_lanes] += value[p] * value[p];
    for (std::size_t half = row_lanes / 2; half > 0; half /= 2)
      for (std::size_t l = 0; l < half; ++l) lane[l] += lane[l + half];
    sum += static_cast<double>(lane[0]);
  }
  return sum;
}

template <class T>
void gather_rows(T* c, const T* id, const T* table, std::size_t count, std::size_t n) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    const T* const from = table + static_cast<std::size_t>(id[i]) * n;
    T* const to = c + i * n;
    each_vector<T>(n, [&](auto at) __attribute__((always_inline)) { at.template store<T>(to, at.load(from)); });
  }
}

template <class T>
constexpr SparseKernels<T> kernels_for() {
  return {rows_product<T>, columns_product<T>, sum_squares<T>, gather_rows<T>};
}

}  // namespace

extern constinit const Both<SparseKernels> sparse_kernels = {kernels_for<float>(), kernels_for<double>()};

}  // namespace ravine::RAVINE_ISA
