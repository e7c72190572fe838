#include "engine/operations/spec.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace ravine {

double OperationSpec::number(const std::string& setting, std::size_t i) const {
  const auto found = settings.find(setting);
  if (found == settings.end() || i >= found->second.size())
    throw std::invalid_argument(kind + " needs the setting '" + setting + "' with at least " + std::to_string(i + 1) +
                                " numbers (" + name + ")");
  return found->second[i];
}

std::size_t OperationSpec::size(const std::string& setting, std::size_t i) const {
  constexpr double most = 1099511627776.0;
  const double value = number(setting, i);
  if (!(value >= 0.0 && value <= most) || value != std::floor(value))
    throw std::invalid_argument(setting + " of " + name + " must be integers in [0, 2^40], got " +
                                std::to_string(value));
  return static_cast<std::size_t>(value);
}

const std::vector<std::size_t>& OperationSpec::shape_of(std::size_t count) const {
  if (shape.size() != count || std::find(shape.begin(), shape.end(), 0) != shape.end())
    throw std::invalid_argument("shape of " + name + " must be " + std::to_string(count) +
                                " sizes of at least 1, got " + std::to_string(shape.size()));
  return shape;
}

}  // namespace ravine
