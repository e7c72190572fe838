#include "engine/operations/activation.h"

namespace ravine {

template <class T>
void ActivationOperation<T>::forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                     const Tools<T>&) const noexcept {
  if (norm && pass.fused) return;
  function_.activation->forward(this->y(pass, first), this->x(pass, first), this->stored(pass, rows), this->units_,
                                function_.alpha);
}

template <class T>
void ActivationOperation<T>::backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                      const Tools<T>&) const noexcept {
  if (norm && pass.fused) return;
  const T* const saved = function_.activation->from_input ? this->x(pass, first) : this->y(pass, first);
  const std::size_t stored = this->stored(pass, rows);
  function_.activation->backward(this->dx(pass, first), this->dy(pass, first), saved, stored, this->units_,
                                 function_.alpha);
  this->through_input_activation(pass, first, stored, {0, this->units_});
}

template <class T>
void add_activation(Builder<T>& builder, const OperationSpec& spec) {
  const Activation<T>& activation = *builder.find_activation(spec.activation);
  // a head's stands last, where a loss that starts from logits leaves it out
  if (builder.is_head() || activation.rowwise) builder.stand_in_lanes(spec, false);
  const Applied<T> function{&activation, static_cast<T>(spec.alpha), spec.activation == "relu"};
  auto* const norm = dynamic_cast<BatchNorm<T>*>(builder.writer());
  auto& added = builder.template add<ActivationOperation>(spec, builder.units(), function);
  if (!norm || builder.is_head() || !norm->can_activate(activation)) return;
  norm->activate(function, added.output());
  added.norm = norm;
}

template class ActivationOperation<float>;
template class ActivationOperation<double>;
template void add_activation(Builder<float>&, const OperationSpec&);
template void add_activation(Builder<double>&, const OperationSpec&);

}  // namespace ravine
