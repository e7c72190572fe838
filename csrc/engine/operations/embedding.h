// y[t] = W[x[t]] for the ids x of a row, W (input_dim, output_dim).
#pragma once

#include "engine/graph.h"

namespace ravine {

template <class T>
class Embedding final : public Operation<T> {
 public:
  Embedding(const Place<T>& place, std::size_t kernel, std::size_t ids)
      : Operation<T>(place), kernel_(kernel), ids_(ids), width_(this->units_ / this->inputs_) {}

  std::size_t step_work() const override { return 6 * this->units_; }
  std::size_t gradient_parts() const override;
  std::size_t room() const override { return width_; }
  std::size_t id_limit() const override { return ids_; }
  bool has_parameters() const override { return true; }

  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  // Ids have no gradient, and nothing stands before them.
  void backward(const Pass<T>&, std::size_t, std::size_t, Part, const Tools<T>&) const noexcept override {}
  void gradient(const Pass<T>& pass, std::size_t rows, std::size_t slice, Part part, T* gradients,
                const Tools<T>& tools) const noexcept override;

  bool has_row_norms() const override { return true; }
  void add_row_norms(const Pass<T>& pass, std::size_t first, std::size_t rows, double* norm,
                     const Tools<T>& tools) const noexcept override;

 private:
  const std::size_t kernel_;
  const std::size_t ids_;    // input_dim
  const std::size_t width_;  // output_dim
};

template <class T>
void add_embedding(Builder<T>& builder, const OperationSpec& spec);

}  // namespace ravine
