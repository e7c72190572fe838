// The numbers that flow through a network for a range of rows, and the cuts that decide the bits of a sum over them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/signatures/frozen.h"
#include "kernels/signatures/sparse.h"

namespace ravine {

// A sum over a batch is cut into slices of this many rows, at most 16, added in a balanced tree: `least` rows, or as
// many multiples of 8 (of `least`, where that is less than usual) as it takes. Bits depend on it.
inline constexpr std::size_t usual_batch_slice = 32;
inline constexpr std::size_t most_batch_slices = 16;
constexpr std::size_t batch_slice(std::size_t rows, std::size_t least = usual_batch_slice) {
  const std::size_t unit = least < usual_batch_slice ? least : 8, all = most_batch_slices * unit;
  return std::max(least, unit * ((rows + all - 1) / all));
}
constexpr std::size_t batch_slices(std::size_t rows, std::size_t least = usual_batch_slice) {
  return (rows + batch_slice(rows, least) - 1) / batch_slice(rows, least);
}

// A gradient's sum over a batch is cut into the same slices, but for networks of more weights than this, whose
// gradients are never copied for groups of rows (plan.cpp): nothing gains there from slices shorter than a product's.
// Nets of images keep theirs. Bits depend on it.
inline constexpr std::size_t most_copied_weights = std::size_t{1} << 17;
constexpr std::size_t gradient_slice(std::size_t rows, std::size_t least, std::size_t weights) {
  const bool whole = weights > most_copied_weights && least == usual_batch_slice;
  return std::max(batch_slice(rows, least), whole ? product_slice : 0);
}

// The sum of `count` values, pairs level by level, an odd one passing through. Overwrites them.
inline double tree_sum(double* value, std::size_t count) noexcept {
  for (; count > 1; count = (count + 1) / 2)
    for (std::size_t i = 0; i < (count + 1) / 2; ++i)
      value[i] = 2 * i + 1 < count ? value[2 * i] + value[2 * i + 1] : value[2 * i];
  return count > 0 ? value[0] : 0.0;
}

// The statistics of a batch's channels are summed in slices of their own, for a few images hold as many values as many
// rows do: at most 16, of at least 32 values each. Bits depend on it.
constexpr std::size_t norm_slice(std::size_t rows, std::size_t positions) {
  return std::max((31 + positions) / positions, (rows + most_batch_slices - 1) / most_batch_slices);
}
constexpr std::size_t norm_slices(std::size_t rows, std::size_t positions) {
  return (rows + norm_slice(rows, positions) - 1) / norm_slice(rows, positions);
}

// Calls join(a, b) for the pairs of a balanced tree over `count` things: what b is goes into a, all of it into 0.
template <class Join>
void join_tree(std::size_t count, Join&& join) {
  for (std::size_t reach = 1; reach < count; reach *= 2)
    for (std::size_t i = 0; i + reach < count; i += 2 * reach) join(i, i + reach);
}

// One part of an operation's output: `index` of `count` cuts of its columns.
struct Part {
  std::size_t index = 0;
  std::size_t count = 1;
};

// A range of columns.
struct Span {
  std::size_t first;
  std::size_t count;
};

// Part of `size` columns, in whole multiples of `unit`.
constexpr Span span_of(Part part, std::size_t size, std::size_t unit) {
  const std::size_t units = (size + unit - 1) / unit;
  const std::size_t first = std::min(size, units * part.index / part.count * unit);
  const std::size_t end = std::min(size, units * (part.index + 1) / part.count * unit);
  return {first, end - first};
}

// The terms of the network's input by columns, for a gradient that is zero in the rows of all other columns.
template <class T>
struct InputColumns {
  ColumnTerms<T> terms{};
  std::size_t count = 0;                 // of terms.column
  const std::uint32_t* stale = nullptr;  // columns whose rows of the gradient the pass before has written
  std::size_t stale_count = 0;
  bool all_stale = true;  // any row may hold something
};

// The values of every operation's output, and the gradients of the loss by them, for rows [first_row, first_row + n) of
// a batch. Value 0 is the network's input; where that is sparse, `sparse` has its rows, and it has no value.
template <class T>
struct Pass {
  SparseRows<T> sparse{};
  InputColumns<T> columns{};
  std::vector<T*> value;
  std::vector<T*> dvalue;
  std::vector<T*> saved;  // what each operation keeps besides
  T* row_loss = nullptr;
  T* row_metric = nullptr;
  T* target = nullptr;
  std::int32_t* label = nullptr;
  T* weight = nullptr;        // null: ones
  std::size_t first_row = 0;  // the index of row 0 in the batch: keys dropout and noise
  std::uint64_t step = 0;
  bool training = false;
  bool lanes = false;  // values that may be in lanes are
  bool fused = false;  // an operation that may work for the next one does
};

}  // namespace ravine
