// l = mean_j tau (t - z) where z < t, (1 - tau)(z - t) where z > t, tau being the setting
// dl/dz = -tau, 1 - tau, and 0 where z = t
#include "kernels/losses/rowwise_loss.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct Quantile : Mean {
  static RAVINE_INLINE Term<T> at(Vec<T> z, Vec<T> t, T tau) {
    const Vec<T> r = z - t;
    const Vec<T> slope = select<T>(r > 0, broadcast<T>(1 - tau), broadcast<T>(-tau));
    return {select<T>(r == 0, r, slope * r), select<T>(abs(r) > 0, slope, r)};
  }
};

}  // namespace

extern constinit const Both<Loss> loss_quantile = rowwise_loss<Quantile>("quantile");

}  // namespace ravine::RAVINE_ISA
