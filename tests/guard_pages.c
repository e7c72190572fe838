// Preloaded: the memory of NumPy's arrays (through `guarded_handler`) and of aligned_alloc, which the engine calls, ends
// right before a page that may not be touched, or begins right after one, as GUARD_PAGES says ("after" or "before"). On
// the other side, up to the page's end, bytes of a pattern must still be there when the memory is freed. Freed memory
// may not be touched either. glibc's own functions do the rest.
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void __libc_free(void*);

static const size_t page = 4096, room = (size_t)1 << 41;  // bytes of addresses
static const unsigned char pattern = 0xA5;

static char* first;       // of the addresses
static size_t* bytes_at;  // the size of the block whose memory begins in a page
static _Atomic(size_t) used;
static int before;

atomic_ulong guarded_blocks;

static void give_up(const char* why) {
  if (write(2, why, strlen(why)) < 0) _exit(99);
  abort();
}

static void* reserve(size_t bytes, int protection) {
  void* found = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (found == MAP_FAILED) give_up("guard_pages: no addresses\n");
  return found;
}

static __attribute__((constructor)) void begin(void) {
  const char* side = getenv("GUARD_PAGES");
  before = side != NULL && strcmp(side, "before") == 0;
  first = reserve(room, PROT_NONE);
  bytes_at = reserve(room / page * sizeof(size_t), PROT_READ | PROT_WRITE);
}

static size_t pages_of(size_t bytes) { return bytes > 0 ? (bytes + page - 1) / page : 1; }

static int is_ours(const void* block) { return (const char*)block >= first && (const char*)block < first + room; }

static char* start_of(const void* block) { return (char*)((uintptr_t)block / page * page); }

static size_t* size_of(const void* block) { return &bytes_at[(size_t)(start_of(block) - first) / page]; }

static void* allocate(size_t alignment, size_t bytes) {
  const size_t length = pages_of(bytes) * page, apart = alignment > page ? alignment : page;
  if (bytes > room / 2) return NULL;
  char* start = first + atomic_fetch_add(&used, length + 2 * apart) + apart;
  start = (char*)(((uintptr_t)start + apart - 1) / apart * apart);
  if (start + length + apart > first + room) give_up("guard_pages: out of addresses\n");
  if (mprotect(start, length, PROT_READ | PROT_WRITE) != 0) return NULL;
  char* block = before ? start : start + length - bytes;
  memset(start, pattern, (size_t)(block - start));
  memset(block + bytes, pattern, (size_t)(start + length - block) - bytes);
  *size_of(start) = bytes;
  ++guarded_blocks;
  return block;
}

static void release(void* block) {
  char* start = start_of(block);
  const size_t bytes = *size_of(block), length = pages_of(bytes) * page;
  for (char* p = start; p < start + length; ++p) {
    if (p == (char*)block) p += bytes;
    if (p < start + length && *(unsigned char*)p != pattern) give_up("guard_pages: written beside a block\n");
  }
  if (mmap(start, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
    give_up("guard_pages: cannot close a block\n");
}

void* aligned_alloc(size_t alignment, size_t bytes) { return allocate(alignment, bytes); }

void free(void* block) {
  if (is_ours(block))
    release(block);
  else
    __libc_free(block);
}

// NumPy's PyDataMem_Handler, see its C API.
static void* numpy_malloc(void* context, size_t bytes) { return (void)context, allocate(1, bytes); }
static void* numpy_calloc(void* context, size_t count, size_t bytes) {
  void* block = numpy_malloc(context, count * bytes);
  return block != NULL ? memset(block, 0, count * bytes) : NULL;
}
static void numpy_free(void* context, void* block, size_t bytes) {
  (void)context, (void)bytes;
  if (block != NULL) release(block);
}
static void* numpy_realloc(void* context, void* old, size_t bytes) {
  void* block = numpy_malloc(context, bytes);
  if (block == NULL || old == NULL) return block;
  memcpy(block, old, *size_of(old) < bytes ? *size_of(old) : bytes);
  release(old);
  return block;
}

struct {
  char name[127];
  uint8_t version;
  void* context;
  void* (*malloc)(void*, size_t);
  void* (*calloc)(void*, size_t, size_t);
  void* (*realloc)(void*, void*, size_t);
  void (*free)(void*, void*, size_t);
} guarded_handler = {"guard_pages", 1, NULL, numpy_malloc, numpy_calloc, numpy_realloc, numpy_free};
