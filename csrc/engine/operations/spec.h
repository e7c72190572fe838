// A layer's description: its kind, and the settings that the kind declares.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace ravine {

using Numbers = std::vector<double>;
// A number (a flag is 0 or 1), several, or a word.
using Setting = std::variant<double, Numbers, std::string>;

struct OperationSpec {
  std::string kind;  // see kinds.cpp
  std::string name;
  std::vector<std::size_t> shape;  // of a row of its input, where the kind asks for more than a width
  std::map<std::string, Setting> settings;
  std::vector<std::vector<OperationSpec>> branches;

  // Number `i` of a setting. Everything here throws std::invalid_argument for what is missing or not allowed.
  double number(const std::string& setting, std::size_t i = 0) const;
  // The same as a size: an integer in [0, most].
  std::size_t size(const std::string& setting, std::size_t i = 0, std::size_t most = std::size_t{1} << 40) const;
  bool flag(const std::string& setting) const { return number(setting) != 0.0; }
  std::size_t count(const std::string& setting) const;  // of numbers
  const std::string& word(const std::string& setting) const;
  // The shape, if it has `count` sizes, none of them 0.
  const std::vector<std::size_t>& shape_of(std::size_t count) const;
};

// A setting of a kind, and its usual value; without one it must be given.
struct Declared {
  enum class Usual { none, number, word };

  const char* name = "";
  Usual usual = Usual::none;
  double number = 0.0;
  const char* word = "";

  constexpr Declared() = default;
  constexpr Declared(const char* name) : name(name) {}
  constexpr Declared(const char* name, double number) : name(name), usual(Usual::number), number(number) {}
  constexpr Declared(const char* name, const char* word) : name(name), usual(Usual::word), word(word) {}
};

// Lists of settings, one after the other.
template <std::size_t... count>
constexpr std::array<Declared, (count + ...)> joined(const Declared (&... list)[count]) {
  std::array<Declared, (count + ...)> all;
  std::size_t at = 0;
  const auto append = [&](const auto& each) {
    for (const Declared& setting : each) all[at++] = setting;
  };
  (append(list), ...);
  return all;
}

// What layers with a bias and an activation have, and layers with a kernel.
inline constexpr Declared activation_settings[] = {{"use_bias", 1.0}, {"activation", "linear"}, {"alpha", 0.0}};
inline constexpr Declared kernel_settings[] = {
    {"l1", 0.0}, {"l2", 0.0}, {"l2_norm", 0.0}, {"proximal", 0.0}, {"max_norm", 0.0}};

// The description with the usual value of each setting that it does not give. Throws std::invalid_argument for one that
// is not declared, and for one that is missing.
OperationSpec completed(OperationSpec spec, std::span<const Declared> settings);

}  // namespace ravine
