// The kinds of layers, by name.
#pragma once

#include <span>

#include "engine/graph.h"

namespace ravine {

// Adds a layer's operations and parameters to a network.
template <class T>
struct Kind {
  const char* name;
  void (*add)(Builder<T>& builder, const OperationSpec& spec);
};

template <class T>
std::span<const Kind<T>> kinds();

}  // namespace ravine
