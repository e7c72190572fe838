// The blocked matrix product and its epilogues.
//
// Every element is the same sum whatever the blocks are: k is cut every product_slice terms, each slice is one fma
// chain from zero, and the slices are added in ascending order; over a batch (tn) they are added in a balanced tree.
#include <type_traits>

#include "kernels/products/matmul_pack.h"
#include "kernels/products/matmul_vector.h"
#include "kernels/products/tile_prefetching.h"
#include "kernels/signatures/rows.h"

namespace ravine::RAVINE_ISA {
namespace {

// Two orders. By panels: a product slice of one of b's panels (32 KiB) stays in L1, a's block in L2, and b comes from
// L3 once for every block of a. By tiles, if b is copied: the copy of its block stays in L2, a tile of a in L1 or L2,
// and a comes from L3 once for every block of b.
inline constexpr std::size_t block_tiles = block_rows / tile_rows;
inline constexpr std::size_t a_capacity = block_tiles * packed_column * block_depth;
static_assert(tile_rows * copied_row<float> <= a_capacity && copied_row<double> <= copied_row<float>);
inline constexpr std::size_t b_capacity = block_cols * block_depth;
// A tall tile uses up the cache lines of a's columns, and comes to b's rows so seldom that they may come from L2.
inline constexpr bool tall_tiles = tile_rows > 8;
// The slots of a tree over 2^20 slices, two spare; or one for each tile of a block.
inline constexpr std::size_t tile_slots = 22;
static_assert(block_tiles <= tile_slots);
template <class T>
inline constexpr std::size_t workspace_size = a_capacity + b_capacity + tile_slots * tile_size<T>;
static_assert(streamed_cols <= workspace_size<float>);

template <class T>
struct Workspace {
  T* a;
  T* b;
  T* slots;

  explicit Workspace(T* begin) : a(begin), b(begin + a_capacity), slots(begin + a_capacity + b_capacity) {}
};

// -------------------------------------------------------------------------------------------------------- tiles

// A tile of c, and what has become of it: its first `rows` x `cols` elements count.
template <class T>
struct Tile {
  const Matmul<T>& x;
  std::size_t i, j, rows, cols;
  bool add_c;  // c holds the sum so far
  bool last;   // no terms of k come after this block: the bias and the activation or mask follow

  std::size_t vectors() const { return (cols + lanes<T> - 1) / lanes<T>; }
  std::size_t last_vector() const { return cols - (vectors() - 1) * lanes<T>; }
  T* c() const { return x.c + i * x.ldc + j; }

  // The ending that leaves the sum in a slot.
  Ending<T> into(T* slot) const { return {.out = slot, .last = last_vector()}; }

  // The ending that adds c's own and stores into c.
  Ending<T> into_c() const {
    Ending<T> end{.out = c(), .last = last_vector(), .ldout = x.ldc};
    if (add_c) end.add = c(), end.ldadd = x.ldc;
    if (!last) return end;
    if (x.bias) end.bias = x.bias + j;
    end.finish = x.finish;
    if (x.gate) end.gate = x.gate + i * x.ldgate + j, end.ldgate = x.ldgate;
    return end;
  }

  // Prefetch c in so many times.
  void add_to(Prefetch<T>& prefetch, std::size_t times) const {
    prefetch.c = c(), prefetch.ldc = x.ldc, prefetch.rows = rows;
    prefetch.rows_each = times > 0 ? (rows + times - 1) / times : 0;
  }
};

// One chain of a tile: slice `s` of `slices` that this block of k has, added in ascending order.
template <class T, class A>
RAVINE_INLINE void add_slice(const Tile<T>& tile, T* slot, A a, const Panel<T>& b, std::size_t depth, std::size_t s,
                             std::size_t slices) noexcept {
  Ending<T> end = s + 1 == slices ? tile.into_c() : tile.into(slot);
  if (s > 0)
    end.add = slot, end.ldadd = tile_cols<T>;
  else if (tile.add_c)
    end.add = tile.c(), end.ldadd = tile.x.ldc;
  compute_tile<T>(tile.rows, tile.vectors(), a, b, depth, end);
}

// The same for a block of one slice, whose chain prefetches.
template <class T, class A>
void add_block(const Tile<T>& tile, A a, const Panel<T>& b, std::size_t depth, Prefetch<T> prefetch) noexcept {
  Ending<T> end = tile.into_c();
  end.prefetch = &prefetch;
  compute_prefetching_tile<T>(tile.rows, tile.vectors(), a, b, depth, end);
}

// The sum over `depth` rows of a batch for one tile, its slices added in a balanced tree: the slots are the tree's open
// branches, and after slice s (from 1) as many of them close as s has trailing zeros; after the last slice all close,
// the youngest first.
template <class T>
void add_tree(const Tile<T>& tile, T* slots, const LeftColumns<T>& a, const Panel<T>& b, std::size_t depth) noexcept {
  const std::size_t slice = tile.x.batch_slice > 0 ? tile.x.batch_slice : tile.x.k;
  std::size_t open = 0;
  for (std::size_t first = 0, s = 1; first < depth || s == 1; first += slice, ++s) {
    const std::size_t end = smaller(first + slice, depth);
    T* const slot = slots + open * tile_size<T>;
    std::size_t p = first;
    do {
      const std::size_t terms = smaller(product_slice, end - p);
      const bool closes = p + terms == end, done = closes && end == depth;
      const std::size_t folds = done ? open : closes ? static_cast<std::size_t>(__builtin_ctzll(s)) : 0;
      Ending<T> ending = done ? tile.into_c() : tile.into(slot - folds * tile_size<T>);
      ending.slot = slot;
      ending.own = p > first;
      ending.folds = folds;
      compute_tile<T>(tile.rows, tile.vectors(), LeftColumns<T>{a.a + p * a.stride, a.stride}, b.from(p), terms,
                      ending);
      if (closes) open = open + 1 - folds;
      p += terms;
    } while (p < end);
  }
}

// ------------------------------------------------------------------------------------------------------- blocks

// tree: tn over a batch of several slices
enum class Form { nn, tn, nt, tree };
constexpr bool by_columns(Form form) { return form == Form::tn || form == Form::tree; }

template <class T, Form form>
void copy_b(T* to, const T* b, std::size_t ldb, std::size_t k, std::size_t cols) noexcept {
  if constexpr (form == Form::nt)
    pack_transposed_panels<T>(to, b, ldb, k, cols);
  else
    pack_panels<T>(to, b, ldb, k, cols);
}

// Slices of a batch that make whole branches of the tree, if at most three such blocks make up k: three branches are
// added in ascending order, like three slices. Else all of k.
std::size_t tree_depth(std::size_t k, std::size_t slice) noexcept {
  if (k <= block_depth || slice == 0 || slice > block_depth) return k > 0 ? k : 1;
  std::size_t depth = slice;
  while (2 * depth <= block_depth) depth *= 2;
  return k <= 3 * depth ? depth : k;
}

// Whether rows so far apart fall into one set of the L1 cache: its sets repeat every 4 KiB.
template <class T>
bool in_one_set(std::size_t stride) noexcept {
  constexpr std::size_t period = 4096;
  return (stride * sizeof(T) + cache_line - 1) % period < 2 * cache_line - 1;
}

// How a product is cut: k into blocks of `depth` terms, b's block into panels, a's into `tiles` tiles of `rows`. What
// would push itself out of the L1 cache is copied, unless it is read only once; and by tiles a's rows are, since copied
// rows have a faster chain.
template <class T, Form form>
struct Blocks {
  Cut rows;
  std::size_t depth = block_depth;
  std::size_t cols = block_cols;
  std::size_t tiles = block_tiles;
  bool pack_a, pack_b, b_fits, by_tiles;

  explicit Blocks(const Matmul<T>& x) : rows(x.m, tile_rows) {
    if (form == Form::tree) {
      depth = tree_depth(x.k, x.batch_slice);
      cols = smaller(block_cols, b_capacity / depth / tile_cols<T> * tile_cols<T>);
    }
    b_fits = cols > 0;
    if (!b_fits) cols = tile_cols<T>;
    const bool small = x.m * x.n * x.k <= unpacked_work && (tall_tiles || !in_one_set<T>(x.ldb));
    pack_b = form == Form::nt || (b_fits && !small && rows.pieces > unpacked_tiles);
    const std::size_t fitting = form == Form::tree ? a_capacity / (depth * packed_column) : block_tiles;
    pack_a = x.n > tile_cols<T> && in_one_set<T>(x.lda) && !(by_columns(form) && tall_tiles) && fitting > 0;
    if (pack_a) tiles = smaller(tiles, fitting);
    by_tiles = pack_b && form != Form::tree && x.n > tile_cols<T> && x.k >= least_by_tiles;
    if (!by_tiles) return;
    pack_a = pack_a || !by_columns(form);
    depth = product_slice, tiles = 1;
    cols = Cut((x.n + tile_cols<T> - 1) / tile_cols<T>, near_block_cols<T> / tile_cols<T>).size(0) * tile_cols<T>;
  }
};

// One block of a product: `depth` terms of k from p, and the tiles of rows from t0.
template <class T, Form form>
struct Block {
  const Matmul<T>& x;
  const Blocks<T, form>& blocks;
  const Workspace<T>& work;
  std::size_t p, depth, t0, tiles;

  std::size_t row() const { return blocks.rows.begin(t0); }
  std::size_t rows() const { return blocks.rows.begin(t0 + tiles) - row(); }
  std::size_t slices() const { return depth > 0 ? (depth + product_slice - 1) / product_slice : 1; }

  void pack_a() const noexcept {
    if constexpr (by_columns(form))
      pack_columns<T>(work.a, x.a + p * x.lda, x.lda, depth, blocks.rows, t0, tiles);
    else if (blocks.by_tiles)
      copy_rows<T>(work.a, x.a + row() * x.lda + p, x.lda, depth, rows());
    else
      pack_rows<T>(work.a, x.a + row() * x.lda + p, x.lda, depth, blocks.rows, t0, tiles);
  }

  // The panel of `cols` columns from j on, `packed` columns into the copy of b, if there is one: where the block's
  // first tile finds it, and the others. The first tile of all makes the copy; without masks, parts of vectors are
  // copied before.
  struct Panels {
    Panel<T> first, others;
  };
  Panels panels_at(std::size_t j, std::size_t packed, std::size_t cols) const noexcept {
    const std::size_t last = (cols - 1) % lanes<T> + 1;
    const bool readable = form != Form::nt && (has_masks || last == lanes<T> || !blocks.b_fits);
    Panel<T> there{x.b + p * x.ldb + j, x.ldb, last};
    if (!blocks.pack_b && readable) return {there, there};
    T* const to = blocks.pack_b ? work.b + packed * depth : work.b;
    const Panel<T> copy{to, tile_cols<T>};
    if (blocks.pack_b && t0 > 0) return {copy, copy};
    if (readable) {
      there.copy = to;
      return {there, copy};
    }
    copy_b<T, form>(to, x.b + (form == Form::nt ? j * x.ldb + p : p * x.ldb + j), x.ldb, depth, cols);
    return {copy, copy};
  }

  // What chain or tree `call` prefetches of this block's a, `times` times, while another block is worked on: of columns
  // all of a term each time; of rows a cache line of each of `each` rows, in all a slice of them.
  void add_a_to(Prefetch<T>& prefetch, std::size_t call, std::size_t each, std::size_t times) const {
    if constexpr (by_columns(form)) {
      const std::size_t first = call * times;
      if (first >= depth) return;
      prefetch.from = x.a + (p + first) * x.lda + row() + (rows() - 1) % line_terms<T>;
      prefetch.lines = (rows() - 1) / line_terms<T> + 1;
      prefetch.across = line_terms<T>, prefetch.along = x.lda;
    } else {
      const std::size_t first = call / slices() * each;
      if (first >= rows()) return;
      prefetch.from = x.a + (row() + first) * x.lda + p + call % slices() * product_slice;
      prefetch.lines = smaller(each, rows() - first);
      prefetch.across = x.lda, prefetch.along = line_terms<T>;
    }
  }

  // Calls use(a) with tile t of a from term q of the block on, copied or in place.
  template <class Use>
  RAVINE_INLINE void with_a(std::size_t t, std::size_t q, Use&& use) const noexcept {
    const std::size_t i = blocks.rows.begin(t);
    if (blocks.pack_a)
      use(LeftColumns<T>{work.a + ((t - t0) * depth + q) * packed_column, packed_column});
    else if constexpr (by_columns(form))
      use(LeftColumns<T>{x.a + (p + q) * x.lda + i, x.lda});
    else
      use(LeftRows<T>{x.a + i * x.lda + p + q, x.lda});
  }

  RAVINE_INLINE Tile<T> tile(std::size_t t, std::size_t j, std::size_t cols) const {
    return {x, blocks.rows.begin(t), j, blocks.rows.size(t), cols, x.accumulate || p > 0, p + depth == x.k};
  }

  // What is far from the core and is prefetched: c, and the a of the block that is next, unless null, `each` of its
  // rows in a chain or tree.
  struct Far {
    bool c;
    const Block* next;
    std::size_t each;
  };
  std::size_t chains() const { return form == Form::tree ? 1 : slices(); }
  Far far(bool c, const Block* next, std::size_t panels) const {
    if (!next) return {c, nullptr, 1};
    const std::size_t calls = panels * chains() * tiles,
                      all = by_columns(form) ? next->depth : next->rows() * next->slices();
    return {c, next, (all + calls - 1) / calls};
  }
  Prefetch<T> prefetch_of(const Far& far, bool needs_c, const Tile<T>& c, std::size_t call, std::size_t times) const {
    Prefetch<T> prefetch;
    if (needs_c) c.add_to(prefetch, times);
    if (far.next) far.next->add_a_to(prefetch, call, far.each, times);
    return prefetch;
  }

  // Every tile of a with `cols` columns of b from j on: panel `panel` of those that prefetch.
  void panel(const Panels& b, std::size_t j, std::size_t cols, std::size_t panel, const Far& far) const noexcept {
    for (std::size_t s = 0; s < chains(); ++s) {
      const std::size_t q = s * product_slice, terms = smaller(product_slice, depth - q);
      const std::size_t times = by_columns(form) ? far.each : lines_of<T>(terms);
      for (std::size_t t = t0; t < t0 + tiles; ++t) {
        const Tile<T> c = tile(t, j, cols);
        const Panel<T> from = (t == t0 ? b.first : b.others).from(q);
        const bool needs_c = far.c && (form == Form::tree || s + 1 == chains() || (s == 0 && c.add_c));
        if (needs_c || far.next)
          prefetch_of(far, needs_c, c, (panel * chains() + s) * tiles + t - t0, times).all(times);
        with_a(t, q, [&](auto a) __attribute__((always_inline)) {
          if constexpr (form == Form::tree)
            add_tree<T>(c, work.slots, a, from, depth);
          else
            add_slice<T>(c, work.slots + (t - t0) * tile_size<T>, a, from, terms, s, chains());
        });
      }
    }
  }

  // The block's only tile with those columns of b: a chain that prefetches the rest while it runs; the first one,
  // instead of the next tile of a, the rows of b that are transposed next.
  void tile_of_panel(const Panels& b, std::size_t j, std::size_t cols, std::size_t panel,
                     const Far& far) const noexcept {
    const Tile<T> c = tile(t0, j, cols);
    Prefetch<T> prefetch = prefetch_of(far, far.c, c, panel, lines_of<T>(depth));
    if (form == Form::nt && t0 == 0) {
      prefetch.from = x.b + (j + cols) * x.ldb + p;
      prefetch.lines = smaller(tile_cols<T>, x.n - j - cols);
      prefetch.across = x.ldb, prefetch.along = line_terms<T>;
    }
    if constexpr (by_columns(form))
      with_a(t0, 0, [&](auto a) { add_block<T>(c, a, b.first, depth, prefetch); });
    else
      add_block<T>(c, CopiedRows<T>{work.a}, b.first, depth, prefetch);
  }
};

// A product that is one chain of one tile; false where it is not.
template <class T, Form form>
bool one_tile(const Matmul<T>& x) noexcept {
  const std::size_t slice =
      form == Form::tree && x.batch_slice > 0 ? smaller(x.batch_slice, product_slice) : product_slice;
  if (x.m - 1 >= tile_rows || x.n - 1 >= tile_cols<T> || x.k > slice) return false;
  const Tile<T> tile{x, 0, 0, x.m, x.n, x.accumulate, true};
  Panel<T> b{x.b, x.ldb, tile.last_vector()};
  if (form == Form::nt || (!has_masks && b.last < lanes<T>)) {
    const Workspace<T> work(x.workspace);
    copy_b<T, form>(work.b, x.b, x.ldb, x.k, x.n);
    b = {work.b, tile_cols<T>};
  }
  using A = std::conditional_t<by_columns(form), LeftColumns<T>, LeftRows<T>>;
  compute_tile<T>(x.m, tile.vectors(), A{x.a, x.lda}, b, x.k, tile.into_c());
  return true;
}

template <class T, Form form>
__attribute__((noinline)) void blocked_product(const Matmul<T>& x) noexcept {
  const Workspace<T> work(x.workspace);
  const Blocks<T, form> blocks(x);
  const Cut groups(blocks.rows.pieces, blocks.tiles);
  const bool far_a = x.m * x.k * sizeof(T) > far_a_bytes, far_c = x.m * x.n * sizeof(T) > far_c_bytes;
  const auto block_of = [&](std::size_t p, std::size_t g) {
    return Block<T, form>{x, blocks, work, p, smaller(blocks.depth, x.k - p), groups.begin(g), groups.size(g)};
  };
  for (std::size_t j0 = 0; j0 < x.n; j0 += blocks.cols) {
    const std::size_t cols = smaller(blocks.cols, x.n - j0);
    const std::size_t panels = (cols + tile_cols<T> - 1) / tile_cols<T>;
    for (std::size_t p = 0; p < x.k || p == 0; p += blocks.depth) {
      for (std::size_t g = 0; g < groups.pieces; ++g) {
        const Block<T, form> block = block_of(p, g);
        if (blocks.pack_a) block.pack_a();
        const std::size_t next_p = g + 1 < groups.pieces ? p : p + blocks.depth < x.k ? p + blocks.depth : 0;
        const Block<T, form> next = block_of(next_p, g + 1 < groups.pieces ? g + 1 : 0);
        const auto far = block.far(far_c, far_a ? &next : nullptr, panels);
        for (std::size_t panel = 0; panel < panels; ++panel) {
          const std::size_t j = panel * tile_cols<T>, width = smaller(tile_cols<T>, cols - j);
          const auto panels_of_b = block.panels_at(j0 + j, j, width);
          if (form != Form::tree && blocks.by_tiles)
            block.tile_of_panel(panels_of_b, j0 + j, width, panel, far);
          else
            block.panel(panels_of_b, j0 + j, width, panel, far);
        }
      }
    }
  }
}

template <class T, Form form>
void product(const Matmul<T>& x) noexcept {
  if (!one_tile<T, form>(x)) blocked_product<T, form>(x);
}

// -------------------------------------------------------------------------------------------------------- forms

template <class T>
void forward_product(const Matmul<T>& x) noexcept {
  if (is_column<T>(x)) return column_product<T>(x);
  if (x.k == 1) return outer_product<T>(x, x.lda);
  const std::size_t done = x.m == 1 ? row_product<T>(x) : 0;
  if (done == x.n && done > 0) return;
  Matmul<T> rest = x;
  rest.b += done, rest.c += done, rest.n -= done;
  if (x.bias) rest.bias += done;
  if (x.gate) rest.gate += done;
  product<T, Form::nn>(rest);
}

// Up to one product slice a batch is the same sum either way, and the tile's own loop over k saves passes over c. Two
// or three slices as long as a product's are added in ascending order by the tree, too.
template <class T>
void transposed_product(const Matmul<T>& x) noexcept {
  if (x.k == 1) return outer_product<T>(x, 1);
  if (x.n == 1 && x.ldc == 1 && !x.bias && !x.gate && x.m > 1) {
    Matmul<T> row = x;  // c^T = b^T a
    row.a = x.b, row.lda = x.ldb, row.b = x.a, row.ldb = x.lda;
    row.m = 1, row.n = row.ldc = x.m;
    return transposed_product<T>(row);
  }
  const bool one_slice = x.batch_slice == 0 || x.batch_slice >= x.k;
  const bool ascends = x.batch_slice == product_slice && x.k <= 3 * product_slice && !x.accumulate;
  if ((one_slice || ascends) && x.k > product_slice)
    product<T, Form::tn>(x);
  else
    product<T, Form::tree>(x);
}

template <class T>
void input_product(const Matmul<T>& x) noexcept {
  if (x.k == 1 && x.ldb == 1) return outer_product<T>(x, x.lda);
  if (x.m == 1 && !x.bias) {
    Matmul<T> column = x;  // c^T = b a^T
    column.a = x.b, column.lda = x.ldb, column.b = x.a, column.ldb = 1;
    column.m = x.n, column.n = column.ldc = column.ldgate = 1;
    if (is_column<T>(column)) return column_product<T>(column);
  }
  product<T, Form::nt>(x);
}

template <class T>
constexpr MatmulKernels<T> kernels_for() {
  return {forward_product<T>, transposed_product<T>, input_product<T>, workspace_size<T>};
}

}  // namespace

extern constinit const Both<MatmulKernels> matmul_kernels = {kernels_for<float>(), kernels_for<double>()};

}  // namespace ravine::RAVINE_ISA
