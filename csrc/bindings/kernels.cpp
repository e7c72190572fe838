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

void bind_instruction_set(py::module_& parent, const InstructionSet& set) {
  const std::string doc = std::string("Raw kernels for the instruction set ") + set.name +
                          ".\n\nArrays are C-contiguous float32 or float64, one dtype a call; nothing is cast.\n"
                          "`out` receives the result and is returned; without it a new array is made.";
  py::module_ module = parent.def_submodule(set.name, doc.c_str());
  module.attr("vector_bytes") = set.vector_bytes;
  module.attr("fma") = set.fma;
  module.attr("names") = table_of_contents(set.d);
  bind_matmul(module, set);
  bind_vector(module, set);
  bind_clip(module, set);
  bind_normalization(module, set);
  bind_random(module, set);
  bind_augment(module, set);
  bind_standardize(module, set);
  bind_pool(module, set);
  bind_images(module, set);
  bind_convolution(module, set);
  bind_sparse(module, set);
  bind_activations(module, set);
  bind_elementary(module, set);
  bind_losses(module, set);
  bind_metrics(module, set);
  bind_updates(module, set);
}

}  // namespace

void bind_kernels(py::module_& parent) {
  for (const InstructionSet* set : compiled_instruction_sets())
    if (supported(*set)) bind_instruction_set(parent, *set);
}

}  // namespace ravine::bindings
