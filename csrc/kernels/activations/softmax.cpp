// Along each row: y_j = e^(x_j - m) / sum_k e^(x_k - m), m = max x
// dx_j = y_j (dy_j - sum_k dy_k y_k)
#include "kernels/activations/softmax.h"
#include "kernels/signatures/activations.h"
#include "kernels/signatures/rows.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
void forward(T* y, const T* x, std::size_t rows, std::size_t cols, T) noexcept {
  for (std::size_t i = 0; i < rows; ++i, y += cols, x += cols) {
    const T m = row_max<T>(cols, [&](auto at) __attribute__((always_inline)) { return at.load(x); });
    const Vec<T> sum = broadcast<T>(row_sum<T>(cols, [&](auto at) __attribute__((always_inline)) {
      const Vec<T> e = exp(below_max<T>(at.load(x), m));
      at.template store<T>(y, e);
      return e;
    }));
    each_vector<T>(cols, [&](auto at) __attribute__((always_inline)) { at.template store<T>(y, at.load(y) / sum); });
  }
}

template <class T>
void backward(T* dx, const T* dy, const T* y, std::size_t rows, std::size_t cols, T) noexcept {
  for (std::size_t i = 0; i < rows; ++i, dx += cols, dy += cols, y += cols) {
    const Vec<T> sum = broadcast<T>(
        row_sum<T>(cols, [&](auto at) __attribute__((always_inline)) { return at.load(dy) * at.load(y); }));
    each_vector<T>(cols, [&](auto at) __attribute__((always_inline)) {
      at.template store<T>(dx, at.load(y) * (at.load(dy) - sum));
    });
  }
}

}  // namespace

extern constinit const Both<Activation> activation_softmax = {
    {"softmax", false, true, forward<float>, backward<float>},
    {"softmax", false, true, forward<double>, backward<double>}};

}  // namespace ravine::RAVINE_ISA
