#include "engine/operations/standardize.h"

#include <stdexcept>

#include "kernels/signatures/standardize.h"

namespace ravine {

template <class T>
void Standardize<T>::forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                             const Tools<T>& tools) const noexcept {
  tools.kernels->standardize->standardize(this->y(pass, first), this->x(pass, first), tools.arena->value(mean_),
                                          tools.arena->value(deviation_), rows * (this->units_ / cols_), cols_);
}

template <class T>
void Standardize<T>::backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                              const Tools<T>& tools) const noexcept {
  tools.kernels->standardize->standardize_backward(this->dx(pass, first), this->dy(pass, first),
                                                   tools.arena->value(deviation_), rows * (this->units_ / cols_),
                                                   cols_);
  this->through_input_activation(pass, first, rows, {0, this->inputs_});
}

template <class T>
void add_standardize(Builder<T>& builder, const OperationSpec& spec) {
  if (spec.units == 0 || builder.units() % spec.units != 0)
    throw std::invalid_argument("units of " + spec.name + " must divide " + std::to_string(builder.units()) + ", got " +
                                std::to_string(spec.units));
  const std::size_t mean = builder.add_vector(spec.name + "/mean", spec.units);
  const std::size_t deviation = builder.add_vector(spec.name + "/deviation", spec.units);
  builder.template add<Standardize>(spec, builder.units(), spec.units, mean, deviation);
}

template class Standardize<float>;
template class Standardize<double>;
template void add_standardize(Builder<float>&, const OperationSpec&);
template void add_standardize(Builder<double>&, const OperationSpec&);

}  // namespace ravine
