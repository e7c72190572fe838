// l = mean_j |t| log(1 + e^(-s z)), s = sign t: z is the logit of class 1; t's sign is the class, its size the weight
// dl/dz = -t / (1 + e^(s z)); an output whose t is 0 counts nothing
#include "kernels/losses/rowwise_loss.h"
#include "kernels/math/logistic.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct WeightedBinaryCrossEntropy : Mean {
  static RAVINE_INLINE Term<T> at(Vec<T> z, Vec<T> t, T) {
    const auto [p, q, e] = logistic<T>(z);
    const Vec<T> size = log1p(e) + select<T>((t > 0) == (z > 0), Vec<T>{}, abs(z));
    return {weighted<T>(abs(t), size), -t * select<T>(t > 0, q, p)};
  }
};

}  // namespace

extern constinit const Both<Loss> loss_weighted_binary_cross_entropy =
    rowwise_loss<WeightedBinaryCrossEntropy>("weighted_binary_cross_entropy");

}  // namespace ravine::RAVINE_ISA
