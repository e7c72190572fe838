// Tiles whose chains prefetch what is read later while they run.
#pragma once

#include <utility>

#include "kernels/products/matmul_pack.h"
#include "kernels/products/tile_chain.h"

namespace ravine::RAVINE_ISA {
namespace {

// Rows that were copied: the position of each is a constant in the code, and takes no register.
template <class T>
struct CopiedRows {
  const T* a;

  RAVINE_INLINE T at(std::size_t i) const { return a[i * copied_row<T>]; }
  RAVINE_INLINE void next() { ++a; }
  RAVINE_INLINE std::size_t run(std::size_t k) const { return k; }
  RAVINE_INLINE void jump() {}
  operator LeftRows<T>() const { return {a, copied_row<T>}; }
};

// As tables know them.
template <class T>
RAVINE_INLINE LeftRows<T> in_place(const CopiedRows<T>& a) {
  return a;
}
template <class T>
RAVINE_INLINE const LeftColumns<T>& in_place(const LeftColumns<T>& a) {
  return a;
}

template <class T, class A>
struct PrefetchingTiles {
  void (*function[prefetching_tiles])(const A&, const Panel<T>&, std::size_t, const Ending<T>&) noexcept;
};

template <class T, class A, std::size_t... i>
constexpr PrefetchingTiles<T, A> tiles_that_prefetch(std::index_sequence<i...>) {
  return {{tile_chain<T, false, tile_rows - i, tile_vectors, A, true>...}};
}

// As compute_tile(); smaller tiles than those of the table prefetch all at once, before.
template <class T, class A>
RAVINE_INLINE void compute_prefetching_tile(std::size_t rows, std::size_t vectors, const A& a, const Panel<T>& b,
                                            std::size_t k, const Ending<T>& end) {
  static constexpr PrefetchingTiles<T, A> table =
      tiles_that_prefetch<T, A>(std::make_index_sequence<prefetching_tiles>{});
  if (rows + prefetching_tiles > tile_rows && vectors == tile_vectors && end.last == lanes<T>)
    return table.function[tile_rows - rows](a, b, k, end);
  end.prefetch->all(lines_of<T>(k));
  compute_tile<T>(rows, vectors, in_place(a), b, k, end);
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
