// l = mean_j r - t log r for the rate r, without the terms that depend on t alone
//   setting 1: z is the logarithm of the rate: l = e^z - t z, dl/dz = e^z - t
//   setting 0: z is the rate:                  l = z - t log z, dl/dz = 1 - t / z, 0 log 0 = 0
#include "kernels/losses/rowwise_loss.h"
#include "kernels/math/math.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct LogarithmOfRate : Mean {
  static RAVINE_INLINE Term<T> at(Vec<T> z, Vec<T> t, T) {
    const Vec<T> rate = exp(z);
    return {rate - weighted<T>(t, z), rate - t};
  }
};

template <class T>
struct Rate : Mean {
  static RAVINE_INLINE Term<T> at(Vec<T> z, Vec<T> t, T) {
    return {z - weighted<T>(t, log(z)), 1 - weighted<T>(t, 1 / z)};
  }
};

template <class T>
void poisson(T* loss, T* dz, const T* z, const T* target, const T* weight, std::size_t rows, std::size_t cols, T scale,
             T setting) noexcept {
  const auto form = setting != 0 ? rowwise<T, LogarithmOfRate> : rowwise<T, Rate>;
  form(loss, dz, z, target, weight, rows, cols, scale, setting);
}

}  // namespace

extern constinit const Both<Loss> loss_poisson = {{"poisson", poisson<float>, nullptr},
                                                  {"poisson", poisson<double>, nullptr}};

}  // namespace ravine::RAVINE_ISA
