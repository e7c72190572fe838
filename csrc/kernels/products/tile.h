// A tile of a product: what it reads of a and b, how it ends, and the table of the functions that compute it.
#pragma once

#include <type_traits>

#include "kernels/signatures/finish.h"
#include "kernels/signatures/rows.h"
#include "kernels/tuning.h"
#include "kernels/vec/arithmetic.h"
#include "kernels/vec/memory.h"

namespace ravine::RAVINE_ISA {

template <class T>
inline constexpr std::size_t tile_cols = tile_vectors * lanes<T>;
template <class T>
inline constexpr std::size_t tile_size = tile_rows * tile_cols<T>;

// A product's k is taken in blocks of this many terms.
inline constexpr std::size_t block_depth = block_slices * product_slice;
inline constexpr std::size_t cache_line = 64;
template <class T>
inline constexpr std::size_t line_terms = cache_line / sizeof(T);

// --------------------------------------------------------------------------------------------------- the left factor
//
// Element (i, p) of a is at(i) after p calls of next(). The terms come in runs: run(k) of the k that are left are next
// to each other, then jump() goes to the next run.

// Runs of `length` terms, `jump` elements from the end of one to the next; after `count` of them `row_jump` elements
// more.
struct Runs {
  std::size_t length, count;
  std::size_t jump;
  std::ptrdiff_t row_jump;
};

// Rows, `stride` elements apart; without `runs`, of one run.
template <class T>
struct LeftRows {
  const T* a;
  std::size_t stride;
  const Runs* runs = nullptr;
  std::size_t left = ~std::size_t{0}, runs_left = 0;  // terms of this run, runs before the row's jump

  RAVINE_INLINE T at(std::size_t i) const { return a[i * stride]; }
  RAVINE_INLINE void next() { ++a; }
  RAVINE_INLINE std::size_t run(std::size_t k) const { return left < k ? left : k; }
  RAVINE_INLINE void jump() {
    left = runs->length;
    a += runs->jump;
    if (--runs_left == 0) runs_left = runs->count, a += runs->row_jump;
  }
};

// Columns, `stride` elements apart, in runs of `length` terms, `run_jump` elements from the end of one to the next.
template <class T>
struct LeftColumns {
  const T* a;
  std::size_t stride;
  std::size_t length = ~std::size_t{0};
  std::ptrdiff_t run_jump = 0;

  RAVINE_INLINE T at(std::size_t i) const { return a[i]; }
  RAVINE_INLINE void next() { a += stride; }
  RAVINE_INLINE std::size_t run(std::size_t k) const { return length < k ? length : k; }
  RAVINE_INLINE void jump() { a += run_jump; }
};

// -------------------------------------------------------------------------------------------------- the right factor

// A panel of b: its rows, `ld` apart, and how many elements its last vector has. Who reads it leaves a copy
// at `copy`, unless null, with rows tile_cols apart.
template <class T>
struct Panel {
  const T* b;
  std::size_t ld;
  std::size_t last = lanes<T>;
  T* copy = nullptr;

  RAVINE_INLINE Panel from(std::size_t p) const {
    return {b + p * ld, ld, last, copy ? copy + p * tile_cols<T> : nullptr};
  }
};

// ---------------------------------------------------------------------------------------------------------- prefetches

// How often a chain of so many terms comes to a new cache line in a row of a.
template <class T>
constexpr std::size_t lines_of(std::size_t terms) {
  return (terms + line_terms<T> - 1) / line_terms<T>;
}

// What is read later, prefetched a little each time that a chain comes to a new cache line of a: all at once, it would
// take the buffers of the cache misses that the chain needs for its own operands.
template <class T>
struct Prefetch {
  // Rows of c, which are written when the chain ends: `rows` in all, `ldc` apart, `rows_each` each time.
  T* c = nullptr;
  std::size_t ldc = 0, rows = 0, rows_each = 0;
  // Cache lines of a or b: each time `lines` of them, `across` apart, and the next time those `along` from there.
  const T* from = nullptr;
  std::size_t lines = 0, across = 0, along = 0;

  // Forced inline, since GCC drops the call of a function that does nothing but prefetch.
  template <std::size_t vectors>
  RAVINE_INLINE void some() {
    for (std::size_t r = 0; r < rows_each && rows > 0; ++r, --rows, c += ldc)
#pragma GCC unroll 2
      for (std::size_t v = 0; v < vectors; ++v) __builtin_prefetch(c + v * lanes<T>, 1);
    for (std::size_t l = 0; l < lines; ++l) __builtin_prefetch(from + l * across);
    from += along;
  }
  RAVINE_INLINE void all(std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) some<tile_vectors>();
  }
};

// -------------------------------------------------------------------------------------------- the end, and the table

// What happens to a finished chain, in this order: what its slot holds is added if `own`, then the `folds` slots below
// it (a tree's open branches), then `add` unless null, then the bias; the activation or mask follows, and the result is
// stored at `out`. Slots are tile_size apart. Of the tile's last vector, the first `last` elements count.
template <class T>
struct Ending {
  T* out;
  std::size_t last = lanes<T>;
  std::size_t ldout = tile_cols<T>;
  const T* slot = nullptr;
  bool own = false;
  std::size_t folds = 0;
  const T* add = nullptr;
  std::size_t ldadd = tile_cols<T>;
  const T* bias = nullptr;
  Finish finish = Finish::none;
  const T* gate = nullptr;
  std::size_t ldgate = 0;
  Prefetch<T>* prefetch = nullptr;
};

// One function per number of rows and vectors: for a ragged last vector, and for whole ones unless it serves them, too.
inline constexpr std::size_t tile_forms = has_mask_registers ? 1 : 2;
template <class T, class A>
struct TileFunctions {
  using Function = void (*)(const A&, const Panel<T>&, std::size_t, const Ending<T>&) noexcept;
  Function function[tile_forms][tile_vectors][tile_rows];
};

template <class T>
struct Tiles {
  TileFunctions<T, LeftRows<T>> rows;
  TileFunctions<T, LeftColumns<T>> columns;

  template <class A>
  RAVINE_INLINE const TileFunctions<T, A>& of() const {
    if constexpr (std::is_same_v<A, LeftRows<T>>)
      return rows;
    else
      return columns;
  }
};

extern const Both<Tiles> tiles;

// The first `rows` rows and `vectors` vectors of a tile, over k terms.
template <class T, class A>
RAVINE_INLINE void compute_tile(std::size_t rows, std::size_t vectors, const A& a, const Panel<T>& b, std::size_t k,
                                const Ending<T>& end) {
  const Tiles<T>* all;
  if constexpr (sizeof(T) == sizeof(float))
    all = &tiles.f;
  else
    all = &tiles.d;
  const std::size_t form = tile_forms > 1 && end.last == lanes<T> ? 1 : 0;
  all->template of<A>().function[form][vectors - 1][rows - 1](a, b, k, end);
}

}  // namespace ravine::RAVINE_ISA
