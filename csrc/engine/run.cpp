#include "engine/run.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <stdexcept>
#include <string>

#include "engine/average.h"
#include "engine/forward_backward.h"
#include "engine/random.h"
#include "engine/sampler.h"
#include "engine/update.h"

namespace ravine {
namespace {

// Subnormal state is set to 0 so often. Bits depend on it.
constexpr std::uint64_t flushing_steps = 256;

// Numbers in EpochSums; metrics follow.
constexpr std::size_t own_sums = 4;

// What an epoch adds up. Its loss is sum w l / sum w (or sum w l, where the loss is a sum) over the epoch, plus the
// mean over its steps of the penalty before each: weighed by the batches' weights where penalties are divided by them.
struct EpochSums {
  double loss = 0.0, weight = 0.0, penalty = 0.0;
  double penalised = 0.0;  // steps, or their weights

  double mean_loss(bool mean) const {
    const double data = !mean ? loss : weight > 0.0 ? loss / weight : 0.0;
    return data + (penalised > 0.0 ? penalty / penalised : 0.0);
  }
};

// The data as their sampler weighs them.
template <class T>
Data<T> sampled(Data<T> data) {
  if (data.sampler) data.weight = data.sampler->weight();
  return data;
}

// Throws std::invalid_argument where a sampler is for other data, or needs what a layer does not give.
template <class T>
void check_sampler(const Network<T>& network, const Data<T>& data) {
  if (!data.sampler) return;
  if (data.sampler->rows() != data.rows)
    throw std::invalid_argument("the sampler is for " + std::to_string(data.sampler->rows()) + " rows, got " +
                                std::to_string(data.rows));
  for (std::size_t i = 0; data.sampler->learns() && i < network.training_operations(); ++i)
    if ((network.trains(i) || (network.operation(i).batch_statistics() && network.is_trainable(i))) &&
        !network.operation(i).has_row_norms())
      throw std::invalid_argument("the sampler learns from the norm of each row's gradient, which " +
                                  network.operation(i).name() + " cannot give; set its trainable to False");
}

// Calls task(i) for every i below `tasks`: by a team, or here.
struct Shares {
  Team& team;

  template <class Task>
  void operator()(std::size_t tasks, Task&& task) const noexcept {
    team.share(tasks, 0, false, [&](std::size_t, std::size_t i) { task(i); });
  }
};

constexpr auto each_in_turn = [](std::size_t tasks, auto&& task) {
  for (std::size_t i = 0; i < tasks; ++i) task(i);
};

template <class T>
class Trainer {
 public:
  Trainer(Network<T>& network, Buffers<T>& buffers, const Data<T>& data, const std::vector<MetricChoice<T>>& metrics,
          const TrainSettings& settings)
      : network_(network),
        data_(sampled(data)),
        sampler_(data.sampler),
        settings_(settings),
        forward_backward_(network, buffers, data_, metrics),
        updater_(network, buffers),
        averager_(network),
        batch_size_(std::min(settings.batch_size, data.rows)),
        shuffles_(settings.shuffle_seed && (batch_size_ < data.rows || sampler_)),
        plan_(forward_backward_.prepare(batch_size_, settings.threads)) {
    const std::size_t all = (data.rows + batch_size_ - 1) / batch_size_;
    first_batch_ = std::min(settings.first_batch, all);
    end_batch_ = settings.batches == 0 ? all : first_batch_ + std::min(all - first_batch_, settings.batches);
    ends_epoch_ = end_batch_ == all;
    if (shuffles_) order_.reserve(data.rows);
    if (sampler_) sampler_->prepare(batch_size_);
    result_.loss.assign(settings.epochs, 0.0);
    result_.metrics.assign(settings.epochs * metrics.size(), 0.0);
    network.sums.resize(own_sums + metrics.size());
  }

  TrainResult run(Watch& watch) {
    Team team(plan_.threads, watch);
    team.run([&] { epochs(team); });
    return std::move(result_);
  }

  // Runs of different networks, one on each thread.
  static std::vector<TrainResult> run_all(std::deque<Trainer>& trainers, std::size_t threads, Watch& watch) {
    std::vector<TrainResult> results(trainers.size());
    Team team(std::min(threads, trainers.size()), watch);
    team.run([&] {
      team.share(trainers.size(), 0, true, [&](std::size_t thread, std::size_t i) {
        Watch other = team.follower();
        results[i] = trainers[i].run(thread == 0 ? watch : other);
      });
    });
    return results;
  }

 private:
  void epochs(Team& team) noexcept {
    bool going = true;
    for (std::size_t e = 0; e < settings_.epochs && going; ++e) {
      const std::uint64_t epoch = settings_.first_epoch + e;
      if (shuffles_) shuffle(team, epoch);
      if (sampler_) sampler_->begin_epoch(team, epoch, shuffles_ ? order_.data() : nullptr);
      EpochSums sums;
      double* const metrics = result_.metrics.data() + e * forward_backward_.metrics();
      if (e == 0 && settings_.continues) restore(sums, metrics);
      for (std::size_t b = first_batch_; b < end_batch_ && going; ++b) {
        going = step(team, b, sums, metrics);
        if (going) ++network_.step, ++result_.steps;
      }
      if (going && ends_epoch_) average(team, true);
      keep(sums, metrics);
      close_epoch(e, sums, metrics);
    }
  }

  // A run that ends in mid-epoch leaves its sums, so that a further one ends with the same numbers as one for both.
  void keep(const EpochSums& sums, const double* metrics) noexcept {
    double* const kept = network_.sums.data();
    kept[0] = sums.loss, kept[1] = sums.weight, kept[2] = sums.penalty, kept[3] = sums.penalised;
    std::copy_n(metrics, forward_backward_.metrics(), kept + own_sums);
  }

  void restore(EpochSums& sums, double* metrics) const noexcept {
    const double* const kept = network_.sums.data();
    sums = {kept[0], kept[1], kept[2], kept[3]};
    std::copy_n(kept + own_sums, forward_backward_.metrics(), metrics);
  }

  // After a stop the order is unfinished, but no batch is taken any more.
  void shuffle(Team& team, std::uint64_t epoch) noexcept {
    constexpr std::size_t work = 1'000'000;  // as much time as 512 swaps far from the cache, about 10 us
    order_.shuffle(data_.rows, *settings_.shuffle_seed, epoch, network_.kernels().random->bits,
                   [&] { return team.stopping(0, work); });
  }

  // Returns false, no weight changed, when stopped or where the loss is no longer finite: that ends the run.
  bool step(Team& team, std::size_t b, EpochSums& sums, double* metrics) noexcept {
    const std::size_t first = b * batch_size_;
    Batch batch{shuffles_ ? order_.data() : nullptr, first, std::min(batch_size_, data_.rows - first)};
    if (sampler_) batch = sampler_->draw(team, network_.step, first, batch.rows);
    const Plan plan = batch.rows == batch_size_ ? plan_ : with_rows(plan_, batch.rows);
    const double weight = sampler_ ? static_cast<double>(batch.rows) * sampler_->mean_weight()
                                   : weight_sum(data_, batch, network_.least_slice());
    if (!weighs(weight)) return !team.stopping(0, batch.rows);
    double* const row_norms = sampler_ ? sampler_->row_norms() : nullptr;
    if (!forward_backward_(team, {batch, plan, weight, network_.step, true, row_norms})) return false;
    const double loss = forward_backward_.loss_sum(plan);
    sums.loss += loss;
    sums.weight += weight;
    for (std::size_t m = 0; m < forward_backward_.metrics(); ++m) metrics[m] += forward_backward_.metric_sum(m, plan);
    if (!std::isfinite(loss)) return false;
    forward_backward_.update_running_statistics();
    const double rate = settings_.rates[std::min(result_.steps, settings_.rates.size() - 1)];
    const StepFactors factors = prepare_step(network_.rule->prepare, network_.running, network_.settings, rate);
    updater_.share_penalty(network_.loss.penalty_share(weight));
    updater_.step(Shares{team}, plan, factors, network_.step % flushing_steps == flushing_steps - 1,
                  forward_backward_.touched(plan));
    average(team, false);
    if (sampler_) sampler_->learn(batch.rows);
    const double counts = network_.loss.shares_penalty ? weight : 1.0;
    sums.penalty += counts * updater_.penalty();
    sums.penalised += counts;
    return true;
  }

  void average(Team& team, bool epoch_end) noexcept {
    if (network_.averaging.every == 0) return;
    const double share = averager_.count(epoch_end);
    if (share == 0.0) return;
    team.share(averager_.chunks(), 0, false, [&](std::size_t, std::size_t chunk) { averager_.take(chunk, share); });
  }

  // Whether a batch can be divided by the sum of its weights.
  bool weighs(double weight) const noexcept {
    return weight > (network_.loss.mean ? 1.0 / static_cast<double>(std::numeric_limits<T>::max()) : 0.0);
  }

  void close_epoch(std::size_t epoch, const EpochSums& sums, double* metrics) noexcept {
    result_.loss[epoch] = sums.mean_loss(network_.loss.mean);
    for (std::size_t m = 0; m < forward_backward_.metrics(); ++m)
      metrics[m] = sums.weight > 0.0 ? metrics[m] / sums.weight : 0.0;
  }

  Network<T>& network_;
  const Data<T> data_;
  Sampler<T>* const sampler_;
  const TrainSettings& settings_;
  ForwardBackward<T> forward_backward_;
  Updater<T> updater_;
  const Averager<T> averager_;
  const std::size_t batch_size_;
  const bool shuffles_;  // a batch of all rows takes them in the data's order, but for a sampler's
  const Plan plan_;
  std::size_t first_batch_ = 0, end_batch_ = 0;
  bool ends_epoch_ = false;
  EpochOrder order_;
  TrainResult result_;
};

}  // namespace

template <class T>
TrainResult train(Network<T>& network, Buffers<T>& buffers, const Data<T>& data,
                  const std::vector<MetricChoice<T>>& metrics, const TrainSettings& settings, Watch& watch) {
  network.check_trainable(true);
  check_sampler(network, data);
  return Trainer<T>(network, buffers, data, metrics, settings).run(watch);
}

template <class T>
std::vector<TrainResult> train_many(const std::vector<Run<T>>& runs, std::size_t threads, Watch& watch) {
  std::deque<Trainer<T>> trainers;
  for (const Run<T>& run : runs) {
    run.network->check_trainable(true);
    check_sampler(*run.network, run.data);
    trainers.emplace_back(*run.network, *run.buffers, run.data, run.metrics, run.settings);
  }
  return Trainer<T>::run_all(trainers, threads, watch);
}

template <class T>
std::optional<double> gradients(Network<T>& network, Buffers<T>& buffers, const Data<T>& data, std::size_t threads,
                                Watch& watch) {
  network.check_trainable(!data.doutput);
  ForwardBackward<T> forward_backward(network, buffers, data, {});
  const Plan plan = forward_backward.prepare(data.rows, threads);
  Updater<T> updater(network, buffers);
  const Batch batch{nullptr, 0, data.rows};
  const double weight = weight_sum(data, batch, network.least_slice());
  updater.share_penalty(network.loss.penalty_share(weight));
  double loss = 0.0;
  bool done = true;
  Team team(plan.threads, watch);
  if (weight > 0.0 || data.doutput) {
    team.run([&] {
      done = forward_backward(team, {batch, plan, weight, 0, false});
      if (!done) return;
      if (!data.doutput) loss = forward_backward.loss_sum(plan);
      updater.finish_gradients(Shares{team}, plan, data.doutput ? Penalties::none : Penalties::all);
    });
    if (!done) return std::nullopt;
    if (network.loss.mean) loss /= weight;
  } else {
    std::fill_n(network.arena.gradients.data(), network.arena.size, T{0});
    updater.finish_gradients(each_in_turn, {}, Penalties::all);
  }
  return data.doutput ? 0.0 : loss + updater.penalty();
}

template <class T>
void apply_gradients(Network<T>& network, double learning_rate) {
  const FloatingPointMode mode;
  const Buffers<T> none;
  Updater<T> updater(network, none);
  const StepFactors factors = prepare_step(network.rule->prepare, network.running, network.settings, learning_rate);
  updater.apply_gradients(each_in_turn, factors);
  const Averager<T> averager(network);
  const double share = averager.count(false);
  for (std::size_t chunk = 0; share > 0.0 && chunk < averager.chunks(); ++chunk) averager.take(chunk, share);
}

template TrainResult train(Network<float>&, Buffers<float>&, const Data<float>&,
                           const std::vector<MetricChoice<float>>&, const TrainSettings&, Watch&);
template TrainResult train(Network<double>&, Buffers<double>&, const Data<double>&,
                           const std::vector<MetricChoice<double>>&, const TrainSettings&, Watch&);
template std::vector<TrainResult> train_many(const std::vector<Run<float>>&, std::size_t, Watch&);
template std::vector<TrainResult> train_many(const std::vector<Run<double>>&, std::size_t, Watch&);
template std::optional<double> gradients(Network<float>&, Buffers<float>&, const Data<float>&, std::size_t, Watch&);
template std::optional<double> gradients(Network<double>&, Buffers<double>&, const Data<double>&, std::size_t, Watch&);
template void apply_gradients(Network<float>&, double);
template void apply_gradients(Network<double>&, double);

}  // namespace ravine
