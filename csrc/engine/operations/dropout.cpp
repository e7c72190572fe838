#include "engine/operations/dropout.h"

#include <cstring>
#include <stdexcept>

#include "engine/random.h"

namespace ravine {

template <class T>
void Dropout<T>::apply(T* to, const T* from, const Pass<T>& pass, std::size_t first, std::size_t rows,
                       const Tools<T>& tools) const noexcept {
  const std::size_t count = rows * this->units_;
  if (pass.training && rate_ > 0.0)
    tools.kernels->random->dropout(to, from, (pass.first_row + first) * this->units_, count, rate_,
                                   {seed_, stream_, pass.step});
  else
    std::memcpy(to, from, count * sizeof(T));
}

template <class T>
void Dropout<T>::forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                         const Tools<T>& tools) const noexcept {
  apply(this->y(pass, first), this->x(pass, first), pass, first, rows, tools);
}

template <class T>
void Dropout<T>::backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                          const Tools<T>& tools) const noexcept {
  apply(this->dx(pass, first), this->dy(pass, first), pass, first, rows, tools);
  this->through_input_activation(pass, first, rows, {0, this->units_});
}

template <class T>
void add_dropout(Builder<T>& builder, const OperationSpec& spec) {
  if (!(spec.rate >= 0.0 && spec.rate < 1.0))
    throw std::invalid_argument("rate of " + spec.name + " must be in [0, 1), got " + std::to_string(spec.rate));
  builder.template add<Dropout>(spec, builder.units(), spec.rate, builder.seed(),
                                stream(Purpose::dropout, builder.layer()));
}

template class Dropout<float>;
template class Dropout<double>;
template void add_dropout(Builder<float>&, const OperationSpec&);
template void add_dropout(Builder<double>&, const OperationSpec&);

}  // namespace ravine
