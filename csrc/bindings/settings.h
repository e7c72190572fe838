// Python's settings of an update rule -> UpdateSettings, and the limits of gradients that are given among them.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "engine/network.h"
#include "kernels/signatures/update_settings.h"

namespace ravine::bindings {

namespace py = pybind11;

struct StepSettings {
  UpdateSettings rule;
  Clipping clipping;
};

// Keys are the fields' names, clip_norm and clip_value; an unknown one is a ValueError that lists them.
inline StepSettings step_settings(const py::dict& given) {
  StepSettings settings;
  for (const auto& [key, value] : given) {
    const std::string name = py::cast<std::string>(key);
    bool known = true;
    if (name == "clip_norm")
      settings.clipping.norm = py::cast<double>(value);
    else if (name == "clip_value")
      settings.clipping.value = py::cast<double>(value);
    else
      known = false;
    std::string allowed;
    for (const UpdateSetting& setting : update_settings) {
      allowed += std::string(setting.name) + ", ";
      if (name != setting.name) continue;
      known = true;
      if (setting.number)
        settings.rule.*setting.number = py::cast<double>(value);
      else
        settings.rule.*setting.flag = py::cast<bool>(value);
    }
    if (!known)
      throw py::value_error("settings has no '" + name + "'; choose from " + allowed + "clip_norm, clip_value");
  }
  return settings;
}

}  // namespace ravine::bindings
