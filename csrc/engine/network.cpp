#include "engine/network.h"

#include <algorithm>
#include <stdexcept>

namespace ravine {

template <class T>
Network<T>::Network(std::size_t inputs, const std::vector<OperationSpec>& specs, std::uint32_t seed,
                    const InstructionSet& instruction_set)
    : kernels_(&instruction_set.kernels<T>()), inputs_(inputs) {
  if (inputs == 0) throw std::invalid_argument("input_units must be at least 1, got 0");
  graph_.values.push_back({inputs});
  Builder<T>(graph_, arena, *kernels_, seed).add_network(specs);
  for (const auto& operation : graph_.operations) {
    least_slice_ = std::min(least_slice_, operation->profile().least_slice);
    uses_batch_statistics_ = uses_batch_statistics_ || operation->batch_statistics();
  }
  for (const Value& value : graph_.values)
    if (value.lanes) least_slice_ = row_lanes;  // slices and tasks are whole groups
  for (const Parameter& parameter : arena.parameters) weights_ += parameter.rows * parameter.cols;
  arena.allocate();
  trainable_.assign(graph_.layers, true);
  find_trained();
}

template <class T>
std::size_t Network<T>::operations_of(std::size_t layers, bool skip_activation) const {
  const std::size_t end = layers > 0 ? graph_.layer_end[layers - 1] : 0;
  if (!skip_activation || layers != this->layers() || end == 0) return end;
  const std::optional<Fusible<T>> last = graph_.operations[end - 1]->fusible();
  return last && last->activation ? end - 1 : end;
}

template <class T>
void Network<T>::set_trainable(const std::vector<bool>& layers) {
  if (layers.size() != graph_.layers)
    throw std::invalid_argument("flags must have one entry per operation, " + std::to_string(graph_.layers) + ", got " +
                                std::to_string(layers.size()));
  trainable_ = layers;
  for (Parameter& parameter : arena.parameters) parameter.trainable = layers[parameter.layer];
  find_trained();
}

template <class T>
void Network<T>::find_trained() {
  std::vector<bool> learns(graph_.layers, false);
  for (const Parameter& parameter : arena.parameters)
    if (parameter.moves()) learns[parameter.layer] = true;
  trained_.assign(operations(), false);
  goes_back_.assign(operations(), false);
  first_trained_ = operations();
  std::vector<bool> after_trained(graph_.values.size(), false);
  for (std::size_t i = 0; i < operations(); ++i) {
    trained_[i] = operation(i).profile().has_parameters && learns[graph_.layer[i]];
    if (trained_[i]) first_trained_ = std::min(first_trained_, i);
    for (const std::size_t value : operation(i).reads())
      if (after_trained[value]) goes_back_[i] = true;
    if (trained_[i] || goes_back_[i]) after_trained[operation(i).output()] = true;
  }
}

template <class T>
void Network<T>::set_rule(const Update<T>* chosen, const UpdateSettings& chosen_settings,
                          const Clipping& chosen_clipping) {
  Block<T> state;
  allocate_for([&] { return "the state of " + std::string(chosen->name) + " for the weights, " + arena.largest(); },
               [&] { state.grow(chosen->slots * arena.size); });
  arena.state = std::move(state);
  rule = chosen;
  settings = chosen_settings;
  clipping = chosen_clipping;
  running = {};
  averaging = {};
  average = {};
  average_seen = {};
}

template <class T>
void Network<T>::set_averaging(const Averaging& chosen) {
  Block<T> fresh(arena.size);
  Block<double> seen(1);
  average = std::move(fresh);
  average_seen = std::move(seen);
  averaging = chosen;
}

template <class T>
void Network<T>::check_trainable(bool with_loss) const {
  if (with_loss && !loss.loss) throw std::invalid_argument("no loss is set: call set_loss first");
  const std::size_t end = with_loss ? training_operations() : operations();
  for (std::size_t i = first_trained_; i < end; ++i)
    if (!operation(i).profile().has_derivative)
      throw std::invalid_argument("the activation of " + operation(i).name() +
                                  " has no derivative, so the layers before it cannot be trained");
}

template class Network<float>;
template class Network<double>;

}  // namespace ravine
