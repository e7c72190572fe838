// Descriptions of layers for the engine.
#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

#include "bindings/bindings.h"
#include "engine/operations/spec.h"

namespace ravine::bindings {
namespace {

using Branches = std::vector<std::vector<OperationSpec>>;

void add_settings(OperationSpec& spec, const py::dict& given) {
  for (const auto& [key, value] : given) {
    const auto name = py::cast<std::string>(key);
    try {
      spec.settings[name] = py::cast<Setting>(value);
    } catch (const py::cast_error&) {
      throw py::type_error(name + " must be a number, numbers or a word, got " +
                           py::cast<std::string>(py::repr(value)));
    }
  }
}

OperationSpec make_spec(std::string kind, std::string name, std::vector<std::size_t> shape, const py::dict& settings,
                        Branches branches, const py::kwargs& further) {
  OperationSpec spec{std::move(kind), std::move(name), std::move(shape), {}, std::move(branches)};
  add_settings(spec, settings);
  add_settings(spec, further);
  return spec;
}

}  // namespace

void bind_specs(py::module_& module) {
  using py::arg;
  py::class_<OperationSpec>(module, "OperationSpec",
                            "What one layer is, for the engine: its kind, and the kind's settings, in a dict or by "
                            "name. A network refuses settings that the kind does not declare.")
      .def(py::init(&make_spec), arg("kind"), py::kw_only(), arg("name") = "",
           arg("shape") = std::vector<std::size_t>{}, arg("settings") = py::dict(), arg("branches") = Branches{});
}

}  // namespace ravine::bindings
