// The memory of a run besides the arena: passes, the kernels' workspaces, gradients of groups. It grows, and is kept
// from run to run.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/column_lists.h"
#include "engine/network.h"
#include "kernels/signatures/matmul.h"

namespace ravine {

template <class T>
class Buffers {
 public:
  // `passes` passes of up to `rows` rows (their gradients too if `backward`), `threads` workspaces, gradients for
  // `copies` groups besides the arena's own. A sparse input has no value.
  void prepare(const Network<T>& network, std::size_t passes, std::size_t rows, std::size_t threads, bool backward,
               std::size_t copies, bool sparse) {
    std::vector<Value> values = network.values();
    if (sparse) values[0].units = 0;
    require_possible(network, values, passes, rows);
    std::size_t width = 0;
    const auto count_of = [&](const Value& value) {
      return value.units * (value.lanes ? (rows + row_lanes - 1) / row_lanes * row_lanes : rows);
    };
    for (const Value& value : values) width += padded(count_of(value)) * (value.stored + backward);
    std::size_t saved = 0, scratch = 0;
    for (std::size_t i = 0; i < network.operations(); ++i) {
      saved += padded(saved_by(network.operation(i), rows));
      scratch = std::max(scratch, padded(network.operation(i).profile().scratch));
    }
    const std::size_t target_width = padded(network.units(network.operations()) * rows);
    const std::size_t row_width = padded(rows);
    const std::size_t stride = width + saved + target_width + 3 * row_width;
    allocate_for([&] { return std::to_string(rows) + " rows at a time, " + widest(network); },
                 [&] { numbers_.grow(passes * stride, false); });
    labels_.grow(passes * row_width, false);
    const std::size_t workspace = padded(network.kernels().matmul->workspace);
    workspace_.grow(threads * (workspace + scratch), false);
    // the pads between parameters stay zero
    allocate_for(
        [&] { return "gradients of " + std::to_string(copies) + " parts of a batch, " + network.arena.largest(); },
        [&] { group_gradients_.grow(copies * network.arena.size); });

    pass_.assign(passes, {});
    for (std::size_t i = 0; i < passes; ++i) {
      Pass<T>& pass = pass_[i];
      T* next = numbers_.data() + i * stride;
      const auto take = [&next](std::size_t count) { return std::exchange(next, next + padded(count)); };
      for (const Value& value : values) pass.value.push_back(value.stored ? take(count_of(value)) : nullptr);
      if (backward)
        for (const Value& value : values) pass.dvalue.push_back(take(count_of(value)));
      for (std::size_t o = 0; o < network.operations(); ++o)
        pass.saved.push_back(take(saved_by(network.operation(o), rows)));
      pass.target = take(network.units(network.operations()) * rows);
      pass.weight = take(rows);
      pass.row_loss = take(rows);
      pass.row_metric = take(rows);
      pass.label = labels_.data() + i * row_width;
    }
    tools_.clear();
    for (std::size_t i = 0; i < threads; ++i) {
      T* const own = workspace_.data() + i * (workspace + scratch);
      tools_.push_back({&network.kernels(), &network.arena, own, own + workspace});
    }
  }

  Pass<T>& pass(std::size_t i) { return pass_[i]; }
  const Tools<T>& tools(std::size_t thread) const { return tools_[thread]; }
  // The input's terms by columns, of each group.
  std::vector<ColumnLists<T>> columns;
  T* group_gradients(const Arena<T>& arena, std::size_t group) const {
    return group == 0 ? arena.gradients.data() : group_gradients_.data() + (group - 1) * arena.size;
  }

 private:
  static std::size_t saved_by(const Operation<T>& operation, std::size_t rows) {
    return operation.profile().saved + rows * operation.profile().saved_row;
  }
  // Names the layer with the most outputs, for messages.
  static std::string widest(const Network<T>& network) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < network.operations(); ++i)
      if (network.units(i + 1) > network.units(found)) found = i + 1;
    return (found == 0 ? std::string("the inputs") : "of which layer " + network.operation(found - 1).name()) +
           " has " + std::to_string(network.units(found)) + " numbers each";
  }
  // No product below may wrap: a row has a value, its gradient, a target and five numbers more at most, padded.
  static void require_possible(const Network<T>& network, const std::vector<Value>& values, std::size_t passes,
                               std::size_t rows) {
    std::size_t width = network.units(network.operations()) + 5;
    for (const Value& value : values) width += 2 * value.units;
    constexpr std::size_t most = std::size_t{1} << 58;
    if (rows + row_lanes > most / width / passes)
      throw std::length_error("a batch of " + std::to_string(rows) + " rows with " + std::to_string(width) +
                              " numbers each is more than memory can hold");
  }

  Block<T> numbers_;
  Block<std::int32_t> labels_;
  Block<T> workspace_;
  Block<T> group_gradients_;
  std::vector<Pass<T>> pass_;
  std::vector<Tools<T>> tools_;
};

}  // namespace ravine
