// A layer's work in the engine. Operation i reads value i and writes value i + 1 of a pass; going back it reads the
// gradient by its output and writes the gradient by its input and by its parameters.
#pragma once

#include <cstddef>
#include <string>

#include "engine/arena.h"
#include "engine/pass.h"
#include "kernels/kernels.h"

namespace ravine {

// An elementwise activation that the producer of a value has already applied to it; whoever writes the gradient by that
// value goes on through the activation, so that what it leaves is the gradient by the activation's input.
template <class T>
struct Applied {
  const Activation<T>* activation = nullptr;
  T alpha = 0;
  bool relu = false;  // the product's own epilogue does it
};

// What an operation may use besides the pass: the table, where the parameters are, and one thread's workspace.
template <class T>
struct Tools {
  const Kernels<T>* kernels;
  const Arena<T>* arena;
  T* workspace;
};

template <class T>
class Operation {
 public:
  Operation(std::string name, std::size_t index, std::size_t inputs, std::size_t units)
      : name_(std::move(name)), index_(index), inputs_(inputs), units_(units) {}
  virtual ~Operation() = default;

  const std::string& name() const { return name_; }
  std::size_t inputs() const { return inputs_; }
  std::size_t units() const { return units_; }

  // The activation in the output, and in the input (the network sets the latter).
  Applied<T> applied;
  Applied<T> input_applied;

  // Into how many parts of columns the work may be cut.
  virtual std::size_t forward_parts() const { return 1; }
  virtual std::size_t backward_parts() const { return 1; }
  virtual std::size_t gradient_parts() const { return 1; }
  virtual bool has_parameters() const { return false; }
  virtual bool has_derivative() const { return true; }

  // value[index + 1] from value[index], for `rows` rows from row `first` of the pass.
  virtual void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                       const Tools<T>& tools) const noexcept = 0;
  // dvalue[index] from dvalue[index + 1].
  virtual void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                        const Tools<T>& tools) const noexcept = 0;
  // The gradients by the parameters, summed over the pass's first `rows` rows in slices of `slice`, into `gradients`
  // (laid out as the arena).
  virtual void gradient(const Pass<T>&, std::size_t /*rows*/, std::size_t /*slice*/, Part, T* /*gradients*/,
                        const Tools<T>&) const noexcept {}

  // Whether add_row_norms() is there; a sampler that needs the norms refuses a layer that trains without it.
  virtual bool has_row_norms() const { return !has_parameters(); }
  // Adds to norm[i] the squared norm of the gradient, by this operation's parameters, of what row `first` + i of the
  // pass gives to the batch's loss; called after the walk back.
  virtual void add_row_norms(const Pass<T>&, std::size_t /*first*/, std::size_t /*rows*/, double* /*norm*/,
                             const Tools<T>&) const noexcept {}

 protected:
  // Takes columns `span` of dvalue[index] through the input's activation, in place.
  void through_input_activation(const Pass<T>& pass, std::size_t first, std::size_t rows, Span span) const noexcept {
    if (!input_applied.activation) return;
    const std::size_t whole = span.count == inputs_ ? rows : 1;
    for (std::size_t i = 0; i < rows; i += whole) {
      const std::size_t at = (first + i) * inputs_ + span.first;
      T* const d = pass.dvalue[index_] + at;
      input_applied.activation->backward(d, d, pass.value[index_] + at, 1, whole * span.count, input_applied.alpha);
    }
  }

  const std::string name_;
  const std::size_t index_;
  const std::size_t inputs_;
  const std::size_t units_;
};

}  // namespace ravine
