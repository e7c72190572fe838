// A layer's work in the engine. An operation reads a value of a pass and writes another; going back it reads the
// gradient by its output and writes the gradient by its input and by its parameters.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/arena.h"
#include "engine/pass.h"
#include "kernels/signatures/activations.h"
#include "kernels/signatures/pooling.h"
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

// The position of an operation in a network.
template <class T>
struct Place {
  std::string name;
  std::size_t number;          // of the operation
  std::size_t input, output;   // the values that it reads and writes
  std::size_t dinput;          // where the gradient by its input goes: `input`, or a branch's own
  std::size_t inputs, units;   // the widths of both
  Applied<T> input_applied{};  // the activation in the input
  bool lanes = false;          // the input is in lanes where the pass has lanes
};

// What an operation may use besides the pass: the table, where the parameters are, one thread's workspace for the
// kernels, and that thread's scratch memory for the operation itself.
template <class T>
struct Tools {
  const Kernels<T>* kernels;
  const Arena<T>* arena;
  T* workspace;
  T* scratch;
};

// What an operation costs, needs and can do. Set when it is made.
struct Profile {
  std::size_t step_work = 0;  // floating-point operations of a training step on one row, forward and back
  // At most so many rows make a task where outputs are cut; a multiple of 16 where they may be in lanes.
  std::size_t task_rows = 512;
  std::size_t least_slice = usual_batch_slice;  // rows of a batch slice that it asks for at least; bits depend on it
  // Into how many parts of columns the work may be cut.
  std::size_t forward_parts = 1, backward_parts = 1, gradient_parts = 1;
  std::size_t scratch = 0;               // elements of Tools::scratch
  std::size_t saved = 0, saved_row = 0;  // elements of Pass::saved, in all and for each row of the pass
  std::size_t id_limit = 0;              // where its input holds ids, they are below this; 0: its input holds numbers
  bool takes_sparse = false;             // sparse rows, if its input is the network's
  bool has_parameters = false;           // with a gradient
  bool has_derivative = true;
  bool adds_row_norms = false;  // add_row_norms() is there

  // Floating-point operations of one of its three products, or of what else it does in one direction.
  std::size_t work() const { return step_work / 3; }
};

// Of an operation that looks at a whole batch before any row goes forward, and again before any goes back: such a
// network is passed operation by operation. First collect() is called for each of slices(rows) slices, which threads
// share, then finish(); without a batch, where a row does not depend on others, finish() alone. A pass keeps what they
// leave.
template <class T>
class BatchStatistics {
 public:
  virtual std::size_t slices(std::size_t rows) const = 0;
  virtual void collect(const Pass<T>& pass, std::size_t rows, std::size_t slice,
                       const Tools<T>& tools) const noexcept = 0;
  virtual void finish(const Pass<T>& pass, std::size_t rows, const Tools<T>& tools) const noexcept = 0;
  virtual void collect_back(const Pass<T>& pass, std::size_t rows, std::size_t slice,
                            const Tools<T>& tools) const noexcept = 0;
  // Leaves the gradients by the parameters in `gradients`.
  virtual void finish_back(const Pass<T>& pass, std::size_t rows, T* gradients,
                           const Tools<T>& tools) const noexcept = 0;
  // Takes the batch's statistics into the running ones, with the batch's step.
  virtual void update_running(const Pass<T>& pass, const Tools<T>& tools) const noexcept = 0;

 protected:
  ~BatchStatistics() = default;
};

// Of an operation whose gradient by the parameters a team may share by slices: slice() for `rows` rows from row `first`
// of the pass, slice `number`, then join(), which adds all of them in the tree.
template <class T>
class SlicedGradient {
 public:
  virtual void slice(const Pass<T>& pass, std::size_t first, std::size_t rows, std::size_t number,
                     const Tools<T>& tools) const noexcept = 0;
  virtual void join(const Pass<T>& pass, std::size_t slices, T* gradients, const Tools<T>& tools) const noexcept = 0;

 protected:
  ~SlicedGradient() = default;
};

// Work that the operation before may do in training: an elementwise activation, or max pooling. It ends with the value
// `output`.
template <class T>
struct Fusible {
  std::optional<Applied<T>> activation;
  std::optional<Pool2D> max_pool;
  std::size_t output;
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
        lanes_(place.lanes) {
    profile_.step_work = 20 * units_;
  }
  virtual ~Operation() = default;

  const std::string& name() const { return name_; }
  std::size_t output() const { return output_; }
  const Profile& profile() const { return profile_; }
  // The values that it reads.
  virtual std::vector<std::size_t> reads() const { return {input_}; }

  Applied<T> applied;  // the activation in the output
  const Applied<T> input_applied;

  // The output from the input, for `rows` rows from row `first` of the pass.
  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept {
    if (!(fused_into_ && pass.fused)) do_forward(pass, first, rows, part, tools);
  }
  // The gradient by the input from that by the output.
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept {
    if (!(fused_into_ && pass.fused)) do_backward(pass, first, rows, part, tools);
  }
  // The gradients by the parameters, summed over the pass's first `rows` rows in slices of `slice`, into `gradients`
  // (laid out as the arena).
  virtual void gradient(const Pass<T>&, std::size_t /*rows*/, std::size_t /*slice*/, Part, T* /*gradients*/,
                        const Tools<T>&) const noexcept {}
  // The same by slices, where it can; null where not.
  virtual const SlicedGradient<T>* sliced_gradient() const { return nullptr; }
  virtual const BatchStatistics<T>* batch_statistics() const { return nullptr; }

  // A sampler that needs the rows' norms refuses a layer that trains without them.
  bool has_row_norms() const { return profile_.adds_row_norms || !(profile_.has_parameters || batch_statistics()); }
  // Adds to norm[i] the squared norm of the gradient, by this operation's parameters, of what row `first` + i of the
  // pass gives to the batch's loss; called after the backward pass.
  virtual void add_row_norms(const Pass<T>&, std::size_t /*first*/, std::size_t /*rows*/, double* /*norm*/,
                             const Tools<T>&) const noexcept {}

  // What it does, if that is work which the operation before may do.
  virtual std::optional<Fusible<T>> fusible() const { return std::nullopt; }
  // Takes over work that follows in training; false where it cannot. See fuse().
  virtual bool absorb(const Fusible<T>&) { return false; }
  // The operation that does this one's work while a network trains; null: none.
  Operation* fused_into() const { return fused_into_; }
  void fuse_into(Operation* operation) { fused_into_ = operation; }

 protected:
  virtual void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                          const Tools<T>& tools) const noexcept = 0;
  virtual void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                           const Tools<T>& tools) const noexcept = 0;

  // Whether the input is in lanes, groups of row_lanes rows side by side; of how many rows then numbers are there,
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

  Profile profile_;
  const std::string name_;
  const std::size_t number_;
  const std::size_t input_, output_, dinput_;
  const std::size_t inputs_;
  const std::size_t units_;
  const bool lanes_;

 private:
  Operation* fused_into_ = nullptr;
};

}  // namespace ravine
