// Inverted dropout of whole channels: in training a channel of a row is kept, times 1 / (1 - rate), or dropped, for all
// its pixels. As with dropout the mask is drawn again on the way back.
#pragma once

#include <cstdint>

#include "engine/graph.h"

namespace ravine {

template <class T>
class SpatialDropout final : public Operation<T> {
 public:
  SpatialDropout(const Place<T>& place, std::size_t pixels, double rate, std::uint32_t seed, std::uint32_t stream)
      : Operation<T>(place), pixels_(pixels), rate_(rate), seed_(seed), stream_(stream) {}

  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;

 private:
  void apply(T* to, const T* from, const Pass<T>& pass, std::size_t first, std::size_t rows,
             const Tools<T>& tools) const noexcept;

  const std::size_t pixels_;
  const double rate_;
  const std::uint32_t seed_, stream_;
};

template <class T>
void add_spatial_dropout(Builder<T>& builder, const OperationSpec& spec);

}  // namespace ravine
