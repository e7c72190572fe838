// Prints a line for each instruction set that this machine has, type and family of kernels, and whole run:
//   SET float|double NAME HASH
// tools/check_bits.py compares the lines of several machines.
#include <cinttypes>
#include <cstdio>
#include <exception>

#include "dispatch.h"
#include "tests/tests.h"

namespace ravine::tests {
namespace {

template <class T>
void print(const InstructionSet& set, const char* type) {
  for (const auto& lines : {kernel_bits<T>(set), run_bits<T>(set)})
    for (const Line& line : lines)
      std::printf("%s%s %s %s %016" PRIx64 "\n", set.name, set.fma ? "" : "-without-fma", type, line.name.c_str(),
                  line.hash);
}

int main() {
  for (const InstructionSet* set : compiled_instruction_sets()) {
    if (!supported(*set)) continue;
    print<float>(*set, "float");
    print<double>(*set, "double");
  }
  return 0;
}

}  // namespace
}  // namespace ravine::tests

int main() {
  try {
    return ravine::tests::main();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
