// Which instruction set's kernels this process uses: decided once, before the first network is built.
#pragma once

#include <vector>

#include "kernels/table.h"

namespace ravine {

// Narrowest first.
const std::vector<const InstructionSet*>& compiled_instruction_sets();

bool supported(const InstructionSet& set);

// The widest supported one, until `select` says otherwise.
const InstructionSet& selected();

// Chooses by name; null or "" chooses the widest supported. Throws std::invalid_argument, listing the choices, for a
// name that is unknown or that this CPU lacks.
const InstructionSet& select(const char* name);

}  // namespace ravine
