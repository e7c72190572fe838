// The running average of the weights, taken while they are trained.
#pragma once

#include <cstddef>

#include "engine/network.h"

namespace ravine {

template <class T>
class Averager {
 public:
  explicit Averager(const Network<T>& network) : network_(network) {}

  // Counts a step, or an epoch's end, and returns the share that the weights of now have in the average; 0: none.
  double count(bool epoch_end) const noexcept;
  // Takes a part of the weights into the average.
  void take(std::size_t chunk, double share) const noexcept;
  std::size_t chunks() const;

 private:
  const Network<T>& network_;
};

}  // namespace ravine
