#include <algorithm>
#include <optional>

#include "bindings/arrays.h"
#include "bindings/function.h"
#include "bindings/kernels.h"

namespace ravine::bindings::update_kernels {
namespace {

constexpr std::size_t products = sizeof(UpdateRunning::product) / sizeof(double);

template <class T>
void step(const Update<T>& update, const py::object& weights, const py::object& slots, const py::object& gradient,
          const py::object& given_running, const UpdateSettings& settings) {
  Array<T> w(weights, "w");
  Array<T> state(slots, "state", "w");
  const Array<T> dw(gradient, "dw", "w");
  w.require_ndim(1, 1).require_writable();
  const std::string of_w = "w, shape " + text(w.shape());
  state.require_shape({static_cast<py::ssize_t>(update.slots), w.length(0)}, of_w).require_writable();
  dw.require_shape_of(w);
  w.require_apart(state).require_apart(dw);
  state.require_apart(dw);
  UpdateRunning running;
  std::optional<Array<double>> kept;
  if (!given_running.is_none()) {
    kept.emplace(given_running, "running");
    kept->require_shape({static_cast<py::ssize_t>(products)}, "the running products").require_writable();
    kept->require_apart(w).require_apart(state).require_apart(dw);
    std::copy_n(kept->data(), products, running.product);
  }
  UpdateFactors factors;
  without_gil([&, p = w.mutable_data(), s = state.mutable_data()] {
    update.prepare(factors, running, settings);
    update.step(p, s, w.size(), dw.data(), w.size(), factors);
  });
  if (kept) std::copy_n(running.product, products, kept->mutable_data());
}

// The settings' defaults are those of UpdateSettings.
std::string signature() {
  const UpdateSettings usual;
  const auto number = [](const char* name, double value) {
    return std::string(", ") + name + ": float = " + text(py::float_(value));
  };
  const auto flag = [](const char* name, bool value) {
    return std::string(", ") + name + ": bool = " + (value ? "True" : "False");
  };
  return "(w: Array, state: Array, dw: Array, *, running: Array | None = None" +
         number("learning_rate", usual.learning_rate) + number("momentum", usual.momentum) +
         number("beta1", usual.beta1) + number("beta2", usual.beta2) + number("rho", usual.rho) +
         number("epsilon", usual.epsilon) + number("weight_decay", usual.weight_decay) +
         flag("bias_correction", usual.bias_correction) + flag("epsilon_inside", usual.epsilon_inside) + ") -> None";
}

}  // namespace

void bind(py::module_& module, const InstructionSet& set) {
  each_row<Update>(set.f.updates, set.d.updates, [&](const RowPair<Update>& pair) {
    const std::string doc =
        equation("update", pair.name()) + "\n\nOne step, in place: w and dw (n,), state (" +
        std::to_string(pair.d->slots) +
        ", n). a is learning_rate; w is multiplied by 1 - a weight_decay first.\n"
        "running: float64 (4,), the products kept from step to step, changed in place; None stands for ones.";
    add_function(module, pair.name(), signature(), doc, pair,
                 [](RowPair<Update> pair, const py::object& w, const py::object& state, const py::object& dw,
                    const py::object& running, double learning_rate, double momentum, double beta1, double beta2,
                    double rho, double epsilon, double weight_decay, bool bias_correction, bool epsilon_inside) {
                   const UpdateSettings settings{learning_rate, momentum,     beta1,           beta2,         rho,
                                                 epsilon,       weight_decay, bias_correction, epsilon_inside};
                   by_dtype(w, "w", [&]<class T>() { step(pair.row<T>(), w, state, dw, running, settings); });
                 });
  });
}

}  // namespace ravine::bindings::update_kernels
