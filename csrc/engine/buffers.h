// The memory of a run besides the arena: passes, the kernels' workspaces, gradients of groups. It grows, and is kept
// from run to run.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/network.h"

namespace ravine {

template <class T>
class Buffers {
 public:
  // `passes` passes of up to `rows` rows (their gradients too if `backward`), `threads` workspaces, gradients for
  // `copies` groups besides the arena's own.
  void prepare(const Network<T>& network, std::size_t passes, std::size_t rows, std::size_t threads, bool backward,
               std::size_t copies) {
    const std::size_t values = network.operations() + 1;
    std::size_t width = 0;
    for (std::size_t v = 0; v < values; ++v) width += padded(network.units(v) * rows) * (backward ? 2 : 1);
    const std::size_t target_width = padded(network.units(values - 1) * rows);
    const std::size_t row_width = padded(rows);
    const std::size_t stride = width + target_width + 3 * row_width;
    numbers_.grow(passes * stride);
    labels_.grow(passes * row_width);
    const std::size_t workspace = padded(network.kernels().matmul->workspace);
    workspace_.grow(threads * workspace);
    group_gradients_.grow(copies * network.arena.size);

    pass_.assign(passes, {});
    for (std::size_t i = 0; i < passes; ++i) {
      Pass<T>& pass = pass_[i];
      T* next = numbers_.data() + i * stride;
      const auto take = [&next](std::size_t count) { return std::exchange(next, next + padded(count)); };
      for (std::size_t v = 0; v < values; ++v) pass.value.push_back(take(network.units(v) * rows));
      if (backward)
        for (std::size_t v = 0; v < values; ++v) pass.dvalue.push_back(take(network.units(v) * rows));
      pass.target = take(network.units(values - 1) * rows);
      pass.weight = take(rows);
      pass.row_loss = take(rows);
      pass.row_metric = take(rows);
      pass.label = labels_.data() + i * row_width;
    }
    tools_.clear();
    for (std::size_t i = 0; i < threads; ++i)
      tools_.push_back({&network.kernels(), &network.arena, workspace_.data() + i * workspace});
  }

  Pass<T>& pass(std::size_t i) { return pass_[i]; }
  const Tools<T>& tools(std::size_t thread) const { return tools_[thread]; }
  T* group_gradients(const Arena<T>& arena, std::size_t group) const {
    return group == 0 ? arena.gradients.data() : group_gradients_.data() + (group - 1) * arena.size;
  }

 private:
  Block<T> numbers_;
  Block<std::int32_t> labels_;
  Block<T> workspace_;
  Block<T> group_gradients_;
  std::vector<Pass<T>> pass_;
  std::vector<Tools<T>> tools_;
};

}  // namespace ravine
