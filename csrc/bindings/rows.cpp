// What the rows of the kernels' table know of themselves, for Python's descriptions and the twins.
#include "kernels/kernels.h"

#include "bindings/bindings.h"
#include "dispatch.h"
#include "kernels/signatures/update_settings.h"

namespace ravine::bindings {
namespace {

using namespace py::literals;

py::dict activations(const Kernels<double>& kernels) {
  py::dict result;
  for (const Activation<double>* row : kernels.activations)
    result[row->name] = py::dict("from_input"_a = row->from_input, "rowwise"_a = row->rowwise,
                                 "differentiable"_a = row->backward != nullptr,
                                 "alpha"_a = row->alpha.taken ? py::object(py::float_(row->alpha.usual)) : py::none());
  return result;
}

py::dict losses(const Kernels<double>& kernels) {
  py::dict result;
  for (const Loss<double>* row : kernels.losses) result[row->name] = py::dict("labels"_a = row->labels != nullptr);
  return result;
}

py::dict updates(const Kernels<double>& kernels) {
  py::dict result;
  for (const Update<double>* row : kernels.updates)
    result[row->name] = py::dict("slots"_a = row->slots, "skips_zero_gradients"_a = row->skips_zero_gradients);
  return result;
}

py::dict usual_settings() {
  const UpdateSettings usual;
  py::dict result;
  for (const UpdateSetting& setting : update_settings)
    result[setting.name] =
        setting.number ? py::object(py::float_(usual.*setting.number)) : py::object(py::bool_(usual.*setting.flag));
  return result;
}

}  // namespace

void bind_rows(py::module_& module) {
  const Kernels<double>& kernels = compiled_instruction_sets()[0]->d;
  module.attr("rows") = py::dict("activations"_a = activations(kernels), "losses"_a = losses(kernels),
                                 "updates"_a = updates(kernels), "update_settings"_a = usual_settings());
}

}  // namespace ravine::bindings
