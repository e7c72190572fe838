// y = tanh x
// dx = dy (1 - y^2), as a product, so that y near 1 loses no digits
#include "kernels/activations/elementwise.h"
#include "kernels/math/math.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct Tanh {
  static RAVINE_INLINE Vec<T> value(Vec<T> x, T) { return tanh(x); }
  static RAVINE_INLINE Vec<T> gradient(Vec<T> dy, Vec<T> y, T) { return dy * ((1 - y) * (1 + y)); }
};

}  // namespace

extern constinit const Both<Activation> activation_tanh = elementwise<Tanh>("tanh");

}  // namespace ravine::RAVINE_ISA
