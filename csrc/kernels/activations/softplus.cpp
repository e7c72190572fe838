// y = log(1 + e^x)
// dx = dy sigmoid(x) = dy (1 - e^-y)
#include "kernels/activations/elementwise.h"
#include "kernels/math/math.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct Softplus {
  static RAVINE_INLINE Vec<T> value(Vec<T> x, T) { return softplus(x); }
  static RAVINE_INLINE Vec<T> gradient(Vec<T> dy, Vec<T> y, T) { return -dy * expm1(-y); }
};

}  // namespace

extern constinit const Both<Activation> activation_softplus = elementwise<Softplus>("softplus");

}  // namespace ravine::RAVINE_ISA
