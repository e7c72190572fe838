// l = -sum_j t_j log p_j, p = softmax(z)
// dl/dz_j = p_j sum_k t_k - t_j
// Written with terms of one sign, so that a sure and right prediction keeps its digits. With d_j = z_j - max z,
// e_j = exp(d_j), rest = sum_j e_j - 1 (summed without a largest term) and s = 1 + rest:
//   l = sum_j t_j (log(1 + rest) - d_j)
//   dl/dz_j = (e_j (sum_k t_k - t_j) - t_j (s - e_j)) / s
#include "kernels/activations/softmax.h"
#include "kernels/losses/rowwise_loss.h"
#include "kernels/losses/target.h"

namespace ravine::RAVINE_ISA {
namespace {

// sum_j t_j (m - z_j)
template <class T>
RAVINE_INLINE T distance(DenseTarget<T> target, const T* z, std::size_t cols, T m) {
  return row_sum<T>(cols, [&](auto at) __attribute__((always_inline)) {
    return weighted<T>(target(at), -below_max<T>(at.load(z), m));
  });
}
template <class T>
RAVINE_INLINE T distance(LabelTarget<T> target, const T* z, std::size_t, T m) {
  return z[*target.label] == m ? T(0) : m - z[*target.label];
}

// dz = factor / s (e (total - t) - t (s - e)), where dz holds e
template <class T, class Target>
RAVINE_INLINE void finish_gradient(T* dz, Target target, std::size_t cols, T total, T rest, T factor) {
  const T s = 1 + rest;
  const Vec<T> by = broadcast<T>(factor / s), rests = broadcast<T>(rest);
  each_vector<T>(cols, [&](auto at) __attribute__((always_inline)) {
    const Vec<T> t = target(at), e = at.load(dz);
    at.template store<T>(dz, by * (e * (total - t) - t * select<T>(e == 1, rests, s - e)));
  });
}

// As many rows as a vector has lanes at a time, so that their logarithms are one vector.
template <class T, class Target>
RAVINE_INLINE void cross_entropy(T* loss, T* dz, const T* z, Target targets, const T* weight, std::size_t rows,
                                 std::size_t cols, T scale) {
  each_vector<T>(rows, [&](auto at) __attribute__((always_inline)) {
    Vec<T> total{}, rest{}, far{};
    const std::size_t end = rows - at.first < lanes<T> ? rows : at.first + lanes<T>;
    for (std::size_t i = at.first; i < end; ++i) {
      const T* const row = z + i * cols;
      const auto target = targets.of_row(i, cols);
      const T m = row_max<T>(cols, [&](auto j) __attribute__((always_inline)) { return j.load(row); });
      const std::size_t lane = i - at.first;
      total[lane] = target.sum(cols);
      far[lane] = distance<T>(target, row, cols, m);
      rest[lane] = sum_without_largest<T>(dz == nullptr ? nullptr : dz + i * cols, row, cols, m);
      if (dz == nullptr) continue;
      const T factor = weight != nullptr ? scale * weight[i] : scale;
      finish_gradient<T>(dz + i * cols, target, cols, total[lane], rest[lane], factor);
    }
    at.template store<T>(loss, total * log1p(rest) + far);
  });
}

template <class T>
void dense(T* loss, T* dz, const T* z, const T* target, const T* weight, std::size_t rows, std::size_t cols, T scale,
           T) noexcept {
  cross_entropy<T>(loss, dz, z, DenseTarget<T>{target}, weight, rows, cols, scale);
}

template <class T>
void labels(T* loss, T* dz, const T* z, const std::int32_t* label, const T* weight, std::size_t rows, std::size_t cols,
            T scale, T) noexcept {
  cross_entropy<T>(loss, dz, z, LabelTarget<T>{label}, weight, rows, cols, scale);
}

}  // namespace

extern constinit const Both<Loss> loss_categorical_cross_entropy = {
    {"categorical_cross_entropy", dense<float>, labels<float>},
    {"categorical_cross_entropy", dense<double>, labels<double>}};

}  // namespace ravine::RAVINE_ISA
