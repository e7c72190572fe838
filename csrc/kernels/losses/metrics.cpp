// Values of a row, from dense targets or class labels. A NaN among the outputs gives NaN.
#include "kernels/signatures/metrics.h"
#include "kernels/losses/target.h"
#include "kernels/signatures/rows.h"

namespace ravine::RAVINE_ISA {
namespace {

// -------------------------------------------------------------------------------------------- means over columns

// (z > threshold) == (t > 1/2), threshold being the setting
struct Agrees {
  template <class T>
  static RAVINE_INLINE Vec<T> value(Vec<T> z, Vec<T> t, T threshold) {
    const Vec<T> equal = select<T>((z > threshold) == (t > T(0.5)), broadcast<T>(1), Vec<T>{});
    return select<T>((z == z) & (t == t), equal, z + t);
  }
};

// (z - t)^2
struct SquaredError {
  template <class T>
  static RAVINE_INLINE Vec<T> value(Vec<T> z, Vec<T> t, T) {
    return (z - t) * (z - t);
  }
};

// |z - t|
struct AbsoluteError {
  template <class T>
  static RAVINE_INLINE Vec<T> value(Vec<T> z, Vec<T> t, T) {
    return abs(z - t);
  }
};

template <class T, class Formula, class Target>
RAVINE_INLINE void row_means(T* value, const T* z, Target targets, std::size_t rows, std::size_t cols, T setting) {
  for (std::size_t i = 0; i < rows; ++i, z += cols) {
    const auto target = targets.of_row(i, cols);
    const T sum = row_sum<T>(cols, [&](auto at) __attribute__((always_inline)) {
      return Formula::template value<T>(at.load(z), target(at), setting);
    });
    value[i] = sum / static_cast<T>(cols);
  }
}

template <class T, class Formula>
void mean(T* value, const T* z, const T* target, const std::int32_t* label, std::size_t rows, std::size_t cols,
          T setting) noexcept {
  if (label != nullptr) return row_means<T, Formula>(value, z, LabelTarget<T>{label}, rows, cols, setting);
  if (cols != 1) return row_means<T, Formula>(value, z, DenseTarget<T>{target}, rows, cols, setting);
  each_vector<T>(rows, [&](auto at) __attribute__((always_inline)) {
    at.template store<T>(value, Formula::template value<T>(at.load(z), at.load(target), setting));
  });
}

// ------------------------------------------------------------------------------------------------ rank of a class

// The first of the largest elements; cols if one is NaN.
template <class T>
RAVINE_INLINE std::size_t first_largest(const T* x, std::size_t cols) {
  const T m = row_max<T>(cols, [&](auto at) __attribute__((always_inline)) { return at.load(x); });
  std::size_t j = 0;
  while (j < cols && x[j] != m) ++j;
  return j;
}

enum class Ties { first_wins, all_win };

// How many outputs come before z[own]: the larger ones and, unless all that are as large win, the earlier as large.
template <class T, Ties ties>
RAVINE_INLINE T rank(const T* z, std::size_t own, std::size_t cols) {
  return row_sum<T>(cols, [&](auto at) __attribute__((always_inline)) {
    const Vec<T> v = at.load(z);
    Mask<T> before = v > z[own];
    if constexpr (ties == Ties::first_wins) {
      before |= (v == z[own]) & (lane_numbers<Int<T>>() < static_cast<Int<T>>(own) - static_cast<Int<T>>(at.first));
    }
    return select<T>(v == v, select<T>(before, broadcast<T>(1), Vec<T>{}), v);
  });
}

// 1 where fewer than k outputs come before that of the target's class, else 0
template <class T, Ties ties>
RAVINE_INLINE void ranked(T* value, const T* z, const T* target, const std::int32_t* label, std::size_t rows,
                          std::size_t cols, T k) {
  for (std::size_t i = 0; i < rows; ++i, z += cols) {
    const std::size_t own =
        label != nullptr ? static_cast<std::size_t>(label[i]) : first_largest<T>(target + i * cols, cols);
    const T before = own < cols ? rank<T, ties>(z, own, cols) : static_cast<T>(__builtin_nan(""));
    value[i] = before == before ? static_cast<T>(before < k) : before;
  }
}

template <class T>
void accuracy(T* value, const T* z, const T* target, const std::int32_t* label, std::size_t rows, std::size_t cols,
              T) noexcept {
  ranked<T, Ties::first_wins>(value, z, target, label, rows, cols, 1);
}

template <class T>
void top_k(T* value, const T* z, const T* target, const std::int32_t* label, std::size_t rows, std::size_t cols,
           T k) noexcept {
  ranked<T, Ties::all_win>(value, z, target, label, rows, cols, k);
}

template <class Formula>
constexpr Both<Metric> column_mean(const char* name) {
  return {{name, mean<float, Formula>}, {name, mean<double, Formula>}};
}

}  // namespace

extern constinit const Both<Metric> metric_accuracy = {{"accuracy", accuracy<float>}, {"accuracy", accuracy<double>}};
extern constinit const Both<Metric> metric_binary_accuracy = column_mean<Agrees>("binary_accuracy");
extern constinit const Both<Metric> metric_squared_error = column_mean<SquaredError>("squared_error");
extern constinit const Both<Metric> metric_absolute_error = column_mean<AbsoluteError>("absolute_error");
extern constinit const Both<Metric> metric_top_k = {{"top_k", top_k<float>}, {"top_k", top_k<double>}};

}  // namespace ravine::RAVINE_ISA
