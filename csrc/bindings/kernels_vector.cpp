#include "bindings/arrays.h"
#include "bindings/function.h"
#include "bindings/kernels.h"

namespace ravine::bindings::vector_kernels {
namespace {

void bind_pow(py::module_& module, const InstructionSet& set) {
  add_function(module, "pow", "(x: Array, y: Array, *, out: Array | None = None) -> Array",
               "x^y, elementwise; x, y and out have one shape.", set,
               [](const InstructionSet& set, const py::object& x, const py::object& y, const py::object& out) {
                 return by_dtype(x, "x", [&]<class T>() -> py::object {
                   const Array<T> base(x, "x"), exponent(y, "y", "x");
                   exponent.require_shape_of(base);
                   Array<T> result = output_like(out, base);
                   result.require_apart(base).require_apart(exponent);
                   without_gil([&, p = result.mutable_data()] {
                     set.kernels<T>().vector->pow(p, base.data(), exponent.data(), base.size());
                   });
                   return result.object();
                 });
               });
}

void bind_sincospi(py::module_& module, const InstructionSet& set) {
  add_function(module, "sincospi", "(x: Array) -> tuple[Array, Array]",
               "(sin(pi x), cos(pi x)), elementwise, each of x's shape.", set,
               [](const InstructionSet& set, const py::object& x) {
                 return by_dtype(x, "x", [&]<class T>() {
                   const Array<T> given(x, "x");
                   Array<T> sine(given.shape(), "sine"), cosine(given.shape(), "cosine");
                   without_gil([&, s = sine.mutable_data(), c = cosine.mutable_data()] {
                     set.kernels<T>().vector->sincospi(s, c, given.data(), given.size());
                   });
                   return py::make_tuple(sine.object(), cosine.object());
                 });
               });
}

void bind_scale_and_add(py::module_& module, const InstructionSet& set) {
  add_function(module, "scale", "(x: Array, factor: float, *, out: Array | None = None) -> Array",
               "factor * x, of x's shape.", set,
               [](const InstructionSet& set, const py::object& x, double factor, const py::object& out) {
                 return by_dtype(x, "x", [&]<class T>() -> py::object {
                   const Array<T> given(x, "x");
                   Array<T> y = output_like(out, given);
                   y.require_apart(given);
                   without_gil([&, p = y.mutable_data()] {
                     set.kernels<T>().vector->scale(p, given.data(), given.size(), static_cast<T>(factor));
                   });
                   return y.object();
                 });
               });
  add_function(module, "add", "(a: Array, b: Array, *, out: Array | None = None) -> Array",
               "a + b, elementwise; a, b and out have one shape.", set,
               [](const InstructionSet& set, const py::object& a, const py::object& b, const py::object& out) {
                 return by_dtype(a, "a", [&]<class T>() -> py::object {
                   const Array<T> left(a, "a"), right(b, "b", "a");
                   right.require_shape_of(left);
                   Array<T> sum = output_like(out, left);
                   sum.require_apart(left).require_apart(right);
                   without_gil([&, p = sum.mutable_data()] {
                     set.kernels<T>().vector->add(p, left.data(), right.data(), left.size());
                   });
                   return sum.object();
                 });
               });
}

// y <- a function of x and y, in place.
void bind_rows(py::module_& module, const InstructionSet& set) {
  add_function(module, "add_scaled", "(y: Array, x: Array, factor: float) -> None",
               "y += factor * x, in place; x and y have one shape.", set,
               [](const InstructionSet& set, const py::object& y, const py::object& x, double factor) {
                 by_dtype(y, "y", [&]<class T>() {
                   Array<T> sum(y, "y");
                   const Array<T> given(x, "x", "y");
                   given.require_shape_of(sum);
                   sum.require_writable().require_apart(given);
                   without_gil([&, p = sum.mutable_data()] {
                     set.kernels<T>().vector->add_scaled(p, given.data(), given.size(), static_cast<T>(factor));
                   });
                 });
               });
  add_function(module, "rotate", "(x: Array, y: Array, c: float, s: float) -> None",
               "(x, y) <- (c x + s y, c y - s x), in place; x and y have one shape.", set,
               [](const InstructionSet& set, const py::object& x, const py::object& y, double c, double s) {
                 by_dtype(x, "x", [&]<class T>() {
                   Array<T> first(x, "x"), second(y, "y", "x");
                   second.require_shape_of(first);
                   first.require_writable().require_apart(second);
                   second.require_writable();
                   without_gil([&, p = first.mutable_data(), q = second.mutable_data()] {
                     set.kernels<T>().vector->rotate(p, q, first.size(), static_cast<T>(c), static_cast<T>(s));
                   });
                 });
               });
}

template <class SumOf>
void bind_sum(py::module_& module, const InstructionSet& set, const char* name, SumOf, const char* doc) {
  add_function(module, name, "(x: Array) -> float", doc, set, [](const InstructionSet& set, const py::object& x) {
    return by_dtype(x, "x", [&]<class T>() {
      const Array<T> given(x, "x");
      double sum = 0.0;
      without_gil([&] { sum = SumOf{}(*set.kernels<T>().vector)(given.data(), given.size()); });
      return sum;
    });
  });
}

void bind_sums(py::module_& module, const InstructionSet& set) {
  bind_sum(
      module, set, "sum_squares", [](const auto& kernels) { return kernels.sum_squares; },
      "sum of x_i^2, over all elements.");
  bind_sum(
      module, set, "sum_abs", [](const auto& kernels) { return kernels.sum_abs; }, "sum of |x_i|, over all elements.");
  add_function(module, "dot", "(a: Array, b: Array) -> float",
               "sum of a_i b_i, over all elements; a and b have one shape.", set,
               [](const InstructionSet& set, const py::object& a, const py::object& b) {
                 return by_dtype(a, "a", [&]<class T>() {
                   const Array<T> left(a, "a"), right(b, "b", "a");
                   right.require_shape_of(left);
                   double sum = 0.0;
                   without_gil([&] { sum = set.kernels<T>().vector->dot(left.data(), right.data(), left.size()); });
                   return sum;
                 });
               });
  add_function(module, "all_finite", "(x: Array) -> bool", "Whether no element is NaN or infinite.", set,
               [](const InstructionSet& set, const py::object& x) {
                 return by_dtype(x, "x", [&]<class T>() {
                   const Array<T> given(x, "x");
                   bool finite = true;
                   without_gil([&] { finite = set.kernels<T>().vector->all_finite(given.data(), given.size()); });
                   return finite;
                 });
               });
  add_function(
      module, "column_sums", "(x: Array, *, batch_slice: int = 0, out: Array | None = None) -> Array",
      "sum_i x[i, j], shape (cols,). x: (rows, cols). Rows are summed in slices of batch_slice (0: all), the slices in "
      "a balanced tree.",
      set, [](const InstructionSet& set, const py::object& x, const py::object& batch_slice, const py::object& out) {
        return by_dtype(x, "x", [&]<class T>() -> py::object {
          const Array<T> given(x, "x");
          given.require_ndim(2, 2);
          Array<T> sum = output<T>(out, {given.length(1)}, "the columns of x, shape " + text(given.shape()), "x");
          sum.require_apart(given);
          const auto slice = to_integer<std::size_t>(batch_slice, "batch_slice");
          without_gil([&, p = sum.mutable_data()] {
            set.kernels<T>().vector->column_sums(p, given.data(), given.rows(), given.cols(), given.cols(), slice);
          });
          return sum.object();
        });
      });
}

void bind_flush_subnormals(py::module_& module, const InstructionSet& set) {
  add_function(module, "flush_subnormals", "(x: Array, g: Array) -> None",
               "x = 0 where |x| is below the smallest normal number and g is 0, in place; x and g have one shape.", set,
               [](const InstructionSet& set, const py::object& x, const py::object& g) {
                 by_dtype(x, "x", [&]<class T>() {
                   Array<T> values(x, "x");
                   const Array<T> gradient(g, "g", "x");
                   gradient.require_shape_of(values);
                   values.require_writable().require_apart(gradient);
                   without_gil([&, p = values.mutable_data()] {
                     set.kernels<T>().vector->flush_subnormals(p, gradient.data(), gradient.size());
                   });
                 });
               });
}

void bind_lerp(py::module_& module, const InstructionSet& set) {
  add_function(module, "lerp", "(y: Array, x: Array, share: float) -> None",
               "y += share (x - y), in place; y and x have one shape.", set,
               [](const InstructionSet& set, const py::object& y, const py::object& x, double share) {
                 by_dtype(y, "y", [&]<class T>() {
                   Array<T> average(y, "y");
                   const Array<T> values(x, "x", "y");
                   values.require_shape_of(average);
                   average.require_writable().require_apart(values);
                   without_gil([&, p = average.mutable_data()] {
                     set.kernels<T>().vector->lerp(p, values.data(), values.size(), static_cast<T>(share));
                   });
                 });
               });
}

void bind_penalty(py::module_& module, const InstructionSet& set) {
  add_function(module, "add_penalty_gradient", "(dw: Array, w: Array, *, l1: float = 0.0, l2: float = 0.0) -> None",
               "dw += l1 sign(w) + 2 l2 w, in place; dw and w have one shape.", set,
               [](const InstructionSet& set, const py::object& dw, const py::object& w, double l1, double l2) {
                 by_dtype(dw, "dw", [&]<class T>() {
                   Array<T> gradient(dw, "dw");
                   const Array<T> weights(w, "w", "dw");
                   weights.require_shape_of(gradient);
                   gradient.require_writable().require_apart(weights);
                   without_gil([&, p = gradient.mutable_data()] {
                     set.kernels<T>().vector->add_penalty_gradient(p, weights.data(), weights.size(),
                                                                   static_cast<T>(l1), static_cast<T>(l2));
                   });
                 });
               });
}

}  // namespace

void bind(py::module_& module, const InstructionSet& set) {
  bind_pow(module, set);
  bind_sincospi(module, set);
  bind_scale_and_add(module, set);
  bind_rows(module, set);
  bind_sums(module, set);
  bind_flush_subnormals(module, set);
  bind_lerp(module, set);
  bind_penalty(module, set);
}

}  // namespace ravine::bindings::vector_kernels
