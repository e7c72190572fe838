// The networks that train in the programs of this folder.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/operations/spec.h"

namespace ravine::tests {

enum class Input { numbers, sparse, ids };

struct Description {
  std::string name;
  std::size_t inputs, rows, batch;
  std::vector<OperationSpec> layers;
  std::string loss, rule;
  Input input = Input::numbers;
  bool weighted = false;  // rows have weights, some of them 0
  bool drawn = false;     // by AW-SGD, which learns from each row's gradient
};

const std::vector<Description>& descriptions();

}  // namespace ravine::tests
