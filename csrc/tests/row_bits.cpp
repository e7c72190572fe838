// The kernels that normalise rows and channels, and those that take sparse rows or ids.
#include <vector>

#include "engine/column_lists.h"
#include "tests/families.h"

namespace ravine::tests {
namespace {

// Weights, every third of them 0.
template <class T>
Block<T> weights(std::size_t rows) {
  Block<T> made = shares<T>(rows, rows);
  for (std::size_t i = 0; i < rows; i += 3) made.data()[i] = 0;
  return made;
}

}  // namespace

template <class T>
Hash batch_norms(const BatchNormKernels<T>& k) {
  Hash hash;
  constexpr double epsilon = 1e-5;
  for (const std::size_t cols : sizes())
    for (const std::size_t positions : {1, 6})
      for (const bool weighted : {false, true}) {
        if (cols == 0) continue;
        const std::size_t rows = positions == 1 ? 19 : 5;
        const std::size_t count = rows * positions * cols, block = 2 * cols + 2;
        const Block<T> x = numbers<T>(count, cols), dy = numbers<T>(count, cols + 1), given = weights<T>(rows);
        const Block<T> gamma = numbers<T>(cols, 1), beta = numbers<T>(cols, 2);
        const T* const weight = weighted ? given.data() : nullptr;
        // two slices, as of a batch that is cut
        const std::size_t cut = rows / 2, at = cut * positions * cols;
        Block<double> moments(block), later(block), sums(2 * cols), later_sums(2 * cols);
        Block<T> running(2 * cols), coefficient(3 * cols), back(4 * cols), dgamma(cols), dbeta(cols);
        k.moments(moments.data(), x.data(), weight, cut, positions, cols);
        k.moments(later.data(), x.data() + at, weight ? weight + cut : nullptr, rows - cut, positions, cols);
        k.join_moments(moments.data(), later.data(), cols);
        k.finish_moments(moments.data(), cols);
        const double* const mean = moments.data();
        const double* const variance = mean + cols;
        k.learn(running.data(), running.data() + cols, mean, variance, 0.9, cols);
        k.fold(coefficient.data(), mean, variance, weighted ? gamma.data() : nullptr, beta.data(), epsilon, cols);
        hash_map<T>(hash, count, [&](T* y) { k.forward(y, x.data(), coefficient.data(), rows * positions, cols); });
        k.sums(sums.data(), dy.data(), x.data(), weight, mean, cut, positions, cols);
        k.sums(later_sums.data(), dy.data() + at, x.data() + at, weight ? weight + cut : nullptr, mean, rows - cut,
               positions, cols);
        k.join_sums(sums.data(), later_sums.data(), cols);
        k.fold_back(back.data(), dgamma.data(), dbeta.data(), sums.data(), mean, variance, gamma.data(), epsilon, cols);
        hash_map<T>(hash, count, [&](T* dx) {
          k.backward(dx, dy.data(), x.data(), weight, back.data(), mean[2 * cols], rows, positions, cols);
        });
        hash.add(mean, block);
        hash.add(running.data(), 2 * cols);
        hash.add(dgamma.data(), cols);
        hash.add(dbeta.data(), cols);
      }
  return hash;
}

template <class T>
Hash layer_norms(const LayerNormKernels<T>& k) {
  Hash hash;
  constexpr std::size_t rows = 7;
  constexpr double epsilon = 1e-5;
  for (const std::size_t cols : sizes()) {
    if (cols == 0) continue;
    const std::size_t count = rows * cols;
    const Block<T> x = numbers<T>(count, cols), dy = numbers<T>(count, cols + 1);
    const Block<T> gamma = numbers<T>(cols, 1), beta = numbers<T>(cols, 2);
    Block<double> workspace(2 * cols);
    for (const bool scaled : {false, true}) {
      const T* const scale = scaled ? gamma.data() : nullptr;
      hash_map<T>(hash, count,
                  [&](T* y) { k.forward(y, x.data(), scale, scaled ? beta.data() : nullptr, rows, cols, epsilon); });
      hash_map<T>(hash, count, [&](T* dx) { k.backward(dx, dy.data(), x.data(), scale, rows, cols, epsilon); });
    }
    hash_map<T>(hash, cols, [&](T* dgamma) {
      hash_map<T>(hash, cols, [&](T* dbeta) {
        k.gradient(dgamma, dbeta, dy.data(), x.data(), rows, cols, epsilon, workspace.data());
      });
    });
  }
  return hash;
}

template <class T>
Hash standardizations(const StandardizeKernels<T>& k) {
  Hash hash;
  constexpr std::size_t rows = 5;
  for (const std::size_t cols : sizes()) {
    const Block<T> x = numbers<T>(rows * cols, cols), mean = numbers<T>(cols, 1), deviation = shares<T>(cols, 2);
    for (std::size_t j = 0; j < cols; ++j) deviation.data()[j] += T(0.5);
    hash_map<T>(hash, rows * cols,
                [&](T* y) { k.standardize(y, x.data(), mean.data(), deviation.data(), rows, cols); });
    hash_map<T>(hash, rows * cols, [&](T* dx) { k.standardize_backward(dx, x.data(), deviation.data(), rows, cols); });
  }
  return hash;
}

// Rows with none to all of the columns, taken in an order of their own.
template <class T>
Hash sparse_products(const SparseKernels<T>& k) {
  Hash hash;
  constexpr std::size_t rows = 37, columns = 50;
  std::vector<std::int32_t> column;
  std::vector<std::int64_t> start{0};
  std::vector<std::uint32_t> order;
  Numbers source(5);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j)
      if (source.below(rows) < i) column.push_back(static_cast<std::int32_t>(j));
    start.push_back(static_cast<std::int64_t>(column.size()));
    order.push_back(static_cast<std::uint32_t>(source.below(rows)));
  }
  const Block<T> value = numbers<T>(column.size(), 6);
  const SparseRows<T> plain{value.data(), column.data(), start.data(), nullptr};
  const SparseRows<T> drawn{value.data(), column.data(), start.data(), order.data()};
  for (std::size_t i = 0; i < rows; ++i)
    hash.add(k.sum_squares(value.data() + start[i], column.data() + start[i],
                           static_cast<std::size_t>(start[i + 1] - start[i])));
  ColumnLists<T> lists;
  lists.prepare(columns, rows * columns);
  for (const std::size_t n : sizes()) {
    const Block<T> b = numbers<T>(columns * n, n), bias = numbers<T>(n, 1), dy = numbers<T>(rows * n, 2);
    for (const SparseRows<T>& a : {plain, drawn}) {
      hash_map<T>(hash, rows * n, [&](T* c) {
        k.rows_product(c, a, b.data(), rows, n, n, n, a.row ? bias.data() : nullptr,
                       a.row ? Finish::relu : Finish::none);
      });
      lists.build(a, rows);
      const InputColumns<T> listed = lists.listed(false);
      for (const std::size_t slice : {0, 8})
        hash_map<T>(hash, columns * n, [&](T* c) {
          const std::size_t half = listed.count / 2;
          k.columns_product(c, listed.terms, dy.data(), 0, half, n, n, n, slice);
          k.columns_product(c, listed.terms, dy.data(), half, listed.count - half, n, n, n, slice);
        });
    }
    Block<T> id(rows);
    for (std::size_t i = 0; i < rows; ++i) id.data()[i] = static_cast<T>(source.below(columns));
    hash_map<T>(hash, rows * n, [&](T* c) { k.gather_rows(c, id.data(), b.data(), rows, n); });
  }
  return hash;
}

template Hash batch_norms(const BatchNormKernels<float>&);
template Hash batch_norms(const BatchNormKernels<double>&);
template Hash layer_norms(const LayerNormKernels<float>&);
template Hash layer_norms(const LayerNormKernels<double>&);
template Hash standardizations(const StandardizeKernels<float>&);
template Hash standardizations(const StandardizeKernels<double>&);
template Hash sparse_products(const SparseKernels<float>&);
template Hash sparse_products(const SparseKernels<double>&);

}  // namespace ravine::tests
