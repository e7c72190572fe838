#include "engine/plan.h"

#include <algorithm>

namespace ravine {
namespace {

// A task of more work than this would keep a signal waiting: about 20 ms at 100 GFLOP/s.
constexpr std::size_t longest_task = 2'000'000'000;
// Gradients of this size are worth a copy per group of rows; above it the columns are cut instead. So no group is cut
// from a network of more than most_copied_weights, of either type.
constexpr std::size_t copied_gradient_bytes = most_copied_weights * sizeof(float);
// A group's activations and their gradients should stay in the L2 cache.
constexpr std::size_t group_bytes = std::size_t{512} << 10;
// Of a convolutional net only a layer's need to, and the dense layers after it gain from more rows: 4 % for LeNet-5.
constexpr std::size_t image_group_bytes = std::size_t{2} << 20;
// A thread that finds no more than this many tasks' worth of parts takes them one by one, so that the last ends early.
constexpr std::size_t tasks_a_thread = 4;
constexpr std::size_t most_parts_together = 8;

template <class T>
std::size_t bytes_a_row(const Network<T>& network, std::size_t terms) {
  std::size_t width = 0;
  for (const Value& value : network.values()) width += value.units;
  if (terms > 0) width = width - network.inputs() + terms;
  return 2 * width * sizeof(T);
}

}  // namespace

template <class T>
std::size_t operation_work(const Network<T>& network, std::size_t operation, std::size_t terms) {
  const std::size_t work = network.operation(operation).profile().step_work;
  return operation == 0 && terms > 0 ? work / network.inputs() * terms : work;
}

template <class T>
std::size_t step_work(const Network<T>& network, std::size_t terms) {
  std::size_t work = 0;
  for (std::size_t i = 0; i < network.operations(); ++i) work += operation_work(network, i, terms);
  return work;
}

Plan with_rows(Plan plan, std::size_t rows) {
  plan.slice = batch_slice(rows, plan.least_slice);
  plan.slices = batch_slices(rows, plan.least_slice);
  plan.gradient_slice = gradient_slice(rows, plan.least_slice, plan.weights);
  plan.groups = (plan.slices + plan.group_slices - 1) / plan.group_slices;
  return plan;
}

std::size_t tasks_of(std::size_t parts, std::size_t work, std::size_t threads) {
  const std::size_t even = threads == 1 ? most_parts_together : parts / (tasks_a_thread * threads);
  const std::size_t prompt = work > 0 ? longest_task / (work / parts + 1) : most_parts_together;
  const std::size_t together = std::clamp<std::size_t>(std::min(even, prompt), 1, most_parts_together);
  return (parts + together - 1) / together;
}

template <class T>
Plan plan_step(const Network<T>& network, std::size_t rows, std::size_t threads, std::size_t terms) {
  const std::size_t work = step_work(network, terms) * rows;
  const std::size_t gradient_bytes = network.arena.size * sizeof(T);
  Plan plan;
  plan.least_slice = network.least_slice();
  plan.weights = network.weights();
  plan = with_rows(plan, rows);
  plan.threads = work < least_team_work ? 1 : threads;
  const std::size_t group_limit = network.least_slice() < usual_batch_slice ? image_group_bytes : group_bytes;
  const bool copies_pay = gradient_bytes <= copied_gradient_bytes;
  // a group of rows cannot continue before an operation has the statistics of the whole batch
  plan.by_rows = network.uses_batch_statistics() ? false
                 : plan.threads == 1             ? work <= longest_task || copies_pay
                                                 : copies_pay && plan.slices >= 2;
  // one thread: groups only as small as the cache asks for; a team: at least one each
  const auto splits = [&](std::size_t groups, std::size_t group_rows) {
    return groups < plan.threads || (copies_pay && group_rows * bytes_a_row(network, terms) > group_limit) ||
           group_rows * step_work(network, terms) > longest_task;
  };
  plan.group_slices = most_batch_slices;
  while (plan.group_slices > 1 &&
         splits((plan.slices + plan.group_slices - 1) / plan.group_slices, plan.slice * plan.group_slices))
    plan.group_slices /= 2;
  return with_rows(plan, rows);
}

template std::size_t step_work(const Network<float>&, std::size_t);
template std::size_t step_work(const Network<double>&, std::size_t);
template std::size_t operation_work(const Network<float>&, std::size_t, std::size_t);
template std::size_t operation_work(const Network<double>&, std::size_t, std::size_t);
template Plan plan_step(const Network<float>&, std::size_t, std::size_t, std::size_t);
template Plan plan_step(const Network<double>&, std::size_t, std::size_t, std::size_t);

}  // namespace ravine
