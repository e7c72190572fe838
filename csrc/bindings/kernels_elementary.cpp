#include "bindings/arrays.h"
#include "bindings/kernels.h"

namespace ravine::bindings {
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

void bind_elementary(py::module_& module, const InstructionSet& set) {
  each_row<Elementary>(set.f.elementary, set.d.elementary, [&](const RowPair<Elementary>& pair) {
    // tanh, sigmoid and softplus are activations too, bound before with the same leading argument
    if (py::hasattr(module, pair.name())) return;
    const std::string doc = equation("elementary", pair.name()) + "\n\nx and out have one shape.";
    module.def(
        pair.name(),
        [pair](const py::object& x, const py::object& out) {
          return by_dtype(x, "x", [&]<class T>() { return apply(pair.row<T>(), x, out); });
        },
        doc.c_str(), py::arg("x"), py::kw_only(), py::arg("out") = py::none());
  });
}

}  // namespace ravine::bindings
