// Inverted dropout: in training y = x / (1 - rate) where kept and 0 where dropped; the mask is a function of the seed,
// the layer, the step and the place in the batch, so the way back draws it again instead of keeping it.
#pragma once

#include <cstdint>

#include "engine/graph.h"

namespace ravine {

template <class T>
class Dropout final : public Operation<T> {
 public:
  Dropout(const Place<T>& place, double rate, std::uint32_t seed, std::uint32_t stream)
      : Operation<T>(place), rate_(rate), seed_(seed), stream_(stream) {}

  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;

 private:
  void apply(T* to, const T* from, const Pass<T>& pass, std::size_t first, std::size_t rows,
             const Tools<T>& tools) const noexcept;

  const double rate_;
  const std::uint32_t seed_, stream_;
};

template <class T>
void add_dropout(Builder<T>& builder, const OperationSpec& spec);

}  // namespace ravine
