#include "engine/eigen.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "kernels/table.h"

namespace ravine {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon() / 2.0;
// QR steps a value; about 1.7 are the rule.
constexpr std::size_t most_steps = 60;

// sqrt(x^2 + y^2) without overflow.
double length(double x, double y) noexcept {
  const double largest = std::max(std::abs(x), std::abs(y));
  if (largest == 0.0) return 0.0;
  x /= largest, y /= largest;
  return largest * std::sqrt(x * x + y * y);
}

// The matrix while it is worked on: d the diagonal, e the numbers beside it, rows of q the vectors so far.
class Eigen {
 public:
  Eigen(double* value, double* vector, double* a, std::size_t n, const VectorKernels<double>& kernels, Watch& watch)
      : d_(value), q_(vector), a_(a), n_(n), kernels_(kernels), watch_(watch), e_(n), scale_(n), work_(n) {}

  EigenOutcome run() {
    for (std::size_t k = 0; k + 2 < n_; ++k) {
      reflect(k);
      if (stopping(6 * (n_ - k) * (n_ - k))) return EigenOutcome::stopped;
    }
    for (std::size_t k = 0; k < n_; ++k) d_[k] = a_[k * n_ + k];
    if (n_ > 1) e_[n_ - 2] = a_[(n_ - 2) * n_ + n_ - 1];
    if (!gather_reflections()) return EigenOutcome::stopped;
    std::size_t steps = most_steps * n_;
    for (std::size_t end = n_; end > 1;) {  // rows from `end` on are done
      const std::size_t last = end - 1, first = block_before(last);
      if (first == last) {
        --end;
        continue;
      }
      if (steps-- == 0) return EigenOutcome::not_converged;
      step(first, last);
      if (stopping(6 * n_ * (end - first))) return EigenOutcome::stopped;
    }
    sort();
    return EigenOutcome::done;
  }

 private:
  double* row(double* matrix, std::size_t i) const { return matrix + i * n_; }
  bool stopping(std::size_t work) { return watch_.stopped(work); }

  // a <- H a H with H = I - s v v^T, so that column k is zero below its first element beside the diagonal. v stays in
  // row k of a, s in scale_.
  void reflect(std::size_t k) {
    const std::size_t m = n_ - k - 1;
    double* const v = row(a_, k) + k + 1;
    double largest = 0.0;
    for (std::size_t i = 0; i < m; ++i) largest = std::max(largest, std::abs(v[i]));
    double rest = 0.0;
    for (std::size_t i = 1; i < m; ++i) rest = std::max(rest, std::abs(v[i]));
    e_[k] = v[0];
    scale_[k] = 0.0;
    if (rest == 0.0) return;
    for (std::size_t i = 0; i < m; ++i) v[i] /= largest;
    const double norm = std::sqrt(kernels_.sum_squares(v, m));
    const double alpha = v[0] > 0.0 ? -norm : norm;  // H v = alpha e_1; no digits are lost in v_0 - alpha
    e_[k] = alpha * largest;
    scale_[k] = 1.0 / (alpha * (alpha - v[0]));
    v[0] -= alpha;
    // p = s A v;  w = p - (s/2) (p v) v;  A -= v w^T + w v^T
    double* const w = work_.data();
    for (std::size_t i = 0; i < m; ++i) w[i] = scale_[k] * kernels_.dot(row(a_, k + 1 + i) + k + 1, v, m);
    kernels_.add_scaled(w, v, m, -0.5 * scale_[k] * kernels_.dot(w, v, m));
    for (std::size_t i = 0; i < m; ++i) {
      double* const target = row(a_, k + 1 + i) + k + 1;
      kernels_.add_scaled(target, w, m, -v[i]);
      kernels_.add_scaled(target, v, m, -w[i]);
    }
  }

  // Rows of q: the transpose of H_0 H_1 ... The last reflection acts on the fewest rows, so it comes first.
  bool gather_reflections() {
    std::fill_n(q_, n_ * n_, 0.0);
    for (std::size_t i = 0; i < n_; ++i) row(q_, i)[i] = 1.0;
    for (std::size_t k = n_ < 3 ? 0 : n_ - 2; k-- > 0;) {
      if (scale_[k] == 0.0) continue;
      const std::size_t m = n_ - k - 1;
      const double* const v = row(a_, k) + k + 1;
      // q <- H q as columns, which is q^T <- q^T H: u = v^T q, q -= s v u^T
      double* const u = work_.data();
      std::fill_n(u, m, 0.0);
      for (std::size_t i = 0; i < m; ++i) kernels_.add_scaled(u, row(q_, k + 1 + i) + k + 1, m, v[i]);
      for (std::size_t i = 0; i < m; ++i) kernels_.add_scaled(row(q_, k + 1 + i) + k + 1, u, m, -scale_[k] * v[i]);
      if (stopping(4 * m * m)) return false;
    }
    for (std::size_t i = 0; i < n_; ++i)
      for (std::size_t j = 0; j < i; ++j) std::swap(row(q_, i)[j], row(q_, j)[i]);
    return true;
  }

  // The first row of the block that ends with `last` and has no zero beside the diagonal.
  std::size_t block_before(std::size_t last) {
    std::size_t first = last;
    while (first > 0) {
      double& beside = e_[first - 1];
      if (std::abs(beside) <= epsilon * (std::abs(d_[first - 1]) + std::abs(d_[first]))) {
        beside = 0.0;
        break;
      }
      --first;
    }
    return first;
  }

  // One implicit QR step on rows first .. last: rotations chase the bulge that the shift makes down the diagonal.
  void step(std::size_t first, std::size_t last) {
    const double half = 0.5 * (d_[last - 1] - d_[last]), beside = e_[last - 1];
    const double root = half + std::copysign(length(half, beside), half);
    double x = d_[first] - (d_[last] - beside * (beside / root)), z = e_[first];
    for (std::size_t k = first; k < last; ++k) {
      const double r = length(x, z);
      const double c = r > 0.0 ? x / r : 1.0, s = r > 0.0 ? z / r : 0.0;
      if (k > first) e_[k - 1] = r;
      const double a = d_[k], b = e_[k], f = d_[k + 1];
      const double moved = s * (2.0 * c * b + s * (f - a));
      d_[k] = a + moved;
      d_[k + 1] = f - moved;
      e_[k] = (c - s) * (c + s) * b + c * s * (f - a);
      kernels_.rotate(row(q_, k), row(q_, k + 1), n_, c, s);
      if (k + 1 == last) break;
      x = e_[k];
      z = s * e_[k + 1];
      e_[k + 1] *= c;
    }
  }

  void sort() {
    std::vector<std::size_t> order(n_);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return d_[i] < d_[j]; });
    for (std::size_t i = 0; i < n_; ++i) work_[i] = d_[order[i]], std::copy_n(row(q_, order[i]), n_, row(a_, i));
    std::copy_n(work_.data(), n_, d_);
    std::copy_n(a_, n_ * n_, q_);
  }

  double* const d_;
  double* const q_;
  double* const a_;
  const std::size_t n_;
  const VectorKernels<double>& kernels_;
  Watch& watch_;
  std::vector<double> e_, scale_, work_;
};

}  // namespace

EigenOutcome symmetric_eigen(double* value, double* vector, double* a, std::size_t n,
                             const VectorKernels<double>& kernels, Watch& watch) {
  return Eigen(value, vector, a, n, kernels, watch).run();
}

}  // namespace ravine
