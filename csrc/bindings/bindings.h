// What module.cpp lists: each function adds one subject to the module.
#pragma once

#include <pybind11/pybind11.h>

namespace ravine::bindings {

namespace py = pybind11;

// One module of raw kernels for every instruction set that is compiled and supported.
void bind_kernels(py::module_& parent);
void bind_rows(py::module_& parent);
void bind_samplers(py::module_& parent);
void bind_specs(py::module_& parent);
void bind_network(py::module_& parent);
void bind_process(py::module_& parent);
void bind_eigen(py::module_& parent);
void bind_inverse_hessian(py::module_& parent);
void bind_config(py::module_& parent);

}  // namespace ravine::bindings
