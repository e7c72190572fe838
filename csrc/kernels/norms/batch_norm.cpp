// Batch norm: y = gamma (x - mean) / sqrt(variance + epsilon) + beta, for each channel over rows and positions.
//
// With n_i = (x_i - mean) r, r = 1 / sqrt(variance + epsilon), and mean and variance weighed by w_i of the mass W:
//   dx_i = gamma r (dy_i - w_i / W (sum_k dy_k + n_i sum_k dy_k n_k))
//   dgamma = sum_k dy_k n_k     dbeta = sum_k dy_k
#include "kernels/signatures/batch_norm.h"
#include "kernels/signatures/rows.h"
#include "kernels/vec/reductions.h"
#include "kernels/vec/wide.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
double weight_of(const T* weight, std::size_t row) {
  return weight ? static_cast<double>(weight[row]) : 1.0;
}

// Calls body.operator()<strip>(at) for neighbouring columns, `strip` vectors of float64 at a time.
template <class Body>
RAVINE_INLINE void each_strip(std::size_t cols, Body&& body) {
  constexpr std::size_t lane_count = lanes<double>;
  std::size_t j = 0;
  for (; j + 4 * lane_count <= cols; j += 4 * lane_count) body.template operator()<4>(FullVector{j});
  for (; j + 2 * lane_count <= cols; j += 2 * lane_count) body.template operator()<2>(FullVector{j});
  if (j + lane_count <= cols) body.template operator()<1>(FullVector{j}), j += lane_count;
  if (j < cols) body.template operator()<1>(LastVector{j, cols - j});
}

// -------------------------------------------------------------------------------------------------------- forward pass

template <std::size_t strip, class T, class At>
RAVINE_INLINE void strip_moments(double* mean, double* squares, const T* x, const T* weight, std::size_t first,
                                 std::size_t rows, std::size_t positions, std::size_t cols, double mass, At at) {
  Vec<double> origin[strip], sum[strip] = {}, square[strip] = {};
#pragma GCC unroll 4
  for (std::size_t s = 0; s < strip; ++s) origin[s] = load_wide(at, x + first * positions * cols + s * lanes<double>);
  for (std::size_t i = first; i < rows; ++i) {
    const double w = weight_of(weight, i);
    if (w == 0.0) continue;
    const Vec<double> factor = broadcast<double>(w);
    const T* p = x + i * positions * cols;
    for (std::size_t position = 0; position < positions; ++position, p += cols) {
#pragma GCC unroll 4
      for (std::size_t s = 0; s < strip; ++s) {
        const Vec<double> d = load_wide(at, p + s * lanes<double>) - origin[s], weighed = factor * d;
        sum[s] += weighed;
        square[s] += weighed * d;
      }
    }
  }
#pragma GCC unroll 4
  for (std::size_t s = 0; s < strip; ++s) {
    const Vec<double> shift = sum[s] / mass, rest = square[s] - sum[s] * shift;
    at.template store<double>(mean + s * lanes<double>, origin[s] + shift);
    at.template store<double>(squares + s * lanes<double>, select<double>(rest < 0.0, Vec<double>{}, rest));
  }
}

template <class T>
void moments(double* moments, const T* x, const T* weight, std::size_t rows, std::size_t positions,
             std::size_t cols) noexcept {
  double mass = 0.0, counted = 0.0;
  std::size_t first = rows;
  for (std::size_t i = 0; i < rows; ++i) {
    const double w = weight_of(weight, i);
    if (w == 0.0) continue;
    if (first == rows) first = i;
    mass += w;
    counted += 1.0;
  }
  mass *= static_cast<double>(positions);
  moments[2 * cols] = mass;
  moments[2 * cols + 1] = counted * static_cast<double>(positions);
  if (first == rows || positions == 0) {
    for (std::size_t j = 0; j < 2 * cols; ++j) moments[j] = 0.0;
    return;
  }
  each_strip(cols, [&]<std::size_t strip>(auto at) __attribute__((always_inline)) {
    strip_moments<strip>(moments, moments + cols, x, weight, first, rows, positions, cols, mass, at);
  });
}

// With d = mean_b - mean_a: mean = mean_a + d W_b / W, squares = squares_a + squares_b + d^2 W_a W_b / W.
template <class T>
void join_moments(double* a, const double* b, std::size_t cols) noexcept {
  const double mass_a = a[2 * cols], mass_b = b[2 * cols];
  if (mass_b == 0.0) return;
  const double mass = mass_a + mass_b, share = mass_b / mass;
  for (std::size_t j = 0; j < cols; ++j) {
    const double d = b[j] - a[j];
    a[j] = mass_a == 0.0 ? b[j] : a[j] + d * share;
    a[cols + j] += b[cols + j] + d * d * (mass_a * share);
  }
  a[2 * cols] = mass;
  a[2 * cols + 1] += b[2 * cols + 1];
}

template <class T>
void finish_moments(double* moments, std::size_t cols) noexcept {
  const double mass = moments[2 * cols];
  for (std::size_t j = 0; mass > 0.0 && j < cols; ++j) moments[cols + j] /= mass;
}

template <class T>
void learn(T* running_mean, T* running_variance, const double* mean, const double* variance, double momentum,
           std::size_t cols) noexcept {
  const double share = 1.0 - momentum;
  const auto approach = [&](T& running, double batch) {
    const double old = static_cast<double>(running);
    running = static_cast<T>(old + share * (batch - old));
  };
  for (std::size_t j = 0; j < cols; ++j) approach(running_mean[j], mean[j]);
  for (std::size_t j = 0; j < cols; ++j) approach(running_variance[j], variance[j]);
}

// The centre is the mean rounded to T: x - centre is exact to half a unit, and the shift holds what rounding left.
template <class T>
void fold(T* coefficient, const double* mean, const double* variance, const T* gamma, const T* beta, double epsilon,
          std::size_t cols) noexcept {
  for (std::size_t j = 0; j < cols; ++j) {
    const double r = 1.0 / __builtin_sqrt(variance[j] + epsilon);
    const double scale = gamma ? static_cast<double>(gamma[j]) * r : r;
    const T centre = static_cast<T>(mean[j]);
    const double rest = (static_cast<double>(centre) - mean[j]) * scale;
    coefficient[j] = centre;
    coefficient[cols + j] = static_cast<T>(scale);
    coefficient[2 * cols + j] = static_cast<T>(beta ? static_cast<double>(beta[j]) + rest : rest);
  }
}

template <class T>
void forward(T* y, const T* x, const T* coefficient, std::size_t rows, std::size_t cols) noexcept {
  const T* const scale = coefficient + cols;
  const T* const shift = scale + cols;
  for (std::size_t i = 0; i < rows; ++i, y += cols, x += cols)
    each_vector<T>(cols, [&](auto at) __attribute__((always_inline)) {
      at.template store<T>(y, fma(at.load(x) - at.load(coefficient), at.load(scale), at.load(shift)));
    });
}

// ------------------------------------------------------------------------------------------------------- backward pass

template <std::size_t strip, class T, class At>
RAVINE_INLINE void strip_sums(double* sums, const T* dy, const T* x, const T* weight, const double* mean,
                              std::size_t rows, std::size_t positions, std::size_t cols, At at) {
  Vec<double> centre[strip], sum[strip], product[strip];
#pragma GCC unroll 4
  for (std::size_t s = 0; s < strip; ++s) {
    centre[s] = at.load(mean + s * lanes<double>);
    sum[s] = at.load(sums + s * lanes<double>);
    product[s] = at.load(sums + cols + s * lanes<double>);
  }
  for (std::size_t i = 0; i < rows; ++i) {
    if (weight_of(weight, i) == 0.0) continue;
    const T* p = x + i * positions * cols;
    const T* d = dy + i * positions * cols;
    for (std::size_t position = 0; position < positions; ++position, p += cols, d += cols) {
#pragma GCC unroll 4
      for (std::size_t s = 0; s < strip; ++s) {
        const Vec<double> g = load_wide(at, d + s * lanes<double>);
        sum[s] += g;
        product[s] += g * (load_wide(at, p + s * lanes<double>) - centre[s]);
      }
    }
  }
#pragma GCC unroll 4
  for (std::size_t s = 0; s < strip; ++s) {
    at.template store<double>(sums + s * lanes<double>, sum[s]);
    at.template store<double>(sums + cols + s * lanes<double>, product[s]);
  }
}

template <class T>
void sums(double* sums, const T* dy, const T* x, const T* weight, const double* mean, std::size_t rows,
          std::size_t positions, std::size_t cols) noexcept {
  each_strip(cols, [&]<std::size_t strip>(auto at) __attribute__((always_inline)) {
    strip_sums<strip>(sums, dy, x, weight, mean, rows, positions, cols, at);
  });
}

template <class T>
void join_sums(double* a, const double* b, std::size_t cols) noexcept {
  for (std::size_t j = 0; j < 2 * cols; ++j) a[j] += b[j];
}

// sum_k dy_k n_k = r P with P = sum_k dy_k (x_k - mean), so that the bracket over gamma r is
// sum_k dy_k + (x_i - mean) r^2 P.
template <class T>
void fold_back(T* coefficient, T* dgamma, T* dbeta, const double* sums, const double* mean, const double* variance,
               const T* gamma, double epsilon, std::size_t cols) noexcept {
  for (std::size_t j = 0; j < cols; ++j) {
    const double r = 1.0 / __builtin_sqrt(variance[j] + epsilon), sum = sums[j], product = r * sums[cols + j];
    const double slope = gamma ? static_cast<double>(gamma[j]) * r : r;
    const double c = slope * r * product;
    const T centre = static_cast<T>(mean[j]);
    coefficient[j] = static_cast<T>(slope);
    coefficient[cols + j] = static_cast<T>(slope * sum + c * (static_cast<double>(centre) - mean[j]));
    coefficient[2 * cols + j] = static_cast<T>(c);
    coefficient[3 * cols + j] = centre;
    if (dgamma) dgamma[j] = static_cast<T>(product);
    if (dbeta) dbeta[j] = static_cast<T>(sum);
  }
}

template <class T>
void backward(T* dx, const T* dy, const T* x, const T* weight, const T* coefficient, double mass, std::size_t rows,
              std::size_t positions, std::size_t cols) noexcept {
  const T* const b = coefficient + cols;
  const T* const c = b + cols;
  const T* const centre = c + cols;
  const std::size_t row = positions * cols;
  for (std::size_t i = 0; i < rows; ++i, dx += row, dy += row, x += row) {
    const T part = static_cast<T>(weight_of(weight, i) / mass);
    const Vec<T> share = broadcast<T>(-part);
    for (std::size_t at_row = 0; at_row < row; at_row += cols)
      each_vector<T>(cols, [&](auto at) __attribute__((always_inline)) {
        const Vec<T> slope = at.load(coefficient), d = at.load(dy + at_row);
        // where nothing of the batch comes back, x is not read: it may be no number
        if (part == T{0})
          at.template store<T>(dx + at_row, slope * d);
        else
          at.template store<T>(
              dx + at_row, fma(share, fma(at.load(c), at.load(x + at_row) - at.load(centre), at.load(b)), slope * d));
      });
  }
}

}  // namespace

extern constinit const Both<BatchNormKernels> batch_norm_kernels = {
    {moments<float>, join_moments<float>, finish_moments<float>, learn<float>, fold<float>, forward<float>, sums<float>,
     join_sums<float>, fold_back<float>, backward<float>},
    {moments<double>, join_moments<double>, finish_moments<double>, learn<double>, fold<double>, forward<double>,
     sums<double>, join_sums<double>, fold_back<double>, backward<double>}};

}  // namespace ravine::RAVINE_ISA
