#include "bindings/arrays.h"
#include "bindings/function.h"
#include "bindings/kernels.h"

namespace ravine::bindings::elementary_kernels {
namespace {

template <class T>
py::object apply(const Elementary<T>& elementary, const py::object& input, const py::object& out) {
  const Array<T> x(input, "x");
  Array<T> y = output_like(out, x);
  y.require_apart(x);
  without_gil([&, p = y.mutable_data()] { elementary.apply(p, x.data(), x.size()); });
  return y.object();
}

}  // namespace

void bind(py::module_& module, const InstructionSet& set) {
  each_row<Elementary>(set.f.elementary, set.d.elementary, [&](const RowPair<Elementary>& pair) {
    // tanh, sigmoid and softplus are activations too, bound before with the same leading argument
    if (py::hasattr(module, pair.name())) return;
    const std::string doc = equation("elementary", pair.name()) + "\n\nx and out have one shape.";
    add_function(module, pair.name(), "(x: Array, *, out: Array | None = None) -> Array", doc, pair,
                 [](RowPair<Elementary> pair, const py::object& x, const py::object& out) {
                   return by_dtype(x, "x", [&]<class T>() { return apply(pair.row<T>(), x, out); });
                 });
  });
}

}  // namespace ravine::bindings::elementary_kernels
