// The cost model: who computes what. Nothing here changes a bit of the result.
#pragma once

#include <cstddef>

#include "engine/network.h"

namespace ravine {

// A step with less work than this is faster on one thread: it takes about two barriers' time.
inline constexpr std::size_t least_team_work = 400'000;

// A step is cut either by rows (each task takes a group of batch slices through the whole network, and the groups'
// gradients are added in the tree above them) or by outputs (each operation's columns, operation after operation).
struct Plan {
  bool by_rows = true;
  std::size_t threads = 1;
  std::size_t least_slice = usual_batch_slice;
  std::size_t slice = 1;  // rows of a batch slice
  std::size_t slices = 1;
  std::size_t weights = 0;         // of the network
  std::size_t gradient_slice = 1;  // rows of a slice of a gradient's sum
  std::size_t group_slices = 1;  // by rows: slices of a group, a power of two, so that a group is a branch of the tree
  std::size_t groups = 1;

  std::size_t group_rows() const { return slice * group_slices; }
};

// Floating-point operations of one step on one row; `terms` of a sparse input, 0 for a dense one. Of all operations, or
// of one.
template <class T>
std::size_t step_work(const Network<T>& network, std::size_t terms = 0);
template <class T>
std::size_t operation_work(const Network<T>& network, std::size_t operation, std::size_t terms);

// The plan for batches of `rows` rows; `threads` is the most it may use.
template <class T>
Plan plan_step(const Network<T>& network, std::size_t rows, std::size_t threads, std::size_t terms);

// How many tasks an operation's `parts` of columns, `work` in all, make for a team: neighbours are taken together, for
// each task copies the product's other factor anew.
std::size_t tasks_of(std::size_t parts, std::size_t work, std::size_t threads);

// The same mode and threads for a batch of another size (an epoch's last).
Plan with_rows(Plan plan, std::size_t rows);

}  // namespace ravine
