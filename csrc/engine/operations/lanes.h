// Between layers whose images are in the lanes of vectors while a network trains, row_lanes images side by side, and
// layers whose rows follow each other.
#pragma once

#include "engine/operations/operation.h"

namespace ravine {

template <class T>
class LaneConversion final : public Operation<T> {
 public:
  // From rows to lanes, or back. Outside training both are rows, and this is a copy.
  LaneConversion(const Place<T>& place, bool to_lanes) : Operation<T>(place), to_lanes_(to_lanes) {
    this->profile_.step_work = 4 * this->units_;
  }

 private:
  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                  const Tools<T>& tools) const noexcept override;
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                   const Tools<T>& tools) const noexcept override;

  const bool to_lanes_;
};

}  // namespace ravine
