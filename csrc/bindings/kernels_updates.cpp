#include <algorithm>
#include <iterator>
#include <optional>

#include "bindings/arrays.h"
#include "bindings/function.h"
#include "bindings/kernels.h"
#include "kernels/signatures/update_settings.h"

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

// The settings and their defaults are those that update_settings names.
std::string signature() {
  const UpdateSettings usual;
  std::string settings;
  for (const UpdateSetting& setting : update_settings)
    settings += std::string(", ") + setting.name +
                (setting.number ? ": float = " + text(py::float_(usual.*setting.number))
                                : std::string(": bool = ") + (usual.*setting.flag ? "True" : "False"));
  return "(w: Array, state: Array, dw: Array, *, running: Array | None = None" + settings + ") -> None";
}

constexpr std::size_t arrays = 4;  // arguments before the settings

py::object call(const Subject& subject, const Argument* argument) {
  UpdateSettings settings;
  const Argument* given = argument + arrays;
  for (const UpdateSetting& setting : update_settings) {
    if (setting.number)
      settings.*setting.number = (given++)->as<double>();
    else
      settings.*setting.flag = (given++)->as<bool>();
  }
  const auto array = [&](std::size_t i) { return argument[i].as<py::object>(); };
  const RowPair<Update> pair = subject;
  by_dtype(array(0), "w", [&]<class T>() { step(pair.row<T>(), array(0), array(1), array(2), array(3), settings); });
  return py::none();
}

}  // namespace

void bind(py::module_& module, const InstructionSet& set) {
  each_row<Update>(set.f.updates, set.d.updates, [&](const RowPair<Update>& pair) {
    const std::string doc =
        equation("update", pair.name()) + "\n\nOne step, in place: w and dw (n,), state (" +
        std::to_string(pair.d->slots) +
        ", n). a is learning_rate; w is multiplied by 1 - a weight_decay first.\n"
        "running: float64 (4,), the products kept from step to step, changed in place; None stands for ones.";
    add_function(module, pair.name(), signature(), doc, Subject(pair), call, arrays + std::size(update_settings));
  });
}

}  // namespace ravine::bindings::update_kernels
