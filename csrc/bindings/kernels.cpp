#include "bindings/kernels.h"

#include "bindings/bindings.h"
#include "dispatch.h"

namespace ravine::bindings {
namespace {

template <class Row>
py::list names(const Rows<Row>& rows) {
  py::list result;
  for (const Row* row : rows) result.append(row->name);
  return result;
}

py::dict update_slots(const Rows<Update<double>>& rows) {
  py::dict result;
  for (const Update<double>* row : rows) result[row->name] = row->slots;
  return result;
}

py::dict table_of_contents(const Kernels<double>& kernels) {
  py::dict result;
  result["convolutions"] = names(kernels.convolutions);
  result["elementary"] = names(kernels.elementary);
  result["activations"] = names(kernels.activations);
  result["losses"] = names(kernels.losses);
  result["metrics"] = names(kernels.metrics);
  result["updates"] = update_slots(kernels.updates);
  return result;
}

py::module_ bound(const InstructionSet& set) {
  auto module = py::reinterpret_steal<py::module_>(PyModule_New((std::string("ravine._core.") + set.name).c_str()));
  if (!module) throw py::error_already_set();
  module.doc() = std::string("Raw kernels for the instruction set ") + set.name +
                 ".\n\nArrays are C-contiguous float32 or float64, one dtype a call; nothing is cast.\n"
                 "`out` receives the result and is returned; without it a new array is made.";
  module.attr("vector_bytes") = set.vector_bytes;
  module.attr("fma") = set.fma;
  module.attr("names") = table_of_contents(set.d);
  // elementary functions after activations: tanh, sigmoid and softplus are both
  for (const auto bind : {matmul_kernels::bind, vector_kernels::bind, clip_kernels::bind, normalization_kernels::bind,
                          random_kernels::bind, augment_kernels::bind, standardize_kernels::bind, pool_kernels::bind,
                          image_kernels::bind, convolution_kernels::bind, sparse_kernels::bind,
                          activation_kernels::bind, elementary_kernels::bind, loss_kernels::bind, update_kernels::bind})
    bind(module, set);
  return module;
}

}  // namespace

// A set is bound on first use (PEP 562): `import ravine` needs no raw kernel.
void bind_kernels(py::module_& parent) {
  parent.def("__getattr__", [parent = py::handle(parent)](const std::string& name) -> py::object {
    for (const InstructionSet* set : compiled_instruction_sets())
      if (name == set->name && supported(*set)) {
        const py::module_ module = bound(*set);
        parent.attr(set->name) = module;
        return module;
      }
    throw py::attribute_error("module 'ravine._core' has no attribute '" + name + "'");
  });
}

}  // namespace ravine::bindings
