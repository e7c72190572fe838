// y = x within `top` and `bottom` rows, `left` and `right` columns of zeros
// dx = dy without them
#include "kernels/signatures/border.h"
#include "kernels/signatures/rows.h"
#include "kernels/vec/width.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
void forward(T* y, const T* x, std::size_t images, const Border2D& border) noexcept {
  const std::size_t row = border.width * border.channels;
  const std::size_t left = border.left * border.channels, right = border.right * border.channels;
  const std::size_t around = left + row + right;
  // the remainder of a row's border joins the next row's
  for (std::size_t image = 0; image < images; ++image) {
    __builtin_memset(y, 0, (border.top * around + left) * sizeof(T));
    y += border.top * around + left;
    for (std::size_t i = 0; i < border.height; ++i, x += row) {
      __builtin_memcpy(y, x, row * sizeof(T));
      y += row;
      const std::size_t zeros = i + 1 < border.height ? right + left : right + border.bottom * around;
      __builtin_memset(y, 0, zeros * sizeof(T));
      y += zeros;
    }
  }
}

template <class T>
void backward(T* dx, const T* dy, std::size_t images, const Border2D& border) noexcept {
  const std::size_t row = border.width * border.channels;
  const std::size_t around = (border.left + border.width + border.right) * border.channels;
  for (std::size_t image = 0; image < images; ++image) {
    const T* inner = dy + image * border.outputs() + border.top * around + border.left * border.channels;
    for (std::size_t i = 0; i < border.height; ++i, dx += row, inner += around)
      __builtin_memcpy(dx, inner, row * sizeof(T));
  }
}

}  // namespace

extern constinit const Both<BorderKernels> border_kernels = {{forward<float>, backward<float>},
                                                             {forward<double>, backward<double>}};

}  // namespace ravine::RAVINE_ISA
