// The matrix product over a list of shapes, each checked before it is timed.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/limits.h"
#include "dispatch.h"
#include "engine/arena.h"
#include "kernels/kernels.h"

namespace ravine::bench {
namespace {

struct Shape {
  const char* form;
  std::size_t m, n, k;
  std::size_t batch_slice = 0;
};

constexpr Shape shapes[] = {
    {"nn", 1024, 1024, 1024}, {"tn", 1024, 1024, 1024}, {"nt", 1024, 1024, 1024}, {"nn", 512, 2048, 1024},
    {"nn", 512, 1024, 2048},  {"nn", 512, 512, 512},    {"nn", 128, 512, 784},    {"tn", 784, 512, 128, 256},
    {"nt", 128, 784, 512},    {"nn", 128, 128, 64},     {"nn", 128, 128, 128},    {"tn", 128, 128, 128, 32},
    {"nt", 128, 128, 128},    {"nn", 128, 10, 128},     {"nn", 1, 512, 784},      {"nn", 10, 4, 2},
};

template <class T>
void fill(Block<T>& block, unsigned seed) {
  for (std::size_t i = 0; i < block.size(); ++i) {
    seed = seed * 1664525u + 1013904223u;
    block.data()[i] = static_cast<T>(static_cast<int>(seed >> 29) - 4);
  }
}

// Small integers: every sum is exact, so that a spot check is an equality.
template <class T>
bool right(const Matmul<T>& x, const std::string& form) {
  for (std::size_t at = 0; at < x.m * x.n; at += 1 + x.m * x.n / 997) {
    const std::size_t i = at / x.n, j = at % x.n;
    T sum = 0;
    for (std::size_t p = 0; p < x.k; ++p)
      sum += x.a[form == "tn" ? p * x.lda + i : i * x.lda + p] * x.b[form == "nt" ? j * x.ldb + p : p * x.ldb + j];
    if (x.c[i * x.ldc + j] != sum) return false;
  }
  return true;
}

template <class T>
void product(benchmark::State& state, const Shape& shape) {
  const auto& kernels = *selected().kernels<T>().matmul;
  const std::string form = shape.form;
  Block<T> a(shape.m * shape.k), b(shape.k * shape.n), c(shape.m * shape.n), workspace(kernels.workspace);
  fill(a, 1), fill(b, 2);
  Matmul<T> x{};
  x.c = c.data(), x.a = a.data(), x.b = b.data();
  x.m = shape.m, x.n = shape.n, x.k = shape.k;
  x.ldc = shape.n, x.lda = form == "tn" ? shape.m : shape.k, x.ldb = form == "nt" ? shape.k : shape.n;
  x.batch_slice = shape.batch_slice, x.workspace = workspace.data();
  const auto kernel = form == "nn" ? kernels.nn : form == "tn" ? kernels.tn : kernels.nt;
  kernel(x);
  if (!right(x, form)) {
    state.SkipWithError("wrong product");
    return;
  }
  const TimeBesidePeak timed = time_beside_peak<T>(state, 1, [&] { kernel(x); });
  const double rate = 2.0 * static_cast<double>(shape.m * shape.n * shape.k) / timed.seconds;
  state.counters["GFLOP/s"] = rate * 1e-9;
  state.counters["of_peak"] = rate / timed.flops;
}

template <class T>
void add(const Shape& shape, const char* dtype) {
  char name[96];
  std::snprintf(name, sizeof name, "matmul/%s/%s/%zux%zux%zu/%zu", dtype, shape.form, shape.m, shape.n, shape.k,
                shape.batch_slice);
  benchmark::RegisterBenchmark(name, [shape](benchmark::State& state) { product<T>(state, shape); });
}

}  // namespace

void register_matmul() {
  for (const Shape& shape : shapes) {
    add<float>(shape, "float32");
    add<double>(shape, "float64");
  }
}

}  // namespace ravine::bench
