// The kinds of layers, by name. Each file of this folder ends with its own.
#pragma once

#include <span>
#include <vector>

#include "engine/graph.h"

namespace ravine {

// Adds a layer's operations and parameters to a network.
template <class T>
struct Kind {
  const char* name;
  void (*add)(Builder<T>& builder, const OperationSpec& spec);  // every declared setting is in `spec`
  std::span<const Declared> settings;
  bool lanes = false;  // its operations take images in lanes too, or see to it that they get none
};

template <class T>
const std::vector<const Kind<T>*>& kinds();

}  // namespace ravine
