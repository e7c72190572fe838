// y = gamma (x - mean) / sqrt(variance + epsilon) + beta along the last axis: each position of a row by itself.
#pragma once

#include <optional>

#include "engine/graph.h"

namespace ravine {

template <class T>
class LayerNorm final : public Operation<T> {
 public:
  LayerNorm(const Place<T>& place, std::size_t cols, double epsilon, std::optional<std::size_t> gamma,
            std::optional<std::size_t> beta)
      : Operation<T>(place), cols_(cols), epsilon_(epsilon), gamma_(gamma), beta_(beta) {}

  std::size_t step_work() const override { return 40 * this->units_; }
  std::size_t task_rows() const override;
  std::size_t room() const override;
  bool has_parameters() const override { return gamma_ || beta_; }

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
  std::size_t positions() const { return this->units_ / cols_; }
  // dgamma and dbeta of rows [first, first + rows), side by side at `to`; `sums` (2 cols).
  void sum(T* to, double* sums, const Pass<T>& pass, std::size_t first, std::size_t rows,
           const Tools<T>& tools) const noexcept;
  const T* value_of(std::optional<std::size_t> parameter, const Tools<T>& tools) const {
    return parameter ? tools.arena->value(*parameter) : nullptr;
  }

  const std::size_t cols_;
  const double epsilon_;
  const std::optional<std::size_t> gamma_, beta_;
};

template <class T>
void add_layer_norm(Builder<T>& builder, const OperationSpec& spec);

}  // namespace ravine
