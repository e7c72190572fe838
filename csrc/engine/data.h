// What a run reads: whole arrays, and the rows of a batch in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/network.h"
#include "engine/pass.h"
#include "kernels/signatures/metrics.h"

namespace ravine {

template <class T>
class Sampler;

template <class T>
struct Data {
  const T* x = nullptr;    // (rows, inputs), or
  SparseRows<T> sparse{};  // as many rows, start not null
  std::size_t rows = 0;
  const T* target = nullptr;            // (rows, units), or
  const std::int32_t* label = nullptr;  // (rows), or
  const T* doutput = nullptr;           // (rows, units): the gradient by the output, instead of a loss
  const T* weight = nullptr;            // (rows), or null: ones
  Sampler<T>* sampler = nullptr;        // draws a run's rows; null: they come in the epoch's order

  bool is_sparse() const { return sparse.start; }
  // The mean number of terms of a sparse row, at least 1; 0 for dense rows.
  std::size_t terms_a_row() const {
    return is_sparse() && rows > 0 ? static_cast<std::size_t>(sparse.start[rows] - sparse.start[0]) / rows + 1 : 0;
  }
};

template <class T>
struct MetricChoice {
  const Metric<T>* metric;
  double setting;
};

// Rows [first, first + rows) of the order, or of the data where `order` is null.
struct Batch {
  const std::uint32_t* order;
  std::size_t first;
  std::size_t rows;

  std::size_t row(std::size_t i) const { return order ? order[first + i] : first + i; }
};

// A call of memcpy costs more than a few elements do.
template <class T>
void copy_row(T* to, const T* from, std::size_t count) noexcept {
  if (count > 8)
    std::memcpy(to, from, count * sizeof(T));
  else
    for (std::size_t i = 0; i < count; ++i) to[i] = from[i];
}

// Points the pass at the data from row `row` on: nothing writes what it points at.
template <class T>
void point(Pass<T>& pass, const Data<T>& data, std::size_t row, std::size_t inputs, std::size_t units) noexcept {
  if (data.is_sparse())
    pass.sparse = {data.sparse.value, data.sparse.column, data.sparse.start + row, nullptr};
  else
    pass.value[0] = const_cast<T*>(data.x + row * inputs);
  if (data.label) pass.label = const_cast<std::int32_t*>(data.label + row);
  if (data.target) pass.target = const_cast<T*>(data.target + row * units);
  if (data.weight) pass.weight = const_cast<T*>(data.weight + row);
}

// Prefetches a row: rows of a shuffled batch are where no hardware prefetcher looks for them. Forced inline,
// since GCC drops the call of a function that does nothing but prefetch.
template <class T>
[[gnu::always_inline]] inline void prefetch_row(const T* row, std::size_t count) noexcept {
  constexpr std::size_t line = 64 / sizeof(T);
  for (std::size_t i = 0; i < count; i += line) __builtin_prefetch(row + i);
}

// Points the pass at the sparse rows of a shuffled batch from row `first` on, if there are any: they are not
// copied.
template <class T>
void point_sparse(Pass<T>& pass, const Data<T>& data, const Batch& batch, std::size_t first) noexcept {
  if (data.is_sparse())
    pass.sparse = {data.sparse.value, data.sparse.column, data.sparse.start, batch.order + batch.first + first};
}

// Brings rows [first, first + rows) of a shuffled batch into the pass, at row `at`, but for sparse inputs.
template <class T>
void gather(Pass<T>& pass, const Data<T>& data, const Batch& batch, std::size_t first, std::size_t rows, std::size_t at,
            std::size_t inputs, std::size_t units) noexcept {
  // about as much at a time as memory can bring at once; short rows are many to a page, and come by themselves
  constexpr std::size_t ahead_bytes = 6144, short_row_bytes = 256;
  const std::size_t bytes = inputs * sizeof(T);
  const std::size_t ahead = bytes < short_row_bytes ? rows : ahead_bytes / bytes + 1;
  for (std::size_t i = 0; i < rows; ++i) {
    const std::size_t row = batch.row(first + i), to = at + i;
    if (data.x) {
      if (i + ahead < rows) prefetch_row(data.x + batch.row(first + i + ahead) * inputs, inputs);
      copy_row(pass.value[0] + to * inputs, data.x + row * inputs, inputs);
    }
    if (data.label) pass.label[to] = data.label[row];
    if (data.target) copy_row(pass.target + to * units, data.target + row * units, units);
    if (data.weight) pass.weight[to] = data.weight[row];
  }
}

// sum w over the batch: ascending inside a slice, the slices in the tree.
template <class T>
double weight_sum(const Data<T>& data, const Batch& batch, std::size_t least_slice) noexcept {
  if (!data.weight) return static_cast<double>(batch.rows);
  const std::size_t slice = batch_slice(batch.rows, least_slice);
  double sums[most_batch_slices] = {};
  for (std::size_t i = 0; i < batch.rows; ++i) sums[i / slice] += static_cast<double>(data.weight[batch.row(i)]);
  return tree_sum(sums, batch_slices(batch.rows, least_slice));
}

}  // namespace ravine
