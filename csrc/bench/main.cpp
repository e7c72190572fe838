// C++ microbenchmarks: ravine_bench [--benchmark_filter=...]; RAVINE_ISA chooses the instruction set.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "bench/limits.h"
#include "dispatch.h"

namespace ravine::bench {

void register_matmul();
void register_elementwise();
void register_steps();

}  // namespace ravine::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  try {
    ravine::select(std::getenv("RAVINE_ISA"));
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "RAVINE_ISA: %s\n", error.what());
    return 2;
  }
  const ravine::bench::Limits& limits = ravine::bench::limits();
  std::printf("%s: multiply-add peak %.1f GFLOP/s float32, %.1f float64; triad %.1f GB/s; barrier of two %.0f ns\n",
              ravine::selected().name, limits.flops_float * 1e-9, limits.flops_double * 1e-9, limits.triad_bytes * 1e-9,
              limits.barrier_seconds * 1e9);
  ravine::bench::register_matmul();
  ravine::bench::register_elementwise();
  ravine::bench::register_steps();
  benchmark::RunSpecifiedBenchmarks();
}
