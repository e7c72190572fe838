#include <cstring>

#include "bindings/arrays.h"
#include "bindings/function.h"
#include "bindings/kernels.h"
#include "bindings/sparse_arrays.h"
#include "engine/column_lists.h"

namespace ravine::bindings::sparse_kernels {
namespace {

constexpr std::size_t most_slices = std::size_t{1} << 20;

void bind_rows_product(py::module_& module, const InstructionSet& set) {
  add_function(
      module, "csr_matmul",
      "(data: Array, indices: NDArray[np.int32], indptr: Array, b: Array, *, bias: Array | None = None, finish: str = "
      "'none', out: Array | None = None) -> Array",
      "finish(A b + bias), A (m, k) sparse with the rows `data`, `indices`, `indptr` of CSR form, b (k, n).\n\n"
      "finish: 'none' or 'relu'. indices: int32, ascending in each row; indptr: int32 or int64.",
      set,
      [](const InstructionSet& set, const py::object& data, const py::object& indices, const py::object& indptr,
         const py::object& b, const py::object& bias, const std::string& finish, const py::object& out) {
        return by_dtype(data, "data", [&]<class T>() -> py::object {
          const Array<T> right(b, "b", "data");
          right.require_ndim(2, 2);
          const SparseArrays<T> a(data, indices, indptr, right.rows());
          if (finish != "none" && finish != "relu")
            throw py::value_error("finish must be 'none' or 'relu', got '" + finish + "'");
          Array<T> c = output<T>(out, {static_cast<py::ssize_t>(a.count()), right.length(1)},
                                 "the rows of the sparse matrix and the columns of b", "data");
          c.require_apart(right).require_apart(a.data);
          std::optional<Array<T>> added;
          if (!bias.is_none()) {
            added.emplace(bias, "bias", "data");
            added->require_shape({right.length(1)}, "the columns of b");
            c.require_apart(*added);
          }
          without_gil([&, p = c.mutable_data()] {
            set.kernels<T>().sparse->rows_product(p, a.rows(), right.data(), a.count(), right.cols(), right.cols(),
                                                  right.cols(), added ? added->data() : nullptr,
                                                  finish == "relu" ? Finish::relu : Finish::none);
          });
          return c.object();
        });
      });
}

std::size_t slice_of(const py::object& batch_slice, std::size_t rows) {
  const auto slice = to_integer<std::size_t>(batch_slice, "batch_slice");
  if (slice > 0 && rows > 0 && (rows - 1) / slice >= most_slices)
    throw py::value_error("batch_slice=" + std::to_string(slice) + " cuts " + std::to_string(rows) +
                          " rows into more than 2^20 slices");
  return slice;
}

// sum (columns, n) = A^T dy, from A's terms by columns; rows without terms are zero.
template <class T>
py::object by_columns(const InstructionSet& set, ColumnLists<T>& lists, const Array<T>& dy, std::size_t columns,
                      std::size_t slice, const py::object& out) {
  const InputColumns<T> x = lists.listed(true);
  Array<T> sum = output<T>(out, {static_cast<py::ssize_t>(columns), dy.length(1)},
                           "the columns of the sparse matrix and those of dy", "dy");
  sum.require_apart(dy);
  without_gil([&, p = sum.mutable_data()] {
    std::memset(p, 0, sum.bytes());
    set.kernels<T>().sparse->columns_product(p, x.terms, dy.data(), 0, x.count, dy.cols(), dy.cols(), dy.cols(), slice);
  });
  return sum.object();
}

void bind_columns_product(py::module_& module, const InstructionSet& set) {
  add_function(
      module, "csr_gradient",
      "(data: Array, indices: NDArray[np.int32], indptr: Array, dy: Array, columns: int, *, batch_slice: int = 0, out: "
      "Array | None = None) -> Array",
      "A^T dy, A (m, columns) sparse as for csr_matmul, dy (m, n): the gradient by b of sum(dy * (A b)).\n\n"
      "Rows of A are cut every batch_slice (0: not), the slices are added in a balanced tree.",
      set,
      [](const InstructionSet& set, const py::object& data, const py::object& indices, const py::object& indptr,
         const py::object& dy, const py::object& columns, const py::object& batch_slice, const py::object& out) {
        return by_dtype(data, "data", [&]<class T>() -> py::object {
          const auto k = to_integer<std::uint32_t>(columns, "columns");
          const SparseArrays<T> a(data, indices, indptr, k);
          const Array<T> right(dy, "dy", "data");
          right.require_ndim(2, 2);
          right.require_shape({static_cast<py::ssize_t>(a.count()), right.length(1)}, "the rows of the sparse matrix");
          const std::size_t slice = slice_of(batch_slice, a.count());
          ColumnLists<T> lists;
          lists.prepare(k, a.terms());
          without_gil([&] { lists.build(a.rows(), a.count()); });
          return by_columns(set, lists, right, k, slice, out);
        });
      });
}

void bind_sum_squares(py::module_& module, const InstructionSet& set) {
  add_function(
      module, "csr_sum_squares", "(data: Array, indices: NDArray[np.int32]) -> float",
      "sum of data_p^2 of one sparse row, with the bits of sum_squares of the same row in full.", set,
      [](const InstructionSet& set, const py::object& data, const py::object& indices) {
        return by_dtype(data, "data", [&]<class T>() {
          const Array<T> value(data, "data");
          const Array<std::int32_t> column(indices, "indices");
          value.require_ndim(1, 1);
          column.require_shape_of(value);
          require_ascending(column, 0, column.size(), std::numeric_limits<std::int32_t>::max());
          double sum = 0.0;
          without_gil([&] { sum = set.kernels<T>().sparse->sum_squares(value.data(), column.data(), value.size()); });
          return sum;
        });
      });
}

void bind_embedding(py::module_& module, const InstructionSet& set) {
  add_function(module, "embedding", "(ids: Array, table: Array, *, out: Array | None = None) -> Array",
               "table[ids], shape (n, dim). ids (n,): whole numbers in [0, rows of table), of table's dtype.", set,
               [](const InstructionSet& set, const py::object& ids, const py::object& table, const py::object& out) {
                 return by_dtype(table, "table", [&]<class T>() -> py::object {
                   const Array<T> id(ids, "ids", "table"), rows(table, "table");
                   id.require_ndim(1, 1);
                   rows.require_ndim(2, 2);
                   require_ids(id, rows.rows());
                   Array<T> c = output<T>(out, {id.length(0), rows.length(1)}, "ids and the columns of table", "table");
                   c.require_apart(rows).require_apart(id);
                   without_gil([&, p = c.mutable_data()] {
                     set.kernels<T>().sparse->gather_rows(p, id.data(), rows.data(), id.size(), rows.cols());
                   });
                   return c.object();
                 });
               });
  add_function(
      module, "embedding_gradient",
      "(ids: Array, dy: Array, rows: int, *, batch_slice: int = 0, out: Array | None = None) -> Array",
      "The gradient by the table of sum(dy * embedding(ids, table)), shape (rows, dim): row r is the sum of the dy[i] "
      "with ids[i] = r,\nin the order of the product with one-hot rows. ids (n,), dy (n, dim).",
      set,
      [](const InstructionSet& set, const py::object& ids, const py::object& dy, const py::object& rows,
         const py::object& batch_slice, const py::object& out) {
        return by_dtype(dy, "dy", [&]<class T>() -> py::object {
          const Array<T> id(ids, "ids", "dy"), right(dy, "dy");
          const auto k = to_integer<std::uint32_t>(rows, "rows");
          id.require_ndim(1, 1);
          right.require_ndim(2, 2);
          right.require_shape({id.length(0), right.length(1)}, "ids");
          require_ids(id, k);
          const std::size_t slice = slice_of(batch_slice, id.size());
          ColumnLists<T> lists;
          lists.prepare(k, id.size());
          without_gil([&] { lists.build(id.data(), id.size()); });
          return by_columns(set, lists, right, k, slice, out);
        });
      });
}

}  // namespace

void bind(py::module_& module, const InstructionSet& set) {
  bind_rows_product(module, set);
  bind_columns_product(module, set);
  bind_sum_squares(module, set);
  bind_embedding(module, set);
}

}  // namespace ravine::bindings::sparse_kernels
