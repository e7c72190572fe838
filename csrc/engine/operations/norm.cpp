#include "engine/operations/norm.h"

#include <limits>
#include <stdexcept>

namespace ravine {

template <class T>
std::size_t channels_of(const Builder<T>& builder, const OperationSpec& spec) {
  std::size_t units = 1;
  for (const std::size_t size : spec.shape) units *= size;
  if (spec.shape.empty() || units != builder.units() || units == 0)
    throw std::invalid_argument("shape of " + spec.name + " must be that of a row of its input, " +
                                std::to_string(builder.units()) + " numbers");
  return spec.shape.back();
}

double epsilon_of(const OperationSpec& spec) {
  const double epsilon = spec.number("epsilon");
  if (epsilon >= 0.0 && epsilon <= std::numeric_limits<double>::max()) return epsilon;
  throw std::invalid_argument("epsilon of " + spec.name + " must be in [0, inf), got " + std::to_string(epsilon));
}

template <class T>
std::pair<std::optional<std::size_t>, std::optional<std::size_t>> add_scale_and_centre(Builder<T>& builder,
                                                                                       const OperationSpec& spec,
                                                                                       std::size_t cols) {
  std::pair<std::optional<std::size_t>, std::optional<std::size_t>> added;
  if (spec.flag("scale")) added.first = builder.add_vector(spec.name + "/gamma", cols);
  if (spec.flag("center")) added.second = builder.add_vector(spec.name + "/beta", cols);
  return added;
}

template std::size_t channels_of(const Builder<float>&, const OperationSpec&);
template std::size_t channels_of(const Builder<double>&, const OperationSpec&);
template std::pair<std::optional<std::size_t>, std::optional<std::size_t>> add_scale_and_centre(Builder<float>&,
                                                                                                const OperationSpec&,
                                                                                                std::size_t);
template std::pair<std::optional<std::size_t>, std::optional<std::size_t>> add_scale_and_centre(Builder<double>&,
                                                                                                const OperationSpec&,
                                                                                                std::size_t);

}  // namespace ravine
