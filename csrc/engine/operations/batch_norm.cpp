// y = gamma (x - mean) / sqrt(variance + epsilon) + beta for each channel of a row's positions. In training the mean
// and variance are those of the batch, which weigh the running ones; otherwise, and where the layer is frozen, they are
// the running ones.
//
// While a network trains, an activation after it and max pooling after that can be done here, image by image while it
// is in the cache. Only the end of such a chain is kept in memory, and the gradient by it.
#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>

#include "engine/operations/kinds.h"
#include "engine/operations/norm.h"
#include "kernels/signatures/batch_norm.h"
#include "kernels/signatures/pooling.h"

namespace ravine {
namespace {

// Numbers of a piece that goes through several functions in the L1 cache.
constexpr std::size_t piece_numbers = 4096;
// Channels that are repeated are no more than this: six of the widest vectors.
constexpr std::size_t most_wide = 96;

// Rows of `cols` numbers as rows of `times` as many, in place: the last first, for each moves up.
template <class T>
void repeat(T* row, std::size_t rows, std::size_t cols, std::size_t times) {
  for (std::size_t r = rows; times > 1 && r-- > 0;)
    for (std::size_t k = times; k-- > (r == 0 ? 1 : 0);)
      std::copy_n(row + r * cols, cols, row + (r * times + k) * cols);
}

template <class T>
class BatchNorm final : public Operation<T>, private BatchStatistics<T> {
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
        parameters_(parameters) {
    Profile& profile = this->profile_;
    profile.task_rows = std::clamp<std::size_t>(norm_task_numbers / this->units_, 1, 512);
    profile.saved = (1 + most_batch_slices) * block() * (sizeof(double) / sizeof(T)) + padded(7 * wide());
    profile.has_parameters = parameters_.gamma || parameters_.beta;
  }

  const BatchStatistics<T>* batch_statistics() const override { return this; }
  std::size_t slices(std::size_t rows) const override { return norm_slices(rows, positions()); }
  void collect(const Pass<T>& pass, std::size_t rows, std::size_t slice, const Tools<T>& tools) const noexcept override;
  void finish(const Pass<T>& pass, std::size_t rows, const Tools<T>& tools) const noexcept override;
  void collect_back(const Pass<T>& pass, std::size_t rows, std::size_t slice,
                    const Tools<T>& tools) const noexcept override;
  void finish_back(const Pass<T>& pass, std::size_t rows, T* gradients, const Tools<T>& tools) const noexcept override;
  void update_running(const Pass<T>& pass, const Tools<T>& tools) const noexcept override;

  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                  const Tools<T>& tools) const noexcept override;
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                   const Tools<T>& tools) const noexcept override;

  bool absorb(const Fusible<T>& work) override;

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
  // Where the gradient by the output of a piece of rows is; a chain's comes into `to`.
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
bool BatchNorm<T>::absorb(const Fusible<T>& work) {
  if (work.activation) {
    const Activation<T>& function = *work.activation->activation;
    if (chains() || function.rowwise || function.from_input || !function.backward) return false;
    function_ = *work.activation;
  } else {
    if (pools_ || (chains() && !function_.relu)) return false;
    windows_ = *work.max_pool, pools_ = true;
    this->profile_.saved_row = windows_.outputs();
  }
  end_ = work.output;
  this->profile_.scratch = piece_rows() * this->units_;
  return true;
}

template <class T>
std::size_t BatchNorm<T>::repeats_of(std::size_t cols, std::size_t positions) {
  std::size_t repeats = cols % row_lanes == 0 ? 1 : std::max<std::size_t>(1, most_wide / cols);
  while (positions % repeats != 0) --repeats;
  return repeats;
}

template <class T>
std::size_t BatchNorm<T>::piece_rows() const {
  return std::max<std::size_t>(1, piece_numbers / this->units_);
}

template <class T>
typename BatchNorm<T>::Saved BatchNorm<T>::saved_of(const Pass<T>& pass) const {
  auto* const statistics = reinterpret_cast<double*>(pass.saved[this->number_]);
  T* const coefficient = reinterpret_cast<T*>(statistics + (1 + most_batch_slices) * block());
  return {statistics, statistics + block(), coefficient, coefficient + 3 * wide(), coefficient + padded(7 * wide())};
}

template <class T>
void BatchNorm<T>::collect(const Pass<T>& pass, std::size_t rows, std::size_t slice,
                           const Tools<T>& tools) const noexcept {
  if (!takes_batch(pass, *tools.arena)) return;
  const std::size_t size = norm_slice(rows, positions()), first = slice * size;
  tools.kernels->batch_norm->moments(saved_of(pass).sums + slice * block(), this->x(pass, first),
                                     pass.weight ? pass.weight + first : nullptr, std::min(size, rows - first),
                                     positions(), cols_);
}

template <class T>
void BatchNorm<T>::finish(const Pass<T>& pass, std::size_t rows, const Tools<T>& tools) const noexcept {
  const auto& kernels = *tools.kernels->batch_norm;
  const Saved saved = saved_of(pass);
  if (takes_batch(pass, *tools.arena)) {
    join_tree(slices(rows), [&](std::size_t a, std::size_t b) {
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
  repeat(saved.coefficient, 3, cols_, repeats_);
}

template <class T>
void BatchNorm<T>::normalise(T* y, const Pass<T>& pass, std::size_t first, std::size_t rows,
                             const Tools<T>& tools) const noexcept {
  const T* const x = this->x(pass, first);
  const T* const coefficient = saved_of(pass).coefficient;
  const bool activates = chains(pass) && function_.activation;
  const std::size_t cols = wide(), all = rows * wide_positions();
  const std::size_t most = activates ? std::max<std::size_t>(1, piece_numbers / cols) : all;
  for (std::size_t at = 0; at < all; at += most) {
    const std::size_t count = std::min(most, all - at);
    T* const piece = y + at * cols;
    tools.kernels->batch_norm->forward(piece, x + at * cols, coefficient, count, cols);
    if (activates) function_.activation->forward(piece, piece, 1, count * cols, function_.alpha);
  }
}

template <class T>
void BatchNorm<T>::do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                              const Tools<T>& tools) const noexcept {
  if (!chains(pass) || !pools_)
    return normalise(chains(pass) ? pass.value[*end_] + first * this->units_ : this->y(pass, first), pass, first, rows,
                     tools);
  for (std::size_t row = first; row < first + rows; ++row) {
    const std::size_t at = row * windows_.outputs();
    normalise(tools.scratch, pass, row, 1, tools);
    tools.kernels->max_pool->forward_index(pass.value[*end_] + at, saved_of(pass).largest + at, tools.scratch, 1,
                                           windows_);
  }
}

template <class T>
const T* BatchNorm<T>::slope(T* to, const Pass<T>& pass, std::size_t first, std::size_t rows,
                             const Tools<T>& tools) const noexcept {
  if (!chains(pass)) return this->dy(pass, first);
  const std::size_t at = first * (pools_ ? windows_.outputs() : this->units_);
  const T* const d = pass.dvalue[*end_] + at;
  const T* const y = pass.value[*end_] + at;
  if (pools_)
    tools.kernels->max_pool->backward_index(to, d, y, saved_of(pass).largest + at, rows, windows_, function_.relu);
  else
    function_.activation->backward(to, d, y, 1, rows * this->units_, function_.alpha);
  return to;
}

template <class T>
void BatchNorm<T>::collect_back(const Pass<T>& pass, std::size_t rows, std::size_t slice,
                                const Tools<T>& tools) const noexcept {
  const Saved saved = saved_of(pass);
  double* const sums = saved.sums + slice * block();
  const std::size_t size = norm_slice(rows, positions()), end = std::min(rows, (slice + 1) * size);
  const std::size_t most = chains(pass) ? piece_rows() : size;
  std::fill_n(sums, 2 * cols_, 0.0);
  for (std::size_t row = slice * size; row < end; row += most) {
    const std::size_t count = std::min(most, end - row);
    tools.kernels->batch_norm->sums(sums, slope(tools.scratch, pass, row, count, tools), this->x(pass, row),
                                    pass.weight ? pass.weight + row : nullptr, saved.statistics, count, positions(),
                                    cols_);
  }
}

template <class T>
void BatchNorm<T>::finish_back(const Pass<T>& pass, std::size_t rows, T* gradients,
                               const Tools<T>& tools) const noexcept {
  const auto& kernels = *tools.kernels->batch_norm;
  const Saved saved = saved_of(pass);
  const auto gradient_of = [&](std::optional<std::size_t> parameter) -> T* {
    if (!parameter || !tools.arena->parameters[*parameter].trainable) return nullptr;
    return gradients + tools.arena->parameters[*parameter].offset;
  };
  join_tree(slices(rows), [&](std::size_t a, std::size_t b) {
    kernels.join_sums(saved.sums + a * block(), saved.sums + b * block(), cols_);
  });
  kernels.fold_back(saved.coefficient_back, gradient_of(parameters_.gamma), gradient_of(parameters_.beta), saved.sums,
                    saved.statistics, saved.statistics + cols_, value_of(parameters_.gamma, *tools.arena), epsilon_,
                    cols_);
  repeat(saved.coefficient_back, 4, cols_, repeats_);
}

template <class T>
void BatchNorm<T>::do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                               const Tools<T>& tools) const noexcept {
  const Saved saved = saved_of(pass);
  const std::size_t most = chains(pass) ? piece_rows() : rows;
  for (std::size_t row = first; row < first + rows; row += most) {
    const std::size_t count = std::min(most, first + rows - row);
    tools.kernels->batch_norm->backward(this->dx(pass, row), slope(tools.scratch, pass, row, count, tools),
                                        this->x(pass, row), pass.weight ? pass.weight + row : nullptr,
                                        saved.coefficient_back, saved.statistics[2 * cols_], count, wide_positions(),
                                        wide());
    this->through_input_activation(pass, row, count, {0, this->inputs_});
  }
}

// One value has no variance to learn from.
template <class T>
void BatchNorm<T>::update_running(const Pass<T>& pass, const Tools<T>& tools) const noexcept {
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

constexpr Declared batch_norm_settings[] = {{"momentum"}, {"scale"}, {"center"}, {"epsilon"}};

}  // namespace

extern constinit const Both<Kind> batch_norm_kind = {{"batch_norm", add_batch_norm<float>, batch_norm_settings},
                                                     {"batch_norm", add_batch_norm<double>, batch_norm_settings}};

}  // namespace ravine
