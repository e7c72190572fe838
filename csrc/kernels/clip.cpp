// Gradients and weights held within limits.
#include "kernels/signatures/clip.h"
#include "kernels/signatures/frozen.h"
#include "kernels/signatures/rows.h"
#include "kernels/vec/wide.h"

namespace ravine::RAVINE_ISA {
namespace {

// One row sum a chunk, the chunks added in ascending order. The square of a float is exact in float64
// and cannot overflow there.
template <class T>
double squared_norm(const T* x, std::size_t count, double scale) noexcept {
  constexpr std::size_t parts = row_lanes / lanes<double>;
  double sum = 0;
  for (std::size_t first = 0; first < count; first += sum_chunk) {
    const std::size_t n = count - first < sum_chunk ? count - first : sum_chunk;
    Vec<double> part[parts] = {};
    const auto add = [&](const T* p) __attribute__((always_inline)) {
#pragma GCC unroll 8
      for (std::size_t q = 0; q < parts; ++q) {
        const Vec<double> v = load_wide(FullVector{q * lanes<double>}, p) * scale;
        part[q] += v * v;
      }
    };
    std::size_t i = 0;
    for (; i + row_lanes <= n; i += row_lanes) add(x + first + i);
    if (i < n) {
      T rest[row_lanes] = {};
      __builtin_memcpy(rest, x + first + i, (n - i) * sizeof(T));
      add(rest);
    }
    double lane[row_lanes];
    for (std::size_t q = 0; q < parts; ++q) store<double>(lane + q * lanes<double>, part[q]);
    for (std::size_t half = row_lanes / 2; half > 0; half /= 2)
      for (std::size_t l = 0; l < half; ++l) lane[l] += lane[l + half];
    sum += lane[0];
  }
  return sum;
}

template <class T>
void clip(T* y, const T* x, std::size_t count, T limit) noexcept {
  const Vec<T> high = broadcast<T>(limit), low = -high;
  each_vector<T>(count, [&](auto at) __attribute__((always_inline)) {
    const Vec<T> v = at.load(x);
    at.template store<T>(y, select<T>(v > high, high, select<T>(v < low, low, v)));
  });
}

template <class T>
void soft_threshold(T* y, const T* x, std::size_t count, T threshold) noexcept {
  const Vec<T> t = broadcast<T>(threshold);
  each_vector<T>(count, [&](auto at) __attribute__((always_inline)) {
    const Vec<T> v = at.load(x), size = abs(v);
    at.template store<T>(y, select<T>(size <= t, Vec<T>{}, copysign(size - t, v)));
  });
}

// Each column's squares are added in float64, rows in ascending order.
template <class T>
void limit_columns(T* w, std::size_t rows, std::size_t cols, std::size_t ldw, double limit) noexcept {
  constexpr std::size_t block = 64;
  for (std::size_t first = 0; first < cols; first += block) {
    const std::size_t n = cols - first < block ? cols - first : block;
    double sum[block] = {};
    T factor[block];
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        const double v = static_cast<double>(w[i * ldw + first + j]);
        sum[j] += v * v;
      }
    bool limits = false;
    for (std::size_t j = 0; j < n; ++j) {
      const double norm = __builtin_sqrt(sum[j]);
      const bool longer = norm > limit && norm < __builtin_inf();
      factor[j] = longer ? static_cast<T>(limit / norm) : T{1};
      limits |= longer;
    }
    for (std::size_t i = 0; limits && i < rows; ++i)
      for (std::size_t j = 0; j < n; ++j) w[i * ldw + first + j] *= factor[j];
  }
}

}  // namespace

extern constinit const Both<ClipKernels> clip_kernels = {
    {squared_norm<float>, clip<float>, soft_threshold<float>, limit_columns<float>},
    {squared_norm<double>, clip<double>, soft_threshold<double>, limit_columns<double>}};

}  // namespace ravine::RAVINE_ISA
