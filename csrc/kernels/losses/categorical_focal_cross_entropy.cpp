// l = -sum_j t_j (1 - p_j)^g log p_j, p = softmax(z), g being the setting
// dl/dz_k = t_k h_k - p_k sum_j t_j h_j, h_j = p_j d/dp_j (-(1 - p_j)^g log p_j) = -q_j^g (1 - g p_j log p_j / q_j)
// Written as t_k h_k q_k - p_k (sum_j t_j h_j - t_k h_k), so that a sure and right prediction keeps its digits. With
// d_j = z_j - max z, e_j = exp(d_j), rest = sum_j e_j - 1 (summed without a largest term) and s = 1 + rest:
//   p_j = e_j / s, q_j = (s - e_j) / s, log p_j = d_j - log(1 + rest); log p_j / q_j = -1 where q_j = 0
#include "kernels/activations/softmax.h"
#include "kernels/losses/rowwise_loss.h"
#include "kernels/losses/target.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct Row {
  T m, rest;
  Vec<T> log_s, gamma;
};

// A class of a row: its probability, 1 minus that, its loss, and h.
template <class T>
struct Class {
  Vec<T> p, q, loss, h;
};

template <class T>
RAVINE_INLINE Class<T> of_class(const Row<T>& row, Vec<T> z) {
  const T s = 1 + row.rest;
  const Vec<T> d = below_max<T>(z, row.m), e = exp(d);
  const Vec<T> p = e / s, q = select<T>(e == 1, broadcast<T>(row.rest), s - e) / s;
  const Vec<T> log_p = d - row.log_s, power = pow(q, row.gamma);
  const Vec<T> slope = select<T>(q == 0, broadcast<T>(-1), log_p / q);
  return {p, q, weighted<T>(power, row.log_s - d), -power * (1 - row.gamma * weighted<T>(p, slope))};
}

template <class T>
RAVINE_INLINE Row<T> row_of(const T* z, std::size_t cols, T gamma) {
  const T m = row_max<T>(cols, [&](auto j) __attribute__((always_inline)) { return j.load(z); });
  const T rest = sum_without_largest<T>(nullptr, z, cols, m);
  return {m, rest, log1p(broadcast<T>(rest)), broadcast<T>(gamma)};
}

template <class T>
void dense(T* loss, T* dz, const T* z, const T* target, const T* weight, std::size_t rows, std::size_t cols, T scale,
           T gamma) noexcept {
  for (std::size_t i = 0; i < rows; ++i, z += cols, target += cols) {
    const Row<T> row = row_of<T>(z, cols, gamma);
    loss[i] = long_row_sum<T>(cols, [&](auto at) __attribute__((always_inline)) {
      return weighted<T>(at.load(target), of_class<T>(row, at.load(z)).loss);
    });
    if (dz == nullptr) continue;
    const T total = long_row_sum<T>(
        cols, [&](auto at) __attribute__((always_inline)) { return at.load(target) * of_class<T>(row, at.load(z)).h; });
    const Vec<T> factor = broadcast<T>(weight != nullptr ? scale * weight[i] : scale);
    each_vector<T>(cols, [&](auto at) __attribute__((always_inline)) {
      const Class<T> c = of_class<T>(row, at.load(z));
      const Vec<T> own = at.load(target) * c.h;
      at.template store<T>(dz, factor * (own * c.q - c.p * (total - own)));
    });
    dz += cols;
  }
}

template <class T>
void labels(T* loss, T* dz, const T* z, const std::int32_t* label, const T* weight, std::size_t rows, std::size_t cols,
            T scale, T gamma) noexcept {
  for (std::size_t i = 0; i < rows; ++i, ++label, z += cols) {
    const Row<T> row = row_of<T>(z, cols, gamma);
    const Class<T> right = of_class<T>(row, broadcast<T>(z[*label]));
    loss[i] = right.loss[0];
    if (dz == nullptr) continue;
    const LabelTarget<T> target{label};
    const Vec<T> factor = broadcast<T>(weight != nullptr ? scale * weight[i] : scale), own = right.h * right.q;
    each_vector<T>(cols, [&](auto at) __attribute__((always_inline)) {
      const Vec<T> p = exp(below_max<T>(at.load(z), row.m)) / (1 + row.rest);
      at.template store<T>(dz, factor * select<T>(target(at) == 1, own, -p * right.h));
    });
    dz += cols;
  }
}

}  // namespace

extern constinit const Both<Loss> loss_categorical_focal_cross_entropy = {
    {"categorical_focal_cross_entropy", dense<float>, labels<float>},
    {"categorical_focal_cross_entropy", dense<double>, labels<double>}};

}  // namespace ravine::RAVINE_ISA
