#include "engine/population.h"

#include <algorithm>
#include <limits>

#include "engine/inference.h"
#include "engine/plan.h"
#include "engine/update.h"

namespace ravine {
namespace {

constexpr std::size_t nobody = std::numeric_limits<std::size_t>::max();

}  // namespace

template <class T>
std::size_t member_size(const Network<T>& network) {
  std::size_t size = 0;
  for (const Parameter& parameter : network.arena.parameters) size += parameter.moves() ? parameter.count() : 0;
  return size;
}

// Frozen parameters are the network's own.
template <class T>
void Population<T>::prepare(const Network<T>& network, std::size_t threads) {
  const Arena<T>& own = network.arena;
  if (seats_.size() < threads) seats_.resize(threads);
  for (std::size_t thread = 0; thread < threads; ++thread) {
    Arena<T>& arena = seats_[thread].arena;
    arena.parameters = own.parameters;
    arena.size = own.size;
    arena.values.grow(own.size);
    std::copy_n(own.values.data(), own.size, arena.values.data());
    seats_[thread].member = nobody;
  }
}

template <class T>
const Arena<T>& Population<T>::seat(std::size_t thread, const Members& members, std::size_t member) noexcept {
  Seat& seat = seats_[thread];
  if (seat.member == member) return seat.arena;
  seat.member = member;
  const double* next = members.values + member * members.size;
  for (const Parameter& parameter : seat.arena.parameters) {
    if (!parameter.moves()) continue;
    T* const to = seat.arena.values.data() + parameter.offset;
    for (std::size_t i = 0; i < parameter.count(); ++i) to[i] = static_cast<T>(next[i]);
    next += parameter.count();
  }
  return seat.arena;
}

// A task is one slice of the rows for one member; neighbours are the same member's, so few threads seat one anew.
template <class T>
bool Population<T>::losses(double* loss, const Network<T>& network, Buffers<T>& buffers, const Data<T>& data,
                           const Members& members, std::size_t threads, Watch& watch) {
  const std::size_t row_work = step_work(network, data.terms_a_row()) / 3;
  threads = members.count * data.rows * row_work >= least_team_work ? startable_threads(threads) : 1;
  const std::size_t most = block_rows(network);
  buffers.prepare(network, threads, std::min(data.rows, most), threads, false, 0, data.is_sparse());
  prepare(network, threads);
  const std::size_t least = network.least_slice();
  const std::size_t slice = batch_slice(data.rows, least), slices = batch_slices(data.rows, least);
  const std::size_t operations = network.training_operations();
  std::vector<double> sums(members.count * slices, 0.0), penalties(members.count);
  bool done = true;
  Team team(threads, watch);
  team.run([&] {
    done = team.share(sums.size(), members.size, true, [&](std::size_t thread, std::size_t task) {
      const std::size_t member = task / slices, begin = task % slices * slice, end = std::min(data.rows, begin + slice);
      const Arena<T>& arena = seat(thread, members, member);
      const Tools<T> tools{&network.kernels(), &arena, buffers.tools(thread).workspace, buffers.tools(thread).scratch};
      if (begin == 0) penalties[member] = penalty_of(network, arena);
      for (std::size_t first = begin; first < end; first += most) {
        const std::size_t rows = std::min(most, end - first);
        add_losses(sums[task], network, operations, buffers.pass(thread), tools, data, first, rows);
        if (team.stopping(thread, rows * row_work)) break;
      }
    });
  });
  const double weight = weight_sum(data, {nullptr, 0, data.rows}, least);
  for (std::size_t i = 0; done && i < members.count; ++i) {
    loss[i] = tree_sum(sums.data() + i * slices, slices);
    if (network.loss.mean) loss[i] = weight > 0.0 ? loss[i] / weight : 0.0;
    loss[i] += network.loss.penalty_share(weight) * penalties[i];
  }
  return done;
}

template std::size_t member_size(const Network<float>&);
template std::size_t member_size(const Network<double>&);
template class Population<float>;
template class Population<double>;

}  // namespace ravine
