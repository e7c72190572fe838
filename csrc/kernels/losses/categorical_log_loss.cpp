// l = -sum_j t_j log z_j, z being the probabilities of the classes and 0 log 0 = 0
// dl/dz_j = -t_j / z_j
#include "kernels/losses/rowwise_loss.h"
#include "kernels/losses/target.h"
#include "kernels/math/math.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T, class Target>
RAVINE_INLINE void log_loss(T* loss, T* dz, const T* z, Target targets, const T* weight, std::size_t rows,
                            std::size_t cols, T scale) {
  for (std::size_t i = 0; i < rows; ++i, z += cols) {
    const auto target = targets.of_row(i, cols);
    const Vec<T> factor = broadcast<T>(weight != nullptr ? scale * weight[i] : scale);
    loss[i] = row_sum<T>(cols, [&](auto at) __attribute__((always_inline)) {
      const Vec<T> t = target(at), p = at.load(z);
      if (dz != nullptr) at.template store<T>(dz, factor * -weighted<T>(t, 1 / p));
      return -weighted<T>(t, log(p));
    });
    if (dz != nullptr) dz += cols;
  }
}

template <class T>
void dense(T* loss, T* dz, const T* z, const T* target, const T* weight, std::size_t rows, std::size_t cols, T scale,
           T) noexcept {
  log_loss<T>(loss, dz, z, DenseTarget<T>{target}, weight, rows, cols, scale);
}

template <class T>
void labels(T* loss, T* dz, const T* z, const std::int32_t* label, const T* weight, std::size_t rows, std::size_t cols,
            T scale, T) noexcept {
  log_loss<T>(loss, dz, z, LabelTarget<T>{label}, weight, rows, cols, scale);
}

}  // namespace

extern constinit const Both<Loss> loss_categorical_log_loss = {{"categorical_log_loss", dense<float>, labels<float>},
                                                               {"categorical_log_loss", dense<double>, labels<double>}};

}  // namespace ravine::RAVINE_ISA
