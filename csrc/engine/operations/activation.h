// y = f(x) as an operation of its own: rowwise functions, those whose derivative needs x, and the network's head.
#pragma once

#include "engine/graph.h"
#include "engine/operations/batch_norm.h"

namespace ravine {

template <class T>
class ActivationOperation final : public Operation<T> {
 public:
  ActivationOperation(const Place<T>& place, Applied<T> function) : Operation<T>(place), function_(function) {}

  BatchNorm<T>* norm = nullptr;  // the operation before, where that does the work in training

  bool has_derivative() const override { return function_.activation->backward != nullptr; }
  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;

 private:
  const Applied<T> function_;
};

template <class T>
void add_activation(Builder<T>& builder, const OperationSpec& spec);

}  // namespace ravine
