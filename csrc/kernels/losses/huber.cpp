// l = mean_j h(z - t); h(r) = r^2 / 2, beyond delta (the setting) delta (|r| - delta / 2)
// dh/dr = r, beyond delta delta sign(r)
// With q = min(|r|, delta) that is h = q (|r| - q / 2) and dh/dr = q sign(r).
#include "kernels/losses/rowwise_loss.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct Huber : Mean {
  static RAVINE_INLINE Term<T> at(Vec<T> z, Vec<T> t, T delta) {
    const Vec<T> r = z - t;
    const Vec<T> size = abs(r);
    const Vec<T> q = select<T>(size > delta, broadcast<T>(delta), size);
    return {q * (size - T(0.5) * q), copysign(q, r)};
  }
};

}  // namespace

extern constinit const Both<Loss> loss_huber = rowwise_loss<Huber>("huber");

}  // namespace ravine::RAVINE_ISA
