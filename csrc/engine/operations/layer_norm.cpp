// y = gamma (x - mean) / sqrt(variance + epsilon) + beta along the last axis: each position of a row by itself.
#include <algorithm>
#include <optional>

#include "engine/operations/kinds.h"
#include "engine/operations/norm.h"
#include "kernels/signatures/layer_norm.h"
#include "kernels/signatures/vector.h"

namespace ravine {
namespace {

template <class T>
class LayerNorm final : public Operation<T> {
 public:
  LayerNorm(const Place<T>& place, std::size_t cols, double epsilon, std::optional<std::size_t> gamma,
            std::optional<std::size_t> beta)
      : Operation<T>(place), cols_(cols), epsilon_(epsilon), gamma_(gamma), beta_(beta) {
    Profile& profile = this->profile_;
    profile.step_work = 40 * this->units_;
    profile.task_rows = std::clamp<std::size_t>(norm_task_numbers / this->units_, 1, 512);
    // the sums of a slice in float64, and both gradients of each slice
    profile.scratch = 2 * cols_ * (sizeof(double) / sizeof(T) + most_batch_slices);
    profile.has_parameters = gamma_ || beta_;
    profile.adds_row_norms = true;
  }

  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                  const Tools<T>& tools) const noexcept override;
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                   const Tools<T>& tools) const noexcept override;
  void gradient(const Pass<T>& pass, std::size_t rows, std::size_t slice, Part part, T* gradients,
                const Tools<T>& tools) const noexcept override;

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
void LayerNorm<T>::do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                              const Tools<T>& tools) const noexcept {
  tools.kernels->layer_norm->forward(this->y(pass, first), this->x(pass, first), value_of(gamma_, tools),
                                     value_of(beta_, tools), rows * positions(), cols_, epsilon_);
}

template <class T>
void LayerNorm<T>::do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                               const Tools<T>& tools) const noexcept {
  tools.kernels->layer_norm->backward(this->dx(pass, first), this->dy(pass, first), this->x(pass, first),
                                      value_of(gamma_, tools), rows * positions(), cols_, epsilon_);
  this->through_input_activation(pass, first, rows, {0, this->inputs_});
}

template <class T>
void LayerNorm<T>::sum(T* to, double* sums, const Pass<T>& pass, std::size_t first, std::size_t rows,
                       const Tools<T>& tools) const noexcept {
  tools.kernels->layer_norm->gradient(to, to + cols_, this->dy(pass, first), this->x(pass, first), rows * positions(),
                                      cols_, epsilon_, sums);
}

template <class T>
void LayerNorm<T>::gradient(const Pass<T>& pass, std::size_t rows, std::size_t slice, Part, T* gradients,
                            const Tools<T>& tools) const noexcept {
  auto* const sums = reinterpret_cast<double*>(tools.scratch);
  T* const part = reinterpret_cast<T*>(sums + 2 * cols_);
  const std::size_t slices = (rows + slice - 1) / slice, size = 2 * cols_;
  for (std::size_t s = 0; s < slices; ++s)
    sum(part + s * size, sums, pass, s * slice, std::min(slice, rows - s * slice), tools);
  join_tree(slices, [&](std::size_t a, std::size_t b) {
    tools.kernels->vector->add(part + a * size, part + a * size, part + b * size, size);
  });
  if (gamma_) std::copy_n(part, cols_, gradients + tools.arena->parameters[*gamma_].offset);
  if (beta_) std::copy_n(part + cols_, cols_, gradients + tools.arena->parameters[*beta_].offset);
}

template <class T>
void LayerNorm<T>::add_row_norms(const Pass<T>& pass, std::size_t first, std::size_t rows, double* norm,
                                 const Tools<T>& tools) const noexcept {
  auto* const sums = reinterpret_cast<double*>(tools.scratch);
  T* const part = reinterpret_cast<T*>(sums + 2 * cols_);
  const auto sum_squares = tools.kernels->vector->sum_squares;
  for (std::size_t i = 0; i < rows; ++i) {
    sum(part, sums, pass, first + i, 1, tools);
    if (gamma_) norm[i] += sum_squares(part, cols_);
    if (beta_) norm[i] += sum_squares(part + cols_, cols_);
  }
}

template <class T>
void add_layer_norm(Builder<T>& builder, const OperationSpec& spec) {
  const std::size_t cols = channels_of(builder, spec);
  const auto [gamma, beta] = add_scale_and_centre(builder, spec, cols);
  builder.template add<LayerNorm>(spec, builder.units(), cols, epsilon_of(spec), gamma, beta);
}

constexpr Declared layer_norm_settings[] = {{"scale"}, {"center"}, {"epsilon"}};

}  // namespace

extern constinit const Both<Kind> layer_norm_kind = {{"layer_norm", add_layer_norm<float>, layer_norm_settings},
                                                     {"layer_norm", add_layer_norm<double>, layer_norm_settings}};

}  // namespace ravine
