// The table of the functions that compute a tile: all numbers of rows and vectors, for rows and columns of a.
#include <utility>

#include "kernels/products/tile_chain.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T, class A, std::size_t... i>
constexpr TileFunctions<T, A> functions(std::index_sequence<i...>) {
  if constexpr (tile_forms == 1)
    return {{{{tile_chain<T, true, i + 1, 1, A>...}, {tile_chain<T, true, i + 1, 2, A>...}}}};
  else
    return {{{{tile_chain<T, true, i + 1, 1, A>...}, {tile_chain<T, true, i + 1, 2, A>...}},
             {{tile_chain<T, false, i + 1, 1, A>...}, {tile_chain<T, false, i + 1, 2, A>...}}}};
}

template <class T>
constexpr Tiles<T> tiles_of() {
  constexpr auto rows = std::make_index_sequence<tile_rows>{};
  return {functions<T, LeftRows<T>>(rows), functions<T, LeftColumns<T>>(rows)};
}

}  // namespace

extern constinit const Both<Tiles> tiles = {tiles_of<float>(), tiles_of<double>()};

}  // namespace ravine::RAVINE_ISA
