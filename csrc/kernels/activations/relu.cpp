// y = max(x, 0)
// dx = dy where y > 0, else 0
#include "kernels/activations/elementwise.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct Relu {
  static RAVINE_INLINE Vec<T> value(Vec<T> x, T) { return select<T>(x <= 0, Vec<T>{}, x); }
  static RAVINE_INLINE Vec<T> gradient(Vec<T> dy, Vec<T> y, T) {
    return unless_nan<T>(y, select<T>(y <= 0, Vec<T>{}, dy));
  }
};

}  // namespace

extern constinit const Both<Activation> activation_relu = elementwise<Relu>("relu");

}  // namespace ravine::RAVINE_ISA
