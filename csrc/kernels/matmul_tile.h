// The innermost product: a tile of c in registers, one fma chain along k for each of its elements.
#pragma once

#include <utility>

#include "kernels/kernels.h"
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

// A product's k is taken in blocks of this many terms, two slices: c is read and written once for both, and a's block
// and a panel of b still stay in the L2 cache.
inline constexpr std::size_t block_depth = 2 * product_slice;
// A packed row of a is this long: a block of k and a cache line, so that the rows of a tile fall into different sets of
// the L1 cache.
template <class T>
inline constexpr std::size_t packed_row = block_depth + 64 / sizeof(T);
// A packed column of a's tile is this long: whole vectors.
inline constexpr std::size_t packed_column = (tile_rows + 7) / 8 * 8;

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

// A sum's last steps: + bias, then the activation or the mask of its derivative.
template <class T>
RAVINE_INLINE Vec<T> relu_of(Vec<T> sum) {
  return select<T>(sum < T{0}, Vec<T>{}, sum);
}
template <class T>
RAVINE_INLINE Vec<T> masked(Vec<T> sum, Vec<T> gate) {
  return select<T>(gate <= T{0}, Vec<T>{}, sum);
}

// What happens to a finished chain, in this order: what its slot holds is added if `own`, then the `folds` slots below
// it (a tree's open branches), then `add` unless null, then the bias; the activation or mask follows, and the result is
// stored at `out`. Slots are tile_size apart.
template <class T>
struct Ending {
  T* out;
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
};

template <class T, std::size_t rows, std::size_t vectors, class A>
void tile_chain(A a, const T* __restrict b, std::size_t ldb, std::size_t k, const Ending<T>& end) noexcept {
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
  const auto each = [&](auto&& step) __attribute__((always_inline)) {
#pragma GCC unroll 14
    for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 2
      for (std::size_t v = 0; v < vectors; ++v) sum[i][v] = step(sum[i][v], i, v * lanes<T>);
  };
  const T* slot = end.slot;
  const auto add_slot = [&](Vec<T> x, std::size_t i, std::size_t j)
                            __attribute__((always_inline)) { return load<T>(slot + i * tile_cols<T> + j) + x; };
  if (end.own) each(add_slot);
  for (std::size_t folds = end.folds; folds > 0; --folds) {
    slot -= tile_size<T>;
    each(add_slot);
  }
  if (const T* const add = end.add)
    each([&](Vec<T> x, std::size_t i, std::size_t j) { return load<T>(add + i * end.ldadd + j) + x; });
  if (const T* const bias = end.bias) each([&](Vec<T> x, std::size_t, std::size_t j) { return x + load<T>(bias + j); });
  if (end.finish == Finish::relu) each([&](Vec<T> x, std::size_t, std::size_t) { return relu_of<T>(x); });
  if (end.finish == Finish::mask)
    each([&](Vec<T> x, std::size_t i, std::size_t j) { return masked<T>(x, load<T>(end.gate + i * end.ldgate + j)); });
  T* const out = end.out;
  each([&](Vec<T> x, std::size_t i, std::size_t j) {
    store<T>(out + i * end.ldout + j, x);
    return x;
  });
}

// One function per number of rows and vectors.
template <class T, class A>
struct TileTable {
  using Chain = void (*)(A, const T*, std::size_t, std::size_t, const Ending<T>&) noexcept;
  Chain chain[tile_vectors][tile_rows];

  void operator()(std::size_t rows, std::size_t vectors, A a, const T* b, std::size_t ldb, std::size_t k,
                  const Ending<T>& end) const {
    chain[vectors - 1][rows - 1](a, b, ldb, k, end);
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
