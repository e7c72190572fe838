#include "engine/operations/dropout.h"

#include <cstring>

namespace ravine {

template <class T>
Dropout<T>::Dropout(std::string name, std::size_t index, std::size_t units, double rate, std::uint32_t seed,
                    std::uint32_t stream)
    : Operation<T>(std::move(name), index, units, units), rate_(rate), seed_(seed), stream_(stream) {}

template <class T>
void Dropout<T>::apply(T* y, const T* x, const Pass<T>& pass, std::size_t first, std::size_t rows,
                       const Tools<T>& tools) const noexcept {
  const std::size_t at = first * this->units_, count = rows * this->units_;
  if (pass.training && rate_ > 0.0)
    tools.kernels->random->dropout(y + at, x + at, (pass.first_row + first) * this->units_, count, rate_,
                                   {seed_, stream_, pass.step});
  else
    std::memcpy(y + at, x + at, count * sizeof(T));
}

template <class T>
void Dropout<T>::forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                         const Tools<T>& tools) const noexcept {
  apply(pass.value[this->index_ + 1], pass.value[this->index_], pass, first, rows, tools);
}

template <class T>
void Dropout<T>::backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                          const Tools<T>& tools) const noexcept {
  apply(pass.dvalue[this->index_], pass.dvalue[this->index_ + 1], pass, first, rows, tools);
  this->through_input_activation(pass, first, rows, {0, this->units_});
}

template class Dropout<float>;
template class Dropout<double>;

}  // namespace ravine
