#include "engine/graph.h"

#include <stdexcept>

#include "engine/operations/activation.h"
#include "engine/operations/kinds.h"
#include "engine/operations/lanes.h"

namespace ravine {

template <class T>
void Builder<T>::add_network(const std::vector<OperationSpec>& specs) {
  for (std::size_t i = 0; i < specs.size(); ++i) {
    is_head_ = i + 1 == specs.size() || (i + 2 == specs.size() && specs.back().kind == "activation");
    add(specs[i]);
    if (i + 1 == specs.size()) use_lanes(specs[i], false);
    graph_.layer_end.push_back(graph_.operations.size());
  }
}

template <class T>
void Builder<T>::add_branch(const std::vector<OperationSpec>& specs, const Cursor& from) {
  const bool was_head = std::exchange(is_head_, false);
  cursor_ = from;
  for (const OperationSpec& spec : specs) add(spec);
  if (!specs.empty()) use_lanes(specs.back(), false);
  is_head_ = was_head;
}

template <class T>
void Builder<T>::add(const OperationSpec& spec) {
  ++graph_.layers;
  for (const Kind<T>* kind : kinds<T>())
    if (spec.kind == kind->name) {
      if (!kind->lanes) use_lanes(spec, false);
      return kind->add(*this, completed(spec, kind->settings));
    }
  std::string choices;
  for (const Kind<T>* kind : kinds<T>()) choices += (choices.empty() ? "" : ", ") + std::string(kind->name);
  throw std::invalid_argument("unknown kind of operation '" + spec.kind + "'; choose from " + choices);
}

template <class T>
void Builder<T>::use_lanes(const OperationSpec& spec, bool lanes) {
  if (in_lanes() == lanes) return;
  const Place<T> here = place(spec, graph_.values.size(), units());
  add_value({units(), true, lanes});
  add_at<LaneConversion>(here, lanes);
}

template <class T>
Applied<T> Builder<T>::activation_of(const OperationSpec& spec) const {
  const std::string& name = spec.word("activation");
  if (const Activation<T>* activation = find(kernels_.activations, name))
    return {activation, static_cast<T>(spec.number("alpha")), name == "relu"};
  std::string choices;
  for (const Activation<T>* activation : kernels_.activations)
    choices += (choices.empty() ? "" : ", ") + std::string(activation->name);
  throw std::invalid_argument("unknown activation '" + name + "'; choose from " + choices);
}

template <class T>
std::size_t Builder<T>::add_kernel(const OperationSpec& spec, std::size_t rows, std::size_t cols,
                                   std::vector<std::size_t> shape) {
  return arena_.add({.name = spec.name + "/kernel",
                     .layer = layer(),
                     .rows = rows,
                     .cols = cols,
                     .is_kernel = true,
                     .shape = std::move(shape),
                     .l1 = spec.number("l1"),
                     .l2 = spec.number("l2"),
                     .l2_norm = spec.number("l2_norm"),
                     .proximal = spec.flag("proximal"),
                     .max_norm = spec.number("max_norm")});
}

template <class T>
std::size_t Builder<T>::add_vector(const std::string& name, std::size_t size) {
  return arena_.add({.name = name, .layer = layer(), .rows = 1, .cols = size, .is_kernel = false});
}

template <class T>
std::size_t Builder<T>::add_statistic(const std::string& name, std::size_t size, double first) {
  return arena_.add(
      {.name = name, .layer = layer(), .rows = 1, .cols = size, .is_kernel = false, .statistic = true, .first = first});
}

template <class T>
void Builder<T>::add_activation_after(const OperationSpec& spec) {
  const Applied<T> function = activation_of(spec);
  const Activation<T>& activation = *function.activation;
  if (spec.word("activation") == "linear") return;
  if (!is_head_ && !activation.rowwise && !activation.from_input && activation.backward)
    apply(function);
  else
    add_activation(*this, spec);
}

template class Builder<float>;
template class Builder<double>;

}  // namespace ravine
