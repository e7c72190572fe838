// Whole training steps inside one run of the engine; the loss must have fallen before a time counts.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <cmath>
#include <string>
#include <vector>

#include "bench/limits.h"
#include "dispatch.h"
#include "engine/plan.h"
#include "engine/run.h"
#include "kernels/kernels.h"

namespace ravine::bench {
namespace {

struct Case {
  const char* name;
  std::vector<std::size_t> widths;
  const char* activation;
  const char* loss;
  std::size_t batch, steps;
};

const std::vector<Case> cases{
    {"2-4-2-1", {2, 4, 2, 1}, "tanh", "squared_error", 10, 2000},
    {"4-32-32-1", {4, 32, 32, 1}, "relu", "squared_error", 32, 500},
    {"64-128-128-10", {64, 128, 128, 10}, "relu", "categorical_cross_entropy", 128, 50},
    {"784-512-256-10", {784, 512, 256, 10}, "relu", "categorical_cross_entropy", 128, 10},
};

Network<float> build(const Case& chosen) {
  std::vector<OperationSpec> specs;
  for (std::size_t i = 1; i < chosen.widths.size(); ++i) {
    OperationSpec spec;
    spec.kind = "dense";
    spec.name = "dense_" + std::to_string(i);
    spec.settings["units"] = static_cast<double>(chosen.widths[i]);
    if (i + 1 < chosen.widths.size()) spec.settings["activation"] = chosen.activation;
    specs.push_back(spec);
  }
  Network<float> network(chosen.widths[0], specs, 0, selected());
  const auto& random = *network.kernels().random;
  for (std::size_t p = 0; p < network.arena.parameters.size(); ++p) {
    const Parameter& parameter = network.arena.parameters[p];
    if (parameter.is_kernel)
      random.normal(network.arena.value(p), parameter.count(), 0.0,
                    std::sqrt(2.0 / static_cast<double>(parameter.rows)), {0, static_cast<std::uint32_t>(p), 0});
  }
  network.loss.loss = find(network.kernels().losses, chosen.loss);
  network.set_rule(find(network.kernels().updates, "adam"), UpdateSettings{});
  return network;
}

void steps(benchmark::State& state, const Case& chosen, std::size_t threads) {
  Network<float> network = build(chosen);
  Buffers<float> buffers;
  const std::size_t rows = chosen.batch * chosen.steps, units = chosen.widths.back();
  const Block<float> x(rows * chosen.widths[0]), target(rows * units);
  network.kernels().random->normal(x.data(), x.size(), 0.0, 1.0, {1, 0, 0});
  for (std::size_t i = 0; i < rows; ++i)
    target.data()[i * units + (x.data()[i * chosen.widths[0]] > 0.0f ? units - 1 : 0)] = 1.0f;
  Data<float> data;
  data.x = x.data(), data.rows = rows, data.target = target.data();
  TrainSettings settings;
  settings.batch_size = chosen.batch, settings.shuffle_seed = 0, settings.rates = {1e-3}, settings.threads = threads;
  Watch watch(nullptr, nullptr);
  const double first = train(network, buffers, data, {}, settings, watch).loss[0];
  double last = first;
  const TimeBesidePeak timed = time_beside_peak<float>(state, threads, [&] {
    ++settings.first_epoch;
    last = train(network, buffers, data, {}, settings, watch).loss[0];
  });
  if (!(last < first)) state.SkipWithError("the loss did not fall");
  // the gradient by the data is never computed
  const std::size_t row_work = step_work(network) - 2 * chosen.widths[0] * chosen.widths[1];
  const double work = static_cast<double>(row_work * chosen.batch);
  const double per_step = timed.seconds / static_cast<double>(chosen.steps);
  state.counters["us/step"] = 1e6 * per_step;
  state.counters["of_peak"] = work / per_step / timed.flops;
}

}  // namespace

void register_steps() {
  const auto all = static_cast<std::size_t>(omp_get_num_procs());
  for (const Case& chosen : cases)
    for (std::size_t threads = 1; threads <= all; threads = threads < all ? all : all + 1)
      benchmark::RegisterBenchmark(("step/" + std::string(chosen.name) + "/threads:" + std::to_string(threads)).c_str(),
                                   [&chosen, threads](benchmark::State& state) { steps(state, chosen, threads); })
          ->UseRealTime();
}

}  // namespace ravine::bench
