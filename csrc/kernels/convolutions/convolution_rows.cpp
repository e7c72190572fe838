// Convolution as a matrix product whose left factor is read from the image: an element of row i, a position, is
// a tap's channel, and the taps of a row of the kernel are next to each other. Only an image that needs a border of
// zeros is copied, block by block.
#include "kernels/convolutions/convolution_taps.h"
#include "kernels/signatures/rows.h"

namespace ravine::RAVINE_ISA {
namespace {

// --------------------------------------------------------------------------------------------------------- correlation

// out[i, j, n] = finish(sum over taps and `depth` channels of in * weights + bias), for each group.
template <class T>
struct Correlation {
  Grid grid;
  std::size_t height, width, channels;  // of the image that is read
  std::size_t groups, depth, units;     // channels and outputs of a group
  std::size_t out_row,
      out_col;              // from an output to the one below and to the right
  const T* weights;         // (groups, panels, terms, tile_cols)
  const T* bias = nullptr;  // (groups, units)
  Finish finish = Finish::none;

  std::size_t terms() const { return grid.taps() * depth; }
  std::size_t panels() const { return (units + tile_cols<T> - 1) / tile_cols<T>; }
};

// A tile is prefetched from the L3 cache when its chain begins. Forced inline, since GCC drops the
// call of a function that does nothing but prefetch.
template <class T>
RAVINE_INLINE void prefetch_tile(const T* tile, std::size_t rows, std::size_t vectors, std::size_t ld) {
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t v = 0; v < vectors; ++v) __builtin_prefetch(tile + i * ld + v * lanes<T>, 1);
}

// One block of outputs; `in` is the first pixel that it reads, of rows of `row` elements.
template <class T>
void correlate_block(const Correlation<T>& x, T* out, const T* in, std::size_t row, const T* gate, std::size_t rows,
                     std::size_t cols) noexcept {
  const std::size_t terms = x.terms(), slices = terms > 0 ? (terms + product_slice - 1) / product_slice : 1;
  const Runs taps = runs_of_taps(x.grid, x.channels, x.depth, row);
  const Cut pieces(cols, tile_rows);
  const std::size_t distance = x.grid.stride_x * x.channels;
  for (std::size_t panel = 0; panel < x.groups * x.panels(); ++panel) {
    const std::size_t group = panel / x.panels(), j = panel % x.panels() * tile_cols<T>;
    const std::size_t unit = group * x.units + j, width = smaller(tile_cols<T>, x.units - j);
    const std::size_t vectors = (width + lanes<T> - 1) / lanes<T>;
    for (std::size_t s = 0; s < slices; ++s) {
      const std::size_t first = s * product_slice, depth = smaller(product_slice, terms - first);
      const Panel<T> b{x.weights + (panel * terms + first) * tile_cols<T>, tile_cols<T>};
      const LeftRows<T> start = rows_of_taps(in + group * x.depth, distance, taps, first);
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t t = 0; t < pieces.pieces; ++t) {
          const std::size_t at = r * x.out_row + pieces.begin(t) * x.out_col + unit;
          Ending<T> end{.out = out + at, .last = width - (vectors - 1) * lanes<T>, .ldout = x.out_col};
          if (s > 0) end.add = end.out, end.ldadd = x.out_col;
          if (s + 1 == slices) {
            if (x.bias) end.bias = x.bias + unit;
            end.finish = x.finish;
            if (gate) end.gate = gate + at, end.ldgate = x.out_col;
          }
          if (s == 0) prefetch_tile<T>(end.out, pieces.size(t), vectors, x.out_col);
          if (s + 1 == slices && gate) prefetch_tile<T>(gate + at, pieces.size(t), vectors, x.out_col);
          LeftRows<T> a = start;
          a.a += r * x.grid.stride_y * row + pieces.begin(t) * distance;
          compute_tile<T>(pieces.size(t), vectors, a, b, depth, end);
        }
    }
  }
}

template <class T>
void correlate(const Correlation<T>& x, T* out, const T* in, const T* gate, T* border) noexcept {
  each_block(x.grid.rows, x.grid.cols, convolution_block,
             [&](std::size_t i, std::size_t j, std::size_t rows, std::size_t cols) {
               const Region region = x.grid.region(i, j, rows, cols);
               const bool inside = region.inside(x.height, x.width);
               if (!inside) copy_region<T>(border, in, x.height, x.width, x.channels, region);
               const T* const first = inside ? region.first(in, x.width, x.channels) : border;
               const std::size_t at = i * x.out_row + j * x.out_col;
               correlate_block<T>(x, out + at, first, (inside ? x.width : region.cols) * x.channels,
                                  gate ? gate + at : nullptr, rows, cols);
             });
}

template <class T>
constexpr std::size_t panel_cols(std::size_t units) {
  return (units + tile_cols<T> - 1) / tile_cols<T> * tile_cols<T>;
}

// ------------------------------------------------------------------------------------------------------------- forward

template <class T>
void forward(T* y, const T* x, const T* w, const T* bias, std::size_t images, const ConvolutionShape& s, Finish finish,
             const EachImage& each, T* workspace) noexcept {
  const std::size_t units = s.group_filters(), terms = s.terms();
  const std::size_t packed = panel_cols<T>(units) * terms;
  for (std::size_t g = 0; g < s.groups; ++g)
    pack_panels<T>(workspace + g * packed, w + g * units, s.filters, terms, units);
  T* const zeros = workspace + s.groups * packed;
  clear<T>(zeros, s.filters);
  const Correlation<T> job{.grid = forward_grid(s),
                           .height = s.height,
                           .width = s.width,
                           .channels = s.channels,
                           .groups = s.groups,
                           .depth = s.group_channels(),
                           .units = units,
                           .out_row = s.out_width * s.filters,
                           .out_col = s.filters,
                           .weights = workspace,
                           .bias = bias ? bias : zeros,  // + 0 makes a sum of -0 the same whether
                                                         // zeros are added to it
                           .finish = finish};
  T* const border = zeros + whole_vectors(s.filters);
  for (std::size_t i = 0; i < images; ++i) {
    correlate<T>(job, y + i * each.stride(s), x + i * s.inputs(), nullptr, border);
    each(i);
  }
}

// ------------------------------------------------------------------------------------------------------------ backward

// A phase's taps, in the order of dy, each with w's filters as terms and w's channels as columns.
template <class T>
void pack_phase(T* to, const T* w, const Phase& phase, const ConvolutionShape& s) noexcept {
  const std::size_t depth = s.group_filters(), units = s.group_channels();
  const std::size_t terms = phase.y.taps * phase.x.taps * depth;
  for (std::size_t g = 0; g < s.groups; ++g)
    for (std::size_t j = 0; j < units; j += tile_cols<T>, to += terms * tile_cols<T>)
      for (std::size_t m = 0; m < phase.y.taps; ++m)
        for (std::size_t n = 0; n < phase.x.taps; ++n) {
          const std::size_t tap = phase.y.tap_at(m) * s.kernel_width + phase.x.tap_at(n);
          pack_transposed_panels<T>(to + (m * phase.x.taps + n) * depth * tile_cols<T>,
                                    w + (tap * units + j) * s.filters + g * depth, s.filters, depth,
                                    smaller(tile_cols<T>, units - j));
        }
}

template <class T>
void backward(T* dx, const T* dy, const T* w, const T* gate, std::size_t images, const ConvolutionShape& s,
              const EachImage& each, T* workspace) noexcept {
  const std::size_t units = s.group_channels(), packed = s.groups * panel_cols<T>(units) * s.group_filters();
  T* const border = workspace + packed * s.taps();
  const auto each_phase = [&](auto&& use) {
    T* weights = workspace;  // a phase's, after those of the phases before it
    for (std::size_t p = 0; p < Phase::count(s); ++p) {
      const Phase phase(s, p);
      use(phase, weights);
      weights += packed * phase.y.taps * phase.x.taps;
    }
  };
  each_phase([&](const Phase& phase, T* weights) { pack_phase<T>(weights, w, phase, s); });
  for (std::size_t i = 0; i < images; ++i) {
    each(i);
    each_phase([&](const Phase& phase, const T* weights) {
      const Correlation<T> job{.grid = phase.grid(),
                               .height = s.out_height,
                               .width = s.out_width,
                               .channels = s.filters,
                               .groups = s.groups,
                               .depth = s.group_filters(),
                               .units = units,
                               .out_row = s.stride_y * s.width * s.channels,
                               .out_col = s.stride_x * s.channels,
                               .weights = weights,
                               .finish = gate ? Finish::mask : Finish::none};
      const std::size_t at = i * s.inputs() + (phase.y.first * s.width + phase.x.first) * s.channels;
      correlate<T>(job, dx + at, dy + i * each.stride(s), gate ? gate + at : nullptr, border);
    });
  }
}

// ------------------------------------------------------------------------------------------------------------ gradient

// dw (+)= the products over a block's outputs, one chain for each element; `in` is the first pixel that it reads.
template <class T>
void add_weight_block(T* dw, const T* in, std::size_t row, const T* dy, std::size_t rows, std::size_t cols,
                      const ConvolutionShape& s, std::size_t first, std::size_t terms, bool add, T* dy_copy) noexcept {
  const std::size_t depth = s.group_channels(), units = s.group_filters();
  const Grid grid = forward_grid(s);
  const Runs taps = runs_of_taps(grid, s.channels, depth, row);
  const std::size_t distance = s.stride_x * s.channels;
  const std::ptrdiff_t row_jump =
      static_cast<std::ptrdiff_t>(s.stride_y * row) - static_cast<std::ptrdiff_t>(cols * distance);
  for (std::size_t unit = 0; unit < s.filters; unit += smaller(tile_cols<T>, units - unit % units)) {
    const std::size_t width = smaller(tile_cols<T>, units - unit % units);
    const std::size_t vectors = (width + lanes<T> - 1) / lanes<T>, last = width - (vectors - 1) * lanes<T>;
    Panel<T> b{dy + unit, s.filters, last, dy_copy};  // the first tile of all copies it
    if (!has_masks && last < lanes<T>) {
      pack_panels<T>(dy_copy, b.b, s.filters, rows * cols, width);
      b = {dy_copy, tile_cols<T>};
    }
    const T* const channels = in + unit / units * depth;
    std::size_t row_of_dw = 0;
    each_run(first, terms, taps.length, [&](std::size_t run, std::size_t begin, std::size_t count) {
      const T* const pixel =
          channels + run / taps.count * s.dilation_y * row + run % taps.count * (taps.length + taps.jump) + begin;
      const Cut pieces(count, tile_rows);
      for (std::size_t t = 0; t < pieces.pieces; ++t) {
        T* const c = dw + (row_of_dw + pieces.begin(t)) * s.filters + unit;
        Ending<T> end{.out = c, .last = last, .ldout = s.filters};
        if (add) end.add = c, end.ldadd = s.filters;
        // channels of the pixel that each of the block's outputs reads
        const LeftColumns<T> a{pixel + pieces.begin(t), distance, cols, row_jump};
        compute_tile<T>(pieces.size(t), vectors, a, b, rows * cols, end);
        b = {dy_copy, tile_cols<T>};
      }
      row_of_dw += count;
    });
  }
}

// Sums of dw and db are kept together, and copied out at the end.
template <class T>
void gradient(T* dw, T* dbias, const T* x, const T* dy, std::size_t images, std::size_t slice,
              const ConvolutionShape& s, std::size_t first, std::size_t terms, const EachImage& each,
              T* workspace) noexcept {
  const Grid grid = forward_grid(s);
  const std::size_t count = terms * s.filters, both = count + s.filters;
  T* const dy_copy = workspace + (open_branches + 1) * both;
  T* const border = dy_copy + convolution_block * tile_cols<T>;
  if (grid.rows == 0 || grid.cols == 0) images = 0;
  sum_slices<T>(workspace, workspace + both, both, images, slice, [&](T* sum, std::size_t from, std::size_t of) {
    each_image_block(grid, from, of, convolution_block,
                     [&](std::size_t i, std::size_t r, std::size_t c, std::size_t rows, std::size_t cols, bool add) {
                       if (r == 0 && c == 0) each(i);
                       const Region region = grid.region(r, c, rows, cols);
                       const bool inside = region.inside(s.height, s.width);
                       const T* in = x + i * s.inputs();
                       if (!inside) copy_region<T>(border, in, s.height, s.width, s.channels, region);
                       in = inside ? region.first(in, s.width, s.channels) : border;
                       const T* const slope = dy + i * each.stride(s) + (r * s.out_width + c) * s.filters;
                       add_weight_block<T>(sum, in, (inside ? s.width : region.cols) * s.channels, slope, rows, cols, s,
                                           first, terms, add, dy_copy);
                       if (dbias) add_bias_block<T>(sum + count, slope, rows, cols, s, add);
                     });
  });
  copy<T>(dw, workspace, count);
  if (dbias) copy<T>(dbias, workspace + count, s.filters);
}

// --------------------------------------------------------------------------------------------------------------- table

bool takes(const ConvolutionShape&) noexcept { return true; }

template <class T>
std::size_t workspace_of(const ConvolutionShape& s) noexcept {
  const std::size_t border = border_pixels(forward_grid(s), convolution_block) * s.channels;
  const std::size_t forward =
      s.groups * panel_cols<T>(s.group_filters()) * s.terms() + whole_vectors(s.filters) + border;
  const std::size_t backward = s.groups * panel_cols<T>(s.group_channels()) * s.taps() * s.group_filters() +
                               backward_border_pixels(s, convolution_block) * s.filters;
  const std::size_t gradient =
      (open_branches + 1) * (s.terms() + 1) * s.filters + convolution_block * tile_cols<T> + border;
  return larger_size(larger_size(forward, backward), gradient);
}

template <class T>
constexpr Convolution<T> row() {
  return {"rows", true, false, takes, workspace_of<T>, forward<T>, backward<T>, gradient<T>};
}

}  // namespace

extern constinit const Both<Convolution> convolution_rows = {row<float>(), row<double>()};

}  // namespace ravine::RAVINE_ISA
