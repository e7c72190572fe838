// What the machine can do, measured in the same run as what is held against it.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>

namespace ravine::bench {

struct Limits {
  double flops_float;  // fused multiply-adds of one core, as 2 operations each, in the chosen instruction set, a second
  double flops_double;
  double triad_bytes;      // a = b + s c on arrays far larger than the caches, one core, bytes a second
  double barrier_seconds;  // one barrier of two threads
};

// Measured at the first call.
const Limits& limits();

double seconds();

// Runs call() as often as the benchmark asks; returns the seconds of one call.
template <class Call>
double time_each(benchmark::State& state, Call&& call) {
  const double start = seconds();
  for (auto _ : state) {
    call();
    benchmark::ClobberMemory();
  }
  return (seconds() - start) / static_cast<double>(state.iterations());
}

}  // namespace ravine::bench
