// How kernels are listed: a row is one kernel, or a forward and backward pair, in both types.
#pragma once

#include <cstddef>

namespace ravine {

// Pointers to rows of a table.
template <class Row>
struct Rows {
  const Row* const* row;
  std::size_t count;

  constexpr const Row* const* begin() const { return row; }
  constexpr const Row* const* end() const { return row + count; }
};

// The float and the double form of one table row.
template <template <class> class Row>
struct Both {
  Row<float> f;
  Row<double> d;
};

}  // namespace ravine
