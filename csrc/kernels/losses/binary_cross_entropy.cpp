// l = mean_j softplus(z) - t z, z being the logit of class 1
// dl/dz = p - t, with p = sigmoid(z)
// Written with terms of one sign, so that a sure and right prediction keeps its digits:
//   l = |z| u + log(1 + e^-|z|), u = 1 - t where z > 0, else t
//   p - t = p (1 - t) - (1 - p) t
#include "kernels/losses/rowwise_loss.h"
#include "kernels/math/logistic.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct BinaryCrossEntropy : Mean {
  static RAVINE_INLINE Term<T> at(Vec<T> z, Vec<T> t, T) {
    const auto [p, q, e] = logistic<T>(z);
    const Vec<T> u = 1 - t;
    return {weighted<T>(select<T>(z > 0, u, t), abs(z)) + log1p(e), p * u - q * t};
  }
};

}  // namespace

extern constinit const Both<Loss> loss_binary_cross_entropy = rowwise_loss<BinaryCrossEntropy>("binary_cross_entropy");

}  // namespace ravine::RAVINE_ISA
