#include "engine/inverse_hessian.h"

namespace ravine {
namespace {

// q <- q + a x, the product rounded first
void add_product(double* __restrict q, double a, const double* __restrict x, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) q[i] += a * x[i];
}

}  // namespace

bool inverse_hessian_product(double* q, const std::vector<StepPair>& pairs, double scale, std::size_t n,
                             const VectorKernels<double>& kernels, Watch& watch) {
  std::vector<double> alpha(pairs.size());
  for (std::size_t i = pairs.size(); i-- > 0;) {
    alpha[i] = kernels.dot(pairs[i].s, q, n) / pairs[i].sy;
    add_product(q, -alpha[i], pairs[i].y, n);
    if (watch.stopped(4 * n)) return false;
  }
  for (std::size_t i = 0; i < n; ++i) q[i] *= scale;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const double beta = kernels.dot(pairs[i].y, q, n) / pairs[i].sy;
    add_product(q, alpha[i] - beta, pairs[i].s, n);
    if (watch.stopped(4 * n)) return false;
  }
  return true;
}

}  // namespace ravine
