// Layers -> parameters in the arena and a list of operations; one pass forward, one back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/arena.h"
#include "engine/operations/operation.h"
#include "engine/pass.h"
#include "kernels/kernels.h"

namespace ravine {

// What a layer is, as its description gives it. Kinds: dense, activation, dropout, gaussian_noise.
struct OperationSpec {
  std::string kind;
  std::string name;
  std::size_t units = 0;
  bool use_bias = true;
  std::string activation = "linear";
  double alpha = 0.0;
  double rate = 0.0;
  double stddev = 0.0;
  double l1 = 0.0, l2 = 0.0, l2_norm = 0.0;
  bool proximal = false;
  double max_norm = 0.0;
};

template <class T>
struct LossChoice {
  const Loss<T>* loss = nullptr;
  double setting = 1.0;
  bool mean = true;              // else sum
  bool shares_penalty = false;   // penalties are divided by the sum of the weights too
  bool skip_activation = false;  // the last activation is left out in training: the pair is computed from logits

  // What penalties are multiplied with where the weights have this sum.
  double penalty_share(double weight) const { return shares_penalty && weight > 0.0 ? 1.0 / weight : 1.0; }
};

// Of which steps, or epochs' ends, the weights are averaged: start + every, start + 2 every ...
struct Averaging {
  std::optional<double> decay;  // b of the exponential average; none: the plain mean
  std::uint64_t start = 0;
  std::uint64_t every = 0;  // 0: no average is kept
  bool by_epoch = false;
};

template <class T>
class Network {
 public:
  // Throws std::invalid_argument for a spec that cannot be built.
  Network(std::size_t inputs, const std::vector<OperationSpec>& specs, std::uint32_t seed,
          const InstructionSet& instruction_set);

  Arena<T> arena;
  LossChoice<T> loss;
  const Update<T>* rule = nullptr;
  UpdateSettings settings;
  UpdateRunning running;
  std::uint64_t step = 0;    // batches seen: keys dropout masks and noise
  std::vector<double> sums;  // of the epoch that the last run ended in: loss, weight, penalty, steps, each metric
  Averaging averaging;
  Block<T> average;            // of the weights, with the arena's offsets
  Block<double> average_seen;  // steps, or epochs' ends, that were counted

  const Kernels<T>& kernels() const { return *kernels_; }
  std::size_t inputs() const { return inputs_; }
  // Operations of a pass that ends with layer `layers - 1`; `skip_activation` leaves a separate last activation out.
  std::size_t operations_of(std::size_t layers, bool skip_activation) const;
  std::size_t layers() const { return layer_end_.size(); }
  std::size_t layer_units(std::size_t layer) const { return units(layer_end_[layer]); }
  // Operations of a training pass.
  std::size_t training_operations() const { return operations_of(layers(), loss.skip_activation); }
  std::size_t operations() const { return operations_.size(); }
  const Operation<T>& operation(std::size_t i) const { return *operations_[i]; }
  // Width of value i: the input's for 0, operation i - 1's output after that.
  std::size_t units(std::size_t value) const { return value == 0 ? inputs_ : operations_[value - 1]->units(); }

  void set_trainable(const std::vector<bool>& layers);
  void set_rule(const Update<T>* rule, const UpdateSettings& settings);  // keeps no average
  void set_averaging(const Averaging& averaging);

  // The first operation with a parameter to train: the walk back ends there.
  std::size_t first_trained() const { return first_trained_; }
  bool trains(std::size_t operation) const { return trained_[operation]; }

  // Throws std::invalid_argument where an operation on the way back has no derivative, or no loss is set.
  void check_trainable(bool with_loss) const;

 private:
  void add_dense(const OperationSpec& spec, std::size_t layer, bool last);
  void add_activation(const std::string& name, const OperationSpec& spec);
  const Activation<T>* find_activation(const std::string& name) const;
  void find_trained();

  const Kernels<T>* kernels_;
  std::size_t inputs_;
  std::uint32_t seed_;
  std::vector<std::unique_ptr<Operation<T>>> operations_;
  std::vector<std::size_t> layer_end_;  // operations up to and with a layer
  std::vector<std::size_t> operation_layer_;
  std::vector<bool> trained_;
  std::size_t first_trained_ = 0;
};

// The row of a table that has this name, or null.
template <class Row>
const Row* find(const Rows<Row>& rows, const std::string& name) {
  for (const Row* row : rows)
    if (name == row->name) return row;
  return nullptr;
}

}  // namespace ravine
