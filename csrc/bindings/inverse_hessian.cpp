#include "engine/inverse_hessian.h"

#include <algorithm>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/runs.h"
#include "dispatch.h"

namespace ravine::bindings {
namespace {

py::object inverse_hessian_product(const py::object& gradient, const py::list& pairs, double scale) {
  const Array<double> given(gradient, "gradient");
  given.require_ndim(1, 1);
  std::vector<Array<double>> held;  // keeps the arrays alive while the pairs point into them
  std::vector<StepPair> steps;
  held.reserve(2 * pairs.size());
  for (const py::handle entry : pairs) {
    const auto pair = py::cast<py::tuple>(entry);
    for (std::size_t i = 0; i < 2; ++i) {
      held.emplace_back(py::object(pair[i]), i == 0 ? "s" : "y");
      held.back().require_shape_of(given);
    }
    steps.push_back({held[held.size() - 2].data(), held.back().data(), py::cast<double>(pair[2])});
  }
  py::array_t<double> product(given.length(0));
  run_watched([&, q = product.mutable_data()](Watch& watch) {
    std::copy_n(given.data(), given.size(), q);
    return ravine::inverse_hessian_product(q, steps, scale, given.size(), *selected().d.vector, watch);
  });
  return product;
}

}  // namespace

void bind_inverse_hessian(py::module_& module) {
  module.def("inverse_hessian_product", &inverse_hessian_product, py::arg("gradient"), py::arg("pairs"),
             py::arg("scale"),
             "H g of L-BFGS, float64, from a list of tuples (s, y, s y, ...), oldest first, and H0 = scale I.");
}

}  // namespace ravine::bindings
