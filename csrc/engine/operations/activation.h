// y = f(x) as an operation of its own: rowwise functions, those whose derivative needs x, and the network's head.
#pragma once

#include "engine/graph.h"

namespace ravine {

template <class T>
void add_activation(Builder<T>& builder, const OperationSpec& spec);

}  // namespace ravine
