// An image within rows and columns of zeros.
#pragma once

#include "engine/graph.h"
#include "kernels/signatures/border.h"

namespace ravine {

template <class T>
class ZeroPad final : public Operation<T> {
 public:
  ZeroPad(const Place<T>& place, const Border2D& border) : Operation<T>(place), border_(border) {}

  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;

 private:
  const Border2D border_;
};

template <class T>
void add_zero_pad(Builder<T>& builder, const OperationSpec& spec);

}  // namespace ravine
