// Tuned numbers of the kernels: sizes of tiles and blocks, thresholds, and prefetch distances. No bit of
// a result depends on any of them; the numbers that are bits are in signatures/frozen.h.
//
// Figures are shares of the multiply-add peak or of time on one core of an EPYC (Zen 5, AVX-512), float32, the old and
// the new kernel mostly in turn in one process (docs/benchmarks.md, Products); other columns, where they differ, follow
// from the number of registers. If no figure is given, none was measured.
#pragma once

#include <cstddef>

#include "kernels/signatures/frozen.h"
#include "kernels/vec/width.h"

namespace ravine::RAVINE_ISA {
namespace {

// The number for this instruction set, in both types.
consteval std::size_t tuned(std::size_t baseline, std::size_t avx2, std::size_t avx512, std::size_t neon) {
  switch (isa) {
    case Isa::avx2:
      return avx2;
    case Isa::avx512:
      return avx512;
    case Isa::neon:
      return neon;
    default:
      return baseline;
  }
}

// The same where the types differ.
struct Types {
  std::size_t float32, float64;
};
template <class T>
consteval std::size_t tuned(Types baseline, Types avx2, Types avx512, Types neon) {
  if (sizeof(T) == sizeof(float)) return tuned(baseline.float32, avx2.float32, avx512.float32, neon.float32);
  return tuned(baseline.float64, avx2.float64, avx512.float64, neon.float64);
}

// ------------------------------------------------------------------------------------------------------ products
//
// Columns: baseline (SSE2), AVX2, AVX-512, NEON.

// A tile has up to tile_rows x tile_vectors vectors: with the vectors of b and one of a they fill the register file.
// 12 and 13 rows in place of 14 were no faster; a tile of 256 terms in L1 reaches 98.5 % of the peak.
inline constexpr std::size_t tile_rows = tuned(6, 6, 14, 14);
inline constexpr std::size_t tile_vectors = tuned(2, 2, 2, 2);
// Rows of a in a block, by panels: a's block stays in L2. 182 and 252 rows were 1 to 3 % slower.
inline constexpr std::size_t block_rows = tuned(126, 126, 126, 126);
// Slices of k in a block: c is read and written once for both, and a's block and a panel of b still stay in L2. One and
// four were no faster.
inline constexpr std::size_t block_slices = tuned(2, 2, 2, 2);
// Columns of b in a block, by panels.
inline constexpr std::size_t block_cols = tuned(1024, 1024, 1024, 1024);
// The same by tiles: 512 KiB, which stay in L2 while tiles of a pass by them. 256, 384 and 768 KiB cost 1, 1 and 0 %.
template <class T>
inline constexpr std::size_t near_block_cols = tuned<T>({512, 256}, {512, 256}, {512, 256}, {512, 256});
// Up to so many multiplications, or tiles of rows, a copy of b costs more than reading it in place: without a
// copy 128 x 128 x 128 reaches .92 of the peak, with it .86; with a copy 504 x 1024 x 1024 reaches .88, without it .82.
inline constexpr std::size_t unpacked_work = tuned(1 << 26, 1 << 26, 1 << 26, 1 << 26);
inline constexpr std::size_t unpacked_tiles = tuned(3, 3, 3, 3);
// A shorter chain is not worth the copy of a's rows.
inline constexpr std::size_t least_by_tiles = tuned(128, 128, 128, 128);
// A larger c is not in L1, a larger a not in L2, when its turn comes: prefetched a little at a time. All at once, they
// take the buffers of misses that a chain needs for its own operands, 2 to 4 %.
inline constexpr std::size_t far_c_bytes = tuned(32 << 10, 32 << 10, 32 << 10, 32 << 10);
inline constexpr std::size_t far_a_bytes = tuned(256 << 10, 256 << 10, 256 << 10, 256 << 10);
// Tiles of that many numbers of rows, from tile_rows down, prefetch while their chains run: large products consist of
// whole tiles, or nearly.
inline constexpr std::size_t prefetching_tiles = tuned(2, 2, 3, 3);
// Of a panel that is copied, the row so many terms ahead is prefetched, and the next panel's: each may be in a page of
// its own, where hardware does not prefetch. 512 x 1024 x 2048 reaches .91 of the peak, and .88 with 16 terms.
inline constexpr std::size_t terms_ahead = tuned(32, 32, 32, 32);

// ---------------------------------------------------------------------------------------- products with a vector

// Vectors of a single row's sums that stay in registers, at most and at least.
inline constexpr std::size_t row_vectors = tuned(8, 8, 16, 16);
inline constexpr std::size_t least_row_vectors = tuned(4, 4, 4, 4);
// A larger b comes from memory, which is fastest where a few whole rows are read at a time; a smaller one from a cache,
// where sums stay in registers (4,096 x 4,096: reading whole rows is 1.2 times as fast).
inline constexpr std::size_t far_b_bytes = tuned(8 << 20, 8 << 20, 8 << 20, 8 << 20);
inline constexpr std::size_t rows_together = tuned(4, 4, 4, 4);
// So many sums stay in L1 with those rows.
inline constexpr std::size_t streamed_cols = tuned(4096, 4096, 4096, 4096);

// ----------------------------------------------------------------------------------------------------- sparse rows

// Vectors of a row's sums that stay in registers, with as many of its current slice.
inline constexpr std::size_t sparse_vectors = tuned(4, 4, 8, 8);
// Rows of b, and of c by columns, are anywhere in memory: one is prefetched so many terms, or columns, before its
// turn.
inline constexpr std::size_t sparse_terms_ahead = tuned(8, 8, 8, 8);
inline constexpr std::size_t sparse_columns_ahead = tuned(8, 8, 8, 8);

// ----------------------------------------------------------------------------------------------------- convolutions

// With images in lanes a tile has up to chain_vectors x chain_units sums in registers: vectors of neighbouring outputs
// by filters going through the network, taps by filters for the gradient.
inline constexpr std::size_t chain_vectors = tuned(2, 2, 4, 4);
inline constexpr std::size_t chain_units = tuned(6, 6, 6, 6);
// With channels in lanes: neighbouring outputs that one chain takes along, enough to hide the latency of fma; and taps
// of a row, for the gradient.
inline constexpr std::size_t chain_pixels = tuned(8, 8, 8, 8);
inline constexpr std::size_t chain_taps = tuned(4, 4, 4, 4);

}  // namespace
}  // namespace ravine::RAVINE_ISA
