// The walk over the arena after a batch: groups' gradients added up, penalties, the update rule.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/buffers.h"
#include "engine/network.h"
#include "engine/plan.h"

namespace ravine {

// The factors of a step, for parameters that decay and for those that do not.
struct StepFactors {
  UpdateFactors decayed;
  UpdateFactors plain;
};

StepFactors prepare_step(decltype(Update<float>::prepare) prepare, UpdateRunning& running, UpdateSettings settings,
                         double learning_rate);

template <class T>
class Updater {
 public:
  Updater(const Network<T>& network, const Buffers<T>& buffers);

  std::size_t chunks() const { return chunks_.size(); }
  // Adds up the groups' gradients of a chunk, level by level of the tree, and the penalty's, if wanted.
  void finish_gradient(std::size_t chunk, const Plan& plan, bool penalise = true) noexcept;
  void apply(std::size_t chunk, const StepFactors& factors) const noexcept;
  // Sets state to 0 that has faded to denormal numbers: units that are dead leave averages that decay to these and stay
  // there (0.9 times the smallest rounds to itself), and a step on them takes up to 2.8 times as long.
  void clear_faded(std::size_t chunk) const noexcept;
  // The penalties of the chunks last finished, added in ascending order.
  double penalty() const noexcept;

 private:
  struct Chunk {
    std::size_t parameter;
    std::size_t first, count;
    bool penalised, decayed, trained;
  };

  const Network<T>& network_;
  const Buffers<T>& buffers_;
  std::vector<Chunk> chunks_;
  std::vector<double> penalty_;
};

// sum over the kernels of l1 sum|W| + l2 sum W^2, in the order in which a step adds it up.
template <class T>
double penalty_of(const Network<T>& network);

}  // namespace ravine
