#include "engine/operations/pool.h"

#include <algorithm>
#include <stdexcept>
#include <type_traits>

#include "engine/operations/activation.h"
#include "engine/operations/conv2d.h"

namespace ravine {
namespace {

// A row's image, as wide as the value that the next operation reads.
template <class T>
const std::vector<std::size_t>& image_of(const Builder<T>& builder, const OperationSpec& spec) {
  const std::vector<std::size_t>& image = spec.shape_of(3);
  if (image[0] * image[1] * image[2] != builder.units())
    throw std::invalid_argument("shape of " + spec.name + ", " + std::to_string(image[0]) + " x " +
                                std::to_string(image[1]) + " x " + std::to_string(image[2]) +
                                ", is not that of rows of " + std::to_string(builder.units()) + " numbers");
  return image;
}

std::size_t at_least_one(const OperationSpec& spec, const std::string& setting, std::size_t i) {
  const std::size_t size = spec.size(setting, i);
  if (size == 0) throw std::invalid_argument(setting + " of " + spec.name + " must be at least 1, got 0");
  return size;
}

}  // namespace

// Tasks of about a fifth of a millisecond, enough of them for a team where images are large.
template <class T>
std::size_t WindowOperation<T>::task_rows() const {
  constexpr std::size_t task_work = 20'000'000;
  return std::clamp<std::size_t>(task_work / (this->work() + 1) / 16 * 16, 16, 512);
}

template <class T>
void MaxPool<T>::forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                         const Tools<T>& tools) const noexcept {
  if (fused && pass.fused) return;
  tools.kernels->max_pool->forward(this->y(pass, first), this->x(pass, first), this->images(pass, rows),
                                   this->widened(pass, this->pool_));
}

// A ReLU in the input goes back in the same pass: a pixel that is its window's largest has the window's sign.
template <class T>
void MaxPool<T>::backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                          const Tools<T>& tools) const noexcept {
  if (fused && pass.fused) return;
  const bool relu = this->input_applied.relu;
  tools.kernels->max_pool->backward(this->dx(pass, first), this->dy(pass, first), this->y(pass, first),
                                    this->x(pass, first), this->images(pass, rows), this->widened(pass, this->pool_),
                                    relu);
  if (!relu) this->through_input_activation(pass, first, this->stored(pass, rows), {0, this->inputs_});
}

template <class T>
void AveragePool<T>::forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                             const Tools<T>& tools) const noexcept {
  tools.kernels->average_pool->forward(this->y(pass, first), this->x(pass, first), this->images(pass, rows),
                                       this->widened(pass, this->pool_));
}

template <class T>
void AveragePool<T>::backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                              const Tools<T>& tools) const noexcept {
  tools.kernels->average_pool->backward(this->dx(pass, first), this->dy(pass, first), this->images(pass, rows),
                                        this->widened(pass, this->pool_));
  this->through_input_activation(pass, first, this->stored(pass, rows), {0, this->inputs_});
}

template <class T>
void Upsample<T>::forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                          const Tools<T>& tools) const noexcept {
  tools.kernels->average_pool->spread(this->y(pass, first), this->x(pass, first), this->images(pass, rows),
                                      this->widened(pass, this->pool_));
}

template <class T>
void Upsample<T>::backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                           const Tools<T>& tools) const noexcept {
  tools.kernels->average_pool->sum(this->dx(pass, first), this->dy(pass, first), this->images(pass, rows),
                                   this->widened(pass, this->pool_));
  this->through_input_activation(pass, first, this->stored(pass, rows), {0, this->inputs_});
}

template <class T, template <class> class Kind>
void add_pool(Builder<T>& builder, const OperationSpec& spec) {
  const std::vector<std::size_t>& image = image_of(builder, spec);
  std::size_t pool[2], strides[2];
  Placed placed[2];
  for (std::size_t axis = 0; axis < 2; ++axis) {
    pool[axis] = at_least_one(spec, "pool_size", axis);
    strides[axis] = at_least_one(spec, "strides", axis);
    placed[axis] = place_windows(image[axis], pool[axis], strides[axis], spec.number("same") != 0.0);
    if (placed[axis].count == 0)
      throw std::invalid_argument("pool_size " + std::to_string(pool[axis]) + " of " + spec.name +
                                  " exceeds its image's size " + std::to_string(image[axis]));
  }
  const Pool2D windows{.height = image[0],
                       .width = image[1],
                       .channels = image[2],
                       .pool_height = pool[0],
                       .pool_width = pool[1],
                       .stride_height = strides[0],
                       .stride_width = strides[1],
                       .pad_top = placed[0].pad,
                       .pad_left = placed[1].pad,
                       .out_height = placed[0].count,
                       .out_width = placed[1].count};
  Operation<T>* const writer = builder.writer();
  Kind<T>& pooling = builder.template add<Kind>(spec, windows.outputs(), windows);
  if constexpr (std::is_same_v<Kind<T>, MaxPool<T>>) {
    const auto hand_to = [&](auto* earlier) {
      if (!earlier || !earlier->can_pool()) return;
      earlier->pool(windows, pooling.output());
      pooling.fused = true;
    };
    const auto* const activation = dynamic_cast<ActivationOperation<T>*>(writer);
    hand_to(dynamic_cast<Conv2D<T>*>(writer));
    hand_to(activation ? activation->norm : dynamic_cast<BatchNorm<T>*>(writer));
  }
}

template <class T>
void add_upsample(Builder<T>& builder, const OperationSpec& spec) {
  const std::vector<std::size_t>& image = image_of(builder, spec);
  const std::size_t rows = at_least_one(spec, "size", 0), cols = at_least_one(spec, "size", 1);
  if (rows > (std::size_t{1} << 40) / builder.units() / cols)
    throw std::invalid_argument("size of " + spec.name + " (" + std::to_string(rows) + " x " + std::to_string(cols) +
                                ") makes rows of more than 2^40 numbers");
  const Pool2D blocks{.height = image[0] * rows,
                      .width = image[1] * cols,
                      .channels = image[2],
                      .pool_height = rows,
                      .pool_width = cols,
                      .stride_height = rows,
                      .stride_width = cols,
                      .pad_top = 0,
                      .pad_left = 0,
                      .out_height = image[0],
                      .out_width = image[1]};
  builder.template add<Upsample>(spec, blocks.inputs(), blocks);
}

template class WindowOperation<float>;
template class WindowOperation<double>;
template class MaxPool<float>;
template class MaxPool<double>;
template class AveragePool<float>;
template class AveragePool<double>;
template class Upsample<float>;
template class Upsample<double>;
template void add_pool<float, MaxPool>(Builder<float>&, const OperationSpec&);
template void add_pool<double, MaxPool>(Builder<double>&, const OperationSpec&);
template void add_pool<float, AveragePool>(Builder<float>&, const OperationSpec&);
template void add_pool<double, AveragePool>(Builder<double>&, const OperationSpec&);
template void add_upsample(Builder<float>&, const OperationSpec&);
template void add_upsample(Builder<double>&, const OperationSpec&);

}  // namespace ravine
