// Every activation, loss and update rule of the table, as a share of the triad's bandwidth.
#include <benchmark/benchmark.h>

#include <cmath>
#include <string>

#include "bench/limits.h"
#include "dispatch.h"
#include "engine/arena.h"
#include "kernels/kernels.h"

namespace ravine::bench {
namespace {

constexpr std::size_t rows = 8192, cols = 128, count = rows * cols;
constexpr std::size_t parameters = 10'000'000;

// Times a call that takes `arrays` float arrays of `size` through memory.
template <class Call>
void time_bytes(benchmark::State& state, std::size_t arrays, std::size_t size, Call&& call) {
  const double rate = static_cast<double>(arrays * size * sizeof(float)) / time_each(state, call);
  state.counters["GB/s"] = rate * 1e-9;
  state.counters["of_triad"] = rate / limits().triad_bytes;
}

// Values in (0, 1): right for logits, probabilities and targets alike.
Block<float> numbers(std::size_t size, float shift) {
  Block<float> block(size);
  for (std::size_t i = 0; i < size; ++i)
    block.data()[i] = (static_cast<float>(i % 97) + 0.5f + shift) / (97.5f + shift);
  return block;
}

bool finite(const Block<float>& block) {
  for (std::size_t i = 0; i < block.size(); i += 101)
    if (!std::isfinite(block.data()[i])) return false;
  return true;
}

void forward(benchmark::State& state, const Activation<float>& activation) {
  const Block<float> x = numbers(count, 0), y(count);
  time_bytes(state, 2, count, [&] { activation.forward(y.data(), x.data(), rows, cols, 0.1f); });
  if (!finite(y)) state.SkipWithError("not finite");
}

void backward(benchmark::State& state, const Activation<float>& activation) {
  const Block<float> dy = numbers(count, 0), saved = numbers(count, 1), dx(count);
  time_bytes(state, 3, count, [&] { activation.backward(dx.data(), dy.data(), saved.data(), rows, cols, 0.1f); });
  if (!finite(dx)) state.SkipWithError("not finite");
}

void loss_and_gradient(benchmark::State& state, const Loss<float>& loss) {
  const Block<float> z = numbers(count, 0), target = numbers(count, 1), dz(count), row_loss(rows);
  time_bytes(state, 3, count,
             [&] { loss.dense(row_loss.data(), dz.data(), z.data(), target.data(), nullptr, rows, cols, 1.0f, 1.0f); });
  if (!finite(dz) || !finite(row_loss)) state.SkipWithError("not finite");
}

void update(benchmark::State& state, const Update<float>& rule) {
  const Block<float> w = numbers(parameters, 0), dw = numbers(parameters, 1), slots(rule.slots * parameters + 1);
  UpdateRunning running;
  UpdateSettings settings;
  settings.momentum = 0.9;
  time_bytes(state, 3 + 2 * rule.slots, parameters, [&] {
    UpdateFactors factors;
    rule.prepare(factors, running, settings);
    rule.step(w.data(), slots.data(), parameters, dw.data(), parameters, factors);
  });
  if (!finite(w)) state.SkipWithError("not finite");
}

template <class Row, class Body>
void add(const std::string& name, const Row* row, Body body) {
  benchmark::RegisterBenchmark(name.c_str(), [row, body](benchmark::State& state) { body(state, *row); });
}

}  // namespace

void register_elementwise() {
  const Kernels<float>& kernels = selected().f;
  for (const auto* row : kernels.activations) {
    add("activation/" + std::string(row->name) + "/forward", row, forward);
    if (row->backward) add("activation/" + std::string(row->name) + "/backward", row, backward);
  }
  for (const auto* row : kernels.losses) add("loss/" + std::string(row->name), row, loss_and_gradient);
  for (const auto* row : kernels.updates) add("update/" + std::string(row->name), row, update);
}

}  // namespace ravine::bench
