// The eigenvalues and eigenvectors of a symmetric matrix, in float64.
#pragma once

#include <cstddef>

#include "engine/team.h"
#include "kernels/signatures/vector.h"

namespace ravine {

enum class EigenOutcome { done, stopped, not_converged };

// a (n, n), symmetric and finite, is used up. value (n): the eigenvalues, ascending; row i of vector (n, n): the
// eigenvector of value i, of length 1. Householder reflections make the matrix tridiagonal, QR steps with Wilkinson's
// shift make it diagonal: Golub and Van Loan, Matrix computations, fourth edition, sections 8.3.1 and 8.3.3. All long
// loops are the kernels' row operations, whose bits are the same on every instruction set with fma.
EigenOutcome symmetric_eigen(double* value, double* vector, double* a, std::size_t n,
                             const VectorKernels<double>& kernels, Watch& watch);

}  // namespace ravine
