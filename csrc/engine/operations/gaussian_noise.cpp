#include "engine/operations/gaussian_noise.h"

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "engine/random.h"

namespace ravine {

template <class T>
void GaussianNoise<T>::forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                               const Tools<T>& tools) const noexcept {
  const std::size_t count = rows * this->units_;
  const T* const x = this->x(pass, first);
  T* const y = this->y(pass, first);
  if (pass.training && deviation_ > 0.0)
    tools.kernels->random->gaussian_noise(y, x, (pass.first_row + first) * this->units_, count, deviation_,
                                          {seed_, stream_, pass.step});
  else
    std::memcpy(y, x, count * sizeof(T));
}

template <class T>
void GaussianNoise<T>::backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                const Tools<T>&) const noexcept {
  std::memcpy(this->dx(pass, first), this->dy(pass, first), rows * this->units_ * sizeof(T));
  this->through_input_activation(pass, first, rows, {0, this->units_});
}

template <class T>
void add_gaussian_noise(Builder<T>& builder, const OperationSpec& spec) {
  if (!(spec.stddev >= 0.0 && std::isfinite(spec.stddev)))
    throw std::invalid_argument("stddev of " + spec.name + " must be in [0, inf), got " + std::to_string(spec.stddev));
  builder.template add<GaussianNoise>(spec, builder.units(), spec.stddev, builder.seed(),
                                      stream(Purpose::noise, builder.layer()));
}

template class GaussianNoise<float>;
template class GaussianNoise<double>;
template void add_gaussian_noise(Builder<float>&, const OperationSpec&);
template void add_gaussian_noise(Builder<double>&, const OperationSpec&);

}  // namespace ravine
