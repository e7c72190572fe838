// y = 1 / (1 + e^-x)
// dx = dy y (1 - y)
#include "kernels/activations/elementwise.h"
#include "kernels/math/math.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct Sigmoid {
  static RAVINE_INLINE Vec<T> value(Vec<T> x, T) { return sigmoid(x); }
  static RAVINE_INLINE Vec<T> gradient(Vec<T> dy, Vec<T> y, T) { return dy * (y * (1 - y)); }
};

}  // namespace

extern constinit const Both<Activation> activation_sigmoid = elementwise<Sigmoid>("sigmoid");

}  // namespace ravine::RAVINE_ISA
