#include "engine/arena.h"

#include <cstdlib>
#include <cstring>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ravine {
namespace {

// Worth a huge page of its own.
constexpr std::size_t huge_page = std::size_t{1} << 21;

}  // namespace

void* allocate_block(std::size_t bytes, bool zeroed) {
  const std::size_t unit = bytes >= huge_page ? huge_page : alignment;
  const std::size_t rounded = bytes > 0 ? (bytes + unit - 1) / unit * unit : unit;
  void* block = std::aligned_alloc(unit, rounded);
  if (!block) throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (unit == huge_page) madvise(block, rounded, MADV_HUGEPAGE);
#endif
  if (zeroed) std::memset(block, 0, rounded);
  return block;
}

void free_block(void* block) noexcept { std::free(block); }

}  // namespace ravine
