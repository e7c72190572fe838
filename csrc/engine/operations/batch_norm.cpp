#include "engine/operations/batch_norm.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "engine/operations/norm.h"

namespace ravine {
namespace {

// Numbers of a task when outputs are cut: what a core brings from memory in some tens of microseconds.
constexpr std::size_t task_numbers = 65536;

}  // namespace

template <class T>
std::size_t BatchNorm<T>::task_rows() const {
  return std::clamp<std::size_t>(task_numbers / this->units_, 1, 512);
}

template <class T>
std::size_t BatchNorm<T>::saved(std::size_t) const {
  return (1 + most_batch_slices) * block() * (sizeof(double) / sizeof(T)) + 7 * cols_;
}

template <class T>
typename BatchNorm<T>::Saved BatchNorm<T>::saved_of(const Pass<T>& pass) const {
  auto* const statistics = reinterpret_cast<double*>(pass.saved[this->number_]);
  T* const coefficient = reinterpret_cast<T*>(statistics + (1 + most_batch_slices) * block());
  return {statistics, statistics + block(), coefficient, coefficient + 3 * cols_};
}

template <class T>
void BatchNorm<T>::survey(const Pass<T>& pass, std::size_t rows, std::size_t slice,
                          const Tools<T>& tools) const noexcept {
  if (!takes_batch(pass, *tools.arena)) return;
  const std::size_t size = norm_slice(rows, positions()), first = slice * size;
  tools.kernels->batch_norm->moments(saved_of(pass).sums + slice * block(), this->x(pass, first),
                                     pass.weight ? pass.weight + first : nullptr, std::min(size, rows - first),
                                     positions(), cols_);
}

template <class T>
void BatchNorm<T>::settle(const Pass<T>& pass, std::size_t rows, const Tools<T>& tools) const noexcept {
  const auto& kernels = *tools.kernels->batch_norm;
  const Saved saved = saved_of(pass);
  if (takes_batch(pass, *tools.arena)) {
    join_tree(survey_slices(rows), [&](std::size_t a, std::size_t b) {
      kernels.join_moments(saved.sums + a * block(), saved.sums + b * block(), cols_);
    });
    kernels.finish_moments(saved.sums, cols_);
    std::copy_n(saved.sums, block(), saved.statistics);
  } else {
    std::copy_n(tools.arena->value(parameters_.mean), cols_, saved.statistics);
    std::copy_n(tools.arena->value(parameters_.variance), cols_, saved.statistics + cols_);
    // constants: as if of a batch without end
    saved.statistics[2 * cols_] = std::numeric_limits<double>::infinity();
    saved.statistics[2 * cols_ + 1] = 0.0;
  }
  kernels.fold(saved.coefficient, saved.statistics, saved.statistics + cols_, value_of(parameters_.gamma, *tools.arena),
               value_of(parameters_.beta, *tools.arena), epsilon_, cols_);
}

template <class T>
void BatchNorm<T>::forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                           const Tools<T>& tools) const noexcept {
  tools.kernels->batch_norm->forward(this->y(pass, first), this->x(pass, first), saved_of(pass).coefficient,
                                     rows * positions(), cols_);
}

template <class T>
void BatchNorm<T>::survey_back(const Pass<T>& pass, std::size_t rows, std::size_t slice,
                               const Tools<T>& tools) const noexcept {
  const Saved saved = saved_of(pass);
  const std::size_t size = norm_slice(rows, positions()), first = slice * size;
  tools.kernels->batch_norm->sums(saved.sums + slice * block(), this->dy(pass, first), this->x(pass, first),
                                  pass.weight ? pass.weight + first : nullptr, saved.statistics,
                                  std::min(size, rows - first), positions(), cols_);
}

template <class T>
void BatchNorm<T>::settle_back(const Pass<T>& pass, std::size_t rows, T* gradients,
                               const Tools<T>& tools) const noexcept {
  const auto& kernels = *tools.kernels->batch_norm;
  const Saved saved = saved_of(pass);
  const auto gradient_of = [&](std::optional<std::size_t> parameter) -> T* {
    if (!parameter || !tools.arena->parameters[*parameter].trainable) return nullptr;
    return gradients + tools.arena->parameters[*parameter].offset;
  };
  join_tree(survey_slices(rows), [&](std::size_t a, std::size_t b) {
    kernels.join_sums(saved.sums + a * block(), saved.sums + b * block(), cols_);
  });
  kernels.fold_back(saved.coefficient_back, gradient_of(parameters_.gamma), gradient_of(parameters_.beta), saved.sums,
                    saved.statistics, saved.statistics + cols_, value_of(parameters_.gamma, *tools.arena), epsilon_,
                    cols_);
}

template <class T>
void BatchNorm<T>::backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                            const Tools<T>& tools) const noexcept {
  const Saved saved = saved_of(pass);
  tools.kernels->batch_norm->backward(this->dx(pass, first), this->dy(pass, first), this->x(pass, first),
                                      pass.weight ? pass.weight + first : nullptr, saved.coefficient_back,
                                      saved.statistics[2 * cols_], rows, positions(), cols_);
  this->through_input_activation(pass, first, rows, {0, this->inputs_});
}

// One value has no variance to learn from.
template <class T>
void BatchNorm<T>::learn(const Pass<T>& pass, const Tools<T>& tools) const noexcept {
  const Saved saved = saved_of(pass);
  if (!takes_batch(pass, *tools.arena) || saved.statistics[2 * cols_ + 1] < 2.0) return;
  tools.kernels->batch_norm->learn(tools.arena->value(parameters_.mean), tools.arena->value(parameters_.variance),
                                   saved.statistics, saved.statistics + cols_, momentum_, cols_);
}

template <class T>
void add_batch_norm(Builder<T>& builder, const OperationSpec& spec) {
  const std::size_t cols = channels_of(builder, spec);
  const double momentum = spec.number("momentum");
  if (!(momentum >= 0.0 && momentum <= 1.0))
    throw std::invalid_argument("momentum of " + spec.name + " must be in [0, 1], got " + std::to_string(momentum));
  const auto [gamma, beta] = add_scale_and_centre(builder, spec, cols);
  const typename BatchNorm<T>::Parameters parameters{gamma, beta,
                                                     builder.add_statistic(spec.name + "/moving_mean", cols, 0.0),
                                                     builder.add_statistic(spec.name + "/moving_variance", cols, 1.0)};
  builder.template add<BatchNorm>(spec, builder.units(), cols, momentum, epsilon_of(spec), parameters);
}

template class BatchNorm<float>;
template class BatchNorm<double>;
template void add_batch_norm(Builder<float>&, const OperationSpec&);
template void add_batch_norm(Builder<double>&, const OperationSpec&);

}  // namespace ravine
