#include "engine/network.h"

#include <cmath>
#include <optional>
#include <stdexcept>

#include "engine/operations/activation.h"
#include "engine/operations/dense.h"
#include "engine/operations/dropout.h"
#include "engine/operations/gaussian_noise.h"
#include "engine/random.h"

namespace ravine {

template <class T>
Network<T>::Network(std::size_t inputs, const std::vector<OperationSpec>& specs, std::uint32_t seed,
                    const InstructionSet& instruction_set)
    : kernels_(&instruction_set.kernels<T>()), inputs_(inputs), seed_(seed) {
  if (inputs == 0) throw std::invalid_argument("input_units must be at least 1, got 0");
  for (std::size_t layer = 0; layer < specs.size(); ++layer) {
    const OperationSpec& spec = specs[layer];
    const std::size_t width = units(operations_.size());
    if (spec.kind == "dense") {
      add_dense(spec, layer,
                layer + 1 == specs.size() || (layer + 2 == specs.size() && specs.back().kind == "activation"));
    } else if (spec.kind == "activation") {
      add_activation(spec.activation, spec);
    } else if (spec.kind == "dropout") {
      if (!(spec.rate >= 0.0 && spec.rate < 1.0))
        throw std::invalid_argument("rate of " + spec.name + " must be in [0, 1), got " + std::to_string(spec.rate));
      operations_.push_back(std::make_unique<Dropout<T>>(spec.name, operations_.size(), width, spec.rate, seed_,
                                                         stream(Purpose::dropout, layer)));
    } else if (spec.kind == "gaussian_noise") {
      if (!(spec.stddev >= 0.0 && std::isfinite(spec.stddev)))
        throw std::invalid_argument("stddev of " + spec.name + " must be in [0, inf), got " +
                                    std::to_string(spec.stddev));
      operations_.push_back(std::make_unique<GaussianNoise<T>>(spec.name, operations_.size(), width, spec.stddev, seed_,
                                                               stream(Purpose::noise, layer)));
    } else {
      throw std::invalid_argument("unknown kind of operation '" + spec.kind +
                                  "'; choose from dense, activation, dropout, gaussian_noise");
    }
    layer_end_.push_back(operations_.size());
    operation_layer_.resize(operations_.size(), layer);
  }
  for (std::size_t i = 1; i < operations_.size(); ++i) operations_[i]->input_applied = operations_[i - 1]->applied;
  arena.allocate();
  find_trained();
}

template <class T>
const Activation<T>* Network<T>::find_activation(const std::string& name) const {
  if (const Activation<T>* activation = find(kernels_->activations, name)) return activation;
  std::string choices;
  for (const Activation<T>* activation : kernels_->activations)
    choices += (choices.empty() ? "" : ", ") + std::string(activation->name);
  throw std::invalid_argument("unknown activation '" + name + "'; choose from " + choices);
}

// A dense layer applies its activation itself where the way back can do with the output, and the operation after it
// takes the derivative. The last layer's activation is an operation of its own, so that a loss that starts from logits
// can leave it out; so is the one before a last activation layer, which may be left out as well.
template <class T>
void Network<T>::add_dense(const OperationSpec& spec, std::size_t layer, bool last) {
  if (spec.units == 0) throw std::invalid_argument("units of " + spec.name + " must be at least 1, got 0");
  const std::size_t inputs = units(operations_.size());
  if (spec.units > (std::size_t{1} << 40) / inputs)
    throw std::invalid_argument("units of " + spec.name + " (" + std::to_string(spec.units) + ") by its inputs (" +
                                std::to_string(inputs) + ") is more than 2^40 weights");
  const Activation<T>* const activation = find_activation(spec.activation);
  const std::size_t kernel = arena.add({.name = spec.name + "/kernel",
                                        .operation = layer,
                                        .offset = 0,
                                        .rows = inputs,
                                        .cols = spec.units,
                                        .is_kernel = true,
                                        .l1 = spec.l1,
                                        .l2 = spec.l2,
                                        .l2_norm = spec.l2_norm,
                                        .proximal = spec.proximal,
                                        .max_norm = spec.max_norm});
  std::optional<std::size_t> bias;
  if (spec.use_bias)
    bias = arena.add({.name = spec.name + "/bias",
                      .operation = layer,
                      .offset = 0,
                      .rows = 1,
                      .cols = spec.units,
                      .is_kernel = false});
  operations_.push_back(std::make_unique<Dense<T>>(spec.name, operations_.size(), inputs, spec.units, kernel, bias));
  if (spec.activation == "linear") return;
  if (!last && !activation->rowwise && !activation->from_input && activation->backward)
    operations_.back()->applied = {activation, static_cast<T>(spec.alpha), spec.activation == "relu"};
  else
    add_activation(spec.activation, spec);
}

template <class T>
void Network<T>::add_activation(const std::string& name, const OperationSpec& spec) {
  operations_.push_back(
      std::make_unique<ActivationOperation<T>>(spec.name, operations_.size(), units(operations_.size()),
                                               Applied<T>{find_activation(name), static_cast<T>(spec.alpha)}));
}

template <class T>
std::size_t Network<T>::operations_of(std::size_t layers, bool skip_activation) const {
  const std::size_t end = layers > 0 ? layer_end_[layers - 1] : 0;
  const bool head = skip_activation && layers == layer_end_.size() && end > 0 &&
                    dynamic_cast<const ActivationOperation<T>*>(operations_[end - 1].get());
  return head ? end - 1 : end;
}

template <class T>
void Network<T>::set_trainable(const std::vector<bool>& layers) {
  if (layers.size() != layer_end_.size())
    throw std::invalid_argument("flags must have one entry per operation, " + std::to_string(layer_end_.size()) +
                                ", got " + std::to_string(layers.size()));
  for (Parameter& parameter : arena.parameters) parameter.trainable = layers[parameter.operation];
  find_trained();
}

template <class T>
void Network<T>::find_trained() {
  trained_.assign(operations_.size(), false);
  first_trained_ = operations_.size();
  for (std::size_t i = operations_.size(); i-- > 0;) {
    if (!operations_[i]->has_parameters()) continue;
    for (const Parameter& parameter : arena.parameters)
      if (parameter.operation == operation_layer_[i] && parameter.trainable) trained_[i] = true;
    if (trained_[i]) first_trained_ = i;
  }
}

template <class T>
void Network<T>::set_rule(const Update<T>* chosen, const UpdateSettings& chosen_settings) {
  Block<T> state(chosen->slots * arena.size);
  arena.state = std::move(state);
  rule = chosen;
  settings = chosen_settings;
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
  const std::size_t end = with_loss ? training_operations() : operations_.size();
  for (std::size_t i = first_trained_; i < end; ++i)
    if (!operations_[i]->has_derivative())
      throw std::invalid_argument("the activation of " + operations_[i]->name() +
                                  " has no derivative, so the layers before it cannot be trained");
}

template class Network<float>;
template class Network<double>;

}  // namespace ravine
