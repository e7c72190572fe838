#include "engine/operations/gaussian_noise.h"

#include <cstring>

namespace ravine {

template <class T>
GaussianNoise<T>::GaussianNoise(std::string name, std::size_t index, std::size_t units, double deviation,
                                std::uint32_t seed, std::uint32_t stream)
    : Operation<T>(std::move(name), index, units, units), deviation_(deviation), seed_(seed), stream_(stream) {}

template <class T>
void GaussianNoise<T>::forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                               const Tools<T>& tools) const noexcept {
  const std::size_t at = first * this->units_, count = rows * this->units_;
  const T* const x = pass.value[this->index_] + at;
  T* const y = pass.value[this->index_ + 1] + at;
  if (pass.training && deviation_ > 0.0)
    tools.kernels->random->gaussian_noise(y, x, (pass.first_row + first) * this->units_, count, deviation_,
                                          {seed_, stream_, pass.step});
  else
    std::memcpy(y, x, count * sizeof(T));
}

template <class T>
void GaussianNoise<T>::backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                const Tools<T>&) const noexcept {
  const std::size_t at = first * this->units_;
  std::memcpy(pass.dvalue[this->index_] + at, pass.dvalue[this->index_ + 1] + at, rows * this->units_ * sizeof(T));
  this->through_input_activation(pass, first, rows, {0, this->units_});
}

template class GaussianNoise<float>;
template class GaussianNoise<double>;

}  // namespace ravine
