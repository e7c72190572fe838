#include "bindings/arrays.h"
#include "bindings/function.h"
#include "bindings/kernels.h"

namespace ravine::bindings::standardize_kernels {
namespace {

// The numbers of the last axis' columns.
template <class T>
Array<T> columns(const py::object& given, const char* name, const Array<T>& x) {
  Array<T> checked(given, name, x.name().c_str());
  if (x.ndim() == 0) throw py::value_error(x.name() + " must have at least 1 dimension, got shape ()");
  checked.require_shape({x.length(x.ndim() - 1)}, [&] { return "the last axis of " + x.name(); });
  return checked;
}

template <class T>
std::size_t rows_of(const Array<T>& x, std::size_t cols) {
  return cols > 0 ? x.size() / cols : 0;
}

}  // namespace

void bind(py::module_& module, const InstructionSet& set) {
  add_function(module, "standardize", "(x: Array, mean: Array, deviation: Array, *, out: Array | None = None) -> Array",
               "(x - mean) / deviation, each number of x with those of its place on the last axis.\n\n"
               "x: any shape (..., cols); mean, deviation: (cols,). out has x's shape and may be x.",
               set,
               [](const InstructionSet& set, const py::object& x, const py::object& mean, const py::object& deviation,
                  const py::object& out) {
                 return by_dtype(x, "x", [&]<class T>() -> py::object {
                   const Array<T> given(x, "x");
                   const Array<T> m = columns(mean, "mean", given), s = columns(deviation, "deviation", given);
                   Array<T> y = output_like(out, given);
                   y.require_same_or_apart(given).require_apart(m).require_apart(s);
                   without_gil([&, p = y.mutable_data()] {
                     set.kernels<T>().standardize->standardize(p, given.data(), m.data(), s.data(),
                                                               rows_of(given, m.size()), m.size());
                   });
                   return y.object();
                 });
               });
  add_function(module, "standardize_backward", "(dy: Array, deviation: Array, *, out: Array | None = None) -> Array",
               "The backward pass of standardize: dy / deviation.\n\n"
               "dy: any shape (..., cols); deviation: (cols,). out has dy's shape and may be dy.",
               set,
               [](const InstructionSet& set, const py::object& dy, const py::object& deviation, const py::object& out) {
                 return by_dtype(dy, "dy", [&]<class T>() -> py::object {
                   const Array<T> given(dy, "dy");
                   const Array<T> s = columns(deviation, "deviation", given);
                   Array<T> dx = output_like(out, given);
                   dx.require_same_or_apart(given).require_apart(s);
                   without_gil([&, p = dx.mutable_data()] {
                     set.kernels<T>().standardize->standardize_backward(p, given.data(), s.data(),
                                                                        rows_of(given, s.size()), s.size());
                   });
                   return dx.object();
                 });
               });
}

}  // namespace ravine::bindings::standardize_kernels
