// The terms of some sparse rows by columns, for the gradient by the weights: only columns that occur are looked at.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "engine/arena.h"
#include "engine/pass.h"

namespace ravine {

template <class T>
class ColumnLists {
 public:
  // Makes room for `terms` terms in columns below `columns`; what gradients hold is unknown from here on.
  void prepare(std::size_t columns, std::size_t terms) {
    if (terms >= no_term)
      throw std::length_error("a batch of " + std::to_string(terms) + " terms is too large: it may have 2^32 - 2");
    if (first_.size() < columns) {
      count_ = 0;
      first_ = Block<std::uint32_t>();
      for (Block<std::uint32_t>& block : column_) block.grow(columns, false);
      first_.grow(columns, false);
      std::fill_n(first_.data(), columns, no_term);
    }
    terms_.grow(terms, false);
    all_stale_ = true;
  }

  // Lists the terms of rows [0, rows).
  void build(const SparseRows<T>& x, std::size_t rows) noexcept {
    begin();
    std::uint32_t t = 0;
    for (std::size_t i = rows; i-- > 0;) {
      const std::int64_t* const start = x.start + (x.row ? x.row[i] : i);
      for (std::int64_t p = start[0]; p < start[1]; ++p) add(t++, static_cast<std::size_t>(x.column[p]), x.value[p], i);
    }
  }

  // Lists rows with a 1 in column id[i] each.
  void build(const T* id, std::size_t rows) noexcept {
    begin();
    std::uint32_t t = 0;
    for (std::size_t i = rows; i-- > 0;) add(t++, static_cast<std::size_t>(id[i]), T{1}, i);
  }

  // The columns that were listed last.
  std::span<const std::uint32_t> columns() const { return {column_[0].data(), count_}; }

  // What was listed last. The next list is for a gradient in the same place, where only this one's rows are written.
  InputColumns<T> listed(bool others_write) noexcept {
    const bool unknown = std::exchange(all_stale_, others_write) || others_write;
    return {{terms_.data(), column_[0].data(), first_.data()}, count_, column_[1].data(), stale_count_, unknown};
  }

 private:
  void begin() noexcept {
    for (std::size_t k = 0; k < count_; ++k) first_.data()[column_[0].data()[k]] = no_term;
    std::swap(column_[0], column_[1]);
    stale_count_ = std::exchange(count_, 0);
  }

  // Rows come in descending order, so that a list begins with its first.
  void add(std::uint32_t t, std::size_t column, T value, std::size_t row) noexcept {
    std::uint32_t& first = first_.data()[column];
    if (first == no_term) column_[0].data()[count_++] = static_cast<std::uint32_t>(column);
    terms_.data()[t] = {value, static_cast<std::uint32_t>(row), first};
    first = t;
  }

  Block<std::uint32_t> first_;                  // (columns): where each column's list begins; no_term where it is empty
  std::array<Block<std::uint32_t>, 2> column_;  // the columns that are not, and those of the list before
  Block<ColumnTerm<T>> terms_;
  std::size_t count_ = 0, stale_count_ = 0;
  bool all_stale_ = true;
};

}  // namespace ravine
