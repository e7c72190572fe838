// ravine_limits [ISA] [THREADS]: prints one line of JSON with what THREADS threads of this machine can do.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "bench/limits.h"

int main(int argc, char** argv) {
  const std::string_view isa = argc > 1 ? argv[1] : "baseline";
  const int threads = argc > 2 ? std::atoi(argv[2]) : 1;
  if (threads < 1) {
    std::fprintf(stderr, "usage: ravine_limits [ISA] [THREADS]\n");
    return 2;
  }
  const ravine::bench::Limits limits = ravine::bench::measure_limits(isa, static_cast<std::size_t>(threads));
  std::printf(
      "{\"threads\": %d, \"flops\": %.6g, \"flops_double\": %.6g, \"triad_bytes\": %.6g, \"barrier_seconds\": %.4g}\n",
      threads, limits.flops_float, limits.flops_double, limits.triad_bytes, limits.barrier_seconds);
}
