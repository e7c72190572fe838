// The raw kernels of one instruction set, bound family by family.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <string_view>

#include "kernels/kernels.h"

namespace ravine::bindings {

namespace py = pybind11;

// Each family binds its kernels of one instruction set.
namespace matmul_kernels {
void bind(py::module_& module, const InstructionSet& set);
}
namespace vector_kernels {
void bind(py::module_& module, const InstructionSet& set);
}
namespace clip_kernels {
void bind(py::module_& module, const InstructionSet& set);
}
namespace normalization_kernels {
void bind(py::module_& module, const InstructionSet& set);
}
namespace random_kernels {
void bind(py::module_& module, const InstructionSet& set);
}
namespace augment_kernels {
void bind(py::module_& module, const InstructionSet& set);
}
namespace standardize_kernels {
void bind(py::module_& module, const InstructionSet& set);
}
namespace pool_kernels {
void bind(py::module_& module, const InstructionSet& set);
}
namespace image_kernels {
void bind(py::module_& module, const InstructionSet& set);
}
namespace convolution_kernels {
void bind(py::module_& module, const InstructionSet& set);
}
namespace sparse_kernels {
void bind(py::module_& module, const InstructionSet& set);
}
namespace activation_kernels {
void bind(py::module_& module, const InstructionSet& set);
}
namespace elementary_kernels {
void bind(py::module_& module, const InstructionSet& set);
}
namespace loss_kernels {
void bind(py::module_& module, const InstructionSet& set);
}
namespace update_kernels {
void bind(py::module_& module, const InstructionSet& set);
}

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
