// Training: epochs of batches, each one step: order, forward, loss, backward, update.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/buffers.h"
#include "engine/data.h"
#include "engine/network.h"
#include "engine/team.h"

namespace ravine {

struct TrainSettings {
  std::size_t batch_size = 32;
  std::uint64_t first_epoch = 0;
  std::size_t epochs = 1;
  std::size_t first_batch = 0;
  std::size_t batches = 0;  // 0: to the end of the epoch
  bool continues = false;   // the first epoch's sums continue those that the network keeps
  std::optional<std::uint32_t> shuffle_seed;
  std::vector<double> rates;  // one for all steps, or one a step
  std::size_t threads = 1;
};

struct TrainResult {
  std::vector<double> loss;     // (epochs): see EpochSums
  std::vector<double> metrics;  // (epochs, metrics)
  std::size_t steps = 0;
};

// Trains. A stop drops the step it interrupts: the weights are those after the last whole one. So does a step's loss
// that is not finite, which ends the run: that epoch's loss is not finite either.
template <class T>
TrainResult train(Network<T>& network, Buffers<T>& buffers, const Data<T>& data,
                  const std::vector<MetricChoice<T>>& metrics, const TrainSettings& settings, Watch& watch);

template <class T>
struct Run {
  Network<T>* network;
  Buffers<T>* buffers;
  Data<T> data;
  std::vector<MetricChoice<T>> metrics;
  TrainSettings settings;
};

// Trains several networks, each on one thread from its first step to its last, with the bits that train() gives. A stop
// drops a step of each network in the middle of one.
template <class T>
std::vector<TrainResult> train_many(const std::vector<Run<T>>& runs, std::size_t threads, Watch& watch);

// The loss of all the data as one batch, dropout off; its gradients (penalties included, where there is a loss) are
// left in the arena. Empty when stopped.
template <class T>
std::optional<double> gradients(Network<T>& network, Buffers<T>& buffers, const Data<T>& data, std::size_t threads,
                                Watch& watch);

// One step of the rule from the gradients in the arena.
template <class T>
void apply_gradients(Network<T>& network, double learning_rate);

}  // namespace ravine
