// Every kernel's signature, and the table of them. This page knows no instruction set.
//
// Arguments come in the order outputs, inputs, sizes, settings. Matrices are row-major; `rows` and `cols` are their
// sizes, and rows follow each other without padding unless a stride (`ld...`) is given. Gradients carry the prefix d.
// A kernel allocates nothing, throws nothing and starts no thread: it works on the range it is given.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ravine {

// A sum over a product's inner dimension is cut every `product_slice` terms: each slice is one fma chain from zero,
// and the slices are added in ascending order. Bits depend on this constant.
inline constexpr std::size_t product_slice = 256;

// A sum along a row runs in this many lanes, whatever the vector's width: term i goes to lane i % row_lanes, and the
// lanes are added pairwise (l with l + 8, then 4, 2, 1). Bits depend on this constant.
inline constexpr std::size_t row_lanes = 16;

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

// ---------------------------------------------------------------------------------------------- matrix product

enum class Finish { none, relu, mask };

// c = finish(op(a) op(b) + bias), or c = finish(c + op(a) op(b) + bias) with `accumulate`.
//   nn: a (m, k), b (k, n)     tn: a (k, m), b (k, n)     nt: a (m, k), b (n, k)
template <class T>
struct Matmul {
  T* c;
  const T* a;
  const T* b;
  std::size_t m, n, k;
  std::size_t ldc, lda, ldb;
  const T* bias = nullptr;       // (n)
  Finish finish = Finish::none;  // relu: max(c, 0); mask: c where gate > 0 (or NaN), else 0
  const T* gate = nullptr;       // (m, n), read by Finish::mask
  std::size_t ldgate = 0;
  bool accumulate = false;      // c is the first term of its sum; the slices of k follow in ascending order
  std::size_t batch_slice = 0;  // tn only, not with `accumulate`: k is cut every batch_slice rows, the slices' products
                                // are added in a balanced tree; 0: k is one slice
  T* workspace = nullptr;       // MatmulKernels::workspace elements, aligned to 64 bytes
};

template <class T>
struct MatmulKernels {
  void (*nn)(const Matmul<T>&) noexcept;
  void (*tn)(const Matmul<T>&) noexcept;
  void (*nt)(const Matmul<T>&) noexcept;
  std::size_t workspace;
};

// ------------------------------------------------------------------------------------------------- convolution

// Images (height, width, channels), contiguous, and what a convolution makes of them, (out_height, out_width, filters):
//   y[i, j, f] = sum_{u, v, c} x[i stride_y + u dilation_y - top, j stride_x + v dilation_x - left, c] w[u, v, c, f]
//                + b[f]
// x is 0 outside the image. w is (kernel_height, kernel_width, channels / groups, filters): group g takes the g-th
// share of the channels to the g-th share of the filters.
struct ConvolutionShape {
  std::size_t height, width, channels;
  std::size_t kernel_height, kernel_width, filters;
  std::size_t stride_y = 1, stride_x = 1;
  std::size_t dilation_y = 1, dilation_x = 1;
  std::size_t top = 0, left = 0;
  std::size_t out_height, out_width;
  std::size_t groups = 1;

  constexpr std::size_t group_channels() const { return channels / groups; }
  constexpr std::size_t group_filters() const { return filters / groups; }
  constexpr std::size_t taps() const { return kernel_height * kernel_width; }
  constexpr std::size_t terms() const { return taps() * group_channels(); }  // of an output
  constexpr std::size_t inputs() const { return height * width * channels; }
  constexpr std::size_t outputs() const { return out_height * out_width * filters; }
};

// A block of outputs, whole rows of them or a piece of one, that the gradient by w sums in one chain. Bits depend on
// it.
struct ConvolutionBlock {
  std::size_t rows, cols;

  constexpr ConvolutionBlock(std::size_t out_width, std::size_t most)
      : rows(out_width > 0 && out_width < most ? most / out_width : 1), cols(out_width < most ? out_width : most) {}
};
inline constexpr std::size_t convolution_block = 256;
inline constexpr std::size_t convolution_lanes_block = 64;

// Called with the number of each image, in ascending order: going forward after its outputs are there, going back
// before its dy is read. Then one image at a time stands where y, or dy, points.
struct EachImage {
  void (*call)(const void* context, std::size_t image) noexcept = nullptr;  // null: y, or dy, holds all images
  const void* context = nullptr;

  void operator()(std::size_t image) const noexcept {
    if (call) call(context, image);
  }
  constexpr std::size_t stride(const ConvolutionShape& shape) const { return call ? 0 : shape.outputs(); }
};

// An output is one sum over (u, v, c), a gradient by x one over (i, j, f), ascending and cut as a product's terms are;
// what lies outside the image counts as a term. The gradient by w adds the chains of an image's blocks, then images, in
// ascending order, inside a slice of `slice` images (0: all); slices are added in a balanced tree, up to 16 of them.
template <class T>
struct Convolution {
  const char* name;
  bool visits;  // whether it takes an EachImage
  bool lanes;   // images come as rows_to_lanes leaves them, and `images` counts groups of row_lanes of them
  bool (*takes)(const ConvolutionShape&) noexcept;
  std::size_t (*workspace)(const ConvolutionShape&) noexcept;
  // y = finish(...), none or relu; bias: null for none
  void (*forward)(T* y, const T* x, const T* w, const T* bias, std::size_t images, const ConvolutionShape& shape,
                  Finish finish, const EachImage& each, T* workspace) noexcept;
  // dx, 0 where gate <= 0 unless gate is null
  void (*backward)(T* dx, const T* dy, const T* w, const T* gate, std::size_t images, const ConvolutionShape& shape,
                   const EachImage& each, T* workspace) noexcept;
  // rows [first, first + terms) of dw, a matrix (shape.terms(), filters), and db (null: not wanted)
  void (*gradient)(T* dw, T* dbias, const T* x, const T* dy, std::size_t images, std::size_t slice,
                   const ConvolutionShape& shape, std::size_t first, std::size_t terms, const EachImage& each,
                   T* workspace) noexcept;
};

template <class T>
struct LaneKernels {
  // Rows (rows, units) in groups of row_lanes: y[g, j, l] = x[row_lanes g + l, j], 0 after the last row.
  void (*rows_to_lanes)(T* y, const T* x, std::size_t rows, std::size_t units) noexcept;
  void (*lanes_to_rows)(T* x, const T* y, std::size_t rows, std::size_t units) noexcept;
};

// ------------------------------------------------------------------------------------------------- activations

// y = f(x) and dx = dy * f'(.), the derivative taken from the output y, or from the input x where `from_input`.
// Elementwise ones see (1, count); a rowwise one (softmax) sees (rows, cols). y may be x, and dx may be dy.
template <class T>
struct Activation {
  const char* name;
  bool from_input;
  bool rowwise;
  void (*forward)(T* y, const T* x, std::size_t rows, std::size_t cols, T alpha) noexcept;
  // null for a function without a useful derivative (step)
  void (*backward)(T* dx, const T* dy, const T* saved, std::size_t rows, std::size_t cols, T alpha) noexcept;
};

// ------------------------------------------------------------------------------------------------------ losses

// loss (rows): the unweighted loss l_i of each row. dz (rows, cols), unless null: scale * weight_i * dl_i/dz.
// z (rows, cols): what the last layer gives. weight (rows): null means ones. dz may be z.
template <class T>
struct Loss {
  const char* name;
  void (*dense)(T* loss, T* dz, const T* z, const T* target, const T* weight, std::size_t rows, std::size_t cols,
                T scale, T setting) noexcept;
  // the same with targets given as one class index a row; null where a loss has no such form
  void (*labels)(T* loss, T* dz, const T* z, const std::int32_t* label, const T* weight, std::size_t rows,
                 std::size_t cols, T scale, T setting) noexcept;
};

// ----------------------------------------------------------------------------------------------------- metrics

// value (rows): the unweighted value of each row, from targets or labels (the other is null).
template <class T>
struct Metric {
  const char* name;
  void (*rows)(T* value, const T* z, const T* target, const std::int32_t* label, std::size_t rows, std::size_t cols,
               T setting) noexcept;
};

// ------------------------------------------------------------------------------------------------ update rules

// Names as in the papers; a rule reads what it needs. `weight_decay` is decoupled: w -= learning_rate * weight_decay *
// w. The clips act on gradients before the rule sees them, 0 is none: `clip_norm` on their norm over all trained
// parameters, `clip_value` on each element.
struct UpdateSettings {
  double learning_rate = 1e-3;
  double momentum = 0.0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double rho = 0.9;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  bool bias_correction = true;
  bool epsilon_inside = false;
  double clip_norm = 0.0;
  double clip_value = 0.0;
};

// Running float64 products (beta^t and the like), all 1 before the first step. Part of the optimizer's state.
struct UpdateRunning {
  double product[4] = {1.0, 1.0, 1.0, 1.0};
};

// The factors of one step, derived in float64 from settings and running products; each rule names its own.
struct UpdateFactors {
  double factor[8] = {};
};

// One step on a range: w and its slots of state (slot s of element i at state[s * stride + i]) from the gradient dw.
// `prepare` runs once a step, `step` on every range. All-zero w, state and dw stay zero. `still`: without decay, w and
// state stay as they are where dw is 0.
template <class T>
struct Update {
  const char* name;
  std::size_t slots;
  void (*prepare)(UpdateFactors& factors, UpdateRunning& running, const UpdateSettings& settings) noexcept;
  void (*step)(T* w, T* state, std::size_t stride, const T* dw, std::size_t count,
               const UpdateFactors& factors) noexcept;
  bool still = false;
};

// -------------------------------------------------------------------------------------------- vector functions

// y = f(x), elementwise; exposed so that tests can hold math.h to its bounds.
template <class T>
struct Elementary {
  const char* name;
  void (*apply)(T* y, const T* x, std::size_t count) noexcept;
};

// ------------------------------------------------------------------------------------------- vectors and sums

template <class T>
struct VectorKernels {
  void (*pow)(T* y, const T* x, const T* exponent, std::size_t count) noexcept;
  void (*sincospi)(T* sine, T* cosine, const T* x, std::size_t count) noexcept;
  // y = factor x
  void (*scale)(T* y, const T* x, std::size_t count, T factor) noexcept;
  // y = a + b
  void (*add)(T* y, const T* a, const T* b, std::size_t count) noexcept;
  // y += factor x
  void (*add_scaled)(T* y, const T* x, std::size_t count, T factor) noexcept;
  // (x, y) <- (c x + s y, c y - s x)
  void (*rotate)(T* x, T* y, std::size_t count, T c, T s) noexcept;
  // sum_i x_i^2, sum_i |x_i| and sum_i a_i b_i, each one row sum a chunk of 4096 elements, the chunks added in float64
  double (*sum_squares)(const T* x, std::size_t count) noexcept;
  double (*sum_abs)(const T* x, std::size_t count) noexcept;
  double (*dot)(const T* a, const T* b, std::size_t count) noexcept;
  // sum[j] = sum_i x[i, j]: rows in ascending order from zero inside a slice of batch_slice rows (0: all rows), the
  // slices added in a balanced tree
  void (*column_sums)(T* sum, const T* x, std::size_t rows, std::size_t cols, std::size_t ldx,
                      std::size_t batch_slice) noexcept;
  bool (*all_finite)(const T* x, std::size_t count) noexcept;
  // x = 0 where |x| is below the smallest normal number and g is 0
  void (*clear_faded)(T* x, const T* g, std::size_t count) noexcept;
  // y += share (x - y)
  void (*approach)(T* y, const T* x, std::size_t count, T share) noexcept;
  // dw += l1 sign(w) + 2 l2 w
  void (*add_penalty_gradient)(T* dw, const T* w, std::size_t count, T l1, T l2) noexcept;
};

// ------------------------------------------------------------------------------------------------- sparse rows

// Rows of a sparse matrix. Row i, or row row[i] where `row` is not null, has the terms start[.] <= p < start[. + 1]:
// value[p] in column column[p], in strictly ascending columns.
template <class T>
struct SparseRows {
  const T* value = nullptr;
  const std::int32_t* column = nullptr;
  const std::int64_t* start = nullptr;
  const std::uint32_t* row = nullptr;
};

// The same terms by columns: those of one column are a list in ascending order of rows.
template <class T>
struct ColumnTerm {
  T value;
  std::uint32_t row;
  std::uint32_t next;  // the column's next term, or no_term
};
inline constexpr std::uint32_t no_term = 0xFFFFFFFF;

template <class T>
struct ColumnTerms {
  const ColumnTerm<T>* term;
  const std::uint32_t* column;  // the columns that have terms, in any order
  const std::uint32_t* first;   // where the list of each of all columns begins
};

// The sums are those of the dense products, term by term: a fused multiply-add with a factor 0 leaves its sum as it is.
// So their bits are the same where b is finite, but for the sign of a zero that a term too small for T leaves.
template <class T>
struct SparseKernels {
  // c (m, n) = finish(a b + bias), b (columns, n); finish: none or relu
  void (*rows_product)(T* c, const SparseRows<T>& a, const T* b, std::size_t m, std::size_t n, std::size_t ldc,
                       std::size_t ldb, const T* bias, Finish finish) noexcept;
  // c[j] = sum_i a[i, j] b[i] for the `count` columns a.column[first ...]; other rows of c stay as they are. The rows i
  // are cut every batch_slice (0: not), the slices are added in a balanced tree; up to 2^20 of them.
  void (*columns_product)(T* c, const ColumnTerms<T>& a, const T* b, std::size_t first, std::size_t count,
                          std::size_t n, std::size_t ldc, std::size_t ldb, std::size_t batch_slice) noexcept;
  // sum_p value[p]^2 over one row, with the bits of VectorKernels::sum_squares over its columns
  double (*sum_squares)(const T* value, const std::int32_t* column, std::size_t count) noexcept;
  // c[i] = table[id[i]], `count` rows of `n`; id holds whole numbers that are rows of the table
  void (*take_rows)(T* c, const T* id, const T* table, std::size_t count, std::size_t n) noexcept;
};

// ----------------------------------------------------------------------------- gradients and weights within limits

template <class T>
struct ClipKernels {
  // sum_i (scale x_i)^2 in float64 whatever T is: one row sum a chunk of 4096 elements, the chunks added in ascending
  // order
  double (*squared_norm)(const T* x, std::size_t count, double scale) noexcept;
  // y = x held within [-limit, limit]; a NaN stays. y may be x.
  void (*clip)(T* y, const T* x, std::size_t count, T limit) noexcept;
  // y = sign(x) max(|x| - threshold, 0); a NaN stays. y may be x.
  void (*soft_threshold)(T* y, const T* x, std::size_t count, T threshold) noexcept;
  // w[:, j] *= limit / |w[:, j]| where that norm exceeds the limit and is finite
  void (*limit_columns)(T* w, std::size_t rows, std::size_t cols, std::size_t ldw, double limit) noexcept;
};

// ----------------------------------------------------------------------------------------------- normalisation

// Batch norm, for each channel j: y = gamma_j (x - mean_j) / sqrt(variance_j + epsilon) + beta_j. x (rows, positions,
// cols); weight (rows): null means ones. Rows of weight 0 count for nothing: the statistics do not see what is in them.
// gamma and beta (cols): null means ones and zeros. What a batch gives is kept in float64 whatever T is.
template <class T>
struct BatchNormKernels {
  // moments (2 cols + 2): mean_j = sum_i w_i x_ij / W and squares_j = sum_i w_i (x_ij - mean_j)^2 over rows and
  // positions in ascending order, the mass W = sum_i w_i, and the number of values with a weight above 0. The sums run
  // over the distances from the first row that counts, so that a mean far from 0 costs no digits.
  void (*moments)(double* moments, const T* x, const T* weight, std::size_t rows, std::size_t positions,
                  std::size_t cols) noexcept;
  // a: the moments of what gave a and b
  void (*join_moments)(double* a, const double* b, std::size_t cols) noexcept;
  // squares_j becomes variance_j = squares_j / W, 0 where W is 0
  void (*finish_moments)(double* moments, std::size_t cols) noexcept;
  // running += (1 - momentum) (of the batch - running), rounded once
  void (*learn)(T* running_mean, T* running_variance, const double* mean, const double* variance, double momentum,
                std::size_t cols) noexcept;
  // coefficient (3, cols) for `forward`: centre, scale, shift
  void (*fold)(T* coefficient, const double* mean, const double* variance, const T* gamma, const T* beta,
               double epsilon, std::size_t cols) noexcept;
  // y = (x - centre_j) scale_j + shift_j; y may be x
  void (*forward)(T* y, const T* x, const T* coefficient, std::size_t rows, std::size_t cols) noexcept;
  // sums (2 cols) go on with sum_i dy_ij and sum_i dy_ij (x_ij - mean_j), in ascending order
  void (*sums)(double* sums, const T* dy, const T* x, const T* weight, const double* mean, std::size_t rows,
               std::size_t positions, std::size_t cols) noexcept;
  // a += b
  void (*join_sums)(double* a, const double* b, std::size_t cols) noexcept;
  // coefficient (4, cols) for `backward`: slope a, b, c and centre; dgamma and dbeta (cols), unless null
  void (*fold_back)(T* coefficient, T* dgamma, T* dbeta, const double* sums, const double* mean, const double* variance,
                    const T* gamma, double epsilon, std::size_t cols) noexcept;
  // dx = a_j dy - w / W (b_j + c_j (x - centre_j)); an infinite mass W says that mean and variance are constants. dx
  // may be dy
  void (*backward)(T* dx, const T* dy, const T* x, const T* weight, const T* coefficient, double mass, std::size_t rows,
                   std::size_t positions, std::size_t cols) noexcept;
};

// Layer norm, for each row: y_j = gamma_j n_j + beta_j with n_j = (x_j - mean) / sqrt(variance + epsilon), mean and
// variance those of the row, in float64. gamma and beta (cols): null means ones and zeros.
template <class T>
struct LayerNormKernels {
  void (*forward)(T* y, const T* x, const T* gamma, const T* beta, std::size_t rows, std::size_t cols,
                  double epsilon) noexcept;
  // dx may be dy
  void (*backward)(T* dx, const T* dy, const T* x, const T* gamma, std::size_t rows, std::size_t cols,
                   double epsilon) noexcept;
  // dgamma_j = sum_i dy_ij n_ij and dbeta_j = sum_i dy_ij (either may be null), in float64, rows in ascending order;
  // workspace (2 cols)
  void (*gradient)(T* dgamma, T* dbeta, const T* dy, const T* x, std::size_t rows, std::size_t cols, double epsilon,
                   double* workspace) noexcept;
};

// ----------------------------------------------------------------------------------------------- random numbers

// Philox4x32-10, key (seed, 0), counter (block, step low, step high, stream); word w of block b is position 4 b + w.
struct RandomKey {
  std::uint32_t seed;
  std::uint32_t stream;
  std::uint64_t step;
};

template <class T>
struct RandomKernels {
  // the 32-bit words at positions [first, first + count)
  void (*bits)(std::uint32_t* word, std::size_t first, std::size_t count, RandomKey key) noexcept;
  // uniform on [low, high): low + (high - low) u, where u has 53 bits: words 2 i and 2 i + 1 of the stream make value
  // i, computed in float64 and rounded once
  void (*uniform)(T* x, std::size_t count, double low, double high, RandomKey key) noexcept;
  // normal by Box and Muller in float64, rounded once: block i (words 4 i .. 4 i + 3) gives values 2 i (cosine) and
  // 2 i + 1 (sine)
  void (*normal)(T* x, std::size_t count, double mean, double deviation, RandomKey key) noexcept;
  // y = x / (1 - rate) where kept, 0 where dropped; element i of the range is position first + i, dropped iff its
  // word < rate * 2^32. The backward pass is the same map on dy. y may be x.
  void (*dropout)(T* y, const T* x, std::size_t first, std::size_t count, double rate, RandomKey key) noexcept;
  // y = x + deviation z, where element i of the range has value first + i of `normal` with mean 0 as its z; computed in
  // float64 and rounded once. y may be x.
  void (*gaussian_noise)(T* y, const T* x, std::size_t first, std::size_t count, double deviation,
                         RandomKey key) noexcept;
  // dropout of whole channels: x (rows, pixels, channels), channel c of row i has position (first + i) channels + c for
  // all its pixels. y may be x.
  void (*spatial_dropout)(T* y, const T* x, std::size_t first, std::size_t rows, std::size_t pixels,
                          std::size_t channels, double rate, RandomKey key) noexcept;
};

// ---------------------------------------------------------------------------------------------------------- images
//
// An image is (height, width, channels), channels next to each other; images follow each other without padding.

// How many windows of `window` cells stand every `stride` along `size` cells, and how far the first begins before them.
// valid: those wholly inside. same: ceil(size / stride); what they reach beyond is halved between both ends, an odd
// cell at the far one.
struct Placed {
  std::size_t count, pad;
};

constexpr Placed place_windows(std::size_t size, std::size_t window, std::size_t stride, bool same) {
  if (!same) return {window > size ? 0 : (size - window) / stride + 1, 0};
  const std::size_t count = (size + stride - 1) / stride, reach = (count - 1) * stride + window;
  return {count, reach > size ? (reach - size) / 2 : 0};
}

// Windows of pool_height x pool_width pixels, every stride_height rows and stride_width columns of an image, the first
// of them pad_top rows above and pad_left columns left of it. What lies outside the image is no part of a window, and
// each window holds at least one pixel. Windows are numbered, and their pixels met, row by row.
struct Pool2D {
  std::size_t height, width, channels;
  std::size_t pool_height, pool_width;
  std::size_t stride_height, stride_width;
  std::size_t pad_top, pad_left;
  std::size_t out_height, out_width;

  constexpr std::size_t inputs() const { return height * width * channels; }
  constexpr std::size_t outputs() const { return out_height * out_width * channels; }
};

// y (images, out_height, out_width, channels) from x (images, height, width, channels), and dx from dy.
template <class T>
struct MaxPoolKernels {
  // y = the largest pixel of the window; a NaN counts as larger than any number
  void (*forward)(T* y, const T* x, std::size_t images, const Pool2D& pool) noexcept;
  // y: what `forward` gave, bit for bit. dy goes to the window's first pixel with the bits of y, which is the first of
  // its largest ones, or its first NaN; what several windows give to a pixel is added in their order. With `relu`, x =
  // max(z, 0) and dx is the gradient by z: dy counts where y > 0 alone.
  void (*backward)(T* dx, const T* dy, const T* y, const T* x, std::size_t images, const Pool2D& pool,
                   bool relu) noexcept;
  // the same, with the number in its window of the pixel that y is, row by row, for the way back without x
  void (*forward_index)(T* y, T* index, const T* x, std::size_t images, const Pool2D& pool) noexcept;
  void (*backward_index)(T* dx, const T* dy, const T* y, const T* index, std::size_t images, const Pool2D& pool,
                         bool relu) noexcept;
};

// A window's sum: each of its rows from left to right, then the rows' sums from top to bottom.
template <class T>
struct AveragePoolKernels {
  // y = the window's sum / the number of its pixels
  void (*forward)(T* y, const T* x, std::size_t images, const Pool2D& pool) noexcept;
  // dx = the sum of dy / number over the windows that hold the pixel, in their order
  void (*backward)(T* dx, const T* dy, std::size_t images, const Pool2D& pool) noexcept;
  // the same without the division: the sum of a window, and every pixel as that of its window
  void (*sum)(T* y, const T* x, std::size_t images, const Pool2D& pool) noexcept;
  void (*spread)(T* dx, const T* dy, std::size_t images, const Pool2D& pool) noexcept;
};

// Rows and columns of zeros around an image of height x width pixels.
struct Border2D {
  std::size_t height, width, channels;
  std::size_t top, bottom, left, right;

  constexpr std::size_t inputs() const { return height * width * channels; }
  constexpr std::size_t outputs() const { return (top + height + bottom) * (left + width + right) * channels; }
};

template <class T>
struct BorderKernels {
  // y = x within zeros
  void (*forward)(T* y, const T* x, std::size_t images, const Border2D& border) noexcept;
  // dx = dy without its border
  void (*backward)(T* dx, const T* dy, std::size_t images, const Border2D& border) noexcept;
};

// ---------------------------------------------------------------------------------------- images moved at random

// What an image is beyond its edges; for a row a b c d:
enum class Border {
  constant,  // k k | a b c d | k k
  nearest,   // a a | a b c d | d d
  reflect,   // b a | a b c d | d c
  wrap,      // c d | a b c d | a b
};

// How (height, width, channels) becomes (out_height, out_width, channels): y[i, j] = x[t + i', l + j'], where i' is i
// or, upside down, out_height - 1 - i, and j' likewise. An image's place is drawn from the words w0 .. w3 of a block:
// t = top + floor(tops w0 / 2^32), l = left + floor(lefts w1 / 2^32), upside down iff flip_vertical and w2 < 2^31,
// mirrored iff flip_horizontal and w3 < 2^31.
struct Window {
  std::size_t height, width, channels;
  std::size_t out_height, out_width;
  std::int64_t top = 0, left = 0;
  std::uint32_t tops = 1, lefts = 1;
  bool flip_vertical = false, flip_horizontal = false;
  Border border = Border::constant;
  double fill = 0.0;  // k
};

template <class T>
struct AugmentKernels {
  // the windows of images [0, rows), image r at the place that block first + r gives
  void (*image_window)(T* y, const T* x, std::size_t first, std::size_t rows, const Window& window,
                       RandomKey key) noexcept;
  // dx[s] = sum of dy[p] over the output pixels p that are input pixel s, from zero in ascending order of p
  void (*image_window_backward)(T* dx, const T* dy, std::size_t first, std::size_t rows, const Window& window,
                                RandomKey key) noexcept;
};

// ---------------------------------------------------------------------------------------------- standardisation

template <class T>
struct StandardizeKernels {
  // y = (x - mean) / deviation, both (cols). y may be x.
  void (*standardize)(T* y, const T* x, const T* mean, const T* deviation, std::size_t rows, std::size_t cols) noexcept;
  // dx = dy / deviation. dx may be dy.
  void (*standardize_backward)(T* dx, const T* dy, const T* deviation, std::size_t rows, std::size_t cols) noexcept;
};

// ---------------------------------------------------------------------------------------------------- the table

template <class T>
struct Kernels {
  const MatmulKernels<T>* matmul;
  const VectorKernels<T>* vector;
  const ClipKernels<T>* clip;
  const BatchNormKernels<T>* batch_norm;
  const LayerNormKernels<T>* layer_norm;
  const RandomKernels<T>* random;
  const AugmentKernels<T>* augment;
  const StandardizeKernels<T>* standardize;
  const MaxPoolKernels<T>* max_pool;
  const AveragePoolKernels<T>* average_pool;
  const BorderKernels<T>* border;
  const LaneKernels<T>* lanes;
  const SparseKernels<T>* sparse;
  Rows<Convolution<T>> convolutions;
  Rows<Elementary<T>> elementary;
  Rows<Activation<T>> activations;
  Rows<Loss<T>> losses;
  Rows<Metric<T>> metrics;
  Rows<Update<T>> updates;
};

struct InstructionSet {
  const char* name;
  std::size_t vector_bytes;
  bool fma;
  Kernels<float> f;
  Kernels<double> d;

  template <class T>
  constexpr const Kernels<T>& kernels() const {
    if constexpr (sizeof(T) == sizeof(float))
      return f;
    else
      return d;
  }
};

// One entry per compiled copy of this folder, each defined by its own compilation of table.cpp.
namespace baseline {
extern const InstructionSet instruction_set;
}
namespace avx2 {
extern const InstructionSet instruction_set;
}
namespace avx512 {
extern const InstructionSet instruction_set;
}

}  // namespace ravine
