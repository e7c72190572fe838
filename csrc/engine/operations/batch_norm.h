// y = gamma (x - mean) / sqrt(variance + epsilon) + beta for each channel of a row's positions. In training the mean
// and variance are those of the batch, which weigh the running ones; otherwise, and where the layer is frozen, they are
// the running ones.
#pragma once

#include <optional>

#include "engine/graph.h"

namespace ravine {

template <class T>
class BatchNorm final : public Operation<T> {
 public:
  struct Parameters {
    std::optional<std::size_t> gamma, beta;
    std::size_t mean, variance;
  };

  BatchNorm(const Place<T>& place, std::size_t cols, double momentum, double epsilon, Parameters parameters)
      : Operation<T>(place), cols_(cols), momentum_(momentum), epsilon_(epsilon), parameters_(parameters) {}

  std::size_t task_rows() const override;
  std::size_t saved(std::size_t rows) const override;
  bool has_parameters() const override { return parameters_.gamma || parameters_.beta; }
  bool has_row_norms() const override { return false; }

  bool surveys() const override { return true; }
  std::size_t survey_slices(std::size_t rows) const override { return norm_slices(rows, positions()); }
  void survey(const Pass<T>& pass, std::size_t rows, std::size_t slice, const Tools<T>& tools) const noexcept override;
  void settle(const Pass<T>& pass, std::size_t rows, const Tools<T>& tools) const noexcept override;
  void survey_back(const Pass<T>& pass, std::size_t rows, std::size_t slice,
                   const Tools<T>& tools) const noexcept override;
  void settle_back(const Pass<T>& pass, std::size_t rows, T* gradients, const Tools<T>& tools) const noexcept override;
  void learn(const Pass<T>& pass, const Tools<T>& tools) const noexcept override;

  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;

 private:
  // What a pass keeps: the statistics (mean, variance, mass, count), one block of sums a slice, and what forward and
  // backward read.
  struct Saved {
    double* statistics;
    double* sums;
    T* coefficient;       // (3, cols)
    T* coefficient_back;  // (4, cols)
  };
  Saved saved_of(const Pass<T>& pass) const;
  std::size_t positions() const { return this->units_ / cols_; }
  // In elements of float64; also of the statistics.
  std::size_t block() const { return 2 * cols_ + 2; }
  bool takes_batch(const Pass<T>& pass, const Arena<T>& arena) const {
    return pass.training && arena.parameters[parameters_.mean].trainable;
  }
  // The values of gamma or beta, or null.
  const T* value_of(std::optional<std::size_t> parameter, const Arena<T>& arena) const {
    return parameter ? arena.value(*parameter) : nullptr;
  }

  const std::size_t cols_;
  const double momentum_, epsilon_;
  const Parameters parameters_;
};

template <class T>
void add_batch_norm(Builder<T>& builder, const OperationSpec& spec);

}  // namespace ravine
