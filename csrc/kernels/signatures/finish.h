// What follows a finished sum: nothing, max(sum, 0), or the sum where a gate is > 0 (or NaN) and else 0.
#pragma once

namespace ravine {

enum class Finish { none, relu, mask };

}  // namespace ravine
