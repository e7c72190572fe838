// Python's settings of an update rule -> UpdateSettings.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "kernels/kernels.h"

namespace ravine::bindings {

namespace py = pybind11;

// Keys are the fields' names; an unknown one is a ValueError that lists them.
inline UpdateSettings update_settings(const py::dict& given) {
  UpdateSettings settings;
  const std::pair<const char*, double*> numbers[] = {{"learning_rate", &settings.learning_rate},
                                                     {"momentum", &settings.momentum},
                                                     {"beta1", &settings.beta1},
                                                     {"beta2", &settings.beta2},
                                                     {"rho", &settings.rho},
                                                     {"epsilon", &settings.epsilon},
                                                     {"weight_decay", &settings.weight_decay},
                                                     {"clip_norm", &settings.clip_norm},
                                                     {"clip_value", &settings.clip_value}};
  const std::pair<const char*, bool*> flags[] = {{"bias_correction", &settings.bias_correction},
                                                 {"epsilon_inside", &settings.epsilon_inside}};
  for (const auto& [key, value] : given) {
    const std::string name = py::cast<std::string>(key);
    bool known = false;
    for (const auto& [field, target] : numbers)
      if (name == field) *target = py::cast<double>(value), known = true;
    for (const auto& [field, target] : flags)
      if (name == field) *target = py::cast<bool>(value), known = true;
    if (known) continue;
    std::string allowed;
    for (const auto& [field, target] : numbers) allowed += std::string(field) + ", ";
    throw py::value_error("settings has no '" + name + "'; choose from " + allowed + flags[0].first + ", " +
                          flags[1].first);
  }
  return settings;
}

}  // namespace ravine::bindings
