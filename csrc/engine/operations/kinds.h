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
  bool lanes = false;  // its operations take images in lanes too, or see to it that they get none
};

template <class T>
std::span<const Kind<T>> kinds();

}  // namespace ravine
