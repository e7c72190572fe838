#include "bindings/arrays.h"
#include "bindings/kernels.h"

namespace ravine::bindings {
namespace {

// y = f(x, setting) elementwise, the setting at least 0; y may be x.
template <class Kernel>
void bind_limited(py::module_& module, const InstructionSet& set, const char* name, const char* setting,
                  const char* doc, Kernel kernel_of) {
  module.def(
      name,
      [&set, kernel_of, setting](const py::object& x, double value, const py::object& out) {
        if (!(value >= 0.0))
          throw py::value_error(std::string(setting) + " must be at least 0, got " + text(py::float_(value)));
        return by_dtype(x, "x", [&]<class T>() -> py::object {
          const Array<T> given(x, "x");
          Array<T> y = output_like(out, given);
          y.require_same_or_apart(given);
          without_gil([&, p = y.mutable_data()] {
            kernel_of (*set.kernels<T>().clip)(p, given.data(), given.size(), static_cast<T>(value));
          });
          return y.object();
        });
      },
      doc, py::arg("x"), py::arg(setting), py::kw_only(), py::arg("out") = py::none());
}

void bind_squared_norm(py::module_& module, const InstructionSet& set) {
  module.def(
      "squared_norm",
      [&set](const py::object& x, double scale) {
        return by_dtype(x, "x", [&]<class T>() {
          const Array<T> given(x, "x");
          double sum = 0.0;
          without_gil([&] { sum = set.kernels<T>().clip->squared_norm(given.data(), given.size(), scale); });
          return sum;
        });
      },
      "sum of (scale x_i)^2, over all elements, in float64 whatever x is.", py::arg("x"), py::kw_only(),
      py::arg("scale") = 1.0);
}

void bind_limit_columns(py::module_& module, const InstructionSet& set) {
  module.def(
      "limit_columns",
      [&set](const py::object& w, double limit) {
        if (!(limit >= 0.0)) throw py::value_error("limit must be at least 0, got " + text(py::float_(limit)));
        by_dtype(w, "w", [&]<class T>() {
          Array<T> weights(w, "w");
          weights.require_ndim(2, 2).require_writable();
          without_gil([&, p = weights.mutable_data()] {
            set.kernels<T>().clip->limit_columns(p, weights.rows(), weights.cols(), weights.cols(), limit);
          });
        });
      },
      "w[:, j] *= limit / |w[:, j]| where that norm exceeds the limit and is finite, in place. w: (rows, cols).",
      py::arg("w"), py::arg("limit"));
}

}  // namespace

void bind_clip(py::module_& module, const InstructionSet& set) {
  bind_squared_norm(module, set);
  bind_limited(module, set, "clip", "limit",
               "x held within [-limit, limit], elementwise; a NaN stays.\n\nout has x's shape and may be x.",
               [](const auto& kernels) { return kernels.clip; });
  bind_limited(module, set, "soft_threshold", "threshold",
               "sign(x) max(|x| - threshold, 0), elementwise; a NaN stays.\n\nout has x's shape and may be x.",
               [](const auto& kernels) { return kernels.soft_threshold; });
  bind_limit_columns(module, set);
}

}  // namespace ravine::bindings
