// Inverted dropout: in training y = x / (1 - rate) where kept and 0 where dropped; the mask is a function of the seed,
// the layer, the step and the place in the batch, so the way back draws it again instead of keeping it.
#pragma once

#include <cstdint>

#include "engine/operations/operation.h"

namespace ravine {

template <class T>
class Dropout final : public Operation<T> {
 public:
  Dropout(std::string name, std::size_t index, std::size_t units, double rate, std::uint32_t seed,
          std::uint32_t stream);

  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;

 private:
  void apply(T* y, const T* x, const Pass<T>& pass, std::size_t first, std::size_t rows,
             const Tools<T>& tools) const noexcept;

  const double rate_;
  const std::uint32_t seed_, stream_;
};

}  // namespace ravine
