// H g of L-BFGS, from the last pairs of steps and of changes of the gradient, in float64.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/team.h"
#include "kernels/signatures/vector.h"

namespace ravine {

// A step s, the gradient's change y along it, and s y.
struct StepPair {
  const double* s;
  const double* y;
  double sy;
};

// q (n) <- H q by two loops over the pairs, oldest first, with H0 = scale I: Nocedal and Wright, Numerical
// optimization, second edition, algorithm 7.4. Inner products are the kernel `dot`, all else is rounded once an
// operation, so that the bits are those of NumPy's q -= alpha * y. False where it was stopped, q then holding nothing
// of use.
bool inverse_hessian_product(double* q, const std::vector<StepPair>& pairs, double scale, std::size_t n,
                             const VectorKernels<double>& kernels, Watch& watch);

}  // namespace ravine
