// A formula over a range, written once for its full vectors and for the last, partial one.
#pragma once

#include <cstddef>

#include "kernels/vec/arithmetic.h"
#include "kernels/vec/memory.h"

namespace ravine::RAVINE_ISA {
namespace {

// The position of a formula in a range: a full vector, or the last, partial one. Lanes past the end load as zero and
// are never stored.
struct FullVector {
  std::size_t first;

  template <class T>
  RAVINE_INLINE Vec<T> load(const T* p) const {
    return RAVINE_ISA::load(p + first);
  }
  template <class T>
  RAVINE_INLINE void store(T* p, Vec<T> v) const {
    RAVINE_ISA::store(p + first, v);
  }
  // v, zero in the lanes past the end
  template <class T>
  RAVINE_INLINE Vec<T> keep(Vec<T> v) const {
    return v;
  }
  // v, `other` in the lanes past the end
  template <class T>
  RAVINE_INLINE Vec<T> keep(Vec<T> v, Vec<T>) const {
    return v;
  }
};

struct LastVector {
  std::size_t first;
  std::size_t count;

  template <class T>
  RAVINE_INLINE Vec<T> load(const T* p) const {
    return load_first(p + first, count);
  }
  template <class T>
  RAVINE_INLINE void store(T* p, Vec<T> v) const {
    store_first(p + first, v, count);
  }
  template <class T>
  RAVINE_INLINE Vec<T> keep(Vec<T> v) const {
    return select<T>(first_lanes<T>(count), v, Vec<T>{});
  }
  template <class T>
  RAVINE_INLINE Vec<T> keep(Vec<T> v, Vec<T> other) const {
    return select<T>(first_lanes<T>(count), v, other);
  }
};

// Calls formula(at) for every vector of a range of `count` elements of T; the formula reads at.load(p) and writes
// at.store<T>(p, v), so that it is written once for body and tail.
template <class T, class Formula>
RAVINE_INLINE void each_vector(std::size_t count, Formula&& formula) {
  std::size_t i = 0;
  for (; i + lanes<T> <= count; i += lanes<T>) formula(FullVector{i});
  if (i < count) formula(LastVector{i, count - i});
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
