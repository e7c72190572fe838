// Layers -> parameters in the arena and a list of operations; one pass forward, one back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/arena.h"
#include "engine/graph.h"
#include "engine/pass.h"
#include "kernels/signatures/losses.h"
#include "kernels/signatures/updates.h"

namespace ravine {

template <class T>
struct LossChoice {
  const Loss<T>* loss = nullptr;
  double setting = 1.0;
  bool mean = true;              // else sum
  bool shares_penalty = false;   // penalties are divided by the sum of the weights too
  bool skip_activation = false;  // the last activation is skipped in training: the pair is computed from logits

  // What penalties are multiplied with where the weights have this sum.
  double penalty_share(double weight) const { return shares_penalty && weight > 0.0 ? 1.0 / weight : 1.0; }
};

// What gradients are held within before the rule sees them, 0 is none: the norm of all trained parameters' gradients,
// and each element.
struct Clipping {
  double norm = 0.0;
  double value = 0.0;
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
  Clipping clipping;
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
  std::size_t layers() const { return graph_.layer_end.size(); }
  // Operations of a training pass.
  std::size_t training_operations() const { return operations_of(layers(), loss.skip_activation); }
  std::size_t operations() const { return graph_.operations.size(); }
  const Operation<T>& operation(std::size_t i) const { return *graph_.operations[i]; }
  const std::vector<Value>& values() const { return graph_.values; }
  // The value that the first `operations` operations end with, and its width.
  std::size_t output(std::size_t operations) const {
    return operations == 0 ? 0 : graph_.operations[operations - 1]->output();
  }
  std::size_t units(std::size_t operations) const { return graph_.values[output(operations)].units; }
  // Where the input holds ids, they are below this; 0: it holds numbers.
  std::size_t id_limit() const { return operations() > 0 ? operation(0).profile().id_limit : 0; }
  // The least rows of a slice of a batch. Bits depend on it.
  std::size_t least_slice() const { return least_slice_; }
  std::size_t weights() const { return weights_; }  // all parameters' elements

  // Whether an operation takes statistics of whole batches.
  bool uses_batch_statistics() const { return uses_batch_statistics_; }
  // Whether training changes something of an operation's layer, if it has anything: its flag.
  bool is_trainable(std::size_t operation) const { return trainable_[graph_.layer[operation]]; }

  // One flag a layer, those of branches included, in depth.
  void set_trainable(const std::vector<bool>& layers);
  // Keeps no average.
  void set_rule(const Update<T>* rule, const UpdateSettings& settings, const Clipping& clipping = {});
  void set_averaging(const Averaging& averaging);

  // The first operation with a parameter to train: the backward pass ends there. Of those after it, only the ones that
  // have one before them need the gradient by their input.
  std::size_t first_trained() const { return first_trained_; }
  bool trains(std::size_t operation) const { return trained_[operation]; }
  bool goes_back(std::size_t operation) const { return goes_back_[operation]; }

  // Throws std::invalid_argument where an operation of the backward pass has no derivative, or no loss is set.
  void check_trainable(bool with_loss) const;

 private:
  void find_trained();

  const Kernels<T>* kernels_;
  std::size_t inputs_;
  Graph<T> graph_;
  std::size_t least_slice_ = usual_batch_slice;
  std::size_t weights_ = 0;
  bool uses_batch_statistics_ = false;
  std::vector<bool> trainable_;  // by layer
  std::vector<bool> trained_, goes_back_;
  std::size_t first_trained_ = 0;
};

}  // namespace ravine
