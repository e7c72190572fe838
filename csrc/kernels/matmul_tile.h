// The innermost product: a tile of c in registers, one fma chain along k for each of its elements.
#pragma once

#include <type_traits>
#include <utility>

#include "kernels/signatures/finish.h"
#include "kernels/tuning.h"
#include "kernels/vec/arithmetic.h"
#include "kernels/vec/memory.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
inline constexpr std::size_t tile_cols = tile_vectors * lanes<T>;
template <class T>
inline constexpr std::size_t tile_size = tile_rows * tile_cols<T>;

// A product's k is taken in blocks of this many terms.
inline constexpr std::size_t block_depth = block_slices * product_slice;
inline constexpr std::size_t cache_line = 64;
template <class T>
inline constexpr std::size_t line_terms = cache_line / sizeof(T);
// A packed column of a's tile is this long: whole vectors.
inline constexpr std::size_t packed_column = (tile_rows + 7) / 8 * 8;
// Copied rows of a's tile are this far apart: an odd number of cache lines, so that they are in sets of their own.
template <class T>
inline constexpr std::size_t copied_row = product_slice + line_terms<T>;

// Where element (i, p) of a is: in rows of any stride, or in columns. The terms of k come in runs, of
// which here there is one: run(k) of them, of k that are left, are next to each other; then jump(). What no chain of a
// kind does is not compiled for it: `in_trees` says that chains are added in a tree over a batch, `finished` that a
// bias and an activation or mask may follow.
template <class T>
struct StridedRows {
  static constexpr bool in_trees = false, finished = true;
  const T* a;
  std::size_t stride;
  RAVINE_INLINE T at(std::size_t i) const { return a[i * stride]; }
  RAVINE_INLINE void next() { ++a; }
  RAVINE_INLINE std::size_t run(std::size_t k) const { return k; }
  RAVINE_INLINE void jump() {}
};

template <class T>
struct Columns {
  using Anywhere = Columns;
  static constexpr bool in_trees = true, finished = true;
  const T* a;
  std::size_t stride;
  RAVINE_INLINE T at(std::size_t i) const { return a[i]; }
  RAVINE_INLINE void next() { a += stride; }
  RAVINE_INLINE std::size_t run(std::size_t k) const { return k; }
  RAVINE_INLINE void jump() {}
};

// Rows that were copied: the position of each is a constant in the code, and takes no register.
template <class T>
struct CopiedRows {
  using Anywhere = StridedRows<T>;
  static constexpr bool in_trees = false, finished = true;
  const T* a;
  RAVINE_INLINE T at(std::size_t i) const { return a[i * copied_row<T>]; }
  RAVINE_INLINE void next() { ++a; }
  RAVINE_INLINE std::size_t run(std::size_t k) const { return k; }
  RAVINE_INLINE void jump() {}
  operator Anywhere() const { return {a, copied_row<T>}; }
};

// A sum's last steps: + bias, then the activation or the mask of its derivative.
template <class T>
RAVINE_INLINE Vec<T> relu_of(Vec<T> sum) {
  return select<T>(sum < T{0}, Vec<T>{}, sum);
}
template <class T>
RAVINE_INLINE Vec<T> masked(Vec<T> sum, Vec<T> gate) {
  return select<T>(gate <= T{0}, Vec<T>{}, sum);
}

// How often a chain of so many terms comes to a new cache line in a row of a.
template <class T>
constexpr std::size_t times_asked(std::size_t terms) {
  return (terms + line_terms<T> - 1) / line_terms<T>;
}

// What is wanted later, asked for a little each time that a chain comes to a new cache line of a: all at once, it would
// take the buffers of the cache misses that the chain needs for its own operands.
template <class T>
struct Ahead {
  // Rows of c, which are written when the chain ends: `rows` in all, `ldc` apart, `rows_each` each time.
  T* c = nullptr;
  std::size_t ldc = 0, rows = 0, rows_each = 0;
  // Cache lines of a or b: each time `lines` of them, `across` apart, and the next time those `along` from there.
  const T* from = nullptr;
  std::size_t lines = 0, across = 0, along = 0;

  // Forced inline, since GCC drops the call of a function that does nothing but prefetch.
  template <std::size_t vectors>
  RAVINE_INLINE void ask() {
    for (std::size_t r = 0; r < rows_each && rows > 0; ++r, --rows, c += ldc)
#pragma GCC unroll 2
      for (std::size_t v = 0; v < vectors; ++v) __builtin_prefetch(c + v * lanes<T>, 1);
    for (std::size_t l = 0; l < lines; ++l) __builtin_prefetch(from + l * across);
    from += along;
  }
  RAVINE_INLINE void ask_all(std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) ask<tile_vectors>();
  }
};

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
  Ahead<T>* ahead = nullptr;
};

// A panel of b: its rows, `ld` apart, and how many elements its last vector has. Who reads it leaves a copy
// at `copy`, unless null, with rows tile_cols apart.
template <class T>
struct Panel {
  const T* b;
  std::size_t ld;
  std::size_t last = lanes<T>;
  T* copy = nullptr;

  Panel from(std::size_t p) const { return {b + p * ld, ld, last, copy ? copy + p * tile_cols<T> : nullptr}; }
};

// Vector `v` of `vectors`, the last of which has only `last` elements if `ragged`.
template <bool ragged, std::size_t vectors, class T>
RAVINE_INLINE Vec<T> load_vector(const T* p, std::size_t v, std::size_t last) {
  const bool part = ragged && v + 1 == vectors && (has_masks || last < lanes<T>);
  return part ? load_first(p + v * lanes<T>, last) : load<T>(p + v * lanes<T>);
}
template <bool ragged, std::size_t vectors, class T>
RAVINE_INLINE void store_vector(T* p, std::size_t v, std::size_t last, Vec<T> x) {
  if (ragged && v + 1 == vectors)
    store_first(p + v * lanes<T>, x, last);
  else
    store<T>(p + v * lanes<T>, x);
}

template <class T, bool ragged, std::size_t rows, std::size_t vectors, class A, bool asks = false>
void tile_chain(A a, const Panel<T>& panel, std::size_t k, const Ending<T>& end) noexcept {
  Vec<T> sum[rows][vectors] = {};
  const T* __restrict b = panel.b;
  T* __restrict copy = panel.copy;
  const std::size_t ldb = panel.ld, last_of_b = panel.last;
  Ahead<T> ahead;
  if constexpr (asks) ahead = *end.ahead;
  const auto add_term = [&](auto may_copy) __attribute__((always_inline)) {
    Vec<T> row_of_b[vectors];
#pragma GCC unroll 2
    for (std::size_t v = 0; v < vectors; ++v) row_of_b[v] = load_vector<ragged, vectors>(b, v, last_of_b);
    if (may_copy && copy) {
#pragma GCC unroll 2
      for (std::size_t v = 0; v < vectors; ++v) {
        __builtin_prefetch(b + terms_ahead * ldb + v * lanes<T>);
        if constexpr (asks) __builtin_prefetch(b + tile_cols<T> + v * lanes<T>, 0, 2);
        store<T>(copy + v * lanes<T>, row_of_b[v]);
      }
      copy += tile_cols<T>;
    }
#pragma GCC unroll 14
    for (std::size_t i = 0; i < rows; ++i) {
      const Vec<T> element = broadcast<T>(a.at(i));
#pragma GCC unroll 2
      for (std::size_t v = 0; v < vectors; ++v) sum[i][v] = fma(element, row_of_b[v], sum[i][v]);
    }
    a.next();
    b += ldb;
  };
  for (std::size_t p = 0; p < k; a.jump())
    for (const std::size_t run = p + a.run(k - p); p < run;) {
      std::size_t stop = run;
      if constexpr (asks) {
        ahead.template ask<vectors>();
        if (!copy && run - p >= line_terms<T>) {  // so many terms, whose number the compiler knows: 0.5 % faster
#pragma GCC unroll 4
          for (std::size_t term = 0; term < line_terms<T>; ++term) add_term(std::false_type{});
          p += line_terms<T>;
          continue;
        }
        if (run - p > line_terms<T>) stop = p + line_terms<T>;
      }
      for (; p < stop; ++p) add_term(std::true_type{});
    }
  const std::size_t last = end.last;
  const auto each = [&](auto&& step) __attribute__((always_inline)) {
#pragma GCC unroll 14
    for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 2
      for (std::size_t v = 0; v < vectors; ++v) sum[i][v] = step(sum[i][v], i, v);
  };
  const auto at = [&](const T* p, std::size_t v)
                      __attribute__((always_inline)) { return load_vector<ragged, vectors>(p, v, last); };
  if constexpr (A::in_trees && !asks) {  // a chain of a tree never asks
    const T* slot = end.slot;
    const auto add_slot = [&](Vec<T> x, std::size_t i, std::size_t v)
                              __attribute__((always_inline)) { return at(slot + i * tile_cols<T>, v) + x; };
    if (end.own) each(add_slot);
    for (std::size_t folds = end.folds; folds > 0; --folds) {
      slot -= tile_size<T>;
      each(add_slot);
    }
  }
  if (const T* const add = end.add)
    each([&](Vec<T> x, std::size_t i, std::size_t v) { return at(add + i * end.ldadd, v) + x; });
  if constexpr (A::finished) {
    if (const T* const bias = end.bias) each([&](Vec<T> x, std::size_t, std::size_t v) { return x + at(bias, v); });
    if (end.finish == Finish::relu) each([&](Vec<T> x, std::size_t, std::size_t) { return relu_of<T>(x); });
    if (end.finish == Finish::mask)
      each([&](Vec<T> x, std::size_t i, std::size_t v) { return masked<T>(x, at(end.gate + i * end.ldgate, v)); });
  }
  T* const out = end.out;
  each([&](Vec<T> x, std::size_t i, std::size_t v) {
    store_vector<ragged, vectors>(out + i * end.ldout, v, last, x);
    return x;
  });
}

// One function per number of rows and vectors, for whole vectors and for a ragged last one.
template <class T, class A>
struct TileTable {
  using Chain = void (*)(A, const Panel<T>&, std::size_t, const Ending<T>&) noexcept;
  Chain chain[2][tile_vectors][tile_rows];

  void operator()(std::size_t rows, std::size_t vectors, A a, const Panel<T>& b, std::size_t k,
                  const Ending<T>& end) const {
    chain[end.last < lanes<T>][vectors - 1][rows - 1](a, b, k, end);
  }
};

template <class T, class A, std::size_t... i>
constexpr TileTable<T, A> make_tiles(std::index_sequence<i...>) {
  return {{{{tile_chain<T, false, i + 1, 1, A>...}, {tile_chain<T, false, i + 1, 2, A>...}},
           {{tile_chain<T, true, i + 1, 1, A>...}, {tile_chain<T, true, i + 1, 2, A>...}}}};
}

template <class T, class A>
constinit const TileTable<T, A> tiles = make_tiles<T, A>(std::make_index_sequence<tile_rows>{});

// The chains that ask for what is wanted later while they run; others ask for all of it first.
template <class T, class A>
struct AskingTiles {
  typename TileTable<T, A>::Chain chain[asking_chains];

  void operator()(std::size_t rows, std::size_t vectors, A a, const Panel<T>& b, std::size_t k,
                  const Ending<T>& end) const {
    if (rows + asking_chains > tile_rows && vectors == tile_vectors && end.last == lanes<T>)
      return chain[tile_rows - rows](a, b, k, end);
    end.ahead->ask_all(times_asked<T>(k));
    tiles<T, typename A::Anywhere>(rows, vectors, a, b, k, end);
  }
};

template <class T, class A, std::size_t... i>
constexpr AskingTiles<T, A> make_asking_tiles(std::index_sequence<i...>) {
  return {{tile_chain<T, false, tile_rows - i, tile_vectors, A, true>...}};
}

template <class T, class A>
constinit const AskingTiles<T, A> asking_tiles = make_asking_tiles<T, A>(std::make_index_sequence<asking_chains>{});

}  // namespace
}  // namespace ravine::RAVINE_ISA
