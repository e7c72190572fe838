#include "bindings/arrays.h"
#include "bindings/function.h"
#include "bindings/kernels.h"

namespace ravine::bindings::clip_kernels {
namespace {

struct Clip {
  static constexpr const char* name = "clip";
  static constexpr const char* setting = "limit";
  static constexpr const char* doc =
      "x held within [-limit, limit], elementwise; a NaN stays.\n\nout has x's shape and may be x.";
  template <class T>
  static auto kernel(const ClipKernels<T>& kernels) {
    return kernels.clip;
  }
};

struct SoftThreshold {
  static constexpr const char* name = "soft_threshold";
  static constexpr const char* setting = "threshold";
  static constexpr const char* doc =
      "sign(x) max(|x| - threshold, 0), elementwise; a NaN stays.\n\nout has x's shape and may be x.";
  template <class T>
  static auto kernel(const ClipKernels<T>& kernels) {
    return kernels.soft_threshold;
  }
};

// y = f(x, setting) elementwise, the setting at least 0; y may be x.
template <class Limit>
void bind_limited(py::module_& module, const InstructionSet& set) {
  add_function(
      module, Limit::name,
      "(x: Array, " + std::string(Limit::setting) + ": float, *, out: Array | None = None) -> Array", Limit::doc, set,
      [](const InstructionSet& set, const py::object& x, double value, const py::object& out) {
        if (!(value >= 0.0))
          throw py::value_error(std::string(Limit::setting) + " must be at least 0, got " + text(py::float_(value)));
        return by_dtype(x, "x", [&]<class T>() -> py::object {
          const Array<T> given(x, "x");
          Array<T> y = output_like(out, given);
          y.require_same_or_apart(given);
          without_gil([&, p = y.mutable_data()] {
            Limit::kernel (*set.kernels<T>().clip)(p, given.data(), given.size(), static_cast<T>(value));
          });
          return y.object();
        });
      });
}

void bind_squared_norm(py::module_& module, const InstructionSet& set) {
  add_function(module, "squared_norm", "(x: Array, *, scale: float = 1.0) -> float",
               "sum of (scale x_i)^2, over all elements, in float64 whatever x is.", set,
               [](const InstructionSet& set, const py::object& x, double scale) {
                 return by_dtype(x, "x", [&]<class T>() {
                   const Array<T> given(x, "x");
                   double sum = 0.0;
                   without_gil([&] { sum = set.kernels<T>().clip->squared_norm(given.data(), given.size(), scale); });
                   return sum;
                 });
               });
}

void bind_limit_columns(py::module_& module, const InstructionSet& set) {
  add_function(
      module, "limit_columns", "(w: Array, limit: float) -> None",
      "w[:, j] *= limit / |w[:, j]| where that norm exceeds the limit and is finite, in place. w: (rows, cols).", set,
      [](const InstructionSet& set, const py::object& w, double limit) {
        if (!(limit >= 0.0)) throw py::value_error("limit must be at least 0, got " + text(py::float_(limit)));
        by_dtype(w, "w", [&]<class T>() {
          Array<T> weights(w, "w");
          weights.require_ndim(2, 2).require_writable();
          without_gil([&, p = weights.mutable_data()] {
            set.kernels<T>().clip->limit_columns(p, weights.rows(), weights.cols(), weights.cols(), limit);
          });
        });
      });
}

}  // namespace

void bind(py::module_& module, const InstructionSet& set) {
  bind_squared_norm(module, set);
  bind_limited<Clip>(module, set);
  bind_limited<SoftThreshold>(module, set);
  bind_limit_columns(module, set);
}

}  // namespace ravine::bindings::clip_kernels
