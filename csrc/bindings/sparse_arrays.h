// The three arrays of a matrix in CSR form, checked so that no kernel can leave them, and ids.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bindings/arrays.h"
#include "kernels/kernels.h"

namespace ravine::bindings {

// Column indices [first, end) must be strictly ascending and below `columns`.
inline void require_ascending(const Array<std::int32_t>& column, std::size_t first, std::size_t end,
                              std::size_t columns) {
  const std::int32_t* const index = column.data();
  bool fine = first >= end || index[first] >= 0;
  for (std::size_t p = first + 1; p < end; ++p) fine &= index[p - 1] < index[p];
  if (fine && (first >= end || static_cast<std::size_t>(index[end - 1]) < columns)) return;
  for (std::size_t p = first; p < end; ++p) {
    if (index[p] < 0 || static_cast<std::size_t>(index[p]) >= columns)
      throw py::value_error(column.name() + " hold the column " + std::to_string(index[p]) + ", allowed are [0, " +
                            std::to_string(columns) + ")");
    if (p > first && index[p - 1] >= index[p])
      throw py::value_error(column.name() + " must ascend in each row, got " + std::to_string(index[p]) + " after " +
                            std::to_string(index[p - 1]));
  }
}

// Ids must be whole numbers in [0, rows).
template <class T>
void require_ids(const Array<T>& ids, std::size_t rows) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const T id = ids.data()[i];
    if (id >= T{0} && id < static_cast<T>(rows) && id == std::trunc(id)) continue;
    const py::float_ found(static_cast<double>(id));
    throw py::value_error(ids.name() + " must hold ids, whole numbers in [0, " + std::to_string(rows) + "), got " +
                          text(py::repr(found)));
  }
}

template <class T>
class SparseArrays {
 public:
  SparseArrays(const SparseArrays&) = delete;
  SparseArrays& operator=(const SparseArrays&) = delete;
  SparseArrays(py::handle values, py::handle indices, py::handle indptr, std::size_t columns)
      : data(values, "data"), column_(indices, "indices") {
    data.require_ndim(1, 1);
    column_.require_shape_of(data);
    const py::array bounds = as_array(indptr, "indptr");
    if (holds<std::int32_t>(bounds)) {
      const Array<std::int32_t> narrow(indptr, "indptr");
      copy_.assign(narrow.data(), narrow.data() + narrow.size());
    } else {
      wide_.emplace(indptr, "indptr");
    }
    start_ = wide_ ? wide_->data() : copy_.data();
    const std::size_t entries = wide_ ? wide_->size() : copy_.size();
    if (bounds.ndim() != 1 || entries == 0)
      throw py::value_error("indptr must have 1 dimension and an entry at least, got shape " + text(shape_of(bounds)));
    count_ = entries - 1;
    if (start_[0] < 0 || start_[count_] > static_cast<std::int64_t>(data.size()))
      throw py::value_error("indptr must lie in [0, " + std::to_string(data.size()) + "], got " +
                            std::to_string(start_[0] < 0 ? start_[0] : start_[count_]));
    for (std::size_t i = 0; i < count_; ++i) {
      if (start_[i] > start_[i + 1])
        throw py::value_error("indptr must not descend, got " + std::to_string(start_[i + 1]) + " after " +
                              std::to_string(start_[i]));
    }
    for (std::size_t i = 0; i < count_; ++i)
      require_ascending(column_, static_cast<std::size_t>(start_[i]), static_cast<std::size_t>(start_[i + 1]), columns);
    constexpr std::size_t most = no_term;
    if (terms() >= most)
      throw py::value_error("a sparse matrix may have 2^32 - 2 terms, got " + std::to_string(terms()));
  }

  SparseRows<T> rows() const { return {data.data(), column_.data(), start_, nullptr}; }
  std::size_t count() const { return count_; }
  std::size_t terms() const { return static_cast<std::size_t>(start_[count_] - start_[0]); }

  const Array<T> data;

 private:
  const Array<std::int32_t> column_;
  std::optional<Array<std::int64_t>> wide_;
  std::vector<std::int64_t> copy_;
  const std::int64_t* start_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace ravine::bindings
