// Products with sparse rows, and rows of a table.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/signatures/finish.h"

namespace ravine {

// Rows of a sparse matrix. Row i, or row row[i] where `row` is not null, has the terms start[.] <= p < start[. + 1]:
// value[p] in column column[p], in strictly ascending columns.
template <class T>
struct SparseRows {
  const T* value = nullptr;
  const std::int32_t* column = nullptr;
  const std::int64_t* start = nullptr;
  const std::uint32_t* row = nullptr;
};

// The same terms by columns: those of one column are a list in ascending order of rows.
template <class T>
struct ColumnTerm {
  T value;
  std::uint32_t row;
  std::uint32_t next;  // the column's next term, or no_term
};
inline constexpr std::uint32_t no_term = 0xFFFFFFFF;

template <class T>
struct ColumnTerms {
  const ColumnTerm<T>* term;
  const std::uint32_t* column;  // the columns that have terms, in any order
  const std::uint32_t* first;   // where the list of each of all columns begins
};

// The sums are those of the dense products, term by term: a fused multiply-add with a factor 0 leaves its sum as it is.
// So their bits are the same where b is finite, but for the sign of a zero that a term too small for T leaves.
template <class T>
struct SparseKernels {
  // c (m, n) = finish(a b + bias), b (columns, n); finish: none or relu
  void (*rows_product)(T* c, const SparseRows<T>& a, const T* b, std::size_t m, std::size_t n, std::size_t ldc,
                       std::size_t ldb, const T* bias, Finish finish) noexcept;
  // c[j] = sum_i a[i, j] b[i] for the `count` columns a.column[first ...]; other rows of c stay as they are. The rows i
  // are cut every batch_slice (0: not), the slices are added in a balanced tree; up to 2^20 of them.
  void (*columns_product)(T* c, const ColumnTerms<T>& a, const T* b, std::size_t first, std::size_t count,
                          std::size_t n, std::size_t ldc, std::size_t ldb, std::size_t batch_slice) noexcept;
  // sum_p value[p]^2 over one row, with the bits of VectorKernels::sum_squares over its columns
  double (*sum_squares)(const T* value, const std::int32_t* column, std::size_t count) noexcept;
  // c[i] = table[id[i]], `count` rows of `n`; id holds whole numbers that are rows of the table
  void (*gather_rows)(T* c, const T* id, const T* table, std::size_t count, std::size_t n) noexcept;
};

}  // namespace ravine
