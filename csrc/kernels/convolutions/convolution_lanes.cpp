// Convolution of row_lanes images at a time, one in each lane: with few filters, vectors of filters would be mostly
// empty. An image is stored as (height, width, channels, row_lanes).
#include "kernels/convolutions/lane_chains.h"
#include "kernels/signatures/rows.h"

namespace ravine::RAVINE_ISA {
namespace {

// --------------------------------------------------------------------------------------------------------- correlation

// A correlation over a grid with strides and steps of 1.
template <class T>
struct LaneCorrelation {
  Grid grid;
  std::size_t height, width, channels, units;
  const T* weights;  // (taps, channels, units)
  const T* bias;
  Finish finish;

  std::size_t terms() const { return grid.taps() * channels; }
};

// The first and the last of `taps` taps, plus 1, that reach into [0, size) from one of `count` outputs whose first taps
// are at `first` and after it.
struct Reaching {
  std::size_t first, last;

  Reaching(std::ptrdiff_t begin, std::size_t count, std::size_t taps, std::size_t size) {
    const std::ptrdiff_t end = begin + static_cast<std::ptrdiff_t>(count) - 1, n = static_cast<std::ptrdiff_t>(size);
    first = end < 0 ? smaller(static_cast<std::size_t>(-end), taps) : 0;
    last = begin < n ? smaller(static_cast<std::size_t>(n - begin), taps) : 0;
    if (last < first) last = first;
  }
};

// `count` outputs of row i from column j on; the region's rows are `row` elements long.
template <class T>
void lane_tile(const LaneCorrelation<T>& x, LaneChain<T> chain, std::size_t j, std::size_t count) noexcept {
  const Reaching taps(x.grid.x + static_cast<std::ptrdiff_t>(j), count, x.grid.taps_x, x.width);
  chain.skip = taps.first * x.channels, chain.run = (taps.last - taps.first) * x.channels;
  const std::size_t whole = count * parts<T>, vectors = smaller(whole, chain_vectors);
  const std::size_t terms = x.terms();
  const Cut pieces(x.units, chain_units);
  for (std::size_t v = 0; v < whole; v += vectors)
    for (std::size_t t = 0; t < pieces.pieces; ++t) {
      const std::size_t unit = pieces.begin(t), at = unit * row_lanes + v * lanes<T>;
      LaneChain<T> tile = chain;
      tile.in += v * lanes<T>, tile.out += at, tile.w += unit;
      if (tile.gate) tile.gate += at;
      if (tile.bias) tile.bias += unit;
      tile.begin = 0;
      do {
        tile.end = smaller(tile.begin + product_slice, terms);
        tile.add = tile.begin > 0, tile.last = tile.end == terms;
        chains<T>.chain[vectors - 1][pieces.size(t) - 1](tile);
        tile.begin = tile.end;
      } while (tile.end < terms);
    }
}

// How many of the `left` outputs from column j on make a tile: up to `most`, or half of these where both halves
// together have fewer terms, by the image's edge.
template <class T>
std::size_t tile_width(const LaneCorrelation<T>& x, std::size_t j, std::size_t left, std::size_t most) noexcept {
  const std::size_t whole = left <= most ? left : left < 2 * most ? (left + 1) / 2 : most, half = whole / 2;
  const auto terms = [&](std::size_t first, std::size_t count) {
    const Reaching taps(x.grid.x + static_cast<std::ptrdiff_t>(j + first), count, x.grid.taps_x, x.width);
    return (taps.last - taps.first) * count;
  };
  return half > 0 && terms(0, half) + terms(half, whole - half) < terms(0, whole) ? half : whole;
}

template <class T>
void correlate(const LaneCorrelation<T>& x, T* out, const T* in, const T* gate, T* border) noexcept {
  const std::size_t out_row = x.grid.cols * x.units * row_lanes, pixel = x.channels * row_lanes;
  constexpr std::size_t tile_pixels = parts<T> < chain_vectors ? chain_vectors / parts<T> : 1;
  each_block(x.grid.rows, x.grid.cols, convolution_block,
             [&](std::size_t i, std::size_t j, std::size_t rows, std::size_t cols) {
               Region region = x.grid.region(i, j, rows, cols);
               const Overlap within(region.y, region.rows, x.height);
               const std::size_t first_row = region.y > 0 ? static_cast<std::size_t>(region.y) : 0;
               const bool inside = region.x >= 0 && static_cast<std::size_t>(region.x) + region.cols <= x.width;
               region.y = static_cast<std::ptrdiff_t>(first_row), region.rows = within.within;
               if (!inside) copy_region<T>(border, in, x.height, x.width, pixel, region);
               const T* const first =
                   inside ? in + (first_row * x.width + static_cast<std::size_t>(region.x)) * pixel : border;
               const std::size_t row = (inside ? x.width : region.cols) * pixel;
               for (std::size_t r = i; r < i + rows; ++r) {
                 const std::ptrdiff_t y = x.grid.y + static_cast<std::ptrdiff_t>(r);
                 const Reaching taps(y, 1, x.grid.taps_y, x.height);
                 for (std::size_t c = j, count = 0; c < j + cols; c += count) {
                   count = tile_width(x, c, j + cols - c, tile_pixels);
                   const std::size_t at = r * out_row + c * x.units * row_lanes;
                   const LaneChain<T> chain{
                       .in = first + (y - static_cast<std::ptrdiff_t>(first_row)) * static_cast<std::ptrdiff_t>(row) +
                             static_cast<std::ptrdiff_t>((c - j) * pixel),
                       .w = x.weights,
                       .row = row,
                       .pixel = pixel,
                       .out_pixel = x.units * row_lanes,
                       .ldw = x.units,
                       .row_terms = x.grid.taps_x * x.channels,
                       .skip = 0,
                       .run = 0,
                       .first_row = taps.first,
                       .last_row = taps.last,
                       .begin = 0,
                       .end = 0,
                       .out = out + at,
                       .bias = x.bias,
                       .gate = gate ? gate + at : nullptr,
                       .add = false,
                       .last = true,
                       .finish = x.finish};
                   lane_tile<T>(x, chain, c, count);
                 }
               }
             });
}

template <class T>
void forward(T* y, const T* x, const T* w, const T* bias, std::size_t images, const ConvolutionShape& s, Finish finish,
             const EachImage&, T* workspace) noexcept {
  const LaneCorrelation<T> job{forward_grid(s), s.height, s.width, s.channels, s.filters, w, bias, finish};
  for (std::size_t i = 0; i < images; ++i)
    correlate<T>(job, y + i * s.outputs() * row_lanes, x + i * s.inputs() * row_lanes, nullptr, workspace);
}

template <class T>
void backward(T* dx, const T* dy, const T* w, const T* gate, std::size_t images, const ConvolutionShape& s,
              const EachImage&, T* workspace) noexcept {
  const Phase phase(s, 0);
  T* flipped = workspace;
  for (std::size_t tap = s.taps(); tap-- > 0;)
    for (std::size_t f = 0; f < s.filters; ++f)
      for (std::size_t c = 0; c < s.channels; ++c) *flipped++ = w[(tap * s.channels + c) * s.filters + f];
  T* const border = workspace + whole_vectors(s.terms() * s.filters);
  const LaneCorrelation<T> job{phase.grid(), s.out_height, s.out_width, s.filters,
                               s.channels,   workspace,    nullptr,     Finish::none};
  for (std::size_t i = 0; i < images; ++i)
    correlate<T>(job, dx + i * s.inputs() * row_lanes, dy + i * s.outputs() * row_lanes,
                 gate ? gate + i * s.inputs() * row_lanes : nullptr, border);
}

// ------------------------------------------------------------------------------------------------------------ gradient

// sums (terms, filters, row_lanes), of the terms from `first` on, (+)= the products over a block's outputs; `in` is the
// first pixel that it reads.
template <class T>
void add_block(T* sums, const T* in, std::size_t row, const T* dy, std::size_t rows, std::size_t cols,
               const ConvolutionShape& s, std::size_t first, std::size_t terms, bool add) noexcept {
  const std::size_t run = s.kernel_width * s.channels, pixel = s.channels * row_lanes, out = s.filters * row_lanes;
  const Cut units(s.filters, chain_units);
  for (std::size_t t = 0; t < units.pieces; ++t) {
    T* to = sums + units.begin(t) * row_lanes;
    each_run(first, terms, run, [&](std::size_t u, std::size_t begin, std::size_t count) {
      const Cut channels(count, chain_vectors);
      for (std::size_t c = 0; c < channels.pieces; ++c)
        for (std::size_t lane = 0; lane < row_lanes; lane += lanes<T>)
          products<T>.chain[channels.size(c) - 1][units.size(t) - 1](
              to + channels.begin(c) * out + lane, out, in + u * row + (begin + channels.begin(c)) * row_lanes + lane,
              row, pixel, dy + units.begin(t) * row_lanes + lane, s.out_width * out, out, rows, cols, add);
      to += count * out;
    });
  }
}

// sums: (filters, row_lanes)
template <class T>
void add_lanes_bias_block(T* sums, const T* dy, std::size_t rows, std::size_t cols, const ConvolutionShape& s,
                          bool add) noexcept {
  constexpr std::size_t strip = 8;
  const std::size_t width = s.filters * row_lanes, row = s.out_width * width;
  std::size_t j = 0;
  for (; j + strip * lanes<T> <= width; j += strip * lanes<T>)
    bias_chain<T, strip>(sums + j, dy + j, row, width, rows, cols, add);
  for (; j + 2 * lanes<T> <= width; j += 2 * lanes<T>) bias_chain<T, 2>(sums + j, dy + j, row, width, rows, cols, add);
  if (j < width) bias_chain<T, 1>(sums + j, dy + j, row, width, rows, cols, add);
}

template <class T>
void gradient(T* dw, T* dbias, const T* x, const T* dy, std::size_t images, std::size_t slice,
              const ConvolutionShape& s, std::size_t first, std::size_t terms, const EachImage&,
              T* workspace) noexcept {
  const Grid grid = forward_grid(s);
  const std::size_t count = terms * s.filters;
  T* const sums = workspace + whole_vectors(open_branches * larger_size(count, s.filters));
  T* const border = sums + larger_size(count, s.filters) * row_lanes;
  if (grid.rows == 0 || grid.cols == 0) images = 0;
  sum_slices<T>(dw, workspace, count, images, slice, [&](T* sum, std::size_t from, std::size_t of) {
    each_image_block(grid, from, of, convolution_lanes_block,
                     [&](std::size_t i, std::size_t r, std::size_t c, std::size_t rows, std::size_t cols, bool add) {
                       const Region region = grid.region(r, c, rows, cols);
                       const bool inside = region.inside(s.height, s.width);
                       const std::size_t pixel = s.channels * row_lanes;
                       const T* in = x + i * s.inputs() * row_lanes;
                       if (!inside) copy_region<T>(border, in, s.height, s.width, pixel, region);
                       in = inside ? region.first(in, s.width, pixel) : border;
                       add_block<T>(sums, in, (inside ? s.width : region.cols) * pixel,
                                    dy + (i * s.outputs() + (r * s.out_width + c) * s.filters) * row_lanes, rows, cols,
                                    s, first, terms, add);
                     });
    fold_lanes<T>(sum, sums, count);
  });
  if (!dbias) return;
  sum_slices<T>(dbias, workspace, s.filters, images, slice, [&](T* sum, std::size_t from, std::size_t of) {
    each_image_block(grid, from, of, convolution_lanes_block,
                     [&](std::size_t i, std::size_t r, std::size_t c, std::size_t rows, std::size_t cols, bool add) {
                       add_lanes_bias_block<T>(sums,
                                               dy + (i * s.outputs() + (r * s.out_width + c) * s.filters) * row_lanes,
                                               rows, cols, s, add);
                     });
    fold_lanes<T>(sum, sums, s.filters);
  });
}

// --------------------------------------------------------------------------------------------------------------- table

bool takes(const ConvolutionShape& s) noexcept {
  return s.groups == 1 && s.stride_y == 1 && s.stride_x == 1 && s.dilation_y == 1 && s.dilation_x == 1;
}

template <class T>
std::size_t workspace_of(const ConvolutionShape& s) noexcept {
  const std::size_t count = s.terms() * s.filters;
  const std::size_t forward = border_pixels(forward_grid(s), convolution_block) * s.channels * row_lanes;
  const std::size_t backward =
      whole_vectors(count) + backward_border_pixels(s, convolution_block) * s.filters * row_lanes;
  const std::size_t gradient = whole_vectors(open_branches * count) + count * row_lanes +
                               border_pixels(forward_grid(s), convolution_lanes_block) * s.channels * row_lanes;
  return larger_size(larger_size(forward, backward), gradient);
}

template <class T>
constexpr Convolution<T> row() {
  return {"lanes", false, true, takes, workspace_of<T>, forward<T>, backward<T>, gradient<T>};
}

}  // namespace

extern constinit const Both<Convolution> convolution_lanes = {row<float>(), row<double>()};

}  // namespace ravine::RAVINE_ISA
