// Every kernel of an instruction set, called as the engine calls it.
#include <algorithm>
#include <vector>

#include "tests/families.h"
#include "tests/tests.h"

namespace ravine::tests {
namespace {

template <class T>
Hash elementary(const Kernels<T>& kernels) {
  Hash hash;
  for (const Elementary<T>* row : kernels.elementary)
    for (const std::size_t n : sizes())
      hash_map<T>(hash, n, [&, x = numbers<T>(n, n)](T* y) { row->apply(y, x.data(), n); });
  return hash;
}

template <class T>
Hash vectors(const VectorKernels<T>& k) {
  Hash hash;
  for (const std::size_t n : sizes()) {
    const Block<T> a = numbers<T>(n, n), b = numbers<T>(n, n + 1);
    const auto in_place = [&](auto&& call) {
      hash_map<T>(hash, n, [&](T* y) {
        std::copy_n(b.data(), n, y);
        call(y);
      });
    };
    hash_map<T>(hash, n, [&](T* y) {
      for (std::size_t i = 0; i < n; ++i) y[i] = a.data()[i] < 0 ? -a.data()[i] : a.data()[i];
      k.pow(y, y, b.data(), n);
    });
    hash_map<T>(hash, n, [&](T* y) { in_place([&](T* z) { k.sincospi(y, z, a.data(), n); }); });
    hash_map<T>(hash, n, [&](T* y) { k.scale(y, a.data(), n, T(-0.7)); });
    hash_map<T>(hash, n, [&](T* y) { k.add(y, a.data(), b.data(), n); });
    in_place([&](T* y) { k.add_scaled(y, a.data(), n, T(0.3)); });
    in_place([&](T* y) { in_place([&](T* x) { k.rotate(x, y, n, T(0.6), T(0.8)); }); });
    in_place([&](T* y) { k.flush_subnormals(y, a.data(), n); });
    in_place([&](T* y) { k.lerp(y, a.data(), n, T(0.1)); });
    in_place([&](T* y) { k.add_penalty_gradient(y, a.data(), n, T(0.1), T(0.2)); });
    hash.add(k.sum_squares(a.data(), n));
    hash.add(k.sum_abs(a.data(), n));
    hash.add(k.dot(a.data(), b.data(), n));
    hash.add(k.all_finite(a.data(), n));
  }
  for (const std::size_t rows : {std::size_t{1}, std::size_t{7}, std::size_t{70}})
    for (const std::size_t cols : sizes())
      for (const std::size_t slice : {std::size_t{0}, std::size_t{16}})
        hash_map<T>(hash, cols, [&, x = numbers<T>(rows * cols, cols)](T* sum) {
          k.column_sums(sum, x.data(), rows, cols, cols, slice);
        });
  return hash;
}

template <class T>
Hash clips(const ClipKernels<T>& k) {
  Hash hash;
  for (const std::size_t n : sizes()) {
    const Block<T> x = numbers<T>(n, n);
    hash.add(k.squared_norm(x.data(), n, 0.3));
    hash_map<T>(hash, n, [&](T* y) { k.clip(y, x.data(), n, T(1)); });
    hash_map<T>(hash, n, [&](T* y) { k.soft_threshold(y, x.data(), n, T(0.5)); });
    hash_map<T>(hash, 5 * n, [&, w = numbers<T>(5 * n, n)](T* y) {
      std::copy_n(w.data(), 5 * n, y);
      k.limit_columns(y, 5, n, n, 1.5);
    });
  }
  return hash;
}

template <class T>
Hash random(const RandomKernels<T>& k) {
  Hash hash;
  const RandomKey key{7, 3, 5'000'000'000};
  for (const std::size_t n : sizes()) {
    const Block<T> x = numbers<T>(n, n);
    hash_map<std::uint32_t>(hash, n, [&](std::uint32_t* word) { k.bits(word, n, n, key); });
    hash_map<T>(hash, n, [&](T* y) { k.uniform(y, n, -1.0, 2.0, key); });
    hash_map<T>(hash, n, [&](T* y) { k.normal(y, n, 0.5, 2.0, key); });
    hash_map<T>(hash, n, [&](T* y) { k.dropout(y, x.data(), n, n, 0.3, key); });
    hash_map<T>(hash, n, [&](T* y) { k.gaussian_noise(y, x.data(), n, n, 0.3, key); });
  }
  return hash;
}

template <class T>
Hash activations(const Kernels<T>& kernels) {
  Hash hash;
  for (const Activation<T>* row : kernels.activations)
    for (const std::size_t n : sizes()) {
      const std::size_t rows = row->rowwise ? 3 : 1, cols = n;
      if (row->rowwise && n == 0) continue;
      const Block<T> x = numbers<T>(rows * cols, n), dy = numbers<T>(rows * cols, n + 1);
      Block<T> y(rows * cols + 1);
      row->forward(y.data(), x.data(), rows, cols, T(0.3));
      hash.add(y.data(), rows * cols);
      if (!row->backward) continue;
      hash_map<T>(hash, rows * cols, [&](T* dx) {
        row->backward(dx, dy.data(), row->from_input ? x.data() : y.data(), rows, cols, T(0.3));
      });
    }
  return hash;
}

constexpr std::size_t row_counts[] = {1, 2, 5, 17};

template <class T>
Hash losses(const Kernels<T>& kernels) {
  Hash hash;
  for (const Loss<T>* row : kernels.losses)
    for (const std::size_t rows : row_counts)
      for (const std::size_t cols : sizes()) {
        if (cols == 0) continue;
        const std::string name = row->name;
        const Block<T> z =
            name.find("log_loss") != name.npos ? shares<T>(rows * cols, cols + 1) : numbers<T>(rows * cols, cols);
        // a target's sign is its class, and its size its weight
        const bool is_signed = name == "weighted_binary_cross_entropy";
        const Block<T> target = is_signed ? numbers<T>(rows * cols, rows) : shares<T>(rows * cols, rows);
        const Block<T> weight = shares<T>(rows, cols);
        const std::vector<std::int32_t> label = labels(rows, cols, rows);
        Block<T> loss(rows);
        const auto both = [&](auto&& call) {
          hash_map<T>(hash, rows * cols, call);
          hash.add(loss.data(), rows);
        };
        for (const T setting : {T(1), T(0.7)}) {
          both([&](T* dz) {
            row->dense(loss.data(), dz, z.data(), target.data(), weight.data(), rows, cols, 2, setting);
          });
          both([&](T*) { row->dense(loss.data(), nullptr, z.data(), target.data(), nullptr, rows, cols, 2, setting); });
          if (row->labels)
            both([&](T* dz) {
              row->labels(loss.data(), dz, z.data(), label.data(), weight.data(), rows, cols, 2, setting);
            });
        }
      }
  return hash;
}

template <class T>
Hash metrics(const Kernels<T>& kernels) {
  Hash hash;
  for (const Metric<T>* row : kernels.metrics)
    for (const std::size_t cols : sizes()) {
      if (cols == 0) continue;
      constexpr std::size_t rows = 5;
      const Block<T> z = numbers<T>(rows * cols, cols), target = shares<T>(rows * cols, rows);
      const std::vector<std::int32_t> label = labels(rows, cols, rows);
      hash_map<T>(hash, rows, [&](T* y) { row->rows(y, z.data(), target.data(), nullptr, rows, cols, T(0.5)); });
      hash_map<T>(hash, rows, [&](T* y) { row->rows(y, z.data(), nullptr, label.data(), rows, cols, T(2)); });
    }
  return hash;
}

template <class T>
Hash updates(const Kernels<T>& kernels) {
  Hash hash;
  for (const Update<T>* row : kernels.updates)
    for (const std::size_t n : sizes()) {
      UpdateSettings settings;
      settings.learning_rate = 0.1, settings.momentum = 0.9, settings.rho = 0.9, settings.weight_decay = 0.01;
      UpdateRunning running;
      const Block<T> w = numbers<T>(n, n);
      Block<T> state(row->slots * n + 1);
      for (std::uint64_t step = 0; step < 3; ++step) {
        UpdateFactors factors;
        row->prepare(factors, running, settings);
        row->step(w.data(), state.data(), n, numbers<T>(n, n + step).data(), n, factors);
      }
      hash.add(w.data(), n);
      hash.add(state.data(), row->slots * n);
      hash.add(running.product, std::size(running.product));
    }
  return hash;
}

template <class T>
Hash products(const MatmulKernels<T>& k) {
  Hash hash;
  Block<T> workspace(k.workspace + 1);
  for (const std::size_t m : {1, 2, 5, 13, 33, 130})
    for (const std::size_t n : {1, 3, 8, 17, 40, 65})
      for (const std::size_t depth : {0, 1, 7, 64, 300}) {
        const Block<T> a = numbers<T>(m * depth, m), b = numbers<T>(depth * n, n), bias = numbers<T>(n, depth);
        Matmul<T> call{};
        call.a = a.data(), call.b = b.data(), call.bias = bias.data(), call.workspace = workspace.data();
        call.m = m, call.n = n, call.k = depth, call.ldc = n, call.gate = bias.data(), call.ldgate = 0;
        const auto product = [&](auto form, std::size_t lda, std::size_t ldb, std::size_t slice) {
          call.lda = lda, call.ldb = ldb, call.batch_slice = slice;
          for (const Finish finish : {Finish::none, Finish::relu, Finish::mask})
            for (const bool accumulate : {false, true}) {
              if (accumulate && slice > 0) continue;
              call.finish = finish, call.accumulate = accumulate;
              hash_map<T>(hash, m * n, [&](T* c) {
                call.c = c;
                form(call);
              });
            }
        };
        product(k.nn, depth, n, 0);
        product(k.tn, m, n, 0);
        product(k.tn, m, n, 16);
        product(k.nt, depth, depth, 0);
      }
  return hash;
}

}  // namespace

template <class T>
std::vector<Line> kernel_bits(const InstructionSet& set) {
  const Kernels<T>& kernels = set.kernels<T>();
  return {{"elementary", elementary(kernels).value()},
          {"vectors", vectors(*kernels.vector).value()},
          {"clips", clips(*kernels.clip).value()},
          {"random", random(*kernels.random).value()},
          {"activations", activations(kernels).value()},
          {"losses", losses(kernels).value()},
          {"metrics", metrics(kernels).value()},
          {"updates", updates(kernels).value()},
          {"products", products(*kernels.matmul).value()},
          {"convolutions", convolutions(kernels).value()},
          {"pools", pools(kernels).value()},
          {"augmentations", augmentations(kernels).value()},
          {"batch norms", batch_norms(*kernels.batch_norm).value()},
          {"layer norms", layer_norms(*kernels.layer_norm).value()},
          {"standardizations", standardizations(*kernels.standardize).value()},
          {"sparse products", sparse_products(*kernels.sparse).value()}};
}

template std::vector<Line> kernel_bits<float>(const InstructionSet&);
template std::vector<Line> kernel_bits<double>(const InstructionSet&);

}  // namespace ravine::tests
