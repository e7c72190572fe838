// l = f sum_j |z - t|, f being the setting
// dl/dz = f sign(z - t), 0 where z = t
#include "kernels/losses/rowwise_loss.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct AbsoluteError : Multiple {
  static RAVINE_INLINE Term<T> at(Vec<T> z, Vec<T> t, T) {
    const Vec<T> r = z - t;
    const Vec<T> sign = select<T>(abs(r) > 0, copysign(broadcast<T>(1), r), r);
    return {abs(r), sign};
  }
};

}  // namespace

extern constinit const Both<Loss> loss_absolute_error = rowwise_loss<AbsoluteError>("absolute_error");

}  // namespace ravine::RAVINE_ISA
