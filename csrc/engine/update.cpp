#include "engine/update.h"

#include <algorithm>

namespace ravine {
namespace {

// A task: 16 KiB of each array in float. The penalties' sums are cut here as well, so bits depend on it.
constexpr std::size_t chunk_size = 4096;

bool is_penalised(const Parameter& parameter) {
  return parameter.is_kernel && (parameter.l1 != 0.0 || parameter.l2 != 0.0);
}

template <class T>
double chunk_penalty(const Network<T>& network, const Parameter& parameter, std::size_t first, std::size_t count) {
  const auto& vector = *network.kernels().vector;
  const T* const w = network.arena.values.data() + first;
  double penalty = 0.0;
  if (parameter.l1 != 0.0) penalty += parameter.l1 * vector.sum_abs(w, count);
  if (parameter.l2 != 0.0) penalty += parameter.l2 * vector.sum_squares(w, count);
  return penalty;
}

}  // namespace

StepFactors prepare_step(decltype(Update<float>::prepare) prepare, UpdateRunning& running, UpdateSettings settings,
                         double learning_rate) {
  StepFactors factors;
  settings.learning_rate = learning_rate;
  if (settings.weight_decay != 0.0) {
    UpdateRunning same = running;
    prepare(factors.decayed, same, settings);
    settings.weight_decay = 0.0;
  }
  prepare(factors.plain, running, settings);
  return factors;
}

// Parameters that are treated alike and stand side by side are one range; the pads between them are zero and stay so.
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
           parameters[p].trainable == first.trainable && decayed(parameters[p]) == decayed(first);
         ++p)
      end = parameters[p].offset + parameters[p].count();
    if (!first.trainable && !is_penalised(first)) continue;
    for (std::size_t at = first.offset; at < end; at += chunk_size)
      chunks_.push_back(
          {begin, at, std::min(chunk_size, end - at), is_penalised(first), decayed(first), first.trainable});
  }
  penalty_.assign(chunks_.size(), 0.0);
}

template <class T>
void Updater<T>::finish_gradient(std::size_t index, const Plan& plan, bool penalise) noexcept {
  const Chunk& chunk = chunks_[index];
  const auto& vector = *network_.kernels().vector;
  const Arena<T>& arena = network_.arena;
  const auto of_group = [&](std::size_t group) { return buffers_.group_gradients(arena, group) + chunk.first; };
  if (plan.by_rows && chunk.trained)
    for (std::size_t reach = 1; reach < plan.groups; reach *= 2)
      for (std::size_t g = 0; g + reach < plan.groups; g += 2 * reach)
        vector.add(of_group(g), of_group(g), of_group(g + reach), chunk.count);
  if (!chunk.penalised || !penalise) return;
  const Parameter& parameter = arena.parameters[chunk.parameter];
  penalty_[index] = chunk_penalty(network_, parameter, chunk.first, chunk.count);
  if (chunk.trained)
    vector.add_penalty_gradient(arena.gradients.data() + chunk.first, arena.values.data() + chunk.first, chunk.count,
                                static_cast<T>(parameter.l1), static_cast<T>(parameter.l2));
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
void Updater<T>::clear_faded(std::size_t index) const noexcept {
  const Chunk& chunk = chunks_[index];
  const Arena<T>& arena = network_.arena;
  for (std::size_t slot = 0; chunk.trained && slot < network_.rule->slots; ++slot)
    network_.kernels().vector->clear_faded(arena.state.data() + slot * arena.size + chunk.first,
                                           arena.gradients.data() + chunk.first, chunk.count);
}

template <class T>
double Updater<T>::penalty() const noexcept {
  double sum = 0.0;
  for (const double part : penalty_) sum += part;
  return sum;
}

template <class T>
double penalty_of(const Network<T>& network) {
  double sum = 0.0;
  for (const Parameter& parameter : network.arena.parameters)
    if (is_penalised(parameter))
      for (std::size_t at = 0; at < parameter.count(); at += chunk_size)
        sum += chunk_penalty(network, parameter, parameter.offset + at, std::min(chunk_size, parameter.count() - at));
  return sum;
}

template class Updater<float>;
template class Updater<double>;
template double penalty_of(const Network<float>&);
template double penalty_of(const Network<double>&);

}  // namespace ravine
