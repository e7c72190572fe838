// What a layer is, as its description gives it.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace ravine {

struct OperationSpec {
  std::string kind;  // see kinds.cpp
  std::string name;
  std::vector<std::size_t> shape;  // of a row of its input, where the kind asks for more than a width
  std::size_t units = 0;
  bool use_bias = true;
  std::string activation = "linear";
  double alpha = 0.0;
  double rate = 0.0;
  double stddev = 0.0;
  double l1 = 0.0, l2 = 0.0, l2_norm = 0.0;
  bool proximal = false;
  double max_norm = 0.0;
  std::map<std::string, std::vector<double>> settings;  // numbers of this kind alone, by name
  std::vector<std::vector<OperationSpec>> branches;

  // Number `i` of a setting. Throws std::invalid_argument where it is missing.
  double number(const std::string& setting, std::size_t i = 0) const;
  // The same as a size: an integer in [0, 2^40].
  std::size_t size(const std::string& setting, std::size_t i = 0) const;
  // The shape, if it has `count` sizes, none of them 0. Throws std::invalid_argument where it has not.
  const std::vector<std::size_t>& shape_of(std::size_t count) const;
};

}  // namespace ravine
