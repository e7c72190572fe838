#include "engine/operations/activation.h"

namespace ravine {

template <class T>
ActivationOperation<T>::ActivationOperation(std::string name, std::size_t index, std::size_t units, Applied<T> function)
    : Operation<T>(std::move(name), index, units, units), function_(function) {}

template <class T>
void ActivationOperation<T>::forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                     const Tools<T>&) const noexcept {
  const std::size_t at = first * this->units_;
  function_.activation->forward(pass.value[this->index_ + 1] + at, pass.value[this->index_] + at, rows, this->units_,
                                function_.alpha);
}

template <class T>
void ActivationOperation<T>::backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                      const Tools<T>&) const noexcept {
  const std::size_t at = first * this->units_;
  const T* const saved = pass.value[this->index_ + (function_.activation->from_input ? 0 : 1)] + at;
  function_.activation->backward(pass.dvalue[this->index_] + at, pass.dvalue[this->index_ + 1] + at, saved, rows,
                                 this->units_, function_.alpha);
  this->through_input_activation(pass, first, rows, {0, this->units_});
}

template class ActivationOperation<float>;
template class ActivationOperation<double>;

}  // namespace ravine
