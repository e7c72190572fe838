// The raw kernels of one instruction set, bound family by family.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <string_view>

#include "kernels/kernels.h"

namespace ravine::bindings {

namespace py = pybind11;

void bind_matmul(py::module_& module, const InstructionSet& set);
void bind_vector(py::module_& module, const InstructionSet& set);
void bind_clip(py::module_& module, const InstructionSet& set);
void bind_convolution(py::module_& module, const InstructionSet& set);
void bind_normalization(py::module_& module, const InstructionSet& set);
void bind_random(py::module_& module, const InstructionSet& set);
void bind_augment(py::module_& module, const InstructionSet& set);
void bind_standardize(py::module_& module, const InstructionSet& set);
void bind_pool(py::module_& module, const InstructionSet& set);
void bind_images(py::module_& module, const InstructionSet& set);
void bind_sparse(py::module_& module, const InstructionSet& set);
void bind_elementary(py::module_& module, const InstructionSet& set);
void bind_activations(py::module_& module, const InstructionSet& set);
void bind_losses(py::module_& module, const InstructionSet& set);
void bind_metrics(py::module_& module, const InstructionSet& set);
void bind_updates(py::module_& module, const InstructionSet& set);

// One row of a table in both dtypes.
template <template <class> class Row>
struct RowPair {
  const Row<float>* f;
  const Row<double>* d;

  const char* name() const { return d->name; }

  template <class T>
  const Row<T>& row() const {
    if constexpr (sizeof(T) == sizeof(float))
      return *f;
    else
      return *d;
  }
};

// Calls body(RowPair) for every row of a table.
template <template <class> class Row, class Body>
void each_row(const Rows<Row<float>>& f, const Rows<Row<double>>& d, Body&& body) {
  for (std::size_t i = 0; i < d.count; ++i) body(RowPair<Row>{f.row[i], d.row[i]});
}

// The equation of a row for its docstring; a row without one is described by its twin.
std::string equation(std::string_view family, std::string_view name);

}  // namespace ravine::bindings
