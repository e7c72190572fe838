#include "engine/operations/spatial_dropout.h"

#include <cstring>
#include <stdexcept>

#include "engine/random.h"

namespace ravine {

template <class T>
void SpatialDropout<T>::apply(T* to, const T* from, const Pass<T>& pass, std::size_t first, std::size_t rows,
                              const Tools<T>& tools) const noexcept {
  if (pass.training && rate_ > 0.0)
    tools.kernels->random->spatial_dropout(to, from, pass.first_row + first, rows, pixels_, this->units_ / pixels_,
                                           rate_, {seed_, stream_, pass.step});
  else
    std::memcpy(to, from, rows * this->units_ * sizeof(T));
}

template <class T>
void SpatialDropout<T>::forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                const Tools<T>& tools) const noexcept {
  apply(this->y(pass, first), this->x(pass, first), pass, first, rows, tools);
}

template <class T>
void SpatialDropout<T>::backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                 const Tools<T>& tools) const noexcept {
  apply(this->dx(pass, first), this->dy(pass, first), pass, first, rows, tools);
  this->through_input_activation(pass, first, rows, {0, this->units_});
}

template <class T>
void add_spatial_dropout(Builder<T>& builder, const OperationSpec& spec) {
  if (!(spec.rate >= 0.0 && spec.rate < 1.0))
    throw std::invalid_argument("rate of " + spec.name + " must be in [0, 1), got " + std::to_string(spec.rate));
  const std::size_t pixels = spec.size("positions");
  if (pixels == 0 || builder.units() % pixels != 0)
    throw std::invalid_argument("rows of " + std::to_string(builder.units()) + " numbers are no " +
                                std::to_string(pixels) + " positions (" + spec.name + ")");
  builder.template add<SpatialDropout>(spec, builder.units(), pixels, spec.rate, builder.seed(),
                                       stream(Purpose::dropout, builder.layer()));
}

template class SpatialDropout<float>;
template class SpatialDropout<double>;
template void add_spatial_dropout(Builder<float>&, const OperationSpec&);
template void add_spatial_dropout(Builder<double>&, const OperationSpec&);

}  // namespace ravine
