#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>
#include <stdexcept>
#include <string>
#include <tuple>

#include "engine/network.h"
#include "engine/random.h"

namespace ravine {
namespace {

// Rows between two looks at the clock, and what they count for: about 10 us where they are far from the cache.
constexpr std::size_t rows_a_look = 512, look_work = 1'000'000;
// From so many strata on halving takes longer than a guide: its branches cannot be foreseen.
constexpr std::size_t guided = 64;
// How much of its past the running mean of |d|^2 keeps at each step.
constexpr double kept = 0.99;

constexpr std::uint64_t pair_of(const std::uint32_t* word) { return word[0] | std::uint64_t{word[1]} << 32; }

// floor(d size / 2^64)
constexpr std::size_t below(std::uint64_t d, std::size_t size) {
  return static_cast<std::size_t>((static_cast<unsigned __int128>(d) * size) >> 64);
}

// Calls body(i) for every i below `count`, unless the team is to stop.
template <class Body>
void each_row(Team& team, std::size_t count, Body&& body) noexcept {
  for (std::size_t first = 0; first < count && !team.stopping(0, look_work / 10); first += rows_a_look)
    for (std::size_t i = first; i < std::min(count, first + rows_a_look); ++i) body(i);
}

std::vector<std::uint32_t> round_robin(std::size_t strata) {
  std::vector<std::uint32_t> pattern(strata);
  for (std::size_t k = 0; k < strata; ++k) pattern[k] = static_cast<std::uint32_t>(k);
  return pattern;
}

std::vector<std::size_t> sizes_of(const Strata& strata) {
  std::vector<std::size_t> sizes;
  for (std::size_t k = 0; k < strata.count(); ++k) sizes.push_back(strata.size(k));
  return sizes;
}

}  // namespace

Strata::Strata(const std::int32_t* stratum, std::size_t rows, std::size_t strata)
    : of_row(rows), row(rows), start(strata + 1) {
  if (rows == 0 || rows > 0xFFFF'FFFF)
    throw std::invalid_argument("a sampler takes 1 to 2^32 - 1 rows, got " + std::to_string(rows));
  for (std::size_t i = 0; i < rows; ++i) {
    if (stratum[i] < 0 || static_cast<std::size_t>(stratum[i]) >= strata)
      throw std::invalid_argument("stratum must be in [0, " + std::to_string(strata) + "), got " +
                                  std::to_string(stratum[i]));
    of_row[i] = static_cast<std::uint32_t>(stratum[i]);
    ++start[of_row[i] + 1];
  }
  for (std::size_t k = 0; k < strata; ++k) {
    if (start[k + 1] == 0) throw std::invalid_argument("stratum " + std::to_string(k) + " has no row");
    start[k + 1] += start[k];
  }
  std::vector<std::size_t> next(start.begin(), start.end() - 1);
  for (std::size_t i = 0; i < rows; ++i) row[next[of_row[i]]++] = static_cast<std::uint32_t>(i);
}

template <class T>
Sampler<T>::Sampler(Strata strata, const T* given)
    : strata_(std::move(strata)), given_(given ? std::vector<T>(given, given + strata_.rows()) : std::vector<T>()) {}

template <class T>
double Sampler<T>::mean_of_draws(const std::vector<double>& probability, const std::vector<double>& factor) const {
  std::vector<double> sum(strata_.count());
  for (std::size_t i = 0; i < rows(); ++i) sum[strata_.of_row[i]] += given(i);
  double mean = 0.0;
  for (std::size_t k = 0; k < strata_.count(); ++k)
    mean += probability[k] * factor[k] * (sum[k] / static_cast<double>(strata_.size(k)));
  return mean;
}

// ------------------------------------------------------------------------------------------- draws with replacement

template <class T>
Draws<T>::Draws(Strata strata, const double* probability, const T* given, const DrawSettings& settings,
                const InstructionSet& instruction_set)
    : Sampler<T>(std::move(strata), given),
      settings_(settings),
      kernels_(instruction_set.d),
      softmax_(find(kernels_.activations, "softmax")) {
  const std::size_t strata_count = this->strata_.count();
  for (std::vector<double>* numbers : {&softmax_of_tau_, &probability_, &cumulative_, &factor_, &part_})
    numbers->assign(strata_count, 0.0);
  if (probability) {
    set_probability(probability);
  } else {
    this->state_ = Block<double>(strata_count + 2);
    double* const tau = this->state_.data();
    for (std::size_t k = 0; k < strata_count; ++k) tau[k] = this->strata_.share(k);
    find(kernels_.elementary, "log")->apply(tau, tau, strata_count);
    tau[strata_count + 1] = 1.0;
    follow_tau();
  }
  this->mean_weight_ = this->mean_of_draws(probability_, factor_);
  if (given || settings_.correct) this->weight_.assign(this->rows(), T{0});
}

template <class T>
void Draws<T>::set_probability(const double* probability) {
  double sum = 0.0;
  for (std::size_t k = 0; k < probability_.size(); ++k) sum += probability[k];
  for (std::size_t k = 0; k < probability_.size(); ++k) probability_[k] = probability[k] / sum;
  accumulate();
  if (probability_.size() < guided) return;
  const double strata = static_cast<double>(probability_.size());
  std::vector<std::uint32_t> guide;
  for (std::size_t j = 0; j < probability_.size(); ++j)
    guide.push_back(static_cast<std::uint32_t>(stratum_at(static_cast<double>(j) / strata)));
  guide_ = std::move(guide);
}

// With a guide a search from nearby, of a step or two on average; else by halves.
template <class T>
std::size_t Draws<T>::stratum_at(double u) const noexcept {
  const double at = u * cumulative_.back();
  if (guide_.empty())
    return static_cast<std::size_t>(std::upper_bound(cumulative_.begin(), cumulative_.end(), at) - cumulative_.begin());
  std::size_t k = guide_[static_cast<std::size_t>(u * static_cast<double>(guide_.size()))];
  while (k > 0 && cumulative_[k - 1] > at) --k;
  while (cumulative_[k] <= at) ++k;
  return k;
}

template <class T>
void Draws<T>::follow_tau() noexcept {
  softmax_->forward(softmax_of_tau_.data(), this->state_.data(), 1, softmax_of_tau_.size(), 0.0);
  for (std::size_t k = 0; k < probability_.size(); ++k)
    probability_[k] = (1.0 - settings_.uniform) * softmax_of_tau_[k] + settings_.uniform * this->strata_.share(k);
  accumulate();
}

// What follows from q: its sums, and p / q = (n_k / n) / q_k, which is nowhere used for a stratum that is never drawn.
template <class T>
void Draws<T>::accumulate() noexcept {
  double sum = 0.0;
  for (std::size_t k = 0; k < probability_.size(); ++k) {
    cumulative_[k] = sum += probability_[k];
    factor_[k] = !settings_.correct ? 1.0 : probability_[k] > 0.0 ? this->strata_.share(k) / probability_[k] : 0.0;
  }
}

template <class T>
const std::vector<double>& Draws<T>::probability() noexcept {
  if (learns()) follow_tau();
  return probability_;
}

template <class T>
void Draws<T>::prepare(std::size_t rows) {
  if (rows <= order_.size()) return;
  order_.resize(rows);
  stratum_.resize(rows);
  if (learns()) norm_.resize(rows);
}

template <class T>
Batch Draws<T>::draw(Team& team, std::uint64_t step, std::size_t, std::size_t rows) noexcept {
  if (learns()) follow_tau();
  const bool weighs = !this->weight_.empty();
  std::uint32_t word[4 * rows_a_look];
  for (std::size_t first = 0; first < rows && !team.stopping(0, look_work); first += rows_a_look) {
    const std::size_t count = std::min(rows_a_look, rows - first);
    kernels_.random->bits(word, 4 * first, 4 * count, {settings_.seed, stream(Purpose::sampler, 0), step});
    for (std::size_t i = 0; i < count; ++i) {
      const double u = static_cast<double>(pair_of(word + 4 * i) >> 11) * 0x1p-53;
      const std::size_t k = stratum_at(u);
      const std::size_t place = this->strata_.start[k] + below(pair_of(word + 4 * i + 2), this->strata_.size(k));
      const std::uint32_t row = this->strata_.row[place];
      order_[first + i] = row;
      stratum_[first + i] = static_cast<std::uint32_t>(k);
      if (weighs) this->weight_[row] = static_cast<T>(this->given(row) * factor_[k]);
    }
  }
  return {order_.data(), 0, rows};
}

// With c_k = sum of |d|^2 over the draws of stratum k, times (1 - u) softmax_k / (q_k B): tau_k += a (c_k - softmax_k
// sum c).
template <class T>
void Draws<T>::learn(std::size_t rows) noexcept {
  if (!learns()) return;
  const double size = static_cast<double>(rows);
  std::fill(part_.begin(), part_.end(), 0.0);
  double mean = 0.0;
  for (std::size_t i = 0; i < rows; ++i) part_[stratum_[i]] += norm_[i];
  for (double& part : part_) mean += part *= size;  // |d|^2 = B^2 |row's gradient|^2, over B
  if (!(mean > 0.0 && std::isfinite(mean))) return;
  double* const tau = this->state_.data();
  double rate = settings_.learning_rate;
  if (settings_.normalize) {
    double& running = tau[part_.size()];
    double& unseen = tau[part_.size() + 1];
    running = kept * running + (1.0 - kept) * mean;
    unseen *= kept;
    rate /= running / (1.0 - unseen);
  }
  double sum = 0.0;
  for (std::size_t k = 0; k < part_.size(); ++k)
    sum += part_[k] *= (1.0 - settings_.uniform) * softmax_of_tau_[k] / probability_[k];
  for (std::size_t k = 0; k < part_.size(); ++k) tau[k] += rate * (part_[k] - softmax_of_tau_[k] * sum);
}

// ----------------------------------------------------------------------------------------------- arranged epochs

// The j-th slot of stratum k (from 0) may be any of floor(j n / n_k) .. ceil((j + 1) n / n_k) - 1; of those that may
// come, the one whose range ends first does. Tijdeman, "The chairman assignment problem" (1980), shows that there is
// such a pattern; taking the earliest end finds it.
std::vector<std::uint32_t> even_pattern(const std::vector<std::size_t>& size) {
  using Entry = std::tuple<std::size_t, std::uint32_t>;  // slot, stratum
  using Earliest = std::priority_queue<Entry, std::vector<Entry>, std::greater<>>;
  std::size_t slots = 0;
  for (const std::size_t n : size) slots += n;
  std::vector<std::size_t> placed(size.size());
  std::vector<std::uint32_t> pattern(slots);
  Earliest coming, ready;
  for (std::uint32_t k = 0; k < size.size(); ++k)
    if (size[k] > 0) coming.emplace(0, k);
  for (std::size_t slot = 0; slot < slots; ++slot) {
    for (; !coming.empty() && std::get<0>(coming.top()) <= slot; coming.pop()) {
      const std::uint32_t k = std::get<1>(coming.top());
      ready.emplace(((placed[k] + 1) * slots + size[k] - 1) / size[k], k);
    }
    const std::uint32_t k = std::get<1>(ready.top());
    ready.pop();
    pattern[slot] = k;
    if (++placed[k] < size[k]) coming.emplace(placed[k] * slots / size[k], k);
  }
  return pattern;
}

template <class T>
Arrangement<T>::Arrangement(Strata strata, bool balanced, bool correct, const T* given, std::uint32_t seed,
                            const InstructionSet& instruction_set)
    : Sampler<T>(std::move(strata), given),
      seed_(seed),
      bits_(instruction_set.d.random->bits),
      pattern_(balanced ? round_robin(this->strata_.count()) : even_pattern(sizes_of(this->strata_))),
      sorted_(this->rows()),
      order_(this->rows()),
      next_(this->strata_.count()) {
  const std::size_t strata_count = this->strata_.count();
  std::vector<double> probability(strata_count), factor(strata_count, 1.0);
  for (std::size_t k = 0; k < strata_count; ++k) {
    probability[k] = balanced ? 1.0 / static_cast<double>(strata_count) : this->strata_.share(k);
    if (balanced && correct) factor[k] = this->strata_.share(k) * static_cast<double>(strata_count);
  }
  this->mean_weight_ = this->mean_of_draws(probability, factor);
  if (!given && !(balanced && correct)) return;
  for (std::size_t i = 0; i < this->rows(); ++i)
    this->weight_.push_back(static_cast<T>(this->given(i) * factor[this->strata_.of_row[i]]));
}

template <class T>
void Arrangement<T>::begin_epoch(Team& team, std::uint64_t epoch, const std::uint32_t* order) noexcept {
  const Strata& strata = this->strata_;
  std::size_t turn = 0;
  if (order) {
    std::uint32_t word[2];
    bits_(word, 0, 2, {seed_, stream(Purpose::sampler, 1), epoch});
    turn = below(pair_of(word), pattern_.size());
  }
  std::copy(strata.start.begin(), strata.start.end() - 1, next_.begin());
  each_row(team, this->rows(), [&](std::size_t i) {
    const std::uint32_t row = order ? order[i] : static_cast<std::uint32_t>(i);
    sorted_[next_[strata.of_row[row]]++] = row;
  });
  std::copy(strata.start.begin(), strata.start.end() - 1, next_.begin());
  each_row(team, this->rows(), [&](std::size_t i) {
    const std::size_t k = pattern_[turn];
    if (++turn == pattern_.size()) turn = 0;
    order_[i] = sorted_[next_[k]];
    if (++next_[k] == strata.start[k + 1]) next_[k] = strata.start[k];
  });
}

template <class T>
Batch Arrangement<T>::draw(Team&, std::uint64_t, std::size_t first, std::size_t rows) noexcept {
  return {order_.data(), first, rows};
}

template class Sampler<float>;
template class Sampler<double>;
template class Draws<float>;
template class Draws<double>;
template class Arrangement<float>;
template class Arrangement<double>;

}  // namespace ravine
