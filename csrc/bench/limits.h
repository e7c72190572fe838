// What the machine can do, measured in the same run as what is held against it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "dispatch.h"

namespace ravine::bench {

struct Limits {
  double flops_float;  // fused multiply-adds of the threads together, as 2 operations each, a second
  double flops_double;
  double triad_bytes;      // a = b + s c on arrays far larger than the caches, bytes a second
  double barrier_seconds;  // one barrier of two threads
};

// Measured on `threads` threads, with the registers of this instruction set ("baseline", "avx2", "avx512").
Limits measure_limits(std::string_view isa, std::size_t threads);

// Multiply-adds of `threads` threads, as 2 operations each, a second.
template <class T>
double measure_peak(std::string_view isa, std::size_t threads);

// One core, in the chosen instruction set; measured at the first call.
inline const Limits& limits() {
  static const Limits measured = measure_limits(selected().name, 1);
  return measured;
}

double seconds();

// Runs call() as often as the benchmark asks; returns the seconds of one call, the median of samples of at least 0.1
// ms: on a machine that others use too, a mean is theirs as well.
template <class State, class Call>
double time_each(State& state, Call&& call) {
  constexpr double shortest_sample = 1e-4;
  std::vector<double> samples;
  std::size_t calls = 0, wanted = 1;
  double start = seconds();
  for (auto _ : state) {
    call();
    asm volatile("" ::: "memory");
    if (++calls < wanted) continue;
    const double now = seconds();
    if (now - start < shortest_sample) {
      wanted *= 2;
      continue;
    }
    samples.push_back((now - start) / static_cast<double>(calls));
    calls = 0, start = now;
  }
  if (samples.empty()) return (seconds() - start) / static_cast<double>(calls);
  const auto median = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), median, samples.end());
  return *median;
}

// The seconds of one call, and the peak of so many threads. A processor's clock changes from second to second, so the
// peak is the mean of one before and one after.
struct TimeBesidePeak {
  double seconds, flops;
};
template <class T, class State, class Call>
TimeBesidePeak time_beside_peak(State& state, std::size_t threads, Call&& call) {
  const double before = measure_peak<T>(selected().name, threads);
  const double time = time_each(state, call);
  return {time, (before + measure_peak<T>(selected().name, threads)) / 2};
}

}  // namespace ravine::bench
