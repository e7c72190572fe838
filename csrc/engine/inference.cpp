#include "engine/inference.h"

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "engine/operations/sparse_input.h"
#include "engine/plan.h"
#include "engine/update.h"
#include "kernels/signatures/vector.h"

namespace ravine {
namespace {

// Less work than this is faster on one thread.
constexpr std::size_t worth_a_team = 2'000'000;

// Of rows and, for convolutional nets, of their values.
constexpr std::size_t most_block_rows = 128;
constexpr std::size_t most_block_bytes = std::size_t{8} << 20;

template <class T>
std::size_t threads_for(const Network<T>& network, const Data<T>& data, std::size_t threads) {
  const bool worth =
      data.rows > block_rows(network) && data.rows * step_work(network, data.terms_a_row()) / 3 >= worth_a_team;
  return worth ? startable_threads(threads) : 1;
}

// Takes rows [first, first + rows) of the data through the first `operations` operations. No operation writes its
// input, so they read x in place.
template <class T>
void run_block(const Network<T>& network, Pass<T>& pass, const Tools<T>& tools, const Data<T>& data, std::size_t first,
               std::size_t rows, std::size_t operations) noexcept {
  pass.first_row = first;
  pass.training = pass.fused = false;
  // fewer rows would leave lanes empty; a row has the same bits either way
  pass.lanes = rows >= row_lanes && !network.values()[network.output(operations)].lanes;
  if (data.is_sparse())
    pass.sparse = rows_from(data.sparse, first);
  else
    pass.value[0] = const_cast<T*>(data.x + first * network.inputs());
  for (std::size_t i = 0; i < operations; ++i) {
    if (const auto* statistics = network.operation(i).batch_statistics()) statistics->finish(pass, rows, tools);
    network.operation(i).forward(pass, 0, rows, {}, tools);
  }
}

// The values that rows from row `first` on hold, and how many those of `rows` rows are.
template <class T>
const T* values_of(const Data<T>& data, std::size_t first, std::size_t inputs) noexcept {
  return data.is_sparse() ? data.sparse.value + data.sparse.start[first] : data.x + first * inputs;
}
template <class T>
std::size_t number_of_values(const Data<T>& data, std::size_t first, std::size_t rows, std::size_t inputs) noexcept {
  if (!data.is_sparse()) return rows * inputs;
  return static_cast<std::size_t>(data.sparse.start[first + rows] - data.sparse.start[first]);
}

// sum += w_i value_i, i ascending.
template <class T>
void add_weighted(double& sum, const T* value, const Data<T>& data, std::size_t first, std::size_t rows) noexcept {
  double total = sum;
  for (std::size_t i = 0; i < rows; ++i)
    total += (data.weight ? static_cast<double>(data.weight[first + i]) : 1.0) * static_cast<double>(value[i]);
  sum = total;
}

}  // namespace

template <class T>
std::size_t block_rows(const Network<T>& network) {
  if (network.least_slice() == usual_batch_slice) return most_block_rows;
  std::size_t width = 0;
  for (const Value& value : network.values()) width += value.units;
  return std::clamp(most_block_bytes / (width * sizeof(T)) / row_lanes * row_lanes, row_lanes, most_block_rows);
}

template <class T>
void add_losses(double& sum, const Network<T>& network, std::size_t operations, Pass<T>& pass, const Tools<T>& tools,
                const Data<T>& data, std::size_t first, std::size_t rows) noexcept {
  const std::size_t units = network.units(operations);
  run_block(network, pass, tools, data, first, rows, operations);
  const T* const z = pass.value[network.output(operations)];
  const Loss<T>& loss = *network.loss.loss;
  const T setting = static_cast<T>(network.loss.setting);
  if (data.label)
    loss.labels(pass.row_loss, nullptr, z, data.label + first, nullptr, rows, units, T{1}, setting);
  else
    loss.dense(pass.row_loss, nullptr, z, data.target + first * units, nullptr, rows, units, T{1}, setting);
  add_weighted(sum, pass.row_loss, data, first, rows);
}

template <class T>
Outcome forward(const Network<T>& network, Buffers<T>& buffers, const Data<T>& data, std::size_t operations, T* output,
                std::size_t threads, Watch& watch) {
  const std::size_t rows = data.rows, row_work = step_work(network, data.terms_a_row()) / 3;
  const std::size_t most = block_rows(network);
  threads = threads_for(network, data, threads);
  buffers.prepare(network, threads, std::min(rows, most), threads, false, 0, data.is_sparse());
  const std::size_t inputs = network.inputs(), units = network.units(operations);
  const auto all_finite = network.kernels().vector->all_finite;
  std::atomic<bool> finite{true};
  bool done = true;
  Team team(threads, watch);
  team.run([&] {
    const auto block = [&](std::size_t thread, std::size_t i) {
      Pass<T>& pass = buffers.pass(thread);
      const std::size_t first = i * most, count = std::min(most, rows - first);
      if (!all_finite(values_of(data, first, inputs), number_of_values(data, first, count, inputs)))
        finite.store(false, std::memory_order_relaxed);
      if (!finite.load(std::memory_order_relaxed)) return;
      if (operations > 0) pass.value[network.output(operations)] = output + first * units;
      run_block(network, pass, buffers.tools(thread), data, first, count, operations);
      if (operations == 0) std::memcpy(output + first * units, pass.value[0], count * units * sizeof(T));
    };
    const std::size_t blocks = (rows + most - 1) / most;
    done = team.share(blocks, most * row_work, true, block);
  });
  if (!finite.load(std::memory_order_relaxed)) return Outcome::not_finite;
  return done ? Outcome::done : Outcome::stopped;
}

template <class T>
std::optional<Evaluation> evaluate(const Network<T>& network, Buffers<T>& buffers, const Data<T>& data,
                                   const std::vector<MetricChoice<T>>& metrics, std::size_t threads, Watch& watch) {
  if (!network.loss.loss) throw std::invalid_argument("no loss is set: call set_loss first");
  const std::size_t most = block_rows(network);
  threads = threads_for(network, data, threads);
  buffers.prepare(network, threads, std::min(data.rows, most), threads, false, 0, data.is_sparse());
  const std::size_t operations = network.training_operations(), units = network.units(operations);
  const std::size_t least = network.least_slice(), row_work = step_work(network, data.terms_a_row()) / 3;
  const std::size_t slice = batch_slice(data.rows, least), slices = batch_slices(data.rows, least);
  std::vector<double> sums((1 + metrics.size()) * most_batch_slices, 0.0);

  const auto block = [&](std::size_t thread, double* sum, std::size_t first, std::size_t rows) {
    Pass<T>& pass = buffers.pass(thread);
    add_losses(*sum, network, operations, pass, buffers.tools(thread), data, first, rows);
    const T* const target = data.target ? data.target + first * units : nullptr;
    const std::int32_t* const label = data.label ? data.label + first : nullptr;
    for (std::size_t m = 0; m < metrics.size(); ++m) {
      metrics[m].metric->rows(pass.row_metric, pass.value[network.output(operations)], target, label, rows, units,
                              static_cast<T>(metrics[m].setting));
      add_weighted(sum[(m + 1) * most_batch_slices], pass.row_metric, data, first, rows);
    }
  };

  bool done = true;
  Team team(threads, watch);
  team.run([&] {
    done = team.share(slices, 0, true, [&](std::size_t thread, std::size_t s) {
      const std::size_t end = std::min(data.rows, (s + 1) * slice);
      for (std::size_t first = s * slice; first < end; first += most) {
        block(thread, sums.data() + s, first, std::min(most, end - first));
        if (team.stopping(thread, most * row_work)) break;
      }
    });
  });
  if (!done) return std::nullopt;

  const double weight = weight_sum(data, {nullptr, 0, data.rows}, least);
  const auto total = [&](std::size_t i) { return tree_sum(sums.data() + i * most_batch_slices, slices); };
  Evaluation result;
  result.loss = total(0);
  if (network.loss.mean) result.loss = weight > 0.0 ? result.loss / weight : 0.0;
  result.loss += network.loss.penalty_share(weight) * penalty_of(network);
  for (std::size_t m = 0; m < metrics.size(); ++m) result.metrics.push_back(weight > 0.0 ? total(m + 1) / weight : 0.0);
  return result;
}

template std::size_t block_rows(const Network<float>&);
template std::size_t block_rows(const Network<double>&);
template void add_losses(double&, const Network<float>&, std::size_t, Pass<float>&, const Tools<float>&,
                         const Data<float>&, std::size_t, std::size_t) noexcept;
template void add_losses(double&, const Network<double>&, std::size_t, Pass<double>&, const Tools<double>&,
                         const Data<double>&, std::size_t, std::size_t) noexcept;
template Outcome forward(const Network<float>&, Buffers<float>&, const Data<float>&, std::size_t, float*, std::size_t,
                         Watch&);
template Outcome forward(const Network<double>&, Buffers<double>&, const Data<double>&, std::size_t, double*,
                         std::size_t, Watch&);
template std::optional<Evaluation> evaluate(const Network<float>&, Buffers<float>&, const Data<float>&,
                                            const std::vector<MetricChoice<float>>&, std::size_t, Watch&);
template std::optional<Evaluation> evaluate(const Network<double>&, Buffers<double>&, const Data<double>&,
                                            const std::vector<MetricChoice<double>>&, std::size_t, Watch&);

}  // namespace ravine
