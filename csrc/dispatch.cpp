#include "dispatch.h"

#include <stdexcept>
#include <string>

namespace ravine {
namespace {

const InstructionSet& widest_supported() {
  const auto& sets = compiled_instruction_sets();
  for (auto set = sets.rbegin(); set != sets.rend(); ++set)
    if (supported(**set)) return **set;
  return *sets.front();
}

const InstructionSet*& current() {
  static const InstructionSet* set = &widest_supported();
  return set;
}

}  // namespace

const std::vector<const InstructionSet*>& compiled_instruction_sets() {
  static const std::vector<const InstructionSet*> sets{
      &baseline::instruction_set,
#if defined(RAVINE_HAS_avx2)
      &avx2::instruction_set,
#endif
#if defined(RAVINE_HAS_avx512)
      &avx512::instruction_set,
#endif
  };
  return sets;
}

bool supported([[maybe_unused]] const InstructionSet& set) {
#if defined(RAVINE_HAS_avx2)
  if (&set == &avx2::instruction_set) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
#if defined(RAVINE_HAS_avx512)
  if (&set == &avx512::instruction_set)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
#endif
  return true;
}

const InstructionSet& selected() { return *current(); }

const InstructionSet& select(const char* name) {
  const std::string wanted = name ? name : "";
  if (wanted.empty()) return *(current() = &widest_supported());
  std::string choices;
  bool known = false;
  for (const InstructionSet* set : compiled_instruction_sets()) {
    if (supported(*set)) {
      if (wanted == set->name) return *(current() = set);
      choices += (choices.empty() ? "" : ", ") + std::string(set->name);
    }
    known = known || wanted == set->name;
  }
  throw std::invalid_argument(
      (known ? "ISA '" + wanted + "' is not supported by this CPU" : "unknown ISA '" + wanted + "'") +
      "; choose from " + choices);
}

}  // namespace ravine
