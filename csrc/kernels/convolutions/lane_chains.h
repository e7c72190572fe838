// The innermost loops of a convolution with images in lanes: sums in registers, one fma chain each.
#pragma once

#include "kernels/convolutions/convolution.h"
#include "kernels/products/finish.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
inline constexpr std::size_t parts = row_lanes / lanes<T>;

// The position of vector v of neighbouring pixels, `distance` elements apart.
template <class T>
constexpr std::size_t vector_at(std::size_t v, std::size_t distance) {
  return v / parts<T> * distance + v % parts<T> * lanes<T>;
}

// ------------------------------------------------------------------------------------------------- through the network

// One chain of each of a tile's sums: terms [begin, end) of the output's terms, of which row u of taps, in [first_row,
// last_row), has those from u row_terms + skip on, `run` of them.
template <class T>
struct LaneChain {
  const T* in;      // the tile's first pixel, where row 0 of taps would be
  const T* w;       // (terms, ldw), the tile's first unit
  std::size_t row;  // elements between rows of the image
  std::size_t pixel, out_pixel, ldw;
  std::size_t row_terms, skip, run;
  std::size_t first_row, last_row, begin, end;
  T* out;
  const T* bias;
  const T* gate;
  bool add, last;
  Finish finish;
};

template <class T, std::size_t vectors, std::size_t units>
void lane_chain(const LaneChain<T>& x) noexcept {
  Vec<T> sum[units][vectors] = {};
  const std::size_t pixel = x.pixel, ldw = x.ldw;
  for (std::size_t u = x.first_row; u < x.last_row; ++u) {
    const std::size_t begin = larger_size(u * x.row_terms + x.skip, x.begin);
    const std::size_t end = smaller(u * x.row_terms + x.skip + x.run, x.end);
    if (begin >= end) continue;
    const T* __restrict in = x.in + u * x.row + (begin - u * x.row_terms) * row_lanes;
    const T* __restrict w = x.w + begin * ldw;
    for (std::size_t left = end - begin; left > 0; --left, in += row_lanes, w += ldw) {
      Vec<T> value[vectors];
#pragma GCC unroll 4
      for (std::size_t v = 0; v < vectors; ++v) value[v] = load<T>(in + vector_at<T>(v, pixel));
#pragma GCC unroll 6
      for (std::size_t f = 0; f < units; ++f) {
        const Vec<T> weight = broadcast<T>(w[f]);
#pragma GCC unroll 4
        for (std::size_t v = 0; v < vectors; ++v) sum[f][v] = fma(value[v], weight, sum[f][v]);
      }
    }
  }
  T* const out = x.out;
  const std::size_t out_pixel = x.out_pixel;
  const auto each = [&](auto&& step) __attribute__((always_inline)) {
#pragma GCC unroll 6
    for (std::size_t f = 0; f < units; ++f)
#pragma GCC unroll 4
      for (std::size_t v = 0; v < vectors; ++v)
        sum[f][v] = step(sum[f][v], f, vector_at<T>(v, out_pixel) + f * row_lanes);
  };
  if (x.add) each([&](Vec<T> y, std::size_t, std::size_t at) { return load<T>(out + at) + y; });
  if (x.last) {
    if (const T* const bias = x.bias)
      each([&](Vec<T> y, std::size_t f, std::size_t) { return y + bias[f]; });
    else  // + 0: a sum of -0 is the same whether zeros are added to it
      each([&](Vec<T> y, std::size_t, std::size_t) { return y + T{0}; });
    if (x.finish == Finish::relu) each([&](Vec<T> y, std::size_t, std::size_t) { return relu_of<T>(y); });
    if (const T* const gate = x.gate)
      each([&](Vec<T> y, std::size_t, std::size_t at) { return masked<T>(y, load<T>(gate + at)); });
  }
  each([&](Vec<T> y, std::size_t, std::size_t at) {
    store<T>(out + at, y);
    return y;
  });
}

template <class T>
using Chain = void (*)(const LaneChain<T>&) noexcept;
template <class T>
struct ChainTable {
  Chain<T> chain[chain_vectors][chain_units];
};
template <class T, std::size_t... v>
constexpr ChainTable<T> make_chains(std::index_sequence<v...>) {
  return {{{lane_chain<T, v + 1, 1>, lane_chain<T, v + 1, 2>, lane_chain<T, v + 1, 3>, lane_chain<T, v + 1, 4>,
            lane_chain<T, v + 1, 5>, lane_chain<T, v + 1, 6>}...}};
}
template <class T>
constinit const ChainTable<T> chains = make_chains<T>(std::make_index_sequence<chain_vectors>{});

// ------------------------------------------------------------------------------------------------------------ gradient

// sum[q, f] (+)= one chain over a block's outputs of channel q times gradient f.
template <class T, std::size_t channels, std::size_t units>
void product_chain(T* sum, std::size_t ldsum, const T* in, std::size_t in_row, std::size_t in_pixel, const T* dy,
                   std::size_t dy_row, std::size_t dy_pixel, std::size_t rows, std::size_t cols, bool add) noexcept {
  Vec<T> total[channels][units] = {};
  for (std::size_t r = 0; r < rows; ++r) {
    const T* __restrict x = in + r * in_row;
    const T* __restrict d = dy + r * dy_row;
    for (std::size_t j = 0; j < cols; ++j, x += in_pixel, d += dy_pixel) {
      Vec<T> value[channels];
#pragma GCC unroll 4
      for (std::size_t q = 0; q < channels; ++q) value[q] = load<T>(x + q * row_lanes);
#pragma GCC unroll 6
      for (std::size_t f = 0; f < units; ++f) {
        Vec<T> slope = load<T>(d + f * row_lanes);
        hold(slope);
#pragma GCC unroll 4
        for (std::size_t q = 0; q < channels; ++q) total[q][f] = fma(value[q], slope, total[q][f]);
      }
    }
  }
#pragma GCC unroll 4
  for (std::size_t q = 0; q < channels; ++q)
#pragma GCC unroll 6
    for (std::size_t f = 0; f < units; ++f) {
      T* const at = sum + q * ldsum + f * row_lanes;
      store<T>(at, add ? load<T>(at) + total[q][f] : total[q][f]);
    }
}

template <class T>
using ProductChain = void (*)(T*, std::size_t, const T*, std::size_t, std::size_t, const T*, std::size_t, std::size_t,
                              std::size_t, std::size_t, bool) noexcept;
template <class T>
struct ProductTable {
  ProductChain<T> chain[chain_vectors][chain_units];
};
template <class T, std::size_t... q>
constexpr ProductTable<T> make_products(std::index_sequence<q...>) {
  return {{{product_chain<T, q + 1, 1>, product_chain<T, q + 1, 2>, product_chain<T, q + 1, 3>,
            product_chain<T, q + 1, 4>, product_chain<T, q + 1, 5>, product_chain<T, q + 1, 6>}...}};
}
template <class T>
constinit const ProductTable<T> products = make_products<T>(std::make_index_sequence<chain_vectors>{});

// sums (+)= the sum over a block's outputs, one chain, for `strip` vectors of `width` elements.
template <class T, std::size_t strip>
void bias_chain(T* sums, const T* dy, std::size_t row, std::size_t width, std::size_t rows, std::size_t cols,
                bool add) noexcept {
  Vec<T> sum[strip] = {};
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < cols; ++c)
#pragma GCC unroll 8
      for (std::size_t v = 0; v < strip; ++v) sum[v] += load<T>(dy + r * row + c * width + v * lanes<T>);
#pragma GCC unroll 8
  for (std::size_t v = 0; v < strip; ++v) {
    T* const at = sums + v * lanes<T>;
    store<T>(at, add ? load<T>(at) + sum[v] : sum[v]);
  }
}

// y[i]: the sum of x[i, 0 .. row_lanes), lane l added to l + 8, then 4, 2, 1
template <class T>
void fold_lanes(T* y, const T* x, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; i += lanes<T>) {
    const std::size_t rows = smaller(lanes<T>, count - i);
    Vec<T> lane[row_lanes];
#pragma GCC unroll 8
    for (std::size_t p = 0; p < parts<T>; ++p) {
      Vec<T> row[lanes<T>];
#pragma GCC unroll 16
      for (std::size_t r = 0; r < lanes<T>; ++r)
        row[r] = r < rows ? load<T>(x + (i + r) * row_lanes + p * lanes<T>) : Vec<T>{};
      transpose<T>(row);
#pragma GCC unroll 16
      for (std::size_t r = 0; r < lanes<T>; ++r) lane[p * lanes<T> + r] = row[r];
    }
#pragma GCC unroll 4
    for (std::size_t half = row_lanes / 2; half > 0; half /= 2)
#pragma GCC unroll 8
      for (std::size_t l = 0; l < half; ++l) lane[l] += lane[l + half];
    if (rows == lanes<T>)
      store<T>(y + i, lane[0]);
    else
      store_first<T>(y + i, lane[0], rows);
  }
}

}  // namespace
}  // namespace ravine::RAVINE_ISA
