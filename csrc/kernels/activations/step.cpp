// y = 1 where x > 0, else 0. The perceptron's output: it has no useful derivative.
#include "kernels/activations/elementwise.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct Step {
  static RAVINE_INLINE Vec<T> value(Vec<T> x, T) {
    const Vec<T> one = broadcast<T>(1);
    return unless_nan<T>(x, select<T>(x > 0, one, Vec<T>{}));
  }
};

}  // namespace

extern constinit const Both<Activation> activation_step = {
    {"step", false, false, elementwise_forward<float, Step>, nullptr},
    {"step", false, false, elementwise_forward<double, Step>, nullptr}};

}  // namespace ravine::RAVINE_ISA
