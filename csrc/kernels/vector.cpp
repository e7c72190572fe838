// Power, waves, scaling, and sums over vectors and columns.
#include "kernels/signatures/vector.h"
#include "kernels/math/math.h"
#include "kernels/signatures/rows.h"
#include "kernels/vec/reductions.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
void pow_range(T* y, const T* x, const T* exponent, std::size_t count) noexcept {
  each_vector<T>(count, [&](auto at) __attribute__((always_inline)) {
    at.template store<T>(y, pow(at.load(x), at.load(exponent)));
  });
}

template <class T>
void sincospi_range(T* sine, T* cosine, const T* x, std::size_t count) noexcept {
  each_vector<T>(count, [&](auto at) __attribute__((always_inline)) {
    Vec<T> s, c;
    sincospi(at.load(x), s, c);
    at.template store<T>(sine, s);
    at.template store<T>(cosine, c);
  });
}

template <class T>
void scale(T* y, const T* x, std::size_t count, T factor) noexcept {
  each_vector<T>(count, [&](auto at) __attribute__((always_inline)) { at.template store<T>(y, at.load(x) * factor); });
}

template <class T>
void add(T* y, const T* a, const T* b, std::size_t count) noexcept {
  each_vector<T>(count,
                 [&](auto at) __attribute__((always_inline)) { at.template store<T>(y, at.load(a) + at.load(b)); });
}

template <class T>
void add_scaled(T* y, const T* x, std::size_t count, T factor) noexcept {
  const Vec<T> a = broadcast<T>(factor);
  each_vector<T>(
      count, [&](auto at) __attribute__((always_inline)) { at.template store<T>(y, fma(a, at.load(x), at.load(y))); });
}

template <class T>
void rotate(T* x, T* y, std::size_t count, T c, T s) noexcept {
  const Vec<T> cosine = broadcast<T>(c), sine = broadcast<T>(s);
  each_vector<T>(count, [&](auto at) __attribute__((always_inline)) {
    const Vec<T> u = at.load(x), v = at.load(y);
    at.template store<T>(x, fma(cosine, u, sine * v));
    at.template store<T>(y, fma(cosine, v, -(sine * u)));
  });
}

// sum_i f(x_i, ...) over arrays of one length
template <class Function, class T, class... Other>
RAVINE_INLINE double chunked_sum(std::size_t count, Function&& function, const T* x, const Other*... other) {
  double sum = 0;
  for (std::size_t i = 0; i < count; i += sum_chunk) {
    const std::size_t n = count - i < sum_chunk ? count - i : sum_chunk;
    sum += static_cast<double>(row_sum<T>(
        n, [&](auto at) __attribute__((always_inline)) { return function(at.load(x + i), at.load(other + i)...); }));
  }
  return sum;
}

template <class T>
double sum_squares(const T* x, std::size_t count) noexcept {
  return chunked_sum(count, [](Vec<T> v) __attribute__((always_inline)) { return v * v; }, x);
}

template <class T>
double sum_abs(const T* x, std::size_t count) noexcept {
  return chunked_sum(count, [](Vec<T> v) __attribute__((always_inline)) { return abs(v); }, x);
}

template <class T>
double dot(const T* a, const T* b, std::size_t count) noexcept {
  return chunked_sum(count, [](Vec<T> u, Vec<T> v) __attribute__((always_inline)) { return u * v; }, a, b);
}

// 0 x is NaN where x is not finite, and so is any sum with it. Four sums hide the additions' latency.
template <class T>
bool all_finite(const T* x, std::size_t count) noexcept {
  constexpr std::size_t strip = 4;
  Vec<T> sum[strip] = {};
  std::size_t i = 0;
  for (; i + strip * lanes<T> <= count; i += strip * lanes<T>)
#pragma GCC unroll 4
    for (std::size_t s = 0; s < strip; ++s) sum[s] += load<T>(x + i + s * lanes<T>) * T{0};
  Vec<T> total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  each_vector<T>(count - i, [&](auto at) __attribute__((always_inline)) { total += at.load(x + i) * T{0}; });
  T lane[lanes<T>];
  store<T>(lane, total);
  bool finite = true;
  for (const T value : lane) finite &= value == T{0};
  return finite;
}

template <class T>
void flush_subnormals(T* x, const T* g, std::size_t count) noexcept {
  const Vec<T> smallest_normal = broadcast<T>(sizeof(T) == 4 ? T(0x1p-126) : T(0x1p-1022));
  each_vector<T>(count, [&](auto at) __attribute__((always_inline)) {
    const Vec<T> v = at.load(x);
    at.template store<T>(x, select<T>((at.load(g) == Vec<T>{}) & (abs(v) < smallest_normal), Vec<T>{}, v));
  });
}

template <class T>
void lerp(T* y, const T* x, std::size_t count, T share) noexcept {
  const Vec<T> part = broadcast<T>(share);
  each_vector<T>(count, [&](auto at) __attribute__((always_inline)) {
    const Vec<T> old = at.load(y);
    at.template store<T>(y, fma(part, at.load(x) - old, old));
  });
}

// `strip` vectors of neighbouring columns. The balanced tree over slices runs as they come, like a binary counter:
// part[l] waits for its partner of 2^l slices, and the remainder is added from the right at the end.
template <std::size_t strip, class T, class At>
RAVINE_INLINE void sum_columns(T* sum, const T* x, std::size_t rows, std::size_t ldx, std::size_t slice, At at) {
  Vec<T> part[64][strip];
  std::size_t slices = 0;
  for (std::size_t first = 0; first < rows; first += slice, ++slices) {
    const std::size_t last = rows - first < slice ? rows : first + slice;
    Vec<T> total[strip] = {};
    for (std::size_t i = first; i < last; ++i) {
#pragma GCC unroll 4
      for (std::size_t s = 0; s < strip; ++s) total[s] += at.load(x + i * ldx + s * lanes<T>);
    }
    std::size_t level = 0;
    for (; slices >> level & 1; ++level) {
      for (std::size_t s = 0; s < strip; ++s) total[s] = part[level][s] + total[s];
    }
    for (std::size_t s = 0; s < strip; ++s) part[level][s] = total[s];
  }
  for (std::size_t s = 0; s < strip; ++s) {
    Vec<T> total{};
    bool empty = true;
    for (std::size_t level = 0; level < 64; ++level) {
      if (!(slices >> level & 1)) continue;
      total = empty ? part[level][s] : part[level][s] + total;
      empty = false;
    }
    at.template store<T>(sum + s * lanes<T>, total);
  }
}

template <class T>
void column_sums(T* sum, const T* x, std::size_t rows, std::size_t cols, std::size_t ldx,
                 std::size_t batch_slice) noexcept {
  const std::size_t slice = batch_slice == 0 || batch_slice > rows ? rows : batch_slice;
  std::size_t j = 0;
  for (; j + 4 * lanes<T> <= cols; j += 4 * lanes<T>) sum_columns<4>(sum, x, rows, ldx, slice, FullVector{j});
  for (; j + 2 * lanes<T> <= cols; j += 2 * lanes<T>) sum_columns<2>(sum, x, rows, ldx, slice, FullVector{j});
  if (j + lanes<T> <= cols) sum_columns<1>(sum, x, rows, ldx, slice, FullVector{j}), j += lanes<T>;
  if (j < cols) sum_columns<1>(sum, x, rows, ldx, slice, LastVector{j, cols - j});
}

template <class T>
void add_penalty_gradient(T* dw, const T* w, std::size_t count, T l1, T l2) noexcept {
  const Vec<T> size = broadcast<T>(l1), twice = broadcast<T>(2 * l2);
  each_vector<T>(count, [&](auto at) __attribute__((always_inline)) {
    const Vec<T> v = at.load(w);
    const Vec<T> slope = select<T>(v == T(0), Vec<T>{}, copysign(size, v));
    at.template store<T>(dw, at.load(dw) + fma(twice, v, slope));
  });
}

}  // namespace

extern constinit const Both<VectorKernels> vector_kernels = {
    {pow_range<float>, sincospi_range<float>, scale<float>, add<float>, add_scaled<float>, rotate<float>,
     sum_squares<float>, sum_abs<float>, dot<float>, column_sums<float>, all_finite<float>, flush_subnormals<float>,
     lerp<float>, add_penalty_gradient<float>},
    {pow_range<double>, sincospi_range<double>, scale<double>, add<double>, add_scaled<double>, rotate<double>,
     sum_squares<double>, sum_abs<double>, dot<double>, column_sums<double>, all_finite<double>,
     flush_subnormals<double>, lerp<double>, add_penalty_gradient<double>}};

}  // namespace ravine::RAVINE_ISA
