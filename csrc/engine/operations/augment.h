// Images moved at random: in training a window at a place drawn for each image and step, otherwise at a fixed place.
// The place is a function of the seed, the layer, the step and the image's place in the batch, so the way back draws it
// again.
#pragma once

#include <cstdint>

#include "engine/graph.h"
#include "kernels/signatures/augment.h"

namespace ravine {

template <class T>
class Augment final : public Operation<T> {
 public:
  Augment(const Place<T>& place, const Window& drawn, const Window& still, std::uint32_t seed, std::uint32_t stream)
      : Operation<T>(place), drawn_(drawn), still_(still), seed_(seed), stream_(stream) {}

  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;

 private:
  const Window drawn_, still_;
  const std::uint32_t seed_, stream_;
};

// Settings: size (height, width of the output), top and left (the first place, how many there are, the place outside
// training), flips (upside down, mirrored: 0 or 1), border (its number in Border) and fill.
template <class T>
void add_augment(Builder<T>& builder, const OperationSpec& spec);

}  // namespace ravine
