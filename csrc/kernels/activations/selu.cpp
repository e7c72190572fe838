// y = lambda x where x > 0, else lambda alpha (e^x - 1)
// dx = lambda dy where y > 0, else dy (y + lambda alpha)
// with the constants that keep mean 0 and variance 1 (Klambauer et al. 2017, arXiv:1706.02515)
#include "kernels/activations/elementwise.h"
#include "kernels/math/math.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
inline constexpr T lambda = static_cast<T>(1.0507009873554804934);
template <class T>
inline constexpr T lambda_alpha = static_cast<T>(1.7580993408473768599);

template <class T>
struct Selu {
  static RAVINE_INLINE Vec<T> value(Vec<T> x, T) { return select<T>(x > 0, lambda<T> * x, lambda_alpha<T> * expm1(x)); }
  static RAVINE_INLINE Vec<T> gradient(Vec<T> dy, Vec<T> y, T) {
    return dy * select<T>(y > 0, broadcast<T>(lambda<T>), y + lambda_alpha<T>);
  }
};

}  // namespace

extern constinit const Both<Activation> activation_selu = elementwise<Selu>("selu");

}  // namespace ravine::RAVINE_ISA
