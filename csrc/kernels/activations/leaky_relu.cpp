// y = x where x > 0, else alpha x
// dx = dy where y > 0, else alpha dy
// Assumes alpha >= 0, so that y has the sign of x.
#include "kernels/activations/elementwise.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct LeakyRelu {
  static RAVINE_INLINE Vec<T> value(Vec<T> x, T alpha) { return select<T>(x <= 0, alpha * x, x); }
  static RAVINE_INLINE Vec<T> gradient(Vec<T> dy, Vec<T> y, T alpha) {
    return unless_nan<T>(y, select<T>(y <= 0, alpha * dy, dy));
  }
};

}  // namespace

extern constinit const Both<Activation> activation_leaky_relu =
    elementwise<LeakyRelu>("leaky_relu", Saved::output, {true, 0.01});

}  // namespace ravine::RAVINE_ISA
