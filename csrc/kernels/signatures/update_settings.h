// The fields of UpdateSettings by name, for who reads or fills them by name: bindings, Python and the twin.
#pragma once

#include "kernels/signatures/updates.h"

namespace ravine {

// A number or a flag; the other is null.
struct UpdateSetting {
  const char* name;
  double UpdateSettings::* number;
  bool UpdateSettings::* flag;

  constexpr UpdateSetting(const char* name, double UpdateSettings::* number)
      : name(name), number(number), flag(nullptr) {}
  constexpr UpdateSetting(const char* name, bool UpdateSettings::* flag) : name(name), number(nullptr), flag(flag) {}
};

inline constexpr UpdateSetting update_settings[] = {
    {"learning_rate", &UpdateSettings::learning_rate},
    {"momentum", &UpdateSettings::momentum},
    {"beta1", &UpdateSettings::beta1},
    {"beta2", &UpdateSettings::beta2},
    {"rho", &UpdateSettings::rho},
    {"epsilon", &UpdateSettings::epsilon},
    {"weight_decay", &UpdateSettings::weight_decay},
    {"bias_correction", &UpdateSettings::bias_correction},
    {"epsilon_inside", &UpdateSettings::epsilon_inside},
};
static_assert(sizeof(UpdateSettings) == 8 * sizeof(double), "seven numbers and two flags have names");

}  // namespace ravine
