#include "bench/limits.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <new>
#include <thread>
#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace ravine::bench {

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

namespace {

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
void chain(std::string_view isa) {
  isa == "avx512" ? chain_avx512<T>() : isa == "avx2" ? chain_avx2<T>() : chain_baseline<T>();
}

std::size_t vector_bytes(std::string_view isa) { return isa == "avx512" ? 64 : isa == "avx2" ? 32 : 16; }
#elif defined(__aarch64__)
template <class T>
void chain(std::string_view) {
  for (std::size_t i = 0; i < rounds; ++i) {
    if constexpr (sizeof(T) == 4)
      asm volatile(RAVINE_EACH_REGISTER("fmla v\\r\\().4s, v16.4s, v16.4s")::
                       : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11");
    else
      asm volatile(RAVINE_EACH_REGISTER("fmla v\\r\\().2d, v16.2d, v16.2d")::
                       : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11");
  }
}

std::size_t vector_bytes(std::string_view) { return 16; }
#endif

// Seconds of body(thread) on all threads at once, the shortest of `repeats`.
template <class Body>
double shortest(std::size_t threads, int repeats, Body&& body) {
  double best = 1e9;
#pragma omp parallel num_threads(static_cast<int>(threads))
  for (int i = 0; i < repeats; ++i) {
    const auto thread = static_cast<std::size_t>(omp_get_thread_num());
#pragma omp barrier
    const double start = seconds();
    body(thread);
#pragma omp barrier
    if (thread == 0) best = std::min(best, seconds() - start);
  }
  return best;
}

// out = in + 3 scaled. An ordinary store first reads the line that it will overwrite, a fourth array through memory;
// the stores used on x86-64 go past the caches and read nothing. An update in place reads all that it writes, so it has
// no such hidden pass either: its bytes are those in its formula.
#if defined(__x86_64__)
constexpr std::size_t triad_arrays = 3;

void triad_range(float* out, const float* in, const float* scaled, std::size_t count) {
  const __m128 factor = _mm_set1_ps(3.0f);
  for (std::size_t j = 0; j < count; j += 4)
    _mm_stream_ps(out + j, _mm_add_ps(_mm_load_ps(in + j), _mm_mul_ps(factor, _mm_load_ps(scaled + j))));
  _mm_sfence();
}
#else
constexpr std::size_t triad_arrays = 4;

void triad_range(float* out, const float* in, const float* scaled, std::size_t count) {
  for (std::size_t j = 0; j < count; ++j) out[j] = in[j] + 3.0f * scaled[j];
}
#endif

constexpr std::align_val_t huge_page{std::size_t{1} << 21};

struct FreePages {
  void operator()(float* p) const { ::operator delete[](p, huge_page); }
};
using Numbers = std::unique_ptr<float[], FreePages>;

// On huge pages where the system lends them, as NumPy's large arrays are.
Numbers numbers(std::size_t count) {
  Numbers made(static_cast<float*>(::operator new[](count * sizeof(float), huge_page)));
#if defined(__linux__)
  madvise(made.get(), count * sizeof(float), MADV_HUGEPAGE);
#endif
  return made;
}

double triad(std::size_t threads) {
  const std::size_t share = ((std::size_t{1} << 24) / threads) & ~std::size_t{15}, count = share * threads;
  const Numbers a = numbers(count), b = numbers(count), c = numbers(count);
  // the first touch places the pages, so each thread makes it on its own share
  shortest(threads, 1, [&](std::size_t thread) {
    for (std::size_t j = thread * share; j < (thread + 1) * share; ++j) a[j] = 0.0f, b[j] = 1.0f, c[j] = 2.0f;
  });
  const double time = shortest(threads, 7, [&](std::size_t thread) {
    const std::size_t first = thread * share;
    triad_range(a.get() + first, b.get() + first, c.get() + first, share);
    asm volatile("" ::"r"(a.get()) : "memory");
  });
  return static_cast<double>(triad_arrays * sizeof(float) * count) / time;
}

// Two threads that wait for each other in turn, as often as a barrier makes them: once each way. With one core for
// both, a thread that spins keeps the other from what it waits for, and has to let it run.
double barrier() {
  constexpr unsigned barriers = 20'000, spins = 10'000;
  double best = 1.0;
  for (int i = 0; i < 5; ++i) {
    alignas(64) std::atomic<unsigned> there{0};
    alignas(64) std::atomic<unsigned> back{0};
    double time = 0.0;
#pragma omp parallel num_threads(2)
    {
      const bool first = omp_get_thread_num() == 0;
      std::atomic<unsigned>& own = first ? there : back;
      const std::atomic<unsigned>& other = first ? back : there;
#pragma omp barrier
      const double start = seconds();
      for (unsigned b = 1; b <= barriers; ++b) {
        own.store(b, std::memory_order_release);
        for (unsigned spin = 0; other.load(std::memory_order_acquire) < b; ++spin)
          if (spin >= spins) std::this_thread::yield();
      }
      if (first) time = seconds() - start;
    }
    best = std::min(best, time / barriers);
  }
  return best;
}

}  // namespace

template <class T>
double measure_peak(std::string_view isa, std::size_t threads) {
  const double time = shortest(threads, 20, [&](std::size_t) { chain<T>(isa); });
  return 2.0 * static_cast<double>(threads * chains * rounds * (vector_bytes(isa) / sizeof(T))) / time;
}

template double measure_peak<float>(std::string_view, std::size_t);
template double measure_peak<double>(std::string_view, std::size_t);

Limits measure_limits(std::string_view isa, std::size_t threads) {
  return {measure_peak<float>(isa, threads), measure_peak<double>(isa, threads), triad(threads), barrier()};
}

}  // namespace ravine::bench
