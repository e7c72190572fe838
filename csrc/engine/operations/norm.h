// What the layers that normalise have in common: their channels, and their parameters gamma and beta.
#pragma once

#include <optional>
#include <utility>

#include "engine/graph.h"

namespace ravine {

// Numbers of a task when outputs are cut: what a core brings from memory in some tens of microseconds.
inline constexpr std::size_t norm_task_numbers = 65536;

// The last size of the shape in `spec`, which must have the width of the value.
template <class T>
std::size_t channels_of(const Builder<T>& builder, const OperationSpec& spec);
double epsilon_of(const OperationSpec& spec);
// The parameters gamma and beta, where the settings "scale" and "center" are not 0.
template <class T>
std::pair<std::optional<std::size_t>, std::optional<std::size_t>> add_scale_and_centre(Builder<T>& builder,
                                                                                       const OperationSpec& spec,
                                                                                       std::size_t cols);

}  // namespace ravine
