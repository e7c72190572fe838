#include "bench/limits.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "dispatch.h"
#include "engine/team.h"

namespace ravine::bench {

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

namespace {

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Twelve independent chains hide the latency of two multiply-add units.
constexpr std::size_t chains = 12;
constexpr std::size_t rounds = 1'000'000;

// One operation on each of registers 0 to 11, all of them zero at first and ever after.
#define RAVINE_EACH_REGISTER(INSTRUCTION) ".irp r,0,1,2,3,4,5,6,7,8,9,10,11\n\t" INSTRUCTION "\n\t.endr"

#if defined(__x86_64__)
#define RAVINE_ON_REGISTERS(INSTRUCTION)           \
  asm volatile(RAVINE_EACH_REGISTER(INSTRUCTION):: \
                   : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11")

template <class T>
__attribute__((target("avx512f"))) void chain_avx512() {
  RAVINE_ON_REGISTERS("vpxorq %%zmm\\r, %%zmm\\r, %%zmm\\r");
  for (std::size_t i = 0; i < rounds; ++i) {
    if constexpr (sizeof(T) == 4)
      RAVINE_ON_REGISTERS("vfmadd213ps %%zmm\\r, %%zmm\\r, %%zmm\\r");
    else
      RAVINE_ON_REGISTERS("vfmadd213pd %%zmm\\r, %%zmm\\r, %%zmm\\r");
  }
}

template <class T>
__attribute__((target("avx2"))) void chain_avx2() {
  RAVINE_ON_REGISTERS("vpxor %%ymm\\r, %%ymm\\r, %%ymm\\r");
  for (std::size_t i = 0; i < rounds; ++i) {
    if constexpr (sizeof(T) == 4)
      RAVINE_ON_REGISTERS("vfmadd213ps %%ymm\\r, %%ymm\\r, %%ymm\\r");
    else
      RAVINE_ON_REGISTERS("vfmadd213pd %%ymm\\r, %%ymm\\r, %%ymm\\r");
  }
}

template <class T>
void chain_baseline() {
  RAVINE_ON_REGISTERS("pxor %%xmm\\r, %%xmm\\r");
  for (std::size_t i = 0; i < rounds; ++i) {
    if constexpr (sizeof(T) == 4)
      RAVINE_ON_REGISTERS("mulps %%xmm\\r, %%xmm\\r\n\taddps %%xmm\\r, %%xmm\\r");
    else
      RAVINE_ON_REGISTERS("mulpd %%xmm\\r, %%xmm\\r\n\taddpd %%xmm\\r, %%xmm\\r");
  }
}

template <class T>
void chain() {
  const std::string isa = selected().name;
  isa == "avx512" ? chain_avx512<T>() : isa == "avx2" ? chain_avx2<T>() : chain_baseline<T>();
}
#elif defined(__aarch64__)
template <class T>
void chain() {
  for (std::size_t i = 0; i < rounds; ++i) {
    if constexpr (sizeof(T) == 4)
      asm volatile(RAVINE_EACH_REGISTER("fmla v\\r\\().4s, v16.4s, v16.4s")::
                       : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11");
    else
      asm volatile(RAVINE_EACH_REGISTER("fmla v\\r\\().2d, v16.2d, v16.2d")::
                       : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11");
  }
}
#endif

template <class T>
double peak() {
  double best = 0.0;
  for (int i = 0; i < 20; ++i) {
    const double start = seconds();
    chain<T>();
    const std::size_t width = selected().vector_bytes / sizeof(T);
    best = std::max(best, 2.0 * static_cast<double>(chains * rounds * width) / (seconds() - start));
  }
  return best;
}

double triad() {
  constexpr std::size_t count = std::size_t{1} << 25;
  std::vector<float> a(count, 0.0f), b(count, 1.0f), c(count, 2.0f);
  double best = 0.0;
  for (int i = 0; i < 7; ++i) {
    const double start = seconds();
    for (std::size_t j = 0; j < count; ++j) a[j] = b[j] + 3.0f * c[j];
    asm volatile("" ::"r"(a.data()) : "memory");
    best = std::max(best, 3.0 * sizeof(float) * count / (seconds() - start));
  }
  return best;
}

double barrier() {
  constexpr int barriers = 20'000;
  Watch watch(nullptr, nullptr);
  double best = 1.0;
  for (int i = 0; i < 5; ++i) {
    Team team(2, watch);
    double time = 0.0;
    team.run([&](std::size_t thread) {
      team.barrier();
      const double start = seconds();
      for (int b = 0; b < barriers; ++b) team.barrier();
      if (thread == 0) time = seconds() - start;
    });
    best = std::min(best, time / barriers);
  }
  return best;
}

}  // namespace

const Limits& limits() {
  static const Limits measured{peak<float>(), peak<double>(), triad(), barrier()};
  return measured;
}

}  // namespace ravine::bench
