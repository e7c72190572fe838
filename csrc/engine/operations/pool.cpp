// Windows of images: their largest pixels or their means, and pixels spread over windows.
#include <algorithm>
#include <optional>
#include <stdexcept>

#include "engine/operations/kinds.h"
#include "kernels/signatures/pooling.h"

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

// What operations on windows share. The small image is the output for pooling, and the input for upsampling.
template <class T>
class WindowOperation : public Operation<T> {
 public:
  // A pixel of the large image takes about as long as 24 operations of a product, there and back. Tasks of about a
  // fifth of a millisecond, enough of them for a team where images are large.
  WindowOperation(const Place<T>& place, const Pool2D& pool) : Operation<T>(place), pool_(pool) {
    constexpr std::size_t task_work = 20'000'000;
    Profile& profile = this->profile_;
    profile.step_work = 24 * pool_.inputs();
    profile.task_rows = std::clamp<std::size_t>(task_work / (profile.work() + 1) / 16 * 16, 16, 512);
  }

 protected:
  const Pool2D pool_;
};

template <class T>
class MaxPool final : public WindowOperation<T> {
 public:
  using WindowOperation<T>::WindowOperation;

  std::optional<Fusible<T>> fusible() const override {
    return Fusible<T>{.activation = {}, .max_pool = this->pool_, .output = this->output_};
  }

  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                  const Tools<T>& tools) const noexcept override;
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                   const Tools<T>& tools) const noexcept override;
};

template <class T>
class AveragePool final : public WindowOperation<T> {
 public:
  using WindowOperation<T>::WindowOperation;

  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                  const Tools<T>& tools) const noexcept override;
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                   const Tools<T>& tools) const noexcept override;
};

template <class T>
class Upsample final : public WindowOperation<T> {
 public:
  using WindowOperation<T>::WindowOperation;

  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                  const Tools<T>& tools) const noexcept override;
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                   const Tools<T>& tools) const noexcept override;
};

template <class T>
void MaxPool<T>::do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                            const Tools<T>& tools) const noexcept {
  tools.kernels->max_pool->forward(this->y(pass, first), this->x(pass, first), this->images(pass, rows),
                                   this->widened(pass, this->pool_));
}

// A ReLU in the input goes back in the same pass: a pixel that is its window's largest has the window's sign.
template <class T>
void MaxPool<T>::do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                             const Tools<T>& tools) const noexcept {
  const bool relu = this->input_applied.relu;
  tools.kernels->max_pool->backward(this->dx(pass, first), this->dy(pass, first), this->y(pass, first),
                                    this->x(pass, first), this->images(pass, rows), this->widened(pass, this->pool_),
                                    relu);
  if (!relu) this->through_input_activation(pass, first, this->stored(pass, rows), {0, this->inputs_});
}

template <class T>
void AveragePool<T>::do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                const Tools<T>& tools) const noexcept {
  tools.kernels->average_pool->forward(this->y(pass, first), this->x(pass, first), this->images(pass, rows),
                                       this->widened(pass, this->pool_));
}

template <class T>
void AveragePool<T>::do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                 const Tools<T>& tools) const noexcept {
  tools.kernels->average_pool->backward(this->dx(pass, first), this->dy(pass, first), this->images(pass, rows),
                                        this->widened(pass, this->pool_));
  this->through_input_activation(pass, first, this->stored(pass, rows), {0, this->inputs_});
}

template <class T>
void Upsample<T>::do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                             const Tools<T>& tools) const noexcept {
  tools.kernels->average_pool->spread(this->y(pass, first), this->x(pass, first), this->images(pass, rows),
                                      this->widened(pass, this->pool_));
}

template <class T>
void Upsample<T>::do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                              const Tools<T>& tools) const noexcept {
  tools.kernels->average_pool->sum(this->dx(pass, first), this->dy(pass, first), this->images(pass, rows),
                                   this->widened(pass, this->pool_));
  this->through_input_activation(pass, first, this->stored(pass, rows), {0, this->inputs_});
}

template <class T, template <class> class Pooling>
void add_pool(Builder<T>& builder, const OperationSpec& spec) {
  const std::vector<std::size_t>& image = image_of(builder, spec);
  std::size_t pool[2], strides[2];
  Placed placed[2];
  for (std::size_t axis = 0; axis < 2; ++axis) {
    pool[axis] = at_least_one(spec, "pool_size", axis);
    strides[axis] = at_least_one(spec, "strides", axis);
    placed[axis] = place_windows(image[axis], pool[axis], strides[axis], spec.flag("same"));
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
  builder.template add<Pooling>(spec, windows.outputs(), windows);
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

constexpr Declared pool_settings[] = {{"pool_size"}, {"strides"}, {"same"}};
constexpr Declared upsample_settings[] = {{"size"}};

}  // namespace

extern constinit const Both<Kind> max_pool_kind = {{"max_pool", add_pool<float, MaxPool>, pool_settings, true},
                                                   {"max_pool", add_pool<double, MaxPool>, pool_settings, true}};
extern constinit const Both<Kind> average_pool_kind = {
    {"average_pool", add_pool<float, AveragePool>, pool_settings, true},
    {"average_pool", add_pool<double, AveragePool>, pool_settings, true}};
extern constinit const Both<Kind> upsample_kind = {{"upsample", add_upsample<float>, upsample_settings, true},
                                                   {"upsample", add_upsample<double>, upsample_settings, true}};

}  // namespace ravine
