// l = mean_j t q^g (-log p) + (1 - t) p^g (-log q), p = sigmoid(z) and q = 1 - p, g being the setting
// dl/dz = (1 - t) p^g (p - g q log q) - t q^g (q - g p log p)
// With both logarithms from one: -log p = max(-z, 0) + log(1 + e^-|z|), -log q = max(z, 0) + log(1 + e^-|z|)
#include "kernels/losses/rowwise_loss.h"
#include "kernels/math/logistic.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct BinaryFocalCrossEntropy : Mean {
  static constexpr bool buffered = true;
  static RAVINE_INLINE Term<T> at(Vec<T> z, Vec<T> t, T gamma) {
    const auto [p, q, e] = logistic<T>(z);
    const Vec<T> g = broadcast<T>(gamma), u = 1 - t, near = log1p(e);
    const Vec<T> of_p = select<T>(z < 0, near - z, near), of_q = select<T>(z > 0, near + z, near);
    const Vec<T> pg = pow(p, g), qg = pow(q, g);
    const Vec<T> loss = weighted<T>(t, weighted<T>(qg, of_p)) + weighted<T>(u, weighted<T>(pg, of_q));
    const Vec<T> rise = pg * (p + g * weighted<T>(q, of_q)), fall = qg * (q + g * weighted<T>(p, of_p));
    return {loss, u * rise - t * fall};
  }
};

}  // namespace

extern constinit const Both<Loss> loss_binary_focal_cross_entropy =
    rowwise_loss<BinaryFocalCrossEntropy>("binary_focal_cross_entropy");

}  // namespace ravine::RAVINE_ISA
