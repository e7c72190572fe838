// What a network holds and how it is set: parameters, gradients, state; loss, rule, averages.
#include <memory>

#include "bindings/network.h"
#include "bindings/settings.h"

namespace ravine::bindings {
namespace {

template <class Element>
py::capsule owner_of(const Block<Element>& block) {
  using Owner = std::shared_ptr<Element[]>;
  return py::capsule(new Owner(block.owner()), [](void* pointer) { delete static_cast<Owner*>(pointer); });
}

// Which of the arena's numbers: those that gradients move, those that layers learn by themselves, or all.
enum class Kept { parameters, statistics, both };

// Arrays that look into a block, by parameter name; they keep it alive.
template <class T>
py::dict views(const PyNetwork<T>& self, const Block<T>& block, std::size_t first, const std::string& prefix,
               Kept kept) {
  const py::capsule owner = owner_of(block);
  py::dict result;
  for (const Parameter& parameter : self.network.arena.parameters) {
    if (kept == (parameter.statistic ? Kept::parameters : Kept::statistics)) continue;
    const T* const begin = block.data() + first + parameter.offset;
    result[py::str(prefix + parameter.name)] = py::array_t<T>(parameter.seen_shape(), begin, owner);
  }
  return result;
}

template <class T>
py::dict optimizer_state(PyNetwork<T>& self) {
  py::dict result;
  for (std::size_t slot = 0; self.network.rule && slot < self.network.rule->slots; ++slot)
    result.attr("update")(views(self, self.network.arena.state, slot * self.network.arena.size,
                                std::to_string(slot) + "/", Kept::parameters));
  if (self.network.averaging.every == 0) return result;
  result.attr("update")(views(self, self.network.average, 0, "average/", Kept::both));
  result["average/seen"] =
      py::array_t<double>(Shape{1}, self.network.average_seen.data(), owner_of(self.network.average_seen));
  return result;
}

template <class T>
py::array running(const py::object& self) {
  auto& network = self.cast<PyNetwork<T>&>().network;
  return py::array_t<double>(std::ssize(network.running.product), network.running.product, self);
}

template <class T>
std::vector<std::size_t> operation_units(PyNetwork<T>& self) {
  std::vector<std::size_t> units;
  for (std::size_t i = 0; i < self.network.layers(); ++i)
    units.push_back(self.network.units(self.network.operations_of(i + 1, false)));
  return units;
}

template <class T>
void set_loss(PyNetwork<T>& self, const std::string& name, double setting, const std::string& reduction,
              bool skip_activation) {
  const Loss<T>* const loss = find(self.network.kernels().losses, name);
  if (!loss) throw py::value_error("name of the loss is unknown: '" + name + "'");
  const bool shares = reduction == "penalized_mean";
  if (!shares && reduction != "mean" && reduction != "sum")
    throw py::value_error("reduction must be 'mean', 'sum' or 'penalized_mean', got '" + reduction + "'");
  const typename PyNetwork<T>::Idle idle(self);
  self.network.loss = {loss, setting, reduction != "sum", shares, skip_activation};
}

template <class T>
void set_optimizer(PyNetwork<T>& self, const std::string& name, const py::dict& settings) {
  const Update<T>* const rule = find(self.network.kernels().updates, name);
  if (!rule) throw py::value_error("rule is unknown: '" + name + "'");
  const StepSettings chosen = step_settings(settings);
  const typename PyNetwork<T>::Idle idle(self);
  self.network.set_rule(rule, chosen.rule, chosen.clipping);
}

template <class T>
void set_averaging(PyNetwork<T>& self, const std::optional<double>& decay, const py::object& start,
                   const py::object& every, bool by_epoch) {
  if (decay && !(*decay >= 0.0 && *decay < 1.0))
    throw py::value_error("decay must be None or a number in [0, 1), got " + std::to_string(*decay));
  const Averaging chosen{decay, to_integer<std::uint64_t>(start, "start"), to_integer<std::uint64_t>(every, "every"),
                         by_epoch};
  if (chosen.every == 0) throw py::value_error("every must be at least 1, got 0");
  const typename PyNetwork<T>::Idle idle(self);
  self.network.set_averaging(chosen);
}

template <class T>
void set_trainable(PyNetwork<T>& self, const std::vector<bool>& flags) {
  const typename PyNetwork<T>::Idle idle(self);
  self.network.set_trainable(flags);
}

template <class T>
void set_step(PyNetwork<T>& self, const py::object& step) {
  const auto seen = to_integer<std::uint64_t>(step, "step");
  const typename PyNetwork<T>::Idle idle(self);
  self.network.step = seen;
}

template <class T>
void set_sums(PyNetwork<T>& self, const py::object& sums) {
  const Array<double> given(sums, "sums");
  given.require_ndim(1, 1);
  const typename PyNetwork<T>::Idle idle(self);
  self.network.sums.assign(given.data(), given.data() + given.size());
}

}  // namespace

template <class T>
void bind_state(NetworkClass<T>& network) {
  using N = PyNetwork<T>;
  using py::arg;
  network
      .def(
          "parameters", [](const N& n) { return views(n, n.network.arena.values, 0, "", Kept::parameters); },
          "Writable views of the parameters, by name.")
      .def(
          "statistics", [](const N& n) { return views(n, n.network.arena.values, 0, "", Kept::statistics); },
          "Writable views of what layers learn of the data by themselves, by name.")
      .def(
          "weights", [](const N& n) { return views(n, n.network.arena.values, 0, "", Kept::both); },
          "Writable views of the parameters and the statistics, by name, in the order of layers.")
      .def(
          "gradients", [](const N& n) { return views(n, n.network.arena.gradients, 0, "", Kept::parameters); },
          "Writable views of the gradients, by parameter name.")
      .def("optimizer_state", &optimizer_state<T>, "Writable views of the rule's state, by slot and parameter name.")
      .def_property_readonly("running", &running<T>, "The rule's running products, shape (4,).")
      .def_property_readonly("input_units", [](const PyNetwork<T>& n) { return n.network.inputs(); })
      .def_property_readonly("output_units",
                             [](const PyNetwork<T>& n) { return n.network.units(n.network.operations()); })
      .def_property_readonly("operation_units", &operation_units<T>)
      .def_property(
          "step", [](const PyNetwork<T>& n) { return n.network.step; }, &set_step<T>,
          "Batches seen so far; keys dropout masks and noise.")
      .def_property(
          "sums",
          [](const PyNetwork<T>& n) { return py::array_t<double>(std::ssize(n.network.sums), n.network.sums.data()); },
          &set_sums<T>, "What the epoch of the last run adds up: loss, weight, penalty, steps, each metric.")
      .def("set_trainable", &set_trainable<T>, arg("flags"), "Which operations' parameters training may change.")
      .def("set_loss", &set_loss<T>, arg("name"), py::kw_only(), arg("setting"), arg("reduction") = "mean",
           arg("skip_activation") = false, "Choose the loss by its kernel's name.")
      .def("set_optimizer", &set_optimizer<T>, arg("rule"), arg("settings"),
           "Choose the update rule by its kernel's name; its state starts at zero.")
      .def("set_averaging", &set_averaging<T>, py::kw_only(), arg("decay"), arg("start"), arg("every"), arg("by_epoch"),
           "Average the weights of the steps, or epochs' ends, start + every, start + 2 every ...; the average starts "
           "afresh, and ends with the next set_optimizer.");
}

template void bind_state(NetworkClass<float>&);
template void bind_state(NetworkClass<double>&);

}  // namespace ravine::bindings
