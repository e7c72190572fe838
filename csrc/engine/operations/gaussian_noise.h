// In training y = x + deviation z, z standard normal; otherwise y = x. The noise is a function of the seed, the layer,
// the step and the place in the batch, and its derivative is 1.
#pragma once

#include <cstdint>

#include "engine/graph.h"

namespace ravine {

template <class T>
class GaussianNoise final : public Operation<T> {
 public:
  GaussianNoise(const Place<T>& place, double deviation, std::uint32_t seed, std::uint32_t stream)
      : Operation<T>(place), deviation_(deviation), seed_(seed), stream_(stream) {}

  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;

 private:
  const double deviation_;
  const std::uint32_t seed_, stream_;
};

template <class T>
void add_gaussian_noise(Builder<T>& builder, const OperationSpec& spec);

}  // namespace ravine
