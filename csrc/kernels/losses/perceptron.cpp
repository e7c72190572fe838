// l = mean_j max(0, -t z): the hinge with margin 0
#include "kernels/losses/margin.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct Perceptron : Mean {
  static RAVINE_INLINE Term<T> at(Vec<T> z, Vec<T> t, T) { return margin_loss<T>(z, t, 0); }
};

}  // namespace

extern constinit const Both<Loss> loss_perceptron = rowwise_loss<Perceptron>("perceptron");

}  // namespace ravine::RAVINE_ISA
