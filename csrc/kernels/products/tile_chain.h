// The innermost product: a tile of c in registers, one fma chain along k for each of its elements.
#pragma once

#include <type_traits>

#include "kernels/products/finish.h"
#include "kernels/products/tile.h"

namespace ravine::RAVINE_ISA {
namespace {

// Vector `v` of `vectors`, the last of which has only `last` elements if `ragged`.
template <bool ragged, std::size_t vectors, class T>
RAVINE_INLINE Vec<T> load_vector(const T* p, std::size_t v, std::size_t last) {
  const bool part = ragged && v + 1 == vectors && (has_masks || last < lanes<T>);
  return part ? load_first(p + v * lanes<T>, last) : load<T>(p + v * lanes<T>);
}
template <bool ragged, std::size_t vectors, class T>
RAVINE_INLINE void store_vector(T* p, std::size_t v, std::size_t last, Vec<T> x) {
  if (ragged && v + 1 == vectors)
    store_first(p + v * lanes<T>, x, last);
  else
    store<T>(p + v * lanes<T>, x);
}

template <class T, bool ragged, std::size_t rows, std::size_t vectors, class A, bool prefetches = false>
void tile_chain(const A& left, const Panel<T>& panel, std::size_t k, const Ending<T>& end) noexcept {
  Vec<T> sum[rows][vectors] = {};
  A a = left;
  const T* __restrict b = panel.b;
  T* __restrict copy = panel.copy;
  const std::size_t ldb = panel.ld, last_of_b = panel.last;
  Prefetch<T> prefetch;
  if constexpr (prefetches) prefetch = *end.prefetch;
  const auto add_term = [&](auto may_copy) __attribute__((always_inline)) {
    Vec<T> row_of_b[vectors];
#pragma GCC unroll 2
    for (std::size_t v = 0; v < vectors; ++v) row_of_b[v] = load_vector<ragged, vectors>(b, v, last_of_b);
    if (may_copy && copy) {
#pragma GCC unroll 2
      for (std::size_t v = 0; v < vectors; ++v) {
        __builtin_prefetch(b + terms_ahead * ldb + v * lanes<T>);
        if constexpr (prefetches) __builtin_prefetch(b + tile_cols<T> + v * lanes<T>, 0, 2);
        store<T>(copy + v * lanes<T>, row_of_b[v]);
      }
      copy += tile_cols<T>;
    }
#pragma GCC unroll 14
    for (std::size_t i = 0; i < rows; ++i) {
      const Vec<T> element = broadcast<T>(a.at(i));
#pragma GCC unroll 2
      for (std::size_t v = 0; v < vectors; ++v) sum[i][v] = fma(element, row_of_b[v], sum[i][v]);
    }
    a.next();
    b += ldb;
  };
  for (std::size_t p = 0; p < k;) {
    for (const std::size_t run = p + a.run(k - p); p < run;) {
      std::size_t stop = run;
      if constexpr (prefetches) {
        prefetch.template some<vectors>();
        if (!copy && run - p >= line_terms<T>) {  // so many terms, whose number the compiler knows: 0.5 % faster
#pragma GCC unroll 4
          for (std::size_t term = 0; term < line_terms<T>; ++term) add_term(std::false_type{});
          p += line_terms<T>;
          continue;
        }
        if (run - p > line_terms<T>) stop = p + line_terms<T>;
      }
      for (; p < stop; ++p) add_term(std::true_type{});
    }
    if (p < k) a.jump();
  }
  const std::size_t last = end.last;
  const auto each = [&](auto&& step) __attribute__((always_inline)) {
#pragma GCC unroll 14
    for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 2
      for (std::size_t v = 0; v < vectors; ++v) sum[i][v] = step(sum[i][v], i, v);
  };
  const auto at = [&](const T* p, std::size_t v)
                      __attribute__((always_inline)) { return load_vector<ragged, vectors>(p, v, last); };
  if constexpr (!std::is_same_v<A, LeftRows<T>> && !prefetches) {  // of columns alone are trees made
    const T* slot = end.slot;
    const auto add_slot = [&](Vec<T> x, std::size_t i, std::size_t v)
                              __attribute__((always_inline)) { return at(slot + i * tile_cols<T>, v) + x; };
    if (end.own) each(add_slot);
    for (std::size_t folds = end.folds; folds > 0; --folds) {
      slot -= tile_size<T>;
      each(add_slot);
    }
  }
  if (const T* const add = end.add)
    each([&](Vec<T> x, std::size_t i, std::size_t v) { return at(add + i * end.ldadd, v) + x; });
  if (const T* const bias = end.bias) each([&](Vec<T> x, std::size_t, std::size_t v) { return x + at(bias, v); });
  if (end.finish == Finish::relu) each([&](Vec<T> x, std::size_t, std::size_t) { return relu_of<T>(x); });
  if (end.finish == Finish::mask)
    each([&](Vec<T> x, std::size_t i, std::size_t v) { return masked<T>(x, at(end.gate + i * end.ldgate, v)); });
  T* const out = end.out;
  each([&](Vec<T> x, std::size_t i, std::size_t v) {
    store_vector<ragged, vectors>(out + i * end.ldout, v, last, x);
    return x;
  });
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
