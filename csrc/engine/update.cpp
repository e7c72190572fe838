#include "engine/update.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/signatures/clip.h"
#include "kernels/signatures/vector.h"

namespace ravine {
namespace {

// A task: 16 KiB of each array in float. The penalties' sums are cut here as well, so bits depend on it.
constexpr std::size_t update_chunk = 4096;
// Columns of a kernel, limited together.
constexpr std::size_t column_block = 64;

// Without that of the norm.
template <class T>
double chunk_penalty(const Network<T>& network, const Arena<T>& arena, const Parameter& parameter, std::size_t first,
                     std::size_t count) {
  const auto& vector = *network.kernels().vector;
  const T* const w = arena.values.data() + first;
  double penalty = 0.0;
  if (parameter.l1 != 0.0) penalty += parameter.l1 * vector.sum_abs(w, count);
  if (parameter.l2 != 0.0) penalty += parameter.l2 * vector.sum_squares(w, count);
  return penalty;
}

// l2_norm / (2 |w|), no larger than what twice it in T can hold; 0 at w = 0
template <class T>
double root_slope(double l2_norm, double norm) {
  constexpr double most = static_cast<double>(std::numeric_limits<T>::max()) / 4.0;
  return norm > 0.0 ? std::min(l2_norm / (2.0 * norm), most) : 0.0;
}

}  // namespace

StepFactors prepare_step(decltype(Update<float>::prepare) prepare, UpdateRunning& running, UpdateSettings settings,
                         double learning_rate) {
  StepFactors factors;
  factors.learning_rate = learning_rate;
  settings.learning_rate = learning_rate;
  if (settings.weight_decay != 0.0) {
    UpdateRunning same = running;
    prepare(factors.decayed, same, settings);
    settings.weight_decay = 0.0;
  }
  prepare(factors.plain, running, settings);
  return factors;
}

// Parameters that are treated alike and lie side by side are one range; the pads between them are zero and stay so.
template <class T>
Updater<T>::Updater(const Network<T>& network, const Buffers<T>& buffers) : network_(network), buffers_(buffers) {
  const auto& parameters = network.arena.parameters;
  const bool decays = network.settings.weight_decay != 0.0;
  const auto decayed = [&](const Parameter& parameter) { return decays && parameter.is_kernel; };
  for (std::size_t p = 0; p < parameters.size();) {
    const Parameter& first = parameters[p];
    const std::size_t begin = p++;
    std::size_t end = first.offset + first.count();
    for (; p < parameters.size() && !is_penalised(first) && !is_penalised(parameters[p]) &&
           parameters[p].moves() == first.moves() && decayed(parameters[p]) == decayed(first);
         ++p)
      end = parameters[p].offset + parameters[p].count();
    if (!first.moves() && !is_penalised(first)) continue;
    const std::size_t first_chunk = chunks_.size();
    for (std::size_t at = first.offset; at < end; at += update_chunk)
      chunks_.push_back(
          {begin, at, std::min(update_chunk, end - at), is_penalised(first), decayed(first), first.moves()});
    if (is_penalised(first) && first.l2_norm != 0.0) rooted_.push_back({begin, first_chunk, chunks_.size()});
  }
  for (const Chunk& chunk : chunks_)
    if (chunk.first + chunk.count <= parameters[0].offset + parameters[0].count())
      sparse_end_ = chunk.first + chunk.count;
  for (const Rooted& kernel : rooted_)
    for (std::size_t chunk = kernel.first; chunk < kernel.last; ++chunk) rooted_chunks_.push_back(chunk);
  for (std::size_t p = 0; p < parameters.size(); ++p)
    for (std::size_t at = 0; parameters[p].moves() && parameters[p].max_norm > 0.0 && at < parameters[p].cols;
         at += column_block)
      limited_.push_back({p, at, std::min(column_block, parameters[p].cols - at)});
  penalty_.assign(chunks_.size(), 0.0);
  squares_.assign(chunks_.size(), 0.0);
}

template <class T>
void Updater<T>::finish_gradient(std::size_t index, const Plan& plan, Penalties penalties) noexcept {
  const Chunk& chunk = chunks_[index];
  const auto& vector = *network_.kernels().vector;
  const Arena<T>& arena = network_.arena;
  const auto of_group = [&](std::size_t group) { return buffers_.group_gradients(arena, group) + chunk.first; };
  if (plan.by_rows && chunk.trained)
    for (std::size_t reach = 1; reach < plan.groups; reach *= 2)
      for (std::size_t g = 0; g + reach < plan.groups; g += 2 * reach)
        vector.add(of_group(g), of_group(g), of_group(g + reach), chunk.count);
  if (!chunk.penalised || penalties == Penalties::none) return;
  const Parameter& parameter = arena.parameters[chunk.parameter];
  penalty_[index] = share_ * chunk_penalty(network_, arena, parameter, chunk.first, chunk.count);
  if (!chunk.trained) return;
  const double l1 = parameter.proximal && penalties == Penalties::smooth ? 0.0 : parameter.l1;
  vector.add_penalty_gradient(arena.gradients.data() + chunk.first, arena.values.data() + chunk.first, chunk.count,
                              static_cast<T>(share_ * l1), static_cast<T>(share_ * (parameter.l2 + chunk.slope)));
}

template <class T>
void Updater<T>::square(std::size_t index, const T* block, double scale) noexcept {
  squares_[index] = network_.kernels().clip->squared_norm(block + chunks_[index].first, chunks_[index].count, scale);
}

template <class T>
void Updater<T>::take_roots() noexcept {
  rooted_penalty_ = 0.0;
  for (const Rooted& kernel : rooted_) {
    double sum = 0.0;
    for (std::size_t chunk = kernel.first; chunk < kernel.last; ++chunk) sum += squares_[chunk];
    const double l2_norm = network_.arena.parameters[kernel.parameter].l2_norm, norm = std::sqrt(sum);
    rooted_penalty_ += share_ * l2_norm * norm;
    for (std::size_t chunk = kernel.first; chunk < kernel.last; ++chunk)
      chunks_[chunk].slope = root_slope<T>(l2_norm, norm);
  }
}

template <class T>
double Updater<T>::trained_norm() const noexcept {
  double sum = 0.0;
  for (std::size_t chunk = 0; chunk < chunks_.size(); ++chunk)
    if (chunks_[chunk].trained) sum += squares_[chunk];
  return std::sqrt(sum);
}

template <class T>
void Updater<T>::clip(std::size_t index) const noexcept {
  const Chunk& chunk = chunks_[index];
  if (!chunk.trained) return;
  T* const g = network_.arena.gradients.data() + chunk.first;
  const double limit = network_.clipping.value;
  if (clip_factor_ != T{1}) network_.kernels().vector->scale(g, g, chunk.count, clip_factor_);
  if (limit > 0.0) network_.kernels().clip->clip(g, g, chunk.count, static_cast<T>(limit));
}

template <class T>
void Updater<T>::apply(std::size_t index, const StepFactors& factors) const noexcept {
  const Chunk& chunk = chunks_[index];
  if (!chunk.trained) return;
  const Arena<T>& arena = network_.arena;
  network_.rule->step(arena.values.data() + chunk.first, arena.state.data() + chunk.first, arena.size,
                      arena.gradients.data() + chunk.first, chunk.count,
                      chunk.decayed ? factors.decayed : factors.plain);
}

template <class T>
void Updater<T>::step_rows(std::span<const std::uint32_t> touched, std::size_t task,
                           const StepFactors& factors) const noexcept {
  const Arena<T>& arena = network_.arena;
  const Parameter& parameter = arena.parameters[0];
  const double limit = network_.clipping.value;
  for (const std::uint32_t row :
       touched.subspan(task * touched_rows).first(std::min(touched_rows, touched.size() - task * touched_rows))) {
    const std::size_t at = parameter.offset + row * parameter.cols;
    if (at >= sparse_end_) continue;
    const std::size_t count = std::min(parameter.cols, sparse_end_ - at);
    T* const g = arena.gradients.data() + at;
    if (limit > 0.0) network_.kernels().clip->clip(g, g, count, static_cast<T>(limit));
    network_.rule->step(arena.values.data() + at, arena.state.data() + at, arena.size, g, count, factors.plain);
  }
}

template <class T>
void Updater<T>::flush_subnormals(std::size_t index) const noexcept {
  const Chunk& chunk = chunks_[index];
  const Arena<T>& arena = network_.arena;
  for (std::size_t slot = 0; chunk.trained && slot < network_.rule->slots; ++slot)
    network_.kernels().vector->flush_subnormals(arena.state.data() + slot * arena.size + chunk.first,
                                                arena.gradients.data() + chunk.first, chunk.count);
}

template <class T>
void Updater<T>::threshold(std::size_t index, double learning_rate) const noexcept {
  const Chunk& chunk = chunks_[index];
  const Parameter& parameter = network_.arena.parameters[chunk.parameter];
  if (!chunk.trained || !chunk.penalised || !parameter.proximal || parameter.l1 == 0.0) return;
  T* const w = network_.arena.values.data() + chunk.first;
  network_.kernels().clip->soft_threshold(w, w, chunk.count, static_cast<T>(learning_rate * share_ * parameter.l1));
}

template <class T>
void Updater<T>::limit(const Columns& columns) const noexcept {
  const Parameter& parameter = network_.arena.parameters[columns.parameter];
  network_.kernels().clip->limit_columns(network_.arena.value(columns.parameter) + columns.first, parameter.rows,
                                         columns.count, parameter.cols, parameter.max_norm);
}

template <class T>
double Updater<T>::penalty() const noexcept {
  double sum = 0.0;
  for (const double part : penalty_) sum += part;
  return sum + rooted_penalty_;
}

template <class T>
double penalty_of(const Network<T>& network) {
  return penalty_of(network, network.arena);
}

template <class T>
double penalty_of(const Network<T>& network, const Arena<T>& arena) {
  double sum = 0.0, rooted = 0.0;
  for (const Parameter& parameter : arena.parameters) {
    if (!is_penalised(parameter)) continue;
    double squares = 0.0;
    for (std::size_t at = 0; at < parameter.count(); at += update_chunk) {
      const std::size_t first = parameter.offset + at, count = std::min(update_chunk, parameter.count() - at);
      sum += chunk_penalty(network, arena, parameter, first, count);
      if (parameter.l2_norm != 0.0)
        squares += network.kernels().clip->squared_norm(arena.values.data() + first, count, 1.0);
    }
    rooted += parameter.l2_norm * std::sqrt(squares);
  }
  return sum + rooted;
}

template class Updater<float>;
template class Updater<double>;
template double penalty_of(const Network<float>&);
template double penalty_of(const Network<double>&);
template double penalty_of(const Network<float>&, const Arena<float>&);
template double penalty_of(const Network<double>&, const Arena<double>&);

}  // namespace ravine
