// y = gamma (x - mean) / sqrt(variance + epsilon) + beta for each channel of a row's positions. In training the mean
// and variance are those of the batch, which weigh the running ones; otherwise, and where the layer is frozen, they are
// the running ones.
//
// While a network trains, an activation after it and max pooling after that can be done here, image by image while it
// is in the cache. Only the end of such a chain stands in memory, and the gradient by it.
#pragma once

#include <optional>

#include "engine/graph.h"
#include "kernels/signatures/pooling.h"

namespace ravine {

template <class T>
class BatchNorm final : public Operation<T> {
 public:
  struct Parameters {
    std::optional<std::size_t> gamma, beta;
    std::size_t mean, variance;
  };

  BatchNorm(const Place<T>& place, std::size_t cols, double momentum, double epsilon, Parameters parameters)
      : Operation<T>(place),
        cols_(cols),
        repeats_(repeats_of(cols, positions())),
        momentum_(momentum),
        epsilon_(epsilon),
        parameters_(parameters) {}

  std::size_t task_rows() const override;
  std::size_t room() const override { return chains() ? piece_rows() * this->units_ : 0; }
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

  bool can_activate(const Activation<T>& function) const {
    return !chains() && !function.rowwise && !function.from_input && function.backward;
  }
  void activate(const Applied<T>& function, std::size_t activated) { function_ = function, end_ = activated; }
  bool can_pool() const { return !pools_ && (!chains() || function_.relu); }
  void pool(const Pool2D& windows, std::size_t pooled) { windows_ = windows, pools_ = true, end_ = pooled; }

 private:
  // What a pass keeps: the statistics (mean, variance, mass, count), one block of sums a slice, and what forward and
  // backward read.
  struct Saved {
    double* statistics;
    double* sums;
    T* coefficient;       // (3, wide)
    T* coefficient_back;  // (4, wide)
    T* largest;           // numbers of the windows' largest pixels, where it pools
  };
  Saved saved_of(const Pass<T>& pass) const;
  std::size_t positions() const { return this->units_ / cols_; }
  // Maps of each number alone see narrow channels as fewer positions of `wide` of them, which fill vectors.
  static std::size_t repeats_of(std::size_t cols, std::size_t positions);
  std::size_t wide() const { return repeats_ * cols_; }
  std::size_t wide_positions() const { return positions() / repeats_; }
  // In elements of float64; also of the statistics.
  std::size_t block() const { return 2 * cols_ + 2; }
  bool takes_batch(const Pass<T>& pass, const Arena<T>& arena) const {
    return pass.training && arena.parameters[parameters_.mean].trainable;
  }
  // The values of gamma or beta, or null.
  const T* value_of(std::optional<std::size_t> parameter, const Arena<T>& arena) const {
    return parameter ? arena.value(*parameter) : nullptr;
  }

  bool chains() const { return end_.has_value(); }
  bool chains(const Pass<T>& pass) const { return chains() && pass.fused; }
  // Rows that a chain takes at a time.
  std::size_t piece_rows() const;
  // The output of `rows` rows, activated where a chain does so, into y.
  void normalise(T* y, const Pass<T>& pass, std::size_t first, std::size_t rows, const Tools<T>& tools) const noexcept;
  // Where the gradient by the output of a piece of rows stands; a chain's comes into `to`.
  const T* slope(T* to, const Pass<T>& pass, std::size_t first, std::size_t rows, const Tools<T>& tools) const noexcept;

  const std::size_t cols_;
  const std::size_t repeats_;
  const double momentum_, epsilon_;
  const Parameters parameters_;
  Applied<T> function_{};
  bool pools_ = false;
  Pool2D windows_{};
  std::optional<std::size_t> end_;  // the value that the chain ends with
};

template <class T>
void add_batch_norm(Builder<T>& builder, const OperationSpec& spec);

}  // namespace ravine
