// The blocked matrix product and its epilogues.
//
// Every element is the same sum whatever the blocks are: k is cut every product_slice terms, each slice is one fma
// chain from zero, and the slices are added in ascending order; over a batch (tn) they are added in a balanced tree.
#include "kernels/matmul_tile.h"

namespace ravine::RAVINE_ISA {
namespace {

// Blocks of a and b, sized for a 1 MiB L2 cache: b's block is walked in panels of tile_cols (32 KiB: L1), a's in tiles.
inline constexpr std::size_t block_rows = tile_rows * (140 / tile_rows);
inline constexpr std::size_t block_cols = 512;
template <class T>
inline constexpr std::size_t a_capacity = block_rows * packed_row<T>;
inline constexpr std::size_t b_capacity = block_cols * product_slice;
// Below this many rows a copy of b costs more than reading it where it stands.
inline constexpr std::size_t pack_b_rows = 3 * tile_rows;
// The slots of a tree over 2^20 slices, two spare.
inline constexpr std::size_t tile_slots = 22;
template <class T>
inline constexpr std::size_t workspace_size = a_capacity<T> + b_capacity + tile_slots * tile_size<T>;

template <class T>
struct Workspace {
  T* a;
  T* b;
  T* tile;

  explicit Workspace(T* begin) : a(begin), b(begin + a_capacity<T>), tile(begin + a_capacity<T> + b_capacity) {}
};

// `total` cut into the fewest pieces of at most `largest`, as even as they come.
struct Cut {
  std::size_t total, pieces;

  Cut(std::size_t size, std::size_t largest) : total(size), pieces((size + largest - 1) / largest) {}
  std::size_t begin(std::size_t piece) const { return total * piece / pieces; }
  std::size_t size(std::size_t piece) const { return begin(piece + 1) - begin(piece); }
};

constexpr std::size_t smaller(std::size_t x, std::size_t y) { return x < y ? x : y; }

// ------------------------------------------------------------------------------------------------------- packing

// Rows [0, k) of columns [0, cols) of b, in panels of tile_cols: panel j stands at to + j * k * tile_cols, zero-padded.
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

// The same panels of the transpose: b is (cols, k) here.
template <class T>
void pack_transposed_panels(T* __restrict to, const T* __restrict b, std::size_t ldb, std::size_t k,
                            std::size_t cols) noexcept {
  constexpr std::size_t side = lanes<T>;
  for (std::size_t j = 0; j < cols; j += tile_cols<T>, to += k * tile_cols<T>) {
    for (std::size_t v = 0; v < tile_vectors; ++v) {
      const std::size_t first = j + v * side;
      const std::size_t count = cols > first ? smaller(side, cols - first) : 0;
      for (std::size_t p = 0; p < k; p += side) {
        const std::size_t depth = smaller(side, k - p);
        Vec<T> row[side];
#pragma GCC unroll 16
        for (std::size_t i = 0; i < side; ++i) {
          if (i >= count)
            row[i] = Vec<T>{};
          else if (depth == side)
            row[i] = load<T>(b + (first + i) * ldb + p);
          else
            row[i] = load_first<T>(b + (first + i) * ldb + p, depth);
        }
        transpose<T>(row);
        T* const out = to + p * tile_cols<T> + v * side;
#pragma GCC unroll 16
        for (std::size_t i = 0; i < side; ++i)
          if (i < depth) store<T>(out + i * tile_cols<T>, row[i]);
      }
    }
  }
}

template <class T>
void copy(T* __restrict to, const T* __restrict from, std::size_t count) noexcept {
  each_vector<T>(count, [&](auto at) { at.template store<T>(to, at.load(from)); });
}

// Tiles of a's columns, each (k, tile_rows) and contiguous.
template <class T>
void pack_columns(T* __restrict to, const T* __restrict a, std::size_t lda, std::size_t k, const Cut& cut,
                  std::size_t first, std::size_t count) noexcept {
  for (std::size_t t = first; t < first + count; ++t)
    for (std::size_t p = 0; p < k; ++p, to += tile_rows) copy<T>(to, a + p * lda + cut.begin(t), cut.size(t));
}

// ------------------------------------------------------------------------------------------------------ epilogue

template <class T, bool add_c, bool add_bias, Finish finish>
void finish_rows(const T* __restrict tile, const Matmul<T>& x, std::size_t i, std::size_t j, std::size_t rows,
                 std::size_t cols) noexcept {
  for (std::size_t r = 0; r < rows; ++r) {
    T* const c = x.c + (i + r) * x.ldc + j;
    const T* const row = tile + r * tile_cols<T>;
    each_vector<T>(cols, [&](auto at) __attribute__((always_inline)) {
      Vec<T> sum = at.load(row);
      if constexpr (add_c) sum = at.load(c) + sum;
      if constexpr (add_bias) sum = sum + at.load(x.bias + j);
      if constexpr (finish == Finish::relu) sum = select<T>(sum < T{0}, Vec<T>{}, sum);
      if constexpr (finish == Finish::mask)
        sum = select<T>(at.load(x.gate + (i + r) * x.ldgate + j) <= T{0}, Vec<T>{}, sum);
      at.template store<T>(c, sum);
    });
  }
}

template <class T, bool add_c, bool add_bias>
void finish_biased(const T* tile, const Matmul<T>& x, Finish finish, std::size_t i, std::size_t j, std::size_t rows,
                   std::size_t cols) noexcept {
  switch (finish) {
    case Finish::none:
      return finish_rows<T, add_c, add_bias, Finish::none>(tile, x, i, j, rows, cols);
    case Finish::relu:
      return finish_rows<T, add_c, add_bias, Finish::relu>(tile, x, i, j, rows, cols);
    case Finish::mask:
      return finish_rows<T, add_c, add_bias, Finish::mask>(tile, x, i, j, rows, cols);
  }
}

// c = tile, or c + tile; after the last slice of k also the bias and the activation or mask.
template <class T>
void finish_tile(const T* tile, const Matmul<T>& x, bool add_c, bool last, std::size_t i, std::size_t j,
                 std::size_t rows, std::size_t cols) noexcept {
  const Finish finish = last ? x.finish : Finish::none;
  const bool bias = last && x.bias;
  if (add_c)
    bias ? finish_biased<T, true, true>(tile, x, finish, i, j, rows, cols)
         : finish_biased<T, true, false>(tile, x, finish, i, j, rows, cols);
  else
    bias ? finish_biased<T, false, true>(tile, x, finish, i, j, rows, cols)
         : finish_biased<T, false, false>(tile, x, finish, i, j, rows, cols);
}

// --------------------------------------------------------------------------------------------- k slice by slice

enum class Form { nn, tn, nt };

// b's panels: packed ones are k * tile_cols apart, unpacked ones tile_cols.
template <class T>
struct Panels {
  const T* b;
  std::size_t ldb;
  std::size_t step;
};

template <class T, Form form>
Panels<T> panels_of(const Matmul<T>& x, T* workspace, std::size_t p, std::size_t depth, std::size_t j,
                    std::size_t cols) noexcept {
  if constexpr (form == Form::nt) {
    pack_transposed_panels<T>(workspace, x.b + j * x.ldb + p, x.ldb, depth, cols);
  } else {
    if (x.m < pack_b_rows && cols % lanes<T> == 0) return {x.b + p * x.ldb + j, x.ldb, tile_cols<T>};
    pack_panels<T>(workspace, x.b + p * x.ldb + j, x.ldb, depth, cols);
  }
  return {workspace, tile_cols<T>, depth * tile_cols<T>};
}

// Terms [p, p + depth) of k of a block of rows from i0, cut into tiles: copied into `workspace`, or where they stand.
template <class T, Form form>
void pack_block(T* workspace, const Matmul<T>& x, std::size_t i0, std::size_t p, std::size_t depth,
                const Cut& cut) noexcept {
  if constexpr (form == Form::tn) {
    pack_columns<T>(workspace, x.a + p * x.lda + i0, x.lda, depth, cut, 0, cut.pieces);
  } else {
    for (std::size_t i = 0; i < cut.total; ++i)
      copy<T>(workspace + i * packed_row<T>, x.a + (i0 + i) * x.lda + p, depth);
  }
}

template <class T, Form form>
void block_tile(const Workspace<T>& work, bool packed, const Matmul<T>& x, std::size_t i0, std::size_t p,
                std::size_t depth, const Cut& cut, std::size_t t, std::size_t vectors, const T* panel,
                std::size_t ldb) noexcept {
  const std::size_t i = cut.begin(t), rows = cut.size(t);
  if constexpr (form == Form::tn) {
    const Columns<T> a =
        packed ? Columns<T>{work.a + t * depth * tile_rows, tile_rows} : Columns<T>{x.a + p * x.lda + i0 + i, x.lda};
    tiles<T, Columns<T>>(rows, vectors, work.tile, a, panel, ldb, depth, {});
  } else if (packed) {
    tiles<T, PackedRows<T>>(rows, vectors, work.tile, {work.a + i * packed_row<T>}, panel, ldb, depth, {});
  } else {
    tiles<T, StridedRows<T>>(rows, vectors, work.tile, {x.a + (i0 + i) * x.lda + p, x.lda}, panel, ldb, depth, {});
  }
}

// c's tile is wanted when the chain ends: asked for when it begins, it comes from the L3 cache meanwhile.
template <class T>
void prefetch_tile(const Matmul<T>& x, std::size_t i, std::size_t j, std::size_t rows) noexcept {
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t v = 0; v < tile_vectors; ++v) __builtin_prefetch(x.c + (i + r) * x.ldc + j + v * lanes<T>, 1);
}

template <class T, Form form>
void product(const Matmul<T>& x) noexcept {
  const Workspace<T> work(x.workspace);
  const std::size_t slices = x.k > 0 ? (x.k + product_slice - 1) / product_slice : 1;
  const Cut blocks(x.m, block_rows);
  for (std::size_t j0 = 0; j0 < x.n; j0 += block_cols) {
    const std::size_t block = smaller(block_cols, x.n - j0);
    // one panel of b reads a only once: no copy of it would pay
    const bool packed = block > tile_cols<T>;
    for (std::size_t s = 0; s < slices; ++s) {
      const std::size_t p = s * product_slice;
      const std::size_t depth = smaller(product_slice, x.k - p);
      const Panels<T> panels = panels_of<T, form>(x, work.b, p, depth, j0, block);
      for (std::size_t i_block = 0; i_block < blocks.pieces; ++i_block) {
        const std::size_t i0 = blocks.begin(i_block);
        const Cut cut(blocks.size(i_block), tile_rows);
        if (packed) pack_block<T, form>(work.a, x, i0, p, depth, cut);
        for (std::size_t j = 0; j < block; j += tile_cols<T>) {
          const std::size_t cols = smaller(tile_cols<T>, block - j);
          const std::size_t vectors = (cols + lanes<T> - 1) / lanes<T>;
          const T* const panel = panels.b + j / tile_cols<T> * panels.step;
          for (std::size_t t = 0; t < cut.pieces; ++t) {
            if (slices > 1) prefetch_tile<T>(x, i0 + cut.begin(t), j0 + j, cut.size(t));
            block_tile<T, form>(work, packed, x, i0, p, depth, cut, t, vectors, panel, panels.ldb);
            finish_tile<T>(work.tile, x, x.accumulate || s > 0, s + 1 == slices, i0 + cut.begin(t), j0 + j, cut.size(t),
                           cols);
          }
        }
      }
    }
  }
}

// -------------------------------------------------------------------------------------- over a batch: slices of tn

// The sum over k = the batch for one tile, its slices added in a balanced tree: the slots are the tree's open branches,
// and after slice s (from 1) as many of them close as s has trailing zeros. Returns how many slots are left to add. A
// panel that is neither whole vectors nor packed (a huge k) is packed here, a product slice at a time, into `scratch`.
template <class T>
std::size_t batch_sum(T* slots, T* scratch, const Matmul<T>& x, Columns<T> a, Panels<T> b, std::size_t rows,
                      std::size_t cols) noexcept {
  const std::size_t vectors = (cols + lanes<T> - 1) / lanes<T>;
  const std::size_t slice = x.batch_slice > 0 ? x.batch_slice : x.k;
  std::size_t open = 0;
  for (std::size_t first = 0, s = 1; first < x.k || s == 1; first += slice, ++s) {
    const std::size_t end = smaller(first + slice, x.k);
    std::size_t p = first;
    do {
      const std::size_t depth = smaller(product_slice, end - p);
      const bool last = p + depth == end;
      const std::size_t folds = last ? static_cast<std::size_t>(__builtin_ctzll(s)) : 0;
      const T* panel = b.b + p * b.ldb;
      std::size_t ldb = b.ldb;
      if (scratch) {
        pack_panels<T>(scratch, panel, ldb, depth, cols);
        panel = scratch;
        ldb = tile_cols<T>;
      }
      tiles<T, Columns<T>>(rows, vectors, slots + open * tile_size<T>, {a.a + p * a.stride, a.stride}, panel, ldb,
                           depth, {p > first, folds});
      if (last) open = open + 1 - folds;
      p += depth;
    } while (p < end);
  }
  return open;
}

// Adds the open branches, the youngest first, into slot 0.
template <class T>
void close_slots(T* slots, std::size_t open) noexcept {
  for (; open > 1; --open) {
    T* const below = slots + (open - 2) * tile_size<T>;
    for (std::size_t i = 0; i < tile_size<T>; i += lanes<T>)
      store<T>(below + i, load<T>(below + i) + load<T>(below + tile_size<T> + i));
  }
}

template <class T>
void batch_product(const Matmul<T>& x) noexcept {
  const Workspace<T> work(x.workspace);
  const Cut cut(x.m, tile_rows);
  const std::size_t depth = x.k > 0 ? x.k : 1;
  const bool pack_b = depth * tile_cols<T> <= b_capacity;
  const std::size_t panels = pack_b ? smaller(b_capacity / (depth * tile_cols<T>), block_cols / tile_cols<T>) : 1;
  const std::size_t block = panels * tile_cols<T>;
  const std::size_t packed_tiles = smaller(a_capacity<T> / (depth * tile_rows), cut.pieces);
  for (std::size_t j0 = 0; j0 < x.n; j0 += block) {
    const std::size_t width = smaller(block, x.n - j0);
    const bool whole_vectors = width % lanes<T> == 0;
    const bool packed = pack_b && !(whole_vectors && cut.pieces < 3);
    if (packed) pack_panels<T>(work.b, x.b + j0, x.ldb, x.k, width);
    T* const scratch = packed || whole_vectors ? nullptr : work.b;
    const bool pack_a = packed_tiles > 0 && width > tile_cols<T>;
    const std::size_t group = pack_a ? packed_tiles : cut.pieces;
    for (std::size_t t0 = 0; t0 < cut.pieces; t0 += group) {
      const std::size_t count = smaller(group, cut.pieces - t0);
      if (pack_a) pack_columns<T>(work.a, x.a, x.lda, x.k, cut, t0, count);
      for (std::size_t j = 0; j < width; j += tile_cols<T>) {
        const std::size_t cols = smaller(tile_cols<T>, width - j);
        const Panels<T> b = packed ? Panels<T>{work.b + j * x.k, tile_cols<T>, 0} : Panels<T>{x.b + j0 + j, x.ldb, 0};
        for (std::size_t t = t0; t < t0 + count; ++t) {
          const Columns<T> a = pack_a ? Columns<T>{work.a + (t - t0) * x.k * tile_rows, tile_rows}
                                      : Columns<T>{x.a + cut.begin(t), x.lda};
          close_slots<T>(work.tile, batch_sum<T>(work.tile, scratch, x, a, b, cut.size(t), cols));
          finish_tile<T>(work.tile, x, x.accumulate, true, cut.begin(t), j0 + j, cut.size(t), cols);
        }
      }
    }
  }
}

// Up to one product slice a batch is the same sum either way, and the tile's own loop over k saves passes over c.
template <class T>
void transposed_product(const Matmul<T>& x) noexcept {
  const bool one_slice = x.batch_slice == 0 || x.batch_slice >= x.k;
  if (one_slice && x.k > product_slice)
    product<T, Form::tn>(x);
  else
    batch_product<T>(x);
}

template <class T>
constexpr MatmulKernels<T> kernels_for() {
  return {product<T, Form::nn>, transposed_product<T>, product<T, Form::nt>, workspace_size<T>};
}

}  // namespace

extern constinit const Both<MatmulKernels> matmul_kernels = {kernels_for<float>(), kernels_for<double>()};

}  // namespace ravine::RAVINE_ISA
