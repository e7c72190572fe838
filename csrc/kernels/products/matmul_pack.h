// Copies of a's and b's blocks in the order in which the tiles read them.
#pragma once

#include "kernels/products/tile.h"
#include "kernels/vec/ranges.h"
#include "kernels/vec/shuffles.h"

namespace ravine::RAVINE_ISA {
namespace {

// A packed column of a's tile is this long: whole vectors.
inline constexpr std::size_t packed_column = (tile_rows + 7) / 8 * 8;
// Copied rows of a's tile are this far apart: an odd number of cache lines, so that they are in sets of their own.
template <class T>
inline constexpr std::size_t copied_row = product_slice + line_terms<T>;

constexpr std::size_t smaller(std::size_t x, std::size_t y) { return x < y ? x : y; }

// A size cut into the fewest pieces of at most `largest`, as even as they come: the first `longer` have one more.
struct Cut {
  std::size_t pieces, shorter, longer;

  Cut(std::size_t size, std::size_t largest)
      : pieces((size + largest - 1) / largest),
        shorter(pieces > 0 ? size / pieces : 0),
        longer(size - pieces * shorter) {}
  std::size_t begin(std::size_t piece) const { return piece * shorter + smaller(piece, longer); }
  std::size_t size(std::size_t piece) const { return shorter + (piece < longer ? 1 : 0); }
};

// Rows [0, k) of columns [0, cols) of b, in panels of tile_cols: panel j is at to + j * k * tile_cols, zero-padded.
template <class T>
void pack_panels(T* __restrict to, const T* __restrict b, std::size_t ldb, std::size_t k, std::size_t cols) noexcept {
  for (std::size_t j = 0; j < cols; j += tile_cols<T>) {
    const std::size_t width = smaller(tile_cols<T>, cols - j);
    if (width == tile_cols<T>) {
      for (std::size_t p = 0; p < k; ++p, to += tile_cols<T>)
#pragma GCC unroll 2
        for (std::size_t v = 0; v < tile_vectors; ++v)
          store<T>(to + v * lanes<T>, load<T>(b + p * ldb + j + v * lanes<T>));
    } else {
      for (std::size_t p = 0; p < k; ++p, to += tile_cols<T>)
        for (std::size_t v = 0; v < tile_vectors; ++v) {
          const std::size_t first = v * lanes<T>;
          const std::size_t count = width > first ? smaller(lanes<T>, width - first) : 0;
          store<T>(to + first, load_first<T>(b + p * ldb + j + smaller(first, width), count));
        }
    }
  }
}

// The transpose of `rows` rows of `cols` elements each, at most lanes x lanes; columns without a row become zeros.
template <class T>
RAVINE_INLINE void pack_square(T* __restrict to, std::size_t ldto, const T* __restrict from, std::size_t ldfrom,
                               std::size_t rows, std::size_t cols) noexcept {
  constexpr std::size_t side = lanes<T>;
  Vec<T> row[side];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < side; ++i) {
    if (i >= rows)
      row[i] = Vec<T>{};
    else if (cols == side)
      row[i] = load<T>(from + i * ldfrom);
    else
      row[i] = load_first<T>(from + i * ldfrom, cols);
  }
  transpose<T>(row);
#pragma GCC unroll 16
  for (std::size_t i = 0; i < side; ++i)
    if (i < cols) store<T>(to + i * ldto, row[i]);
}

// The same panels of the transpose: b is (cols, k) here.
template <class T>
void pack_transposed_panels(T* __restrict to, const T* __restrict b, std::size_t ldb, std::size_t k,
                            std::size_t cols) noexcept {
  constexpr std::size_t side = lanes<T>;
  for (std::size_t j = 0; j < cols; j += tile_cols<T>, to += k * tile_cols<T>)
    for (std::size_t v = 0; v < tile_vectors; ++v) {
      const std::size_t first = j + v * side;
      for (std::size_t p = 0; p < k; p += side)
        pack_square<T>(to + p * tile_cols<T> + v * side, tile_cols<T>, b + first * ldb + p, ldb,
                       cols > first ? smaller(side, cols - first) : 0, smaller(side, k - p));
    }
}

template <class T>
void copy(T* __restrict to, const T* __restrict from, std::size_t count) noexcept {
  each_vector<T>(count, [&](auto at) { at.template store<T>(to, at.load(from)); });
}

// Tiles of a's columns, each (k, packed_column) and contiguous.
template <class T>
void pack_columns(T* __restrict to, const T* __restrict a, std::size_t lda, std::size_t k, const Cut& tiles,
                  std::size_t first, std::size_t count) noexcept {
  for (std::size_t p = 0; p < k; ++p, to += packed_column, a += lda)
    for (std::size_t t = 0; t < count; ++t) {
      copy<T>(to + t * k * packed_column, a + tiles.begin(first + t), tiles.size(first + t));
    }
}

// Tiles of a's rows, `k` terms of them, each the transpose of its rows: (k, packed_column) and contiguous.
template <class T>
void pack_rows(T* __restrict to, const T* __restrict a, std::size_t lda, std::size_t k, const Cut& tiles,
               std::size_t first, std::size_t count) noexcept {
  constexpr std::size_t side = lanes<T>;
  for (std::size_t t = first; t < first + count; ++t, to += k * packed_column) {
    const T* const tile = a + (tiles.begin(t) - tiles.begin(first)) * lda;
    const std::size_t rows = tiles.size(t);
    for (std::size_t p = 0; p < k; p += side)
      for (std::size_t i0 = 0; i0 < packed_column; i0 += side)
        pack_square<T>(to + p * packed_column + i0, packed_column, tile + i0 * lda + p, lda,
                       rows > i0 ? smaller(side, rows - i0) : 0, smaller(side, k - p));
  }
}

// `rows` rows of a, `k` terms of each.
template <class T>
void copy_rows(T* __restrict to, const T* __restrict a, std::size_t lda, std::size_t k, std::size_t rows) noexcept {
  for (std::size_t i = 0; i < rows; ++i) copy<T>(to + i * copied_row<T>, a + i * lda, k);
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
