#include "engine/forward_backward.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>
#include <utility>

namespace ravine {
namespace {

// Rows of a task that gathers, or takes norms, when outputs are cut; and of one that takes sparse rows through the
// first operation, whose outputs are few.
constexpr std::size_t task_rows = 512, sparse_task_rows = 32;
// Numbers that such a task gathers at most.
constexpr std::size_t gathered_numbers = 131072;

constexpr std::size_t pieces(std::size_t total, std::size_t size) { return (total + size - 1) / size; }

// The most terms that `rows` of the data's rows have, drawn without replacement or with it.
template <class T>
std::size_t most_terms(const Data<T>& data, std::size_t rows) {
  std::vector<std::size_t> terms(data.rows);
  for (std::size_t i = 0; i < data.rows; ++i)
    terms[i] = static_cast<std::size_t>(data.sparse.start[i + 1] - data.sparse.start[i]);
  if (data.sampler) return rows * *std::max_element(terms.begin(), terms.end());
  const auto first = terms.begin(), end = first + static_cast<std::ptrdiff_t>(std::min(rows, data.rows));
  std::nth_element(first, end - 1, terms.end(), std::greater<>());
  return std::accumulate(first, end, std::size_t{0});
}

}  // namespace

template <class T>
ForwardBackward<T>::ForwardBackward(const Network<T>& network, Buffers<T>& buffers, const Data<T>& data,
                                    std::vector<MetricChoice<T>> metrics)
    : network_(network),
      buffers_(buffers),
      data_(data),
      metrics_(std::move(metrics)),
      operations_(data.doutput ? network.operations() : network.training_operations()),
      output_(network.output(operations_)),
      units_(network.units(operations_)),
      work_(step_work(network, data.terms_a_row())),
      lists_columns_((data.is_sparse() || network.id_limit() > 0) && network.trains(0)),
      others_write_(std::any_of(network.arena.parameters.begin(), network.arena.parameters.end(), is_penalised)) {
  metric_sums_.resize(metrics_.size() * most_batch_slices);
}

template <class T>
Plan ForwardBackward<T>::prepare(std::size_t rows, std::size_t threads) {
  Plan plan = plan_step(network_, rows, threads, data_.terms_a_row());
  plan.threads = startable_threads(plan.threads);
  const std::size_t passes = plan.by_rows ? plan.threads : 1;
  // a smaller batch may have more slices than this one: 448 rows have 14, 513 have 13
  const std::size_t most_slices = std::min(most_batch_slices, pieces(rows, network_.least_slice()));
  buffers_.prepare(network_, passes, plan.by_rows ? std::min(rows, plan.group_rows()) : rows, plan.threads, true,
                   plan.by_rows ? pieces(most_slices, plan.group_slices) - 1 : 0, data_.is_sparse());
  if (lists_columns_) {
    const std::size_t groups = plan.by_rows ? pieces(most_slices, plan.group_slices) : 1;
    const std::size_t group_rows = groups > 1 ? std::min(rows, plan.group_rows()) : rows;
    const std::size_t terms = data_.is_sparse() ? most_terms(data_, group_rows) : group_rows * network_.inputs();
    buffers_.columns.resize(groups);
    for (ColumnLists<T>& lists : buffers_.columns)
      lists.prepare(data_.is_sparse() ? network_.inputs() : network_.id_limit(), terms);
  }
  for (std::size_t i = 0; !data_.weight && i < passes; ++i) buffers_.pass(i).weight = nullptr;
  return plan;
}

// Losses, metrics and the gradient by the last value, for rows of one pass; their sums by slice.
template <class T>
void ForwardBackward<T>::losses(Pass<T>& pass, const Step& step, std::size_t first, std::size_t rows) noexcept {
  const std::size_t units = units_;
  T* const dz = pass.dvalue[output_] + first * units;
  if (data_.doutput) {
    for (std::size_t i = 0; i < rows; ++i)
      std::memcpy(dz + i * units, data_.doutput + step.batch.row(pass.first_row + first + i) * units,
                  units * sizeof(T));
    return;
  }
  const T* const z = pass.value[output_] + first * units;
  const T* const weight = pass.weight ? pass.weight + first : nullptr;
  const auto& choice = network_.loss;
  const T scale = static_cast<T>(choice.mean ? 1.0 / step.weight_sum : 1.0);
  const T setting = static_cast<T>(choice.setting);
  T* const row_loss = pass.row_loss + first;
  if (data_.label)
    choice.loss->labels(row_loss, dz, z, pass.label + first, weight, rows, units, scale, setting);
  else
    choice.loss->dense(row_loss, dz, z, pass.target + first * units, weight, rows, units, scale, setting);

  const auto sum_into = [&](double* sums, const T* value) {
    for (std::size_t begin = 0; begin < rows; begin += step.plan.slice) {
      double sum = 0.0;
      for (std::size_t i = begin; i < std::min(rows, begin + step.plan.slice); ++i)
        sum += weight ? static_cast<double>(weight[i]) * static_cast<double>(value[i]) : static_cast<double>(value[i]);
      sums[(pass.first_row + first + begin) / step.plan.slice] = sum;
    }
  };
  sum_into(loss_sums_, row_loss);
  for (std::size_t m = 0; m < metrics_.size(); ++m) {
    T* const value = pass.row_metric + first;
    metrics_[m].metric->rows(value, z, data_.target ? pass.target + first * units : nullptr,
                             data_.label ? pass.label + first : nullptr, rows, units,
                             static_cast<T>(metrics_[m].setting));
    sum_into(metric_sums_.data() + m * most_batch_slices, value);
  }
}

// A group of slices through the whole network and back, on one thread.
template <class T>
void ForwardBackward<T>::group(std::size_t thread, const Step& step, std::size_t number) noexcept {
  Pass<T>& pass = buffers_.pass(thread);
  const Tools<T>& tools = buffers_.tools(thread);
  pass.first_row = number * step.plan.group_rows();
  pass.step = step.number;
  pass.training = step.training;
  pass.lanes = pass.fused = true;
  const std::size_t rows = std::min(step.plan.group_rows(), step.batch.rows - pass.first_row);
  if (step.batch.order) {
    point_sparse(pass, data_, step.batch, pass.first_row);
    gather(pass, data_, step.batch, pass.first_row, rows, 0, network_.inputs(), units_);
  } else {
    point(pass, data_, step.batch.row(pass.first_row), network_.inputs(), units_);
  }
  for (std::size_t i = 0; i < operations_; ++i) network_.operation(i).forward(pass, 0, rows, {}, tools);
  losses(pass, step, 0, rows);
  if (lists_columns_) list_columns(pass, number, rows, step.plan.groups > 1);
  T* const gradients = buffers_.group_gradients(network_.arena, number);
  for (std::size_t i = operations_; i-- > network_.first_trained();) {
    if (network_.trains(i)) network_.operation(i).gradient(pass, rows, step.plan.gradient_slice, {}, gradients, tools);
    if (network_.goes_back(i)) network_.operation(i).backward(pass, 0, rows, {}, tools);
  }
  if (step.row_norms) row_norms(pass, step, 0, rows, tools);
}

// Lists the terms of a pass's input by columns; groups write each other's gradients when these are added up.
template <class T>
void ForwardBackward<T>::list_columns(Pass<T>& pass, std::size_t group, std::size_t rows, bool others_write) noexcept {
  ColumnLists<T>& lists = buffers_.columns[group];
  if (data_.is_sparse())
    lists.build(pass.sparse, rows);
  else
    lists.build(pass.value[0], rows * network_.inputs());
  pass.columns = lists.listed(others_write || others_write_);
}

// For rows of one pass, after the backward pass.
template <class T>
void ForwardBackward<T>::row_norms(const Pass<T>& pass, const Step& step, std::size_t first, std::size_t rows,
                                   const Tools<T>& tools) noexcept {
  double* const norm = step.row_norms + pass.first_row + first;
  std::fill_n(norm, rows, 0.0);
  for (std::size_t i = network_.first_trained(); i < operations_; ++i)
    if (network_.trains(i)) network_.operation(i).add_row_norms(pass, first, rows, norm, tools);
}

// A network that has to go by outputs though its rows could be shared is cut by slices of the batch.
template <class T>
std::size_t ForwardBackward<T>::task_rows_of(const Operation<T>& operation, const Plan& plan) const noexcept {
  const std::size_t most = operation.profile().task_rows;
  return network_.uses_batch_statistics() && plan.threads > 1 ? std::min(most, plan.slice) : most;
}

// Where slices keep a team as busy as parts of the gradient: a part goes through all rows, and makes anew what goes
// with them.
template <class T>
bool ForwardBackward<T>::slices_gradient(const Operation<T>& operation, const Plan& plan) const noexcept {
  return operation.sliced_gradient() && plan.threads > 1 &&
         plan.slices >= std::min(plan.threads, std::max<std::size_t>(2, operation.profile().gradient_parts));
}

template <class T>
bool ForwardBackward<T>::by_rows(Team& team, const Step& step) noexcept {
  const std::size_t work = work_ * step.plan.group_rows();
  return team.share(step.plan.groups, work, true, [&](std::size_t thread, std::size_t g) { group(thread, step, g); });
}

// What an operation needs to know of the whole batch before its rows continue.
template <class T>
bool ForwardBackward<T>::take_statistics(Team& team, const Step& step, const Operation<T>& operation,
                                         bool back) noexcept {
  const Pass<T>& pass = buffers_.pass(0);
  const BatchStatistics<T>& statistics = *operation.batch_statistics();
  const std::size_t rows = step.batch.rows, slices = statistics.slices(rows);
  if (!team.share(slices, rows * operation.profile().work() / slices, true, [&](std::size_t thread, std::size_t slice) {
        const Tools<T>& tools = buffers_.tools(thread);
        back ? statistics.collect_back(pass, rows, slice, tools) : statistics.collect(pass, rows, slice, tools);
      }))
    return false;
  if (back)
    statistics.finish_back(pass, rows, network_.arena.gradients.data(), buffers_.tools(0));
  else
    statistics.finish(pass, rows, buffers_.tools(0));
  return true;
}

template <class T>
void ForwardBackward<T>::update_running_statistics() noexcept {
  for (std::size_t i = 0; network_.uses_batch_statistics() && i < operations_; ++i)
    if (const auto* statistics = network_.operation(i).batch_statistics())
      statistics->update_running(buffers_.pass(0), buffers_.tools(0));
}

template <class T>
bool ForwardBackward<T>::by_outputs(Team& team, const Step& step) noexcept {
  Pass<T>& pass = buffers_.pass(0);
  const std::size_t rows = step.batch.rows;
  pass.first_row = 0, pass.step = step.number, pass.training = step.training;
  pass.lanes = pass.fused = true;
  if (step.batch.order)
    point_sparse(pass, data_, step.batch, 0);
  else
    point(pass, data_, step.batch.row(0), network_.inputs(), units_);
  const std::size_t width = data_.is_sparse() ? 1 : network_.inputs();
  const std::size_t some = std::clamp<std::size_t>(gathered_numbers / width, 1, task_rows);
  if (step.batch.order && !team.share(pieces(rows, some), some * width, true, [&](std::size_t, std::size_t block) {
        const std::size_t first = block * some;
        gather(pass, data_, step.batch, first, std::min(some, rows - first), first, network_.inputs(), units_);
      }))
    return false;
  for (std::size_t i = 0; i < operations_; ++i) {
    const Operation<T>& operation = network_.operation(i);
    if (operation.batch_statistics() && !take_statistics(team, step, operation, false)) return false;
    const std::size_t most = i == 0 && data_.is_sparse() ? sparse_task_rows : task_rows_of(operation, step.plan);
    const std::size_t count = pieces(rows, most), lists = i == 0 && lists_columns_ ? 1 : 0;
    const std::size_t block_work = most * work_of(i);
    const std::size_t parts = tasks_of(operation.profile().forward_parts, block_work, team.size());
    const std::size_t work = block_work / parts;
    if (!team.share(lists + count * parts, work, true, [&](std::size_t thread, std::size_t task) {
          if (task < lists) return list_columns(pass, 0, rows, false);
          task -= lists;
          const std::size_t first = task / parts * most;
          operation.forward(pass, first, std::min(most, rows - first), {task % parts, parts}, buffers_.tools(thread));
        }))
      return false;
  }
  const std::size_t slice = step.plan.slice;
  if (!team.share(step.plan.slices, 20 * slice * units_, true, [&](std::size_t, std::size_t s) {
        losses(pass, step, s * slice, std::min(slice, rows - s * slice));
      }))
    return false;
  return back_by_outputs(team, step);
}

// Each operation's gradient by its parameters and by its input both follow from the gradient by its output, so that one
// share does them together.
template <class T>
bool ForwardBackward<T>::back_by_outputs(Team& team, const Step& step) noexcept {
  Pass<T>& pass = buffers_.pass(0);
  const std::size_t rows = step.batch.rows;
  const std::size_t blocks = pieces(rows, task_rows);
  for (std::size_t i = operations_; i-- > network_.first_trained();) {
    const Operation<T>& operation = network_.operation(i);
    if (operation.batch_statistics() && (network_.trains(i) || network_.goes_back(i)) &&
        !take_statistics(team, step, operation, true))
      return false;
    const std::size_t row_work = work_of(i), most = task_rows_of(operation, step.plan);
    const std::size_t parts = tasks_of(operation.profile().backward_parts, most * row_work, team.size());
    const std::size_t slices = network_.trains(i) && slices_gradient(operation, step.plan) ? step.plan.slices : 0;
    std::size_t gradient_parts = slices;
    if (network_.trains(i) && slices == 0)
      gradient_parts = tasks_of(operation.profile().gradient_parts, rows * row_work, team.size());
    const std::size_t backward_tasks = network_.goes_back(i) ? pieces(rows, most) * parts : 0;
    const std::size_t work = 2 * rows * row_work / (gradient_parts + backward_tasks + 1);
    if (!team.share(gradient_parts + backward_tasks, work, true, [&](std::size_t thread, std::size_t task) {
          const Tools<T>& tools = buffers_.tools(thread);
          if (task < slices) {
            const std::size_t first = task * step.plan.slice;
            operation.sliced_gradient()->slice(pass, first, std::min(step.plan.slice, rows - first), task, tools);
          } else if (task < gradient_parts) {
            operation.gradient(pass, rows, step.plan.gradient_slice, {task, gradient_parts},
                               network_.arena.gradients.data(), tools);
          } else {
            const std::size_t first = (task - gradient_parts) / parts * most;
            operation.backward(pass, first, std::min(most, rows - first), {(task - gradient_parts) % parts, parts},
                               tools);
          }
        }))
      return false;
    if (slices > 0) operation.sliced_gradient()->join(pass, slices, network_.arena.gradients.data(), buffers_.tools(0));
  }
  if (!step.row_norms) return true;
  return team.share(blocks, task_rows * (work_ / 16), true, [&](std::size_t thread, std::size_t block) {
    row_norms(pass, step, block * task_rows, std::min(task_rows, rows - block * task_rows), buffers_.tools(thread));
  });
}

template <class T>
bool ForwardBackward<T>::operator()(Team& team, const Step& step) noexcept {
  return step.plan.by_rows ? by_rows(team, step) : by_outputs(team, step);
}

// The tree of the slices' sums.
template <class T>
double ForwardBackward<T>::loss_sum(const Plan& plan) noexcept {
  return tree_sum(loss_sums_, plan.slices);
}

template <class T>
double ForwardBackward<T>::metric_sum(std::size_t metric, const Plan& plan) noexcept {
  return tree_sum(metric_sums_.data() + metric * most_batch_slices, plan.slices);
}

template class ForwardBackward<float>;
template class ForwardBackward<double>;

}  // namespace ravine
