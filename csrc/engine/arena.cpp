#include "engine/arena.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ravine {
namespace {

// Worth a huge page of its own.
constexpr std::size_t huge_page = std::size_t{1} << 21;

// Below this the system's own answer will do.
constexpr std::size_t worth_a_question = std::size_t{1} << 28;

// The bytes that this machine has, or that a container may take (version 2 or 1 of Linux' control groups).
std::size_t memory_there_is() {
  std::size_t most = static_cast<std::size_t>(-1);
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0) most = static_cast<std::size_t>(pages) * static_cast<std::size_t>(page);
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::ifstream file(path);
    std::size_t limit = 0;
    if (file >> limit && limit > 0) most = std::min(most, limit);
  }
  return most;
}

std::string gigabytes(std::size_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GB", static_cast<double>(bytes) / 1e9);
  return text;
}

}  // namespace

OutOfMemory::OutOfMemory(std::size_t bytes, const std::string& purpose)
    : bytes_(bytes),
      text_("no memory for a block of " + gigabytes(bytes) + (purpose.empty() ? "" : ": " + purpose) + "; there are " +
            gigabytes(memory_there_is())) {}

void* allocate_block(std::size_t bytes, bool zeroed) {
  if (bytes >= worth_a_question && bytes > memory_there_is()) throw OutOfMemory(bytes);
  const std::size_t unit = bytes >= huge_page ? huge_page : alignment;
  const std::size_t rounded = bytes > 0 ? (bytes + unit - 1) / unit * unit : unit;
  void* block = std::aligned_alloc(unit, rounded);
  if (!block) throw OutOfMemory(bytes);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (unit == huge_page) madvise(block, rounded, MADV_HUGEPAGE);
#endif
  if (zeroed) std::memset(block, 0, rounded);
  return block;
}

void free_block(void* block) noexcept { std::free(block); }

}  // namespace ravine
