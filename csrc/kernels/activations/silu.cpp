// y = x p, with p = sigmoid(x)
// dx = dy p (1 + x (1 - p))
#include "kernels/activations/elementwise.h"
#include "kernels/math/logistic.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct Silu {
  // Beyond this p is 0 or 1 in both dtypes; inside it no product is inf * 0.
  static constexpr T far = 1000;

  static RAVINE_INLINE Vec<T> value(Vec<T> x, T) {
    const Vec<T> c = select<T>(x < -far, broadcast<T>(-far), x);
    return c * logistic<T>(c).p;
  }
  static RAVINE_INLINE Vec<T> gradient(Vec<T> dy, Vec<T> x, T) {
    const Vec<T> c = select<T>(abs(x) > far, copysign(broadcast<T>(far), x), x);
    const auto [p, q, e] = logistic<T>(c);
    return dy * (p * fma(c, q, broadcast<T>(1)));
  }
};

}  // namespace

extern constinit const Both<Activation> activation_silu = elementwise<Silu>("silu", Saved::input);

}  // namespace ravine::RAVINE_ISA
