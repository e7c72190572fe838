// An alternative to an epoch's order: which rows a batch has, and the weight of each.
//
// A batch of B rows i gives sum w_i l_i / (B E[w]), where E[w] is the mean weight of a draw: a number of the sampler's
// alone. Divided by the sum of the weights that happen to be in the batch, as without a sampler, the mean over all
// draws would not be the gradient of one loss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/arena.h"
#include "engine/data.h"
#include "engine/team.h"
#include "kernels/signatures/elementary.h"
#include "kernels/signatures/random.h"

namespace ravine {

// The rows of each stratum, side by side.
struct Strata {
  // `stratum` (rows), each below `strata`, which all have a row; throws std::invalid_argument.
  Strata(const std::int32_t* stratum, std::size_t rows, std::size_t strata);

  std::size_t count() const { return start.size() - 1; }
  std::size_t rows() const { return of_row.size(); }
  std::size_t size(std::size_t stratum) const { return start[stratum + 1] - start[stratum]; }
  // n_k / n
  double share(std::size_t stratum) const { return static_cast<double>(size(stratum)) / static_cast<double>(rows()); }

  std::vector<std::uint32_t> of_row;  // (rows)
  std::vector<std::uint32_t> row;     // (rows)
  std::vector<std::size_t> start;     // (strata + 1)
};

template <class T>
class Sampler {
 public:
  virtual ~Sampler() = default;

  std::size_t rows() const { return strata_.rows(); }
  // What each row weighs when it is drawn; null: ones.
  const T* weight() const { return weight_.empty() ? nullptr : weight_.data(); }
  double mean_weight() const { return mean_weight_; }
  // What it has learnt, and continues from; views keep it alive.
  const Block<double>& state() const { return state_; }

  // Whether it learns from |gradient|^2 of each row of the batch, which the backward pass then leaves in row_norms().
  virtual bool learns() const { return false; }
  virtual double* row_norms() { return nullptr; }
  // Makes room for batches of up to `rows` rows.
  virtual void prepare(std::size_t rows) = 0;
  // `order`: the epoch's; null: the data's. After a stop no batch is taken any more.
  virtual void begin_epoch(Team&, std::uint64_t /*epoch*/, const std::uint32_t* /*order*/) noexcept {}
  // The batch of step `step`: rows [first, first + rows) of the epoch.
  virtual Batch draw(Team& team, std::uint64_t step, std::size_t first, std::size_t rows) noexcept = 0;
  // After the backward pass of the batch last drawn.
  virtual void learn(std::size_t /*rows*/) noexcept {}

 protected:
  // `given` (rows): the user's weights, or null.
  Sampler(Strata strata, const T* given);

  double given(std::size_t row) const { return given_.empty() ? 1.0 : static_cast<double>(given_[row]); }
  // The mean over draws of given weight times `factor` of the stratum, where stratum k has probability[k].
  double mean_of_draws(const std::vector<double>& probability, const std::vector<double>& factor) const;

  const Strata strata_;
  const std::vector<T> given_;
  std::vector<T> weight_;
  double mean_weight_ = 1.0;
  Block<double> state_;
};

struct DrawSettings {
  std::uint32_t seed = 0;
  bool correct = true;         // weights p / q, so that the loss stays what it is
  double learning_rate = 0.0;  // of tau; 0: the probabilities stay as they are
  double uniform = 0.0;        // the share of uniform draws in q, where they are learnt
  bool normalize = true;       // squared gradients are taken relative to their running mean
};

// Rows drawn one by one with replacement: a stratum k with probability q_k, then a row of it, all alike. Where q is
// learnt (AW-SGD), q_k = (1 - u) softmax(tau)_k + u n_k / n and tau += a sum_i |d_i|^2 grad_tau log q(x_i) / B, where
// d_i is row i's part of the batch's gradient, times B. Its state: tau (strata), the running mean of |d|^2, and the
// weight 0.99^t of its zero start.
template <class T>
class Draws final : public Sampler<T> {
 public:
  // `probability` (strata): in proportion; null: as tau says, which begins at the strata's shares.
  Draws(Strata strata, const double* probability, const T* given, const DrawSettings& settings,
        const InstructionSet& instruction_set);

  bool learns() const override { return settings_.learning_rate > 0.0; }
  double* row_norms() override { return learns() ? norm_.data() : nullptr; }
  void prepare(std::size_t rows) override;
  Batch draw(Team& team, std::uint64_t step, std::size_t first, std::size_t rows) noexcept override;
  void learn(std::size_t rows) noexcept override;

  // q_k, as tau says now where it is learnt.
  const std::vector<double>& probability() noexcept;

 private:
  void set_probability(const double* probability);
  void follow_tau() noexcept;
  void accumulate() noexcept;
  // The stratum at u in [0, 1): the first whose sum of probabilities is above u times all of them.
  std::size_t stratum_at(double u) const noexcept;

  const DrawSettings settings_;
  const Kernels<double>& kernels_;
  const Activation<double>* const softmax_;
  std::vector<double> softmax_of_tau_, probability_, cumulative_, factor_, part_;  // (strata)
  std::vector<std::uint32_t> guide_;            // (strata), of many that stay as they are: near stratum_at(j / strata)
  std::vector<std::uint32_t> order_, stratum_;  // (batch)
  std::vector<double> norm_;                    // (batch)
};

// Batches with a fixed share of each stratum: that of the data, each row once an epoch, or the same for all strata. An
// epoch's slots belong to strata by a pattern that starts anywhere; a stratum's rows come in the epoch's order, and
// begin again where its slots outnumber them.
template <class T>
class Arrangement final : public Sampler<T> {
 public:
  Arrangement(Strata strata, bool balanced, bool correct, const T* given, std::uint32_t seed,
              const InstructionSet& instruction_set);

  void prepare(std::size_t) override {}
  void begin_epoch(Team& team, std::uint64_t epoch, const std::uint32_t* order) noexcept override;
  Batch draw(Team&, std::uint64_t, std::size_t first, std::size_t rows) noexcept override;

 private:
  const std::uint32_t seed_;
  const decltype(RandomKernels<double>::bits) bits_;
  const std::vector<std::uint32_t> pattern_;  // the stratum of a slot; it repeats
  std::vector<std::uint32_t> sorted_, order_;
  std::vector<std::size_t> next_;
};

// The strata of sum(size) slots: any first m of them have less than one slot more or less than m size_k / sum(size) of
// every stratum k.
std::vector<std::uint32_t> even_pattern(const std::vector<std::size_t>& size);

}  // namespace ravine
