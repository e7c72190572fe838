// Layer norm along each row: y_j = gamma_j n_j + beta_j, n_j = (x_j - mean) r, r = 1 / sqrt(variance + epsilon)
//   dx_j = r (g_j - mean_k g_k - n_j mean_k g_k n_k), g = gamma dy
//   dgamma_j = sum_i dy_ij n_ij     dbeta_j = sum_i dy_ij
#include "kernels/signatures/layer_norm.h"
#include "kernels/signatures/rows.h"
#include "kernels/vec/reductions.h"
#include "kernels/vec/wide.h"

namespace ravine::RAVINE_ISA {
namespace {

// n_j = (x_j - centre) scale + shift: the centre is the mean rounded to T, and mean = centre + rest.
template <class T>
struct Row {
  double rest, r;
  T centre, scale, shift;
};

// The later passes go over the distances from the centre. Those of floats are exact, and so is the rest that the first
// pass leaves; for doubles a pass of its own finds it.
template <class T>
RAVINE_INLINE Row<T> measure(const T* x, std::size_t cols, double epsilon) {
  const double count = static_cast<double>(cols);
  const double sum = row_sum<double>(cols, [&](auto at) __attribute__((always_inline)) { return load_wide(at, x); });
  Row<T> row;
  row.centre = static_cast<T>(sum / count);
  const Vec<double> centre = broadcast<double>(static_cast<double>(row.centre));
  const auto distance = [&](auto at) __attribute__((always_inline)) { return load_wide(at, x) - centre; };
  row.rest = sizeof(T) == sizeof(double) ? row_sum<double>(cols, distance) / count
                                         : sum / count - static_cast<double>(row.centre);
  const Vec<double> rest = broadcast<double>(row.rest);
  const double squares = row_sum<double>(cols, [&](auto at) __attribute__((always_inline)) {
    const Vec<double> d = distance(at) - rest;
    return d * d;
  });
  row.r = 1.0 / __builtin_sqrt(squares / count + epsilon);
  row.scale = static_cast<T>(row.r);
  row.shift = static_cast<T>(-row.rest * row.r);
  return row;
}

template <class T, class At>
RAVINE_INLINE Vec<T> normal(const Row<T>& row, At at, const T* x) {
  return fma(at.load(x) - broadcast<T>(row.centre), broadcast<T>(row.scale), broadcast<T>(row.shift));
}

template <class T, class At>
RAVINE_INLINE Vec<double> wide_normal(const Row<T>& row, At at, const T* x) {
  return ((load_wide(at, x) - broadcast<double>(static_cast<double>(row.centre))) - broadcast<double>(row.rest)) *
         broadcast<double>(row.r);
}

template <class T>
void forward(T* y, const T* x, const T* gamma, const T* beta, std::size_t rows, std::size_t cols,
             double epsilon) noexcept {
  for (std::size_t i = 0; i < rows; ++i, y += cols, x += cols) {
    const Row<T> row = measure(x, cols, epsilon);
    each_vector<T>(cols, [&](auto at) __attribute__((always_inline)) {
      const Vec<T> n = normal(row, at, x), scaled = gamma ? at.load(gamma) * n : n;
      at.template store<T>(y, beta ? scaled + at.load(beta) : scaled);
    });
  }
}

template <class T>
void backward(T* dx, const T* dy, const T* x, const T* gamma, std::size_t rows, std::size_t cols,
              double epsilon) noexcept {
  const double count = static_cast<double>(cols);
  for (std::size_t i = 0; i < rows; ++i, dx += cols, dy += cols, x += cols) {
    const Row<T> row = measure(x, cols, epsilon);
    const auto wide_g = [&](auto at) __attribute__((always_inline)) {
      const Vec<double> d = load_wide(at, dy);
      return gamma ? load_wide(at, gamma) * d : d;
    };
    const double sum = row_sum<double>(cols, wide_g);
    const double product = row_sum<double>(
        cols, [&](auto at) __attribute__((always_inline)) { return wide_g(at) * wide_normal(row, at, x); });
    const Vec<T> mean = broadcast<T>(static_cast<T>(sum / count)),
                 slope = broadcast<T>(static_cast<T>(product / count));
    const Vec<T> r = broadcast<T>(row.scale);
    each_vector<T>(cols, [&](auto at) __attribute__((always_inline)) {
      const Vec<T> d = at.load(dy), g = gamma ? at.load(gamma) * d : d;
      at.template store<T>(dx, r * fma(-normal(row, at, x), slope, g - mean));
    });
  }
}

template <class T>
void gradient(T* dgamma, T* dbeta, const T* dy, const T* x, std::size_t rows, std::size_t cols, double epsilon,
              double* workspace) noexcept {
  double* const product = workspace;
  double* const sum = workspace + cols;
  for (std::size_t j = 0; j < 2 * cols; ++j) workspace[j] = 0.0;
  for (std::size_t i = 0; i < rows; ++i, dy += cols, x += cols) {
    const Row<T> row = measure(x, cols, epsilon);
    each_vector<double>(cols, [&](auto at) __attribute__((always_inline)) {
      const Vec<double> d = load_wide(at, dy);
      at.template store<double>(sum, at.load(sum) + d);
      at.template store<double>(product, at.load(product) + d * wide_normal(row, at, x));
    });
  }
  for (std::size_t j = 0; dgamma && j < cols; ++j) dgamma[j] = static_cast<T>(product[j]);
  for (std::size_t j = 0; dbeta && j < cols; ++j) dbeta[j] = static_cast<T>(sum[j]);
}

}  // namespace

extern constinit const Both<LayerNormKernels> layer_norm_kernels = {
    {forward<float>, backward<float>, gradient<float>}, {forward<double>, backward<double>, gradient<double>}};

}  // namespace ravine::RAVINE_ISA
