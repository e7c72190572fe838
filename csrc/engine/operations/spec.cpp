#include "engine/operations/spec.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace ravine {
namespace {

const Setting& setting_of(const OperationSpec& spec, const std::string& setting) {
  const auto found = spec.settings.find(setting);
  if (found != spec.settings.end()) return found->second;
  throw std::invalid_argument(spec.kind + " needs the setting '" + setting + "' (" + spec.name + ")");
}

std::span<const double> numbers_of(const OperationSpec& spec, const std::string& setting) {
  const Setting& given = setting_of(spec, setting);
  if (const double* one = std::get_if<double>(&given)) return {one, 1};
  if (const Numbers* several = std::get_if<Numbers>(&given)) return *several;
  throw std::invalid_argument(setting + " of " + spec.name + " must be a number or numbers, got '" +
                              std::get<std::string>(given) + "'");
}

}  // namespace

double OperationSpec::number(const std::string& setting, std::size_t i) const {
  const std::span<const double> numbers = numbers_of(*this, setting);
  if (i < numbers.size()) return numbers[i];
  throw std::invalid_argument(kind + " needs the setting '" + setting + "' with at least " + std::to_string(i + 1) +
                              " numbers (" + name + ")");
}

std::size_t OperationSpec::size(const std::string& setting, std::size_t i, std::size_t most) const {
  const double value = number(setting, i);
  if (!(value >= 0.0 && value <= static_cast<double>(most)) || value != std::floor(value))
    throw std::invalid_argument(setting + " of " + name + " must be integers in [0, 2^" +
                                std::to_string(static_cast<int>(std::log2(most))) + "], got " + std::to_string(value));
  return static_cast<std::size_t>(value);
}

std::size_t OperationSpec::count(const std::string& setting) const { return numbers_of(*this, setting).size(); }

const std::string& OperationSpec::word(const std::string& setting) const {
  if (const std::string* word = std::get_if<std::string>(&setting_of(*this, setting))) return *word;
  throw std::invalid_argument(setting + " of " + name + " must be a word, got numbers");
}

const std::vector<std::size_t>& OperationSpec::shape_of(std::size_t count) const {
  if (shape.size() != count || std::find(shape.begin(), shape.end(), 0) != shape.end())
    throw std::invalid_argument("shape of " + name + " must be " + std::to_string(count) +
                                " sizes of at least 1, got " + std::to_string(shape.size()));
  return shape;
}

OperationSpec completed(OperationSpec spec, std::span<const Declared> settings) {
  std::string names;
  for (const Declared& setting : settings) {
    names += (names.empty() ? "" : ", ") + std::string(setting.name);
    if (setting.usual == Declared::Usual::number) spec.settings.try_emplace(setting.name, setting.number);
    if (setting.usual == Declared::Usual::word) spec.settings.try_emplace(setting.name, std::string(setting.word));
    setting_of(spec, setting.name);
  }
  for (const auto& [name, value] : spec.settings)
    if (std::none_of(settings.begin(), settings.end(), [&](const Declared& each) { return name == each.name; }))
      throw std::invalid_argument(spec.kind + " has no setting '" + name + "'; choose from " + names + " (" +
                                  spec.name + ")");
  return spec;
}

}  // namespace ravine
