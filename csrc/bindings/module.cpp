// The table of contents of ravine._core.
#include <pybind11/pybind11.h>

#include "bindings/bindings.h"

PYBIND11_MODULE(_core, module) {
  module.doc() =
      "The compiled part of ravine: raw kernels, one submodule per instruction set, and the training engine.";
  ravine::bindings::bind_config(module);
  ravine::bindings::bind_kernels(module);
  ravine::bindings::bind_rows(module);
  ravine::bindings::bind_samplers(module);
  ravine::bindings::bind_specs(module);
  ravine::bindings::bind_network(module);
  ravine::bindings::bind_process(module);
  ravine::bindings::bind_eigen(module);
  ravine::bindings::bind_inverse_hessian(module);
}
