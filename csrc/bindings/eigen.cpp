#include "engine/eigen.h"

#include <algorithm>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/runs.h"
#include "dispatch.h"

namespace ravine::bindings {
namespace {

// The largest matrix: 200 MB, as many numbers as BFGS takes.
constexpr std::size_t most = 5000;

py::tuple symmetric_eigen(const py::object& matrix) {
  const Array<double> given(matrix, "matrix");
  given.require_ndim(2, 2);
  given.require_shape({given.length(0), given.length(0)}, "its own rows");
  const std::size_t n = given.rows();
  if (n > most)
    throw py::value_error("matrix must have at most " + std::to_string(most) + " rows, got " + std::to_string(n));
  const VectorKernels<double>& kernels = *selected().d.vector;
  if (!kernels.all_finite(given.data(), given.size())) throw py::value_error("matrix must be finite");
  py::array_t<double> value(given.length(0)), vector(given.shape());
  const EigenOutcome outcome = run_watched([&, to = value.mutable_data(), rows = vector.mutable_data()](Watch& watch) {
    std::vector<double> work(given.data(), given.data() + given.size());
    return ravine::symmetric_eigen(to, rows, work.data(), n, kernels, watch);
  });
  if (outcome == EigenOutcome::not_converged) throw std::runtime_error("the eigenvalues of matrix did not converge");
  return py::make_tuple(value, vector);
}

}  // namespace

void bind_eigen(py::module_& module) {
  module.def("symmetric_eigen", &symmetric_eigen, py::arg("matrix"),
             "Eigenvalues, ascending, shape (n,), and eigenvectors, one a row, of a symmetric float64 matrix (n, n).");
}

}  // namespace ravine::bindings
