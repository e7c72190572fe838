// What descriptions become: operations in the order of a pass, and the values that they read and write.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/arena.h"
#include "engine/operations/fusion.h"
#include "engine/operations/operation.h"
#include "engine/operations/spec.h"

namespace ravine {

// A value of a pass and the gradient by it. A branch's gradient by the value at which it begins is kept apart from the
// other branches', and has no value of its own.
struct Value {
  std::size_t units;
  bool stored = true;
  bool lanes = false;  // it may be in lanes: row_lanes rows side by side
};

template <class T>
struct Graph {
  std::vector<Value> values;  // the first is the network's input
  std::vector<std::unique_ptr<Operation<T>>> operations;
  std::vector<std::size_t> layer;      // each operation's, numbered in depth
  std::vector<std::size_t> layer_end;  // operations up to and with each layer of the network itself
  std::size_t layers = 0;              // branches' own included
};

// Adds operations to a graph, each reading what the one before wrote. Everything throws std::invalid_argument for a
// description that cannot be built.
template <class T>
class Builder {
 public:
  // Where the next operation reads.
  struct Cursor {
    std::size_t value = 0;
    std::size_t gradient = 0;
    Applied<T> applied{};
  };

  Builder(Graph<T>& graph, Arena<T>& arena, const Kernels<T>& kernels, std::uint32_t seed)
      : graph_(graph), arena_(arena), kernels_(kernels), seed_(seed) {}

  // The layers of the network itself.
  void add_network(const std::vector<OperationSpec>& specs);
  // The layers of a branch that begins at `from`; the cursor is at its end afterwards.
  void add_branch(const std::vector<OperationSpec>& specs, const Cursor& from);

  const Kernels<T>& kernels() const { return kernels_; }
  std::uint32_t seed() const { return seed_; }
  // The number of the layer that is being built, in depth: keys its random stream, and set_trainable().
  std::size_t layer() const { return graph_.layers - 1; }
  // Whether the loss may leave out this layer's activation.
  bool is_head() const { return is_head_; }
  const Cursor& cursor() const { return cursor_; }
  // Whether the value that the next operation reads is in lanes while the network trains.
  bool in_lanes() const { return graph_.values[cursor_.value].lanes; }
  // Converts that value to lanes, or to rows, where it is not so.
  void use_lanes(const OperationSpec& spec, bool lanes);
  // Width of the value that the next operation reads.
  std::size_t units() const { return width(cursor_.value); }
  std::size_t width(std::size_t value) const { return graph_.values[value].units; }

  // A kernel of rows x cols with the spec's penalties; users see it in `shape`, if that is not empty.
  std::size_t add_kernel(const OperationSpec& spec, std::size_t rows, std::size_t cols,
                         std::vector<std::size_t> shape = {});
  // A parameter that is no kernel: a bias, a scale.
  std::size_t add_vector(const std::string& name, std::size_t size);
  // Numbers that the layer learns by itself, no gradient's, with their first value.
  std::size_t add_statistic(const std::string& name, std::size_t size, double first);
  std::size_t add_value(Value value) {
    graph_.values.push_back(value);
    return graph_.values.size() - 1;
  }
  // The activation that a description names, with its alpha.
  Applied<T> activation_of(const OperationSpec& spec) const;

  // An operation that writes a new value of `units` numbers a row, with what its constructor takes after the place.
  template <template <class> class Kind, class... Arguments>
  Kind<T>& add(const OperationSpec& spec, std::size_t units, Arguments&&... arguments) {
    return add_at<Kind>(place(spec, add_value({units, true, in_lanes()}), units),
                        std::forward<Arguments>(arguments)...);
  }
  // An operation that writes no value: the cursor stays.
  template <template <class> class Kind, class... Arguments>
  Kind<T>& add_aside(const OperationSpec& spec, Arguments&&... arguments) {
    const Cursor before = cursor_;
    Kind<T>& added = add_at<Kind>(place(spec, cursor_.value, units()), std::forward<Arguments>(arguments)...);
    cursor_ = before;
    return added;
  }
  // The operation before has this activation in its output.
  void apply(const Applied<T>& applied) { graph_.operations.back()->applied = cursor_.applied = applied; }
  // The activation of `spec` after the operation before: inside it where the derivative needs no more than the output,
  // else as an operation of its own. A head's is one of its own too, so that a loss that starts from logits can leave
  // it out.
  void add_activation_after(const OperationSpec& spec);

 private:
  // The operation that wrote the value that the next one reads; null where no single one did.
  Operation<T>* writer() const {
    Operation<T>* const last = graph_.operations.empty() ? nullptr : graph_.operations.back().get();
    return last && last->output() == cursor_.value && cursor_.gradient == cursor_.value ? last : nullptr;
  }
  Place<T> place(const OperationSpec& spec, std::size_t output, std::size_t units) const {
    return {spec.name, graph_.operations.size(), cursor_.value, output, cursor_.gradient, this->units(),
            units,     cursor_.applied,          in_lanes()};
  }
  template <template <class> class Kind, class... Arguments>
  Kind<T>& add_at(Place<T> place, Arguments&&... arguments) {
    auto made = std::make_unique<Kind<T>>(place, std::forward<Arguments>(arguments)...);
    Kind<T>& added = *made;
    if (Operation<T>* const before = writer()) fuse<T>(*before, added, is_head_);
    graph_.operations.push_back(std::move(made));
    graph_.layer.push_back(layer());
    cursor_ = {place.output, place.output, {}};
    return added;
  }
  void add(const OperationSpec& spec);

  Graph<T>& graph_;
  Arena<T>& arena_;
  const Kernels<T>& kernels_;
  const std::uint32_t seed_;
  Cursor cursor_;
  bool is_head_ = false;
};

// The row of a table that has this name, or null.
template <class Row>
const Row* find(const Rows<Row>& rows, const std::string& name) {
  for (const Row* row : rows)
    if (name == row->name) return row;
  return nullptr;
}

}  // namespace ravine
