// y = f(x W + b), W (inputs, units).
#pragma once

#include <optional>

#include "engine/graph.h"

namespace ravine {

template <class T>
class Dense final : public Operation<T> {
 public:
  Dense(const Place<T>& place, std::size_t kernel, std::optional<std::size_t> bias)
      : Operation<T>(place), kernel_(kernel), bias_(bias) {}

  std::size_t step_work() const override { return 6 * this->inputs_ * this->units_; }
  std::size_t forward_parts() const override;
  std::size_t backward_parts() const override;
  std::size_t gradient_parts() const override;
  bool takes_sparse() const override { return true; }
  bool has_parameters() const override { return true; }

  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;
  void gradient(const Pass<T>& pass, std::size_t rows, std::size_t slice, Part part, T* gradients,
                const Tools<T>& tools) const noexcept override;

  bool has_row_norms() const override { return true; }
  void add_row_norms(const Pass<T>& pass, std::size_t first, std::size_t rows, double* norm,
                     const Tools<T>& tools) const noexcept override;

 private:
  // Whether its input is the network's and sparse.
  bool is_sparse(const Pass<T>& pass) const { return this->input_ == 0 && pass.sparse.start; }

  const std::size_t kernel_;
  const std::optional<std::size_t> bias_;
};

template <class T>
void add_dense(Builder<T>& builder, const OperationSpec& spec);

}  // namespace ravine
