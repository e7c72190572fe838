// Convolution in as many groups as channels: an output sees one channel, so that the lanes hold channels and each tap
// is one multiplication of vectors.
#include "kernels/convolutions/convolution.h"
#include "kernels/products/finish.h"
#include "kernels/signatures/rows.h"

namespace ravine::RAVINE_ISA {
namespace {

// out[i, j, c] = sum over taps and m of in[.., m, c] w[tap, m, c] + bias[c], with `factors` elements m of each channel.
template <class T>
struct ChannelCorrelation {
  Grid grid;
  std::size_t factors, channels;
  std::size_t out_row, out_col;
  const T* weights;  // (taps, factors, channels)
  const T* bias;     // null: none
  Finish finish;

  std::size_t terms() const { return grid.taps() * factors; }
};

// `pixels` neighbouring outputs, one vector of channels: terms [first, end).
template <class T, std::size_t pixels, class At>
RAVINE_INLINE void channel_chain(const ChannelCorrelation<T>& x, T* out, const T* in, std::size_t row, const T* gate,
                                 std::size_t first, std::size_t end, At at) {
  Vec<T> sum[pixels] = {};
  const std::size_t pixel = x.factors * x.channels, distance = x.grid.stride_x * pixel;
  const std::size_t taps_x = larger_size(1, x.grid.taps_x), tap = first / x.factors;
  std::size_t m = first % x.factors, u = tap / taps_x, v = tap % taps_x;
  for (std::size_t k = first; k < end; ++k) {
    const T* const from = in + u * x.grid.step_y * row + v * x.grid.step_x * pixel + m * x.channels;
    if (++m == x.factors) m = 0, ++v;
    if (v == taps_x) v = 0, ++u;
    const Vec<T> weight = at.load(x.weights + k * x.channels);
#pragma GCC unroll 8
    for (std::size_t i = 0; i < pixels; ++i) sum[i] = fma(at.load(from + i * distance), weight, sum[i]);
  }
  const bool last = end == x.terms();
#pragma GCC unroll 8
  for (std::size_t i = 0; i < pixels; ++i) {
    T* const to = out + i * x.out_col;
    if (first > 0) sum[i] = at.load(to) + sum[i];
    if (last) {
      sum[i] += x.bias ? at.load(x.bias) : Vec<T>{};
      if (x.finish == Finish::relu) sum[i] = relu_of<T>(sum[i]);
      if (gate) sum[i] = masked<T>(sum[i], at.load(gate + i * x.out_col));
    }
    at.template store<T>(to, sum[i]);
  }
}

template <class T, std::size_t pixels>
void channel_tile(const ChannelCorrelation<T>& x, T* out, const T* in, std::size_t row, const T* gate) noexcept {
  const std::size_t terms = x.terms();
  for (std::size_t first = 0; first < terms || first == 0; first += product_slice)
    each_vector<T>(x.channels, [&](auto at) __attribute__((always_inline)) {
      channel_chain<T, pixels>(x, out, in, row, gate, first, smaller(first + product_slice, terms), at);
    });
}

template <class T>
void correlate_block(const ChannelCorrelation<T>& x, T* out, const T* in, std::size_t row, const T* gate,
                     std::size_t rows, std::size_t cols) noexcept {
  const std::size_t distance = x.grid.stride_x * x.factors * x.channels;
  for (std::size_t r = 0; r < rows; ++r, in += x.grid.stride_y * row) {
    const auto tile = [&](std::size_t j, auto pixels) __attribute__((always_inline)) {
      const std::size_t at = r * x.out_row + j * x.out_col;
      channel_tile<T, pixels()>(x, out + at, in + j * distance, row, gate ? gate + at : nullptr);
    };
    std::size_t j = 0;
    for (; j + chain_pixels <= cols; j += chain_pixels) tile(j, std::integral_constant<std::size_t, chain_pixels>{});
    for (; j + 2 <= cols; j += 2) tile(j, std::integral_constant<std::size_t, 2>{});
    if (j < cols) tile(j, std::integral_constant<std::size_t, 1>{});
  }
}

// Each channel of a run of pixels `times` times in a row.
template <class T>
void repeat_channels(T* __restrict to, const T* __restrict from, std::size_t count, std::size_t times) noexcept {
  if (times == 1) return copy<T>(to, from, count);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t m = 0; m < times; ++m) *to++ = from[i];
}

// (rows, channels, times) -> (rows, times, channels)
template <class T>
void part_channels(T* __restrict to, const T* __restrict from, std::size_t rows, std::size_t channels,
                   std::size_t times) noexcept {
  if (times == 1) return copy<T>(to, from, rows * channels);
  for (std::size_t r = 0; r < rows; ++r, from += channels * times)
    for (std::size_t m = 0; m < times; ++m)
      for (std::size_t c = 0; c < channels; ++c) *to++ = from[c * times + m];
}

// Calls use(i, j, rows, cols, in, row) for each block of a grid over an image, `in` being the first pixel that the
// block reads, of `width_of_pixel` elements, and rows `row` elements apart; copied unless it can be read in place.
template <class T, class CopyPixels, class Use>
RAVINE_INLINE void each_read_block(const Grid& grid, const T* image, std::size_t height, std::size_t width,
                                   std::size_t channels, std::size_t width_of_pixel, T* border,
                                   CopyPixels&& copy_pixels, Use&& use, bool always_copied = false) {
  each_block(
      grid.rows, grid.cols, convolution_block, [&](std::size_t i, std::size_t j, std::size_t rows, std::size_t cols) {
        const Region region = grid.region(i, j, rows, cols);
        if (region.inside(height, width) && width_of_pixel == channels && !always_copied) {
          const std::size_t first = static_cast<std::size_t>(region.y) * width + static_cast<std::size_t>(region.x);
          use(i, j, rows, cols, image + first * channels, width * channels);
        } else {
          copy_region<T>(border, image, height, width, channels, region, width_of_pixel, copy_pixels);
          use(i, j, rows, cols, static_cast<const T*>(border), region.cols * width_of_pixel);
        }
      });
}

template <class T>
void correlate(const ChannelCorrelation<T>& x, T* out, const T* gate, std::size_t i, std::size_t j, std::size_t rows,
               std::size_t cols, const T* in, std::size_t row) noexcept {
  const std::size_t at = i * x.out_row + j * x.out_col;
  correlate_block<T>(x, out + at, in, row, gate ? gate + at : nullptr, rows, cols);
}

std::size_t multiplier(const ConvolutionShape& s) { return s.filters / s.channels; }

template <class T>
void forward(T* y, const T* x, const T* w, const T* bias, std::size_t images, const ConvolutionShape& s, Finish finish,
             const EachImage&, T* workspace) noexcept {
  const ChannelCorrelation<T> job{forward_grid(s), 1, s.filters, s.out_width * s.filters, s.filters, w, bias, finish};
  for (std::size_t n = 0; n < images; ++n)
    each_read_block<T>(
        job.grid, x + n * s.inputs(), s.height, s.width, s.channels, s.filters, workspace,
        [&](T* to, const T* from, std::size_t pixels) {
          repeat_channels<T>(to, from, pixels * s.channels, multiplier(s));
        },
        [&](std::size_t i, std::size_t j, std::size_t rows, std::size_t cols, const T* in, std::size_t row) {
          correlate<T>(job, y + n * s.outputs(), nullptr, i, j, rows, cols, in, row);
        });
}

template <class T>
void backward(T* dx, const T* dy, const T* w, const T* gate, std::size_t images, const ConvolutionShape& s,
              const EachImage&, T* workspace) noexcept {
  const std::size_t times = multiplier(s);
  T* const border = workspace + whole_vectors(s.taps() * s.filters);
  for (std::size_t p = 0; p < Phase::count(s); ++p) {
    const Phase phase(s, p);
    for (std::size_t m = 0; m < phase.y.taps; ++m)
      for (std::size_t k = 0; k < phase.x.taps; ++k)
        part_channels<T>(workspace + (m * phase.x.taps + k) * s.filters,
                         w + (phase.y.tap_at(m) * s.kernel_width + phase.x.tap_at(k)) * s.filters, 1, s.channels,
                         times);
    const ChannelCorrelation<T> job{
        phase.grid(), times,   s.channels,  s.stride_y * s.width * s.channels, s.stride_x * s.channels,
        workspace,    nullptr, Finish::none};
    const std::size_t first = (phase.y.first * s.width + phase.x.first) * s.channels;
    for (std::size_t n = 0; n < images; ++n) {
      const std::size_t at = n * s.inputs() + first;
      each_read_block<T>(
          // with several filters a channel, dy is copied even where it needs no border: their order changes
          job.grid, dy + n * s.outputs(), s.out_height, s.out_width, s.filters, s.filters, border,
          [&](T* to, const T* from, std::size_t pixels) { part_channels<T>(to, from, pixels, s.channels, times); },
          [&](std::size_t i, std::size_t j, std::size_t rows, std::size_t cols, const T* in, std::size_t row) {
            correlate<T>(job, dx + at, gate ? gate + at : nullptr, i, j, rows, cols, in, row);
          },
          times > 1);
    }
  }
}

// ------------------------------------------------------------------------------------------------------------ gradient

// dw[tap .. tap + taps) (+)= one chain over a block's outputs, one vector of filters; `in` is what tap `tap` reads
// first.
template <class T, std::size_t taps, class At>
RAVINE_INLINE void weight_chain(T* dw, const T* in, std::size_t row, const T* dy, std::size_t rows, std::size_t cols,
                                const ConvolutionShape& s, bool add, At at) {
  Vec<T> sum[taps] = {};
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t j = 0; j < cols; ++j) {
      const Vec<T> slope = at.load(dy + (r * s.out_width + j) * s.filters);
      const T* const pixel = in + r * s.stride_y * row + j * s.stride_x * s.filters;
#pragma GCC unroll 4
      for (std::size_t t = 0; t < taps; ++t) sum[t] = fma(at.load(pixel + t * s.dilation_x * s.filters), slope, sum[t]);
    }
#pragma GCC unroll 4
  for (std::size_t t = 0; t < taps; ++t) {
    T* const to = dw + t * s.filters;
    at.template store<T>(to, add ? at.load(to) + sum[t] : sum[t]);
  }
}

template <class T>
void add_weight_block(T* dw, const T* in, std::size_t row, const T* dy, std::size_t rows, std::size_t cols,
                      const ConvolutionShape& s, std::size_t first, std::size_t terms, bool add) noexcept {
  each_run(first, terms, s.kernel_width, [&](std::size_t u, std::size_t begin, std::size_t count) {
    const auto chains = [&](std::size_t v, auto taps) __attribute__((always_inline)) {
      each_vector<T>(s.filters, [&](auto at) __attribute__((always_inline)) {
        weight_chain<T, taps()>(dw + (u * s.kernel_width + v - first) * s.filters,
                                in + u * s.dilation_y * row + v * s.dilation_x * s.filters, row, dy, rows, cols, s, add,
                                at);
      });
    };
    std::size_t v = begin;
    const std::size_t end = begin + count;
    for (; v + chain_taps <= end; v += chain_taps) chains(v, std::integral_constant<std::size_t, chain_taps>{});
    if (v + 3 == end)
      chains(v, std::integral_constant<std::size_t, 3>{});
    else
      for (; v < end; ++v) chains(v, std::integral_constant<std::size_t, 1>{});
  });
}

template <class T>
void gradient(T* dw, T* dbias, const T* x, const T* dy, std::size_t images, std::size_t slice,
              const ConvolutionShape& s, std::size_t first, std::size_t terms, const EachImage&,
              T* workspace) noexcept {
  const Grid grid = forward_grid(s);
  const std::size_t count = terms * s.filters;
  T* const border = workspace + open_branches * larger_size(count, s.filters);
  if (grid.rows == 0 || grid.cols == 0) images = 0;
  sum_slices<T>(dw, workspace, count, images, slice, [&](T* sum, std::size_t from, std::size_t of) {
    for (std::size_t n = from; n < from + of; ++n)
      each_read_block<T>(
          grid, x + n * s.inputs(), s.height, s.width, s.channels, s.filters, border,
          [&](T* to, const T* from, std::size_t pixels) {
            repeat_channels<T>(to, from, pixels * s.channels, multiplier(s));
          },
          [&](std::size_t i, std::size_t j, std::size_t rows, std::size_t cols, const T* in, std::size_t row) {
            add_weight_block<T>(sum, in, row, dy + n * s.outputs() + (i * s.out_width + j) * s.filters, rows, cols, s,
                                first, terms, n > from || i > 0 || j > 0);
          });
  });
  if (!dbias) return;
  sum_slices<T>(dbias, workspace, s.filters, images, slice, [&](T* sum, std::size_t from, std::size_t of) {
    each_image_block(grid, from, of, convolution_block,
                     [&](std::size_t n, std::size_t i, std::size_t j, std::size_t rows, std::size_t cols, bool add) {
                       add_bias_block<T>(sum, dy + n * s.outputs() + (i * s.out_width + j) * s.filters, rows, cols, s,
                                         add);
                     });
  });
}

// --------------------------------------------------------------------------------------------------------------- table

bool takes(const ConvolutionShape& s) noexcept { return s.groups == s.channels; }

template <class T>
std::size_t workspace_of(const ConvolutionShape& s) noexcept {
  const std::size_t count = s.taps() * s.filters;
  const std::size_t border = border_pixels(forward_grid(s), convolution_block) * s.filters;
  return larger_size(whole_vectors(count) + backward_border_pixels(s, convolution_block) * s.filters,
                     open_branches * count + border);
}

template <class T>
constexpr Convolution<T> row() {
  return {"depthwise", false, false, takes, workspace_of<T>, forward<T>, backward<T>, gradient<T>};
}

}  // namespace

extern constinit const Both<Convolution> convolution_depthwise = {row<float>(), row<double>()};

}  // namespace ravine::RAVINE_ISA
