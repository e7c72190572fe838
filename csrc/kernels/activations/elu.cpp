// y = x where x > 0, else alpha (e^x - 1)
// dx = dy where y > 0, else dy (y + alpha)
// Assumes alpha >= 0, so that y has the sign of x.
#include "kernels/activations/elementwise.h"
#include "kernels/math/math.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct Elu {
  static RAVINE_INLINE Vec<T> value(Vec<T> x, T alpha) { return select<T>(x > 0, x, alpha * expm1(x)); }
  static RAVINE_INLINE Vec<T> gradient(Vec<T> dy, Vec<T> y, T alpha) { return select<T>(y > 0, dy, dy * (y + alpha)); }
};

}  // namespace

extern constinit const Both<Activation> activation_elu = elementwise<Elu>("elu", Saved::output, {true, 1.0});

}  // namespace ravine::RAVINE_ISA
