// The innermost product: a tile of c in registers, one fma chain along k for each of its elements.
#pragma once

#include <utility>

#include "kernels/vec.h"

namespace ravine::RAVINE_ISA {
namespace {

// A tile has up to tile_rows x 2 vectors: with the two vectors of b and one of a they fill the register file.
inline constexpr std::size_t tile_rows = vector_registers == 32 ? 14 : 6;
inline constexpr std::size_t tile_vectors = 2;
template <class T>
inline constexpr std::size_t tile_cols = tile_vectors * lanes<T>;
template <class T>
inline constexpr std::size_t tile_size = tile_rows * tile_cols<T>;

// A packed row of a is this long: one product slice and a cache line, so that the rows of a tile fall into different
// sets of the L1 cache.
template <class T>
inline constexpr std::size_t packed_row = product_slice + 64 / sizeof(T);

// Where element (i, p) of a stands: in rows of a fixed or of any stride, or in columns.
template <class T>
struct PackedRows {
  const T* a;
  RAVINE_INLINE T at(std::size_t i) const { return a[i * packed_row<T>]; }
  RAVINE_INLINE void next() { ++a; }
};

template <class T>
struct StridedRows {
  const T* a;
  std::size_t stride;
  RAVINE_INLINE T at(std::size_t i) const { return a[i * stride]; }
  RAVINE_INLINE void next() { ++a; }
};

template <class T>
struct Columns {
  const T* a;
  std::size_t stride;
  RAVINE_INLINE T at(std::size_t i) const { return a[i]; }
  RAVINE_INLINE void next() { a += stride; }
};

// What happens to a finished chain: it is added to the `add` tile slots that end at `slot` (nearest first) and stored
// in the lowest of them (in `slot` itself for add = 0; `own` adds what `slot` holds first). Slots are tile_size apart.
struct Sink {
  bool own;
  std::size_t folds;
};

template <class T, std::size_t rows, std::size_t vectors, class A>
void tile_chain(T* __restrict slot, A a, const T* __restrict b, std::size_t ldb, std::size_t k, Sink sink) noexcept {
  Vec<T> sum[rows][vectors] = {};
  for (std::size_t p = 0; p < k; ++p) {
    Vec<T> row_of_b[vectors];
#pragma GCC unroll 2
    for (std::size_t v = 0; v < vectors; ++v) row_of_b[v] = load<T>(b + v * lanes<T>);
#pragma GCC unroll 14
    for (std::size_t i = 0; i < rows; ++i) {
      const Vec<T> element = broadcast<T>(a.at(i));
#pragma GCC unroll 2
      for (std::size_t v = 0; v < vectors; ++v) sum[i][v] = fma(element, row_of_b[v], sum[i][v]);
    }
    a.next();
    b += ldb;
  }
  if (sink.own) {
#pragma GCC unroll 14
    for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 2
      for (std::size_t v = 0; v < vectors; ++v) sum[i][v] += load<T>(slot + i * tile_cols<T> + v * lanes<T>);
  }
  for (; sink.folds > 0; --sink.folds) {
    slot -= tile_size<T>;
#pragma GCC unroll 14
    for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 2
      for (std::size_t v = 0; v < vectors; ++v) sum[i][v] += load<T>(slot + i * tile_cols<T> + v * lanes<T>);
  }
#pragma GCC unroll 14
  for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (std::size_t v = 0; v < vectors; ++v) store<T>(slot + i * tile_cols<T> + v * lanes<T>, sum[i][v]);
}

// One function per number of rows and vectors.
template <class T, class A>
struct TileTable {
  using Chain = void (*)(T*, A, const T*, std::size_t, std::size_t, Sink) noexcept;
  Chain chain[tile_vectors][tile_rows];

  void operator()(std::size_t rows, std::size_t vectors, T* slot, A a, const T* b, std::size_t ldb, std::size_t k,
                  Sink sink) const {
    chain[vectors - 1][rows - 1](slot, a, b, ldb, k, sink);
  }
};

template <class T, class A, std::size_t... i>
constexpr TileTable<T, A> make_tiles(std::index_sequence<i...>) {
  return {{{tile_chain<T, i + 1, 1, A>...}, {tile_chain<T, i + 1, 2, A>...}}};
}

template <class T, class A>
constinit const TileTable<T, A> tiles = make_tiles<T, A>(std::make_index_sequence<tile_rows>{});

}  // namespace
}  // namespace ravine::RAVINE_ISA
