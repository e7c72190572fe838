// Random crops, shifts and flips: in training a window at a random position for each image and step, else a fixed one.
// It is a function of the seed, the layer, the step and the image's position in the batch, so the backward
// pass draws it again.
#include <cmath>
#include <cstdint>
#include <stdexcept>

#include "engine/operations/kinds.h"
#include "engine/random.h"
#include "kernels/signatures/augment.h"

namespace ravine {
namespace {

std::int64_t offset(const OperationSpec& spec, const std::string& setting, std::size_t i) {
  constexpr double most = 2147483648.0;
  const double value = spec.number(setting, i);
  if (!(value > -most && value < most) || value != std::floor(value))
    throw std::invalid_argument(setting + " of " + spec.name + " must be integers in (-2^31, 2^31), got " +
                                std::to_string(value));
  return static_cast<std::int64_t>(value);
}

std::uint32_t count(const OperationSpec& spec, const std::string& setting) {
  const std::size_t positions = spec.size(setting, 1);
  if (positions == 0 || positions >= std::size_t{1} << 31)
    throw std::invalid_argument(setting + " of " + spec.name + " must have 1 to 2^31 - 1 places, got " +
                                std::to_string(positions));
  return static_cast<std::uint32_t>(positions);
}

template <class T>
class Augment final : public Operation<T> {
 public:
  Augment(const Place<T>& place, const Window& drawn, const Window& resting, std::uint32_t seed, std::uint32_t stream)
      : Operation<T>(place), drawn_(drawn), resting_(resting), seed_(seed), stream_(stream) {}

  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                  const Tools<T>& tools) const noexcept override;
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                   const Tools<T>& tools) const noexcept override;

 private:
  const Window drawn_, resting_;
  const std::uint32_t seed_, stream_;
};

template <class T>
void Augment<T>::do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                            const Tools<T>& tools) const noexcept {
  tools.kernels->augment->image_window(this->y(pass, first), this->x(pass, first), pass.first_row + first, rows,
                                       pass.training ? drawn_ : resting_, {seed_, stream_, pass.step});
}

template <class T>
void Augment<T>::do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                             const Tools<T>& tools) const noexcept {
  tools.kernels->augment->image_window_backward(this->dx(pass, first), this->dy(pass, first), pass.first_row + first,
                                                rows, pass.training ? drawn_ : resting_, {seed_, stream_, pass.step});
  this->through_input_activation(pass, first, rows, {0, this->inputs_});
}

template <class T>
void add_augment(Builder<T>& builder, const OperationSpec& spec) {
  const auto& shape = spec.shape_of(3);
  if (shape[0] * shape[1] * shape[2] != builder.units())
    throw std::invalid_argument("shape of " + spec.name + " must have " + std::to_string(builder.units()) + " numbers");
  Window drawn{};
  drawn.height = shape[0], drawn.width = shape[1], drawn.channels = shape[2];
  drawn.out_height = spec.size("size", 0), drawn.out_width = spec.size("size", 1);
  const std::size_t border = spec.size("border");
  if (drawn.out_height == 0 || drawn.out_width == 0 || border > static_cast<std::size_t>(Border::wrap))
    throw std::invalid_argument("size and border of " + spec.name + " must be sizes of at least 1 and 0 to 3");
  drawn.border = static_cast<Border>(border);
  drawn.fill = spec.number("fill");
  if (!std::isfinite(static_cast<T>(drawn.fill)))
    throw std::invalid_argument("fill_value of " + spec.name + " is too large for the model's dtype, got " +
                                std::to_string(drawn.fill));
  Window resting = drawn;
  drawn.top = offset(spec, "top", 0), drawn.left = offset(spec, "left", 0);
  drawn.tops = count(spec, "top"), drawn.lefts = count(spec, "left");
  drawn.flip_vertical = spec.number("flips", 0) != 0.0, drawn.flip_horizontal = spec.number("flips", 1) != 0.0;
  resting.top = offset(spec, "top", 2), resting.left = offset(spec, "left", 2);
  builder.template add<Augment>(spec, drawn.out_height * drawn.out_width * drawn.channels, drawn, resting,
                                builder.seed(), stream(Purpose::augment, builder.layer()));
}

// size: height and width of the output; top and left: the first position, their number, the one outside training;
// flips: upside down, mirrored (0 or 1); border: its number in Border.
constexpr Declared augment_settings[] = {{"size"}, {"top"}, {"left"}, {"flips"}, {"border"}, {"fill"}};

}  // namespace

extern constinit const Both<Kind> augment_kind = {{"augment", add_augment<float>, augment_settings},
                                                  {"augment", add_augment<double>, augment_settings}};

}  // namespace ravine
