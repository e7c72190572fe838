#include "engine/operations/lanes.h"

#include <cstring>

#include "kernels/signatures/lanes.h"

namespace ravine {

template <class T>
void LaneConversion<T>::do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                   const Tools<T>& tools) const noexcept {
  T* const y = this->y(pass, first);
  const T* const x = this->x(pass, first);
  if (!pass.lanes)
    std::memcpy(y, x, rows * this->units_ * sizeof(T));
  else if (to_lanes_)
    tools.kernels->lanes->rows_to_lanes(y, x, rows, this->units_);
  else
    tools.kernels->lanes->lanes_to_rows(y, x, rows, this->units_);
}

template <class T>
void LaneConversion<T>::do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                    const Tools<T>& tools) const noexcept {
  T* const dx = this->dx(pass, first);
  const T* const dy = this->dy(pass, first);
  if (!pass.lanes)
    std::memcpy(dx, dy, rows * this->units_ * sizeof(T));
  else if (to_lanes_)
    tools.kernels->lanes->lanes_to_rows(dx, dy, rows, this->units_);
  else
    tools.kernels->lanes->rows_to_lanes(dx, dy, rows, this->units_);
  this->through_input_activation(pass, first, this->stored(pass, rows), {0, this->inputs_});
}

template class LaneConversion<float>;
template class LaneConversion<double>;

}  // namespace ravine
