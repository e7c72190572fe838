// l = mean_j max(0, margin - t z), margin being the setting (normally 1)
#include "kernels/losses/margin.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct Hinge : Mean {
  static RAVINE_INLINE Term<T> at(Vec<T> z, Vec<T> t, T margin) { return margin_loss<T>(z, t, margin); }
};

}  // namespace

extern constinit const Both<Loss> loss_hinge = rowwise_loss<Hinge>("hinge");

}  // namespace ravine::RAVINE_ISA
