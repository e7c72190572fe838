// The pass over the arena after a batch: groups' gradients added up, penalties, clipping, the update rule, constraints.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/buffers.h"
#include "engine/network.h"
#include "engine/plan.h"

namespace ravine {

// The factors of a step, for parameters that decay and for those that do not.
struct StepFactors {
  UpdateFactors decayed;
  UpdateFactors plain;
  double learning_rate = 0.0;
};

StepFactors prepare_step(decltype(Update<float>::prepare) prepare, UpdateRunning& running, UpdateSettings settings,
                         double learning_rate);

// Which penalties' gradients are added: `smooth` leaves out an l1 that acts by thresholds after the step.
enum class Penalties { none, smooth, all };

// Each of the three calls below takes share(tasks, task), which calls task(i) for every i below `tasks`, on any thread.
template <class T>
class Updater {
 public:
  Updater(const Network<T>& network, const Buffers<T>& buffers);

  // Sets what penalties are multiplied with, from here on.
  void share_penalty(double share) { share_ = share; }

  // Adds up the groups' gradients, level by level of the tree, and the penalties'.
  template <class Share>
  void finish_gradients(const Share& share, const Plan& plan, Penalties penalties) noexcept {
    weigh(share);
    share(chunks_.size(), [&](std::size_t chunk) { finish_gradient(chunk, plan, penalties); });
  }

  // Rows of the first parameter outside of which its gradient is zero; none: any may not be.
  using Touched = std::optional<std::span<const std::uint32_t>>;

  // All that a step does after the backward pass; `flushes` says whether subnormal state is set to 0.
  template <class Share>
  void step(const Share& share, const Plan& plan, const StepFactors& factors, bool flushes,
            const Touched& touched) noexcept {
    const auto go_on = [&](std::size_t chunk) {
      clip(chunk);
      if (flushes) flush_subnormals(chunk);
      apply(chunk, factors);
      threshold(chunk, factors.learning_rate);
    };
    weigh(share);
    if (network_.clipping.norm > 0.0) {
      share(chunks_.size(), [&](std::size_t chunk) {
        finish_gradient(chunk, plan, Penalties::smooth);
        square(chunk, network_.arena.gradients.data(), 1.0);
      });
      choose_clip_factor(share);
      share(chunks_.size(), go_on);
    } else {
      const bool few =
          touched && !flushes && network_.rule->skips_zero_gradients && network_.settings.weight_decay == 0.0;
      const std::size_t row_tasks = few ? (touched->size() + touched_rows - 1) / touched_rows : 0;
      share(row_tasks + chunks_.size(), [&](std::size_t task) {
        if (task < row_tasks) return step_rows(*touched, task, factors);
        const std::size_t chunk = task - row_tasks;
        if (few && chunks_[chunk].first < sparse_end_) return;
        finish_gradient(chunk, plan, Penalties::smooth);
        go_on(chunk);
      });
    }
    constrain(share);
  }

  // The rule's step from the gradients as they are: clipping and constraints belong to it, penalties do not.
  template <class Share>
  void apply_gradients(const Share& share, const StepFactors& factors) noexcept {
    if (network_.clipping.norm > 0.0) {
      square_gradients(share, 1.0);
      choose_clip_factor(share);
    }
    share(chunks_.size(), [&](std::size_t chunk) {
      clip(chunk);
      apply(chunk, factors);
    });
    constrain(share);
  }

  // The penalties of the gradients last finished, added in ascending order.
  double penalty() const noexcept;

 private:
  struct Chunk {
    std::size_t parameter;
    std::size_t first, count;
    bool penalised, decayed, trained;
    double slope = 0.0;  // l2_norm / (2 |w|) of a kernel with that penalty: its gradient is that of the l2 `slope`
  };
  // Chunks [first, last) hold a kernel with the penalty l2_norm |w|.
  struct Rooted {
    std::size_t parameter, first, last;
  };
  // Columns of a kernel whose norms are limited.
  struct Columns {
    std::size_t parameter, first, count;
  };

  // The norms of kernels whose penalty is theirs.
  template <class Share>
  void weigh(const Share& share) noexcept {
    if (rooted_chunks_.empty()) return;
    share(rooted_chunks_.size(), [&](std::size_t i) { square(rooted_chunks_[i], network_.arena.values.data(), 1.0); });
    take_roots();
  }

  template <class Share>
  void square_gradients(const Share& share, double scale) noexcept {
    share(chunks_.size(), [&](std::size_t chunk) { square(chunk, network_.arena.gradients.data(), scale); });
  }

  // min(1, clip_norm / |g|), |g| the norm of all trained parameters' gradients, from their squares. A norm that is not
  // finite leaves them as they are, and the weights follow. Squares of float64 may overflow where no number does;
  // scaled by 2^-600 they cannot.
  template <class Share>
  void choose_clip_factor(const Share& share) noexcept {
    double scale = 1.0, norm = trained_norm();
    if (!std::isfinite(norm)) {
      square_gradients(share, scale = 0x1p-600);
      norm = trained_norm();
    }
    const double factor = network_.clipping.norm / norm * scale;
    clip_factor_ = static_cast<T>(std::isfinite(norm) && factor < 1.0 ? factor : 1.0);
  }

  template <class Share>
  void constrain(const Share& share) noexcept {
    if (!limited_.empty()) share(limited_.size(), [&](std::size_t i) { limit(limited_[i]); });
  }

  void finish_gradient(std::size_t chunk, const Plan& plan, Penalties penalties) noexcept;
  void square(std::size_t chunk, const T* block, double scale) noexcept;
  void take_roots() noexcept;
  double trained_norm() const noexcept;
  void clip(std::size_t chunk) const noexcept;
  // Sets subnormal state to 0: units that are dead leave averages that decay to these and stay
  // there (0.9 times the smallest rounds to itself), and a step on them takes up to 2.8 times as long.
  void flush_subnormals(std::size_t chunk) const noexcept;
  void apply(std::size_t chunk, const StepFactors& factors) const noexcept;
  // A task of rows of the first parameter, as far as its whole chunks go.
  void step_rows(std::span<const std::uint32_t> touched, std::size_t task, const StepFactors& factors) const noexcept;
  void threshold(std::size_t chunk, double learning_rate) const noexcept;
  void limit(const Columns& columns) const noexcept;

  static constexpr std::size_t touched_rows = 64;  // a task

  const Network<T>& network_;
  const Buffers<T>& buffers_;
  std::vector<Chunk> chunks_;
  std::size_t sparse_end_ = 0;  // chunks before this offset hold nothing but the first parameter
  std::vector<Rooted> rooted_;
  std::vector<std::size_t> rooted_chunks_;
  std::vector<Columns> limited_;
  std::vector<double> penalty_;
  std::vector<double> squares_;  // by chunk, of weights or of gradients
  double rooted_penalty_ = 0.0;
  double share_ = 1.0;  // of the penalties
  T clip_factor_ = 1;
};

// sum over the kernels of l1 sum|W| + l2 sum W^2 + l2_norm |W|, in the order in which a step adds it up.
template <class T>
double penalty_of(const Network<T>& network);
// The same with the parameters' values of another arena.
template <class T>
double penalty_of(const Network<T>& network, const Arena<T>& arena);

}  // namespace ravine
