// y = f(x * W + b): the convolution of images with W (kernel_height, kernel_width, channels / groups, filters).
#include <algorithm>
#include <optional>
#include <stdexcept>

#include "engine/operations/kinds.h"
#include "kernels/signatures/convolution.h"
#include "kernels/signatures/pooling.h"
#include "kernels/signatures/vector.h"

namespace ravine {
namespace {

// The shape in which users see W.
std::vector<std::size_t> kernel_shape(const OperationSpec& spec, const ConvolutionShape& s) {
  std::vector<std::size_t> shape;
  std::size_t count = 1;
  for (std::size_t i = 0; i < spec.count("kernel_shape"); ++i) {
    shape.push_back(spec.size("kernel_shape", i));
    count *= shape.back();
  }
  if (count != s.terms() * s.filters)
    throw std::invalid_argument("kernel_shape of " + spec.name + " must have " + std::to_string(s.terms() * s.filters) +
                                " elements, got " + std::to_string(count));
  return shape;
}

// A task has about this much work, and as many outputs of each filter; the gradient is cut into parts of no fewer rows
// of W: enough to pay for copies.
constexpr std::size_t task_work = 4'000'000;
constexpr std::size_t task_outputs = 2048;
constexpr std::size_t part_terms = 96;
constexpr std::size_t term_unit = 16;

ConvolutionShape shape_of(const OperationSpec& spec) {
  const std::vector<std::size_t>& image = spec.shape_of(3);
  ConvolutionShape s{};
  s.height = image[0], s.width = image[1], s.channels = image[2];
  s.kernel_height = spec.size("kernel_size", 0), s.kernel_width = spec.size("kernel_size", 1);
  s.filters = spec.size("units");
  s.stride_y = spec.size("strides", 0), s.stride_x = spec.size("strides", 1);
  s.dilation_y = spec.size("dilation", 0), s.dilation_x = spec.size("dilation", 1);
  s.top = spec.size("padding", 0), s.left = spec.size("padding", 2);
  s.groups = spec.size("groups");
  for (const std::size_t n :
       {s.kernel_height, s.kernel_width, s.filters, s.stride_y, s.stride_x, s.dilation_y, s.dilation_x, s.groups})
    if (n == 0) throw std::invalid_argument("sizes of " + spec.name + " must be at least 1, got 0");
  if (s.channels % s.groups != 0 || s.filters % s.groups != 0)
    throw std::invalid_argument("groups of " + spec.name + " must divide its channels (" + std::to_string(s.channels) +
                                ") and its filters (" + std::to_string(s.filters) + "), got " +
                                std::to_string(s.groups));
  const std::size_t height = s.height + s.top + spec.size("padding", 1),
                    width = s.width + s.left + spec.size("padding", 3);
  const std::size_t reach_y = (s.kernel_height - 1) * s.dilation_y + 1,
                    reach_x = (s.kernel_width - 1) * s.dilation_x + 1;
  if (height < reach_y || width < reach_x)
    throw std::invalid_argument("kernel (" + std::to_string(reach_y) + ", " + std::to_string(reach_x) +
                                ") exceeds padded input (" + std::to_string(height) + ", " + std::to_string(width) +
                                ") in " + spec.name);
  s.out_height = (height - reach_y) / s.stride_y + 1, s.out_width = (width - reach_x) / s.stride_x + 1;
  return s;
}

// Whether a convolution with so few filters trains with row_lanes images in the lanes of vectors. Bits depend on it.
constexpr bool trains_in_lanes(const ConvolutionShape& s) {
  const bool plain = s.groups == 1 && s.stride_y * s.stride_x * s.dilation_y * s.dilation_x == 1;
  return plain && s.filters <= 16 && s.terms() <= product_slice;
}

// Above so many elements of W their parts are tasks enough, and copies for all slices would not stay in the cache.
inline constexpr std::size_t most_sliced = std::size_t{1} << 16;

template <class T>
class Conv2D final : public Operation<T>, private SlicedGradient<T> {
 public:
  // `form` trains; `rows_form` serves where images are not in lanes.
  Conv2D(const Place<T>& place, const ConvolutionShape& shape, const Convolution<T>& form,
         const Convolution<T>& rows_form, std::size_t kernel, std::optional<std::size_t> bias)
      : Operation<T>(place), shape_(shape), form_(form), rows_form_(rows_form), kernel_(kernel), bias_(bias) {
    Profile& profile = this->profile_;
    profile.step_work = 6 * shape_.outputs() * shape_.terms();
    profile.task_rows = task_rows();
    profile.least_slice = row_lanes;
    profile.gradient_parts = std::max<std::size_t>(shape_.terms() > term_unit ? 2 : 1, shape_.terms() / part_terms);
    profile.scratch = scratch();
    profile.saved = all_slices();
    profile.has_parameters = profile.adds_row_norms = true;
  }

  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                  const Tools<T>& tools) const noexcept override;
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                   const Tools<T>& tools) const noexcept override;
  void gradient(const Pass<T>& pass, std::size_t rows, std::size_t slice, Part part, T* gradients,
                const Tools<T>& tools) const noexcept override;

  const SlicedGradient<T>* sliced_gradient() const override { return has_slices() ? this : nullptr; }
  void slice(const Pass<T>& pass, std::size_t first, std::size_t rows, std::size_t number,
             const Tools<T>& tools) const noexcept override;
  void join(const Pass<T>& pass, std::size_t slices, T* gradients, const Tools<T>& tools) const noexcept override;

  // In training, max pooling of the output into value `pooled` can be done here, image by image while it is in the L2
  // cache; neither the output nor the gradient by it is then in memory as a whole.
  bool absorb(const Fusible<T>& work) override;

  void add_row_norms(const Pass<T>& pass, std::size_t first, std::size_t rows, double* norm,
                     const Tools<T>& tools) const noexcept override;

 private:
  const Convolution<T>& form(const Pass<T>& pass) const { return this->in_lanes(pass) ? form_ : rows_form_; }

  std::size_t task_rows() const;
  bool has_slices() const { return shape_.terms() * shape_.filters <= most_sliced; }
  std::size_t scratch() const;
  std::size_t workspace() const;
  T* one(const Tools<T>& tools) const { return tools.scratch + workspace(); }
  bool pools(const Pass<T>& pass) const { return pooled_ && pass.fused; }
  // A pass keeps the sums of slices, dW and db, and then the number of each window's largest pixel.
  std::size_t slice_size() const { return padded((shape_.terms() + 1) * shape_.filters); }
  std::size_t all_slices() const { return has_slices() ? most_batch_slices * slice_size() : 0; }
  T* slice_sum(const Pass<T>& pass, std::size_t number) const {
    return pass.saved[this->number_] + number * slice_size();
  }
  T* largest(const Pass<T>& pass, std::size_t row) const {
    return pass.saved[this->number_] + all_slices() + row * windows_.outputs();
  }
  // The gradient by the output of one row, into `slope`.
  void unpool(T* slope, const Pass<T>& pass, std::size_t row, const Tools<T>& tools) const noexcept;

  // Where the kernels leave a row's output, or want its gradient.
  struct Rows {
    const Conv2D* operation;
    const Pass<T>* pass;
    const Tools<T>* tools;
    std::size_t first;
    T* one;  // one image's output, or the gradient by it
  };
  static void pool_row(const void* rows, std::size_t image) noexcept;
  static void unpool_row(const void* rows, std::size_t image) noexcept;

  const ConvolutionShape shape_;
  const Convolution<T>& form_;
  const Convolution<T>& rows_form_;
  const std::size_t kernel_;
  const std::optional<std::size_t> bias_;
  Pool2D windows_{};
  std::optional<std::size_t> pooled_;
};

template <class T>
std::size_t Conv2D<T>::task_rows() const {
  const std::size_t row_work = 2 * shape_.outputs() * shape_.terms() + 1;
  if (form_.lanes) return row_lanes * std::clamp<std::size_t>(task_work / (row_lanes * row_work), 1, 32);
  const std::size_t rows = std::max(task_work / row_work, task_outputs * shape_.filters / (shape_.outputs() + 1));
  return std::clamp<std::size_t>(rows, 1, 512);
}

template <class T>
bool Conv2D<T>::absorb(const Fusible<T>& work) {
  if (!work.max_pool || pooled_ || !form_.visits || this->lanes_) return false;
  if (this->applied.activation && !this->applied.relu) return false;
  windows_ = *work.max_pool, pooled_ = work.output;
  this->profile_.saved_row = windows_.outputs();
  return true;
}

// The kernels' own, and then an image's output, or the gradient by it; for row norms the image, and its gradient by the
// parameters.
template <class T>
std::size_t Conv2D<T>::scratch() const {
  return workspace() + padded(shape_.inputs()) + padded(shape_.outputs()) + padded(shape_.terms() * shape_.filters) +
         padded(shape_.filters);
}

template <class T>
std::size_t Conv2D<T>::workspace() const {
  return padded(std::max(form_.workspace(shape_), rows_form_.workspace(shape_)));
}

template <class T>
void Conv2D<T>::pool_row(const void* rows, std::size_t image) noexcept {
  const Rows& x = *static_cast<const Rows*>(rows);
  const Conv2D& self = *x.operation;
  const std::size_t row = x.first + image;
  const std::size_t at = row * self.windows_.outputs();
  x.tools->kernels->max_pool->forward_index(x.pass->value[*self.pooled_] + at, self.largest(*x.pass, row), x.one, 1,
                                            self.windows_);
}

template <class T>
void Conv2D<T>::unpool_row(const void* rows, std::size_t image) noexcept {
  const Rows& x = *static_cast<const Rows*>(rows);
  x.operation->unpool(x.one, *x.pass, x.first + image, *x.tools);
}

template <class T>
void Conv2D<T>::unpool(T* slope, const Pass<T>& pass, std::size_t row, const Tools<T>& tools) const noexcept {
  const std::size_t at = row * windows_.outputs();
  tools.kernels->max_pool->backward_index(slope, pass.dvalue[*pooled_] + at, pass.value[*pooled_] + at,
                                          largest(pass, row), 1, windows_, this->applied.relu);
}

template <class T>
void Conv2D<T>::do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                           const Tools<T>& tools) const noexcept {
  const Rows visited{this, &pass, &tools, first, one(tools)};
  T* const y = pools(pass) ? visited.one : this->y(pass, first);
  const T* const bias = bias_ ? tools.arena->value(*bias_) : nullptr;
  form(pass).forward(y, this->x(pass, first), tools.arena->value(kernel_), bias, this->images(pass, rows), shape_,
                     this->applied.relu ? Finish::relu : Finish::none,
                     pools(pass) ? EachImage{pool_row, &visited} : EachImage{}, tools.scratch);
  if (this->applied.activation && !this->applied.relu)
    this->applied.activation->forward(y, y, 1, this->stored(pass, rows) * this->units_, this->applied.alpha);
}

template <class T>
void Conv2D<T>::do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                            const Tools<T>& tools) const noexcept {
  const bool mask = this->input_applied.relu;
  const Rows visited{this, &pass, &tools, first, one(tools)};
  form(pass).backward(this->dx(pass, first), pools(pass) ? visited.one : this->dy(pass, first),
                      tools.arena->value(kernel_), mask ? this->x(pass, first) : nullptr, this->images(pass, rows),
                      shape_, pools(pass) ? EachImage{unpool_row, &visited} : EachImage{}, tools.scratch);
  if (!mask) this->through_input_activation(pass, first, this->stored(pass, rows), {0, this->inputs_});
}

// dW and db, the latter with the first part of W's rows
template <class T>
void Conv2D<T>::gradient(const Pass<T>& pass, std::size_t rows, std::size_t slice, Part part, T* gradients,
                         const Tools<T>& tools) const noexcept {
  const Span terms = span_of(part, shape_.terms(), term_unit);
  const auto& parameters = tools.arena->parameters;
  const Rows visited{this, &pass, &tools, 0, one(tools)};
  form(pass).gradient(gradients + parameters[kernel_].offset + terms.first * shape_.filters,
                      bias_ && part.index == 0 ? gradients + parameters[*bias_].offset : nullptr, this->x(pass, 0),
                      pools(pass) ? visited.one : this->dy(pass, 0), this->images(pass, rows),
                      this->images(pass, slice), shape_, terms.first, terms.count,
                      pools(pass) ? EachImage{unpool_row, &visited} : EachImage{}, tools.scratch);
}

template <class T>
void Conv2D<T>::slice(const Pass<T>& pass, std::size_t first, std::size_t rows, std::size_t number,
                      const Tools<T>& tools) const noexcept {
  T* const dw = slice_sum(pass, number);
  const Rows visited{this, &pass, &tools, first, one(tools)};
  form(pass).gradient(dw, bias_ ? dw + shape_.terms() * shape_.filters : nullptr, this->x(pass, first),
                      pools(pass) ? visited.one : this->dy(pass, first), this->images(pass, rows), 0, shape_, 0,
                      shape_.terms(), pools(pass) ? EachImage{unpool_row, &visited} : EachImage{}, tools.scratch);
}

template <class T>
void Conv2D<T>::join(const Pass<T>& pass, std::size_t slices, T* gradients, const Tools<T>& tools) const noexcept {
  const std::size_t count = shape_.terms() * shape_.filters;
  join_tree(slices, [&](std::size_t a, std::size_t b) {
    T* const sum = slice_sum(pass, a);
    tools.kernels->vector->add(sum, sum, slice_sum(pass, b), count + (bias_ ? shape_.filters : 0));
  });
  const T* const sum = slice_sum(pass, 0);
  const auto& parameters = tools.arena->parameters;
  std::copy_n(sum, count, gradients + parameters[kernel_].offset);
  if (bias_) std::copy_n(sum + count, shape_.filters, gradients + parameters[*bias_].offset);
}

// |dW|^2 + |db|^2 of one image after the other
template <class T>
void Conv2D<T>::add_row_norms(const Pass<T>& pass, std::size_t first, std::size_t rows, double* norm,
                              const Tools<T>& tools) const noexcept {
  const auto sum_squares = tools.kernels->vector->sum_squares;
  T* const slope = this->one(tools);
  T* const image = slope + padded(shape_.outputs());
  T* const dw = image + padded(shape_.inputs());
  T* const dbias = dw + padded(shape_.terms() * shape_.filters);
  const auto row_of = [&](T* copy, const T* values, std::size_t row, std::size_t width) {
    if (!this->in_lanes(pass)) return values + row * width;
    const T* const group = values + row / row_lanes * row_lanes * width + row % row_lanes;
    for (std::size_t j = 0; j < width; ++j) copy[j] = group[j * row_lanes];
    return static_cast<const T*>(copy);
  };
  for (std::size_t i = 0; i < rows; ++i) {
    const T* const x = row_of(image, this->x(pass, 0), first + i, this->inputs_);
    if (pools(pass)) unpool(slope, pass, first + i, tools);
    const T* const dy = pools(pass) ? slope : row_of(slope, this->dy(pass, 0), first + i, this->units_);
    rows_form_.gradient(dw, bias_ ? dbias : nullptr, x, dy, 1, 0, shape_, 0, shape_.terms(), {}, tools.scratch);
    norm[i] += sum_squares(dw, shape_.terms() * shape_.filters) + (bias_ ? sum_squares(dbias, shape_.filters) : 0.0);
  }
}

template <class T>
void add_conv2d(Builder<T>& builder, const OperationSpec& spec) {
  const ConvolutionShape s = shape_of(spec);
  if (s.inputs() != builder.units())
    throw std::invalid_argument(spec.name + " expects " + std::to_string(s.inputs()) +
                                " inputs, the layer before gives " + std::to_string(builder.units()));
  const Kernels<T>& kernels = builder.kernels();
  const Convolution<T>& plain =
      *find(kernels.convolutions, s.groups == s.channels && s.groups > 1 ? "depthwise" : "rows");
  const bool lanes = trains_in_lanes(s) && !builder.is_head();
  builder.use_lanes(spec, lanes);
  const std::size_t kernel = builder.add_kernel(spec, s.terms(), s.filters, kernel_shape(spec, s));
  std::optional<std::size_t> bias;
  if (spec.flag("use_bias")) bias = builder.add_vector(spec.name + "/bias", s.filters);
  builder.template add<Conv2D>(spec, s.outputs(), s, lanes ? *find(kernels.convolutions, "lanes") : plain, plain,
                               kernel, bias);
  builder.add_activation_after(spec);
}

// units: filters; padding: zeros above, below, left and right; kernel_shape: the shape in which users see W.
constexpr Declared own_conv2d_settings[] = {{"units"},   {"kernel_size"}, {"strides"},     {"dilation"},
                                            {"padding"}, {"groups"},      {"kernel_shape"}};
constexpr auto conv2d_settings = joined(own_conv2d_settings, activation_settings, kernel_settings);

}  // namespace

extern constinit const Both<Kind> conv2d_kind = {{"conv2d", add_conv2d<float>, conv2d_settings, true},
                                                 {"conv2d", add_conv2d<double>, conv2d_settings, true}};

}  // namespace ravine
