// What this build is and which instruction set it runs.
#include <dlfcn.h>
#include <omp.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <vector>

#include "bindings/bindings.h"
#include "dispatch.h"

namespace py = pybind11;

namespace ravine::bindings {
namespace {

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

// The file that OpenMP's functions really come from: another library may have loaded its own runtime first.
std::string openmp_path() {
  Dl_info info{};
  return dladdr(reinterpret_cast<void*>(&omp_get_max_threads), &info) && info.dli_fname ? info.dli_fname : "unknown";
}

std::vector<std::string> names(bool only_supported) {
  std::vector<std::string> result;
  for (const InstructionSet* set : compiled_instruction_sets())
    if (!only_supported || supported(*set)) result.emplace_back(set->name);
  return result;
}

py::dict config() {
  py::dict result;
  result["version"] = RAVINE_VERSION;
  result["isa"] = selected().name;
  result["compiled"] = names(false);
  result["supported"] = names(true);
  result["vector_bytes"] = selected().vector_bytes;
  result["compiler"] = compiler();
  result["openmp"] = _OPENMP;
  result["openmp_path"] = openmp_path();
  return result;
}

}  // namespace

void bind_config(py::module_& module) {
  module.attr("__version__") = RAVINE_VERSION;
  module.def("config", &config, "Version, instruction sets, compiler and OpenMP runtime, as a dict.");
  module.def("openmp_threads", &omp_get_max_threads,
             "How many threads the OpenMP runtime would take for a region of the calling thread.");
  module.def("selected", [] { return selected().name; }, "Name of the instruction set in use.");
  module.def(
      "select", [](const std::optional<std::string>& name) { return select(name ? name->c_str() : nullptr).name; },
      py::arg("name") = py::none(),
      "Choose the instruction set by name, or the widest supported one for None.\n\n"
      "Raises ValueError, listing the choices, for a name that is unknown or unsupported.");
}

}  // namespace ravine::bindings
