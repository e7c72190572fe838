// A layer's work in the engine. An operation reads a value of a pass and writes another; going back it reads the
// gradient by its output and writes the gradient by its input and by its parameters.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "engine/arena.h"
#include "engine/pass.h"
#include "kernels/signatures/activations.h"
#include "kernels/table.h"

namespace ravine {

// An elementwise activation that the producer of a value has already applied to it; whoever writes the gradient by that
// value goes on through the activation, so that what it leaves is the gradient by the activation's input.
template <class T>
struct Applied {
  const Activation<T>* activation = nullptr;
  T alpha = 0;
  bool relu = false;  // the product's own epilogue does it
};

// Where an operation stands in a network.
template <class T>
struct Place {
  std::string name;
  std::size_t number;          // of the operation
  std::size_t input, output;   // the values that it reads and writes
  std::size_t dinput;          // where the gradient by its input goes: `input`, or a branch's own
  std::size_t inputs, units;   // the widths of both
  Applied<T> input_applied{};  // the activation in the input
  bool lanes = false;          // the input stands in lanes where the pass has lanes
};

// What an operation may use besides the pass: the table, where the parameters are, one thread's workspace for the
// kernels, and that thread's room for the operation itself.
template <class T>
struct Tools {
  const Kernels<T>* kernels;
  const Arena<T>* arena;
  T* workspace;
  T* room;
};

template <class T>
class Operation {
 public:
  explicit Operation(Place<T> place)
      : input_applied(place.input_applied),
        name_(std::move(place.name)),
        number_(place.number),
        input_(place.input),
        output_(place.output),
        dinput_(place.dinput),
        inputs_(place.inputs),
        units_(place.units),
        lanes_(place.lanes) {}
  virtual ~Operation() = default;

  const std::string& name() const { return name_; }
  std::size_t output() const { return output_; }
  // The values that it reads.
  virtual std::vector<std::size_t> reads() const { return {input_}; }

  Applied<T> applied;  // the activation in the output
  const Applied<T> input_applied;

  // Floating-point operations of a training step on one row, forward and back.
  virtual std::size_t step_work() const { return 20 * units_; }
  // Those of one of its three products, or of what else it does in one direction.
  virtual std::size_t work() const { return step_work() / 3; }
  // At most so many rows make a task where outputs are cut; a multiple of 16 where they may stand in lanes.
  virtual std::size_t task_rows() const { return 512; }
  // The least rows of a batch slice that it asks for; bits depend on it.
  virtual std::size_t least_slice() const { return usual_batch_slice; }
  // Into how many parts of columns the work may be cut.
  virtual std::size_t forward_parts() const { return 1; }
  virtual std::size_t backward_parts() const { return 1; }
  virtual std::size_t gradient_parts() const { return 1; }
  // Elements of Tools::room, and of Pass::saved for a pass of so many rows.
  virtual std::size_t room() const { return 0; }
  virtual std::size_t saved(std::size_t /*rows*/) const { return 0; }
  // Where its input holds ids, they are below this; 0: its input holds numbers.
  virtual std::size_t id_limit() const { return 0; }
  // Whether it takes sparse rows, if its input is the network's.
  virtual bool takes_sparse() const { return false; }
  virtual bool has_parameters() const { return false; }  // with a gradient
  virtual bool has_derivative() const { return true; }

  // The output from the input, for `rows` rows from row `first` of the pass.
  virtual void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                       const Tools<T>& tools) const noexcept = 0;
  // The gradient by the input from that by the output.
  virtual void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                        const Tools<T>& tools) const noexcept = 0;
  // The gradients by the parameters, summed over the pass's first `rows` rows in slices of `slice`, into `gradients`
  // (laid out as the arena).
  virtual void gradient(const Pass<T>&, std::size_t /*rows*/, std::size_t /*slice*/, Part, T* /*gradients*/,
                        const Tools<T>&) const noexcept {}
  // Whether a team may share gradient() by slices instead: gradient_of_slice() for `rows` rows from row `first` of the
  // pass, slice `number`, then join_slices(), which adds all of them in the tree.
  virtual bool has_slices() const { return false; }
  virtual void gradient_of_slice(const Pass<T>&, std::size_t /*first*/, std::size_t /*rows*/, std::size_t /*number*/,
                                 const Tools<T>&) const noexcept {}
  virtual void join_slices(const Pass<T>&, std::size_t /*slices*/, T* /*gradients*/, const Tools<T>&) const noexcept {}

  // Whether it looks at a whole batch before any row goes forward, and again before any goes back: such a network is
  // walked operation by operation. First survey() is called for each of survey_slices(rows) slices, which threads
  // share, then settle(); without a batch, where a row does not depend on others, settle() alone. A pass keeps what
  // they leave.
  virtual bool surveys() const { return false; }
  virtual std::size_t survey_slices(std::size_t /*rows*/) const { return 0; }
  virtual void survey(const Pass<T>&, std::size_t /*rows*/, std::size_t /*slice*/, const Tools<T>&) const noexcept {}
  virtual void settle(const Pass<T>&, std::size_t /*rows*/, const Tools<T>&) const noexcept {}
  virtual void survey_back(const Pass<T>&, std::size_t /*rows*/, std::size_t /*slice*/,
                           const Tools<T>&) const noexcept {}
  // Leaves the gradients by the parameters in `gradients`.
  virtual void settle_back(const Pass<T>&, std::size_t /*rows*/, T* /*gradients*/, const Tools<T>&) const noexcept {}
  // Takes what it saw of a batch into its statistics, with the batch's step.
  virtual void learn(const Pass<T>&, const Tools<T>&) const noexcept {}

  // Whether add_row_norms() is there; a sampler that needs the norms refuses a layer that trains without it.
  virtual bool has_row_norms() const { return !has_parameters(); }
  // Adds to norm[i] the squared norm of the gradient, by this operation's parameters, of what row `first` + i of the
  // pass gives to the batch's loss; called after the walk back.
  virtual void add_row_norms(const Pass<T>&, std::size_t /*first*/, std::size_t /*rows*/, double* /*norm*/,
                             const Tools<T>&) const noexcept {}

 protected:
  // Whether the input stands in lanes, groups of row_lanes rows side by side; of how many rows then numbers are there,
  // and how many images a kernel sees.
  bool in_lanes(const Pass<T>& pass) const { return lanes_ && pass.lanes; }
  std::size_t stored(const Pass<T>& pass, std::size_t rows) const {
    return in_lanes(pass) ? (rows + row_lanes - 1) / row_lanes * row_lanes : rows;
  }
  std::size_t images(const Pass<T>& pass, std::size_t rows) const {
    return in_lanes(pass) ? (rows + row_lanes - 1) / row_lanes : rows;
  }
  // To what treats channels alike, images in lanes are images of row_lanes times as many channels.
  template <class Shape>
  Shape widened(const Pass<T>& pass, Shape shape) const {
    if (in_lanes(pass)) shape.channels *= row_lanes;
    return shape;
  }

  // Row `first` of the input, of the output, and of the gradients by them.
  const T* x(const Pass<T>& pass, std::size_t first) const { return pass.value[input_] + first * inputs_; }
  T* y(const Pass<T>& pass, std::size_t first) const { return pass.value[output_] + first * units_; }
  T* dx(const Pass<T>& pass, std::size_t first) const { return pass.dvalue[dinput_] + first * inputs_; }
  const T* dy(const Pass<T>& pass, std::size_t first) const { return pass.dvalue[output_] + first * units_; }

  // Takes columns `span` of dx through the input's activation, in place.
  void through_input_activation(const Pass<T>& pass, std::size_t first, std::size_t rows, Span span) const noexcept {
    if (!input_applied.activation) return;
    const std::size_t whole = span.count == inputs_ ? rows : 1;
    for (std::size_t i = 0; i < rows; i += whole) {
      T* const d = dx(pass, first + i) + span.first;
      input_applied.activation->backward(d, d, x(pass, first + i) + span.first, 1, whole * span.count,
                                         input_applied.alpha);
    }
  }

  const std::string name_;
  const std::size_t number_;
  const std::size_t input_, output_, dinput_;
  const std::size_t inputs_;
  const std::size_t units_;
  const bool lanes_;
};

}  // namespace ravine
