// y = f(x * W + b): the convolution of images with W (kernel_height, kernel_width, channels / groups, filters).
#pragma once

#include <optional>

#include "engine/graph.h"
#include "kernels/signatures/convolution.h"
#include "kernels/signatures/pooling.h"

namespace ravine {

// Whether a convolution with so few filters trains with row_lanes images in the lanes of vectors. Bits depend on it.
constexpr bool trains_in_lanes(const ConvolutionShape& s) {
  const bool plain = s.groups == 1 && s.stride_y * s.stride_x * s.dilation_y * s.dilation_x == 1;
  return plain && s.filters <= 16 && s.terms() <= product_slice;
}

// Above so many elements of W their parts are tasks enough, and copies for all slices would not stay in the cache.
inline constexpr std::size_t most_sliced = std::size_t{1} << 16;

template <class T>
class Conv2D final : public Operation<T> {
 public:
  // `form` trains; `rows_form` serves where images do not stand in lanes.
  Conv2D(const Place<T>& place, const ConvolutionShape& shape, const Convolution<T>& form,
         const Convolution<T>& rows_form, std::size_t kernel, std::optional<std::size_t> bias)
      : Operation<T>(place), shape_(shape), form_(form), rows_form_(rows_form), kernel_(kernel), bias_(bias) {}

  std::size_t step_work() const override { return 6 * shape_.outputs() * shape_.terms(); }
  std::size_t task_rows() const override;
  std::size_t least_slice() const override { return row_lanes; }
  std::size_t gradient_parts() const override;
  std::size_t room() const override;
  std::size_t saved(std::size_t rows) const override {
    return all_slices() + (pooled_ ? rows * windows_.outputs() : 0);
  }
  bool has_parameters() const override { return true; }

  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;
  void gradient(const Pass<T>& pass, std::size_t rows, std::size_t slice, Part part, T* gradients,
                const Tools<T>& tools) const noexcept override;

  bool has_slices() const override { return shape_.terms() * shape_.filters <= most_sliced; }
  void gradient_of_slice(const Pass<T>& pass, std::size_t first, std::size_t rows, std::size_t number,
                         const Tools<T>& tools) const noexcept override;
  void join_slices(const Pass<T>& pass, std::size_t slices, T* gradients,
                   const Tools<T>& tools) const noexcept override;

  // In training, max pooling of the output into value `pooled` can be done here, image by image while it is in the L2
  // cache; neither the output nor the gradient by it then stands in memory as a whole.
  bool can_pool() const { return form_.visits && !this->lanes_ && (this->applied.relu || !this->applied.activation); }
  void pool(const Pool2D& windows, std::size_t pooled) { windows_ = windows, pooled_ = pooled; }

  bool has_row_norms() const override { return true; }
  void add_row_norms(const Pass<T>& pass, std::size_t first, std::size_t rows, double* norm,
                     const Tools<T>& tools) const noexcept override;

 private:
  const Convolution<T>& form(const Pass<T>& pass) const { return this->in_lanes(pass) ? form_ : rows_form_; }

  std::size_t workspace() const;
  T* one(const Tools<T>& tools) const { return tools.room + workspace(); }
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
    T* one;  // where one image's output stands, or the gradient by it
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
void add_conv2d(Builder<T>& builder, const OperationSpec& spec);

}  // namespace ravine
