// An image within rows and columns of zeros.
#include <stdexcept>

#include "engine/operations/kinds.h"
#include "kernels/signatures/border.h"

namespace ravine {
namespace {

template <class T>
class ZeroPad final : public Operation<T> {
 public:
  ZeroPad(const Place<T>& place, const Border2D& border) : Operation<T>(place), border_(border) {}

  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                  const Tools<T>& tools) const noexcept override;
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                   const Tools<T>& tools) const noexcept override;

 private:
  const Border2D border_;
};

template <class T>
void ZeroPad<T>::do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                            const Tools<T>& tools) const noexcept {
  tools.kernels->border->forward(this->y(pass, first), this->x(pass, first), this->images(pass, rows),
                                 this->widened(pass, border_));
}

template <class T>
void ZeroPad<T>::do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                             const Tools<T>& tools) const noexcept {
  tools.kernels->border->backward(this->dx(pass, first), this->dy(pass, first), this->images(pass, rows),
                                  this->widened(pass, border_));
  this->through_input_activation(pass, first, this->stored(pass, rows), {0, this->inputs_});
}

template <class T>
void add_zero_pad(Builder<T>& builder, const OperationSpec& spec) {
  const std::vector<std::size_t>& image = spec.shape_of(3);
  const Border2D border{.height = image[0],
                        .width = image[1],
                        .channels = image[2],
                        .top = spec.size("padding", 0),
                        .bottom = spec.size("padding", 1),
                        .left = spec.size("padding", 2),
                        .right = spec.size("padding", 3)};
  if (border.inputs() != builder.units())
    throw std::invalid_argument("shape of " + spec.name + " has " + std::to_string(border.inputs()) +
                                " numbers, its input has " + std::to_string(builder.units()));
  constexpr std::size_t most = std::size_t{1} << 40;
  const std::size_t height = border.top + border.height + border.bottom;
  const std::size_t width = border.left + border.width + border.right;
  if (height > most / image[2] || width > most / image[2] / height)
    throw std::invalid_argument("padding of " + spec.name + " makes rows of more than 2^40 numbers");
  builder.template add<ZeroPad>(spec, border.outputs(), border);
}

// Zeros above, below, left and right.
constexpr Declared zero_pad_settings[] = {{"padding"}};

}  // namespace

extern constinit const Both<Kind> zero_pad_kind = {{"zero_pad", add_zero_pad<float>, zero_pad_settings, true},
                                                   {"zero_pad", add_zero_pad<double>, zero_pad_settings, true}};

}  // namespace ravine
