// l = mean_j -t log z - (1 - t) log(1 - z), z being the probability of class 1 and 0 log 0 = 0
// dl/dz = (1 - t) / (1 - z) - t / z
#include "kernels/losses/rowwise_loss.h"
#include "kernels/math/math.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct LogLoss : Mean {
  static RAVINE_INLINE Term<T> at(Vec<T> z, Vec<T> t, T) {
    const Vec<T> u = 1 - t;
    return {-weighted<T>(t, log(z)) - weighted<T>(u, log1p(-z)), weighted<T>(u, 1 / (1 - z)) - weighted<T>(t, 1 / z)};
  }
};

}  // namespace

extern constinit const Both<Loss> loss_log_loss = rowwise_loss<LogLoss>("log_loss");

}  // namespace ravine::RAVINE_ISA
