#include "bindings/arrays.h"
#include "bindings/function.h"
#include "bindings/kernels.h"

namespace ravine::bindings::activation_kernels {
namespace {

using Pair = RowPair<Activation>;

struct Sizes {
  std::size_t rows, cols;
};

// Elementwise functions see one row; a rowwise one sees a 1-D array as one row.
template <class T>
Sizes sizes(const Activation<T>& activation, const Array<T>& x) {
  if (!activation.rowwise || x.ndim() == 1) return {1, x.size()};
  return {x.rows(), x.cols()};
}

template <class T>
py::object forward(const Activation<T>& activation, const py::object& input, double alpha, const py::object& out) {
  const Array<T> x(input, "x");
  x.require_ndim(1, 2);
  Array<T> y = output_like(out, x);
  y.require_same_or_apart(x);
  const Sizes size = sizes(activation, x);
  if (x.size() > 0)
    without_gil(
        [&, p = y.mutable_data()] { activation.forward(p, x.data(), size.rows, size.cols, static_cast<T>(alpha)); });
  return y.object();
}

template <class T>
py::object backward(const Activation<T>& activation, const py::object& gradient, const py::object& kept, double alpha,
                    const py::object& out) {
  const Array<T> dy(gradient, "dy");
  dy.require_ndim(1, 2);
  const Array<T> saved(kept, "saved", "dy");
  saved.require_shape_of(dy);
  Array<T> dx = output_like(out, dy);
  dx.require_same_or_apart(dy).require_apart(saved);
  const Sizes size = sizes(activation, dy);
  if (dy.size() > 0)
    without_gil([&, p = dx.mutable_data()] {
      activation.backward(p, dy.data(), saved.data(), size.rows, size.cols, static_cast<T>(alpha));
    });
  return dx.object();
}

void bind_forward(py::module_& module, const Pair& pair) {
  const std::string doc = equation("activation", pair.name()) + "\n\nx and out: (n,) or (rows, cols)" +
                          (pair.d->rowwise ? "; each row by itself" : "") + ". out may be x.";
  add_function(
      module, pair.name(),
      "(x: Array, *, alpha: float = " + text(py::float_(pair.d->alpha.usual)) + ", out: Array | None = None) -> Array",
      doc, pair, [](Pair pair, const py::object& x, double alpha, const py::object& out) {
        return by_dtype(x, "x", [&]<class T>() { return forward(pair.row<T>(), x, alpha, out); });
      });
}

void bind_backward(py::module_& module, const Pair& pair) {
  const std::string saved = pair.d->from_input ? "input x" : "output y";
  const std::string doc = "Gradient of " + std::string(pair.name()) + ": dx from dy and saved, the " + saved + ".\n\n" +
                          (pair.d->rowwise ? "dx = y * (dy - sum(dy * y)) in each row" : "dx = dy * f'") +
                          "; all of dy's shape. out may be dy.";
  add_function(module, std::string(pair.name()) + "_backward",
               "(dy: Array, saved: Array, *, alpha: float = " + text(py::float_(pair.d->alpha.usual)) +
                   ", out: Array | None = None) -> Array",
               doc, pair,
               [](Pair pair, const py::object& dy, const py::object& saved, double alpha, const py::object& out) {
                 return by_dtype(dy, "dy", [&]<class T>() { return backward(pair.row<T>(), dy, saved, alpha, out); });
               });
}

}  // namespace

void bind(py::module_& module, const InstructionSet& set) {
  each_row<Activation>(set.f.activations, set.d.activations, [&](const Pair& pair) {
    bind_forward(module, pair);
    if (pair.d->backward) bind_backward(module, pair);
  });
}

}  // namespace ravine::bindings::activation_kernels
