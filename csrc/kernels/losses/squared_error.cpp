// l = f sum_j (z - t)^2, f being the setting: 1 / cols for the mean, 1/2 for half the sum
// dl/dz = 2 f (z - t)
#include "kernels/losses/rowwise_loss.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct SquaredError : Multiple {
  static RAVINE_INLINE Term<T> at(Vec<T> z, Vec<T> t, T) {
    const Vec<T> r = z - t;
    return {r * r, r + r};
  }
};

}  // namespace

extern constinit const Both<Loss> loss_squared_error = rowwise_loss<SquaredError>("squared_error");

}  // namespace ravine::RAVINE_ISA
