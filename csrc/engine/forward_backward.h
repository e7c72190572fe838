// One batch forward through the network and backward: values, losses, and the gradients by the parameters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/buffers.h"
#include "engine/data.h"
#include "engine/network.h"
#include "engine/plan.h"
#include "engine/team.h"

namespace ravine {

struct Step {
  Batch batch;
  Plan plan;
  double weight_sum;
  std::uint64_t number;         // keys dropout masks and noise
  bool training;                // dropout and noise on
  double* row_norms = nullptr;  // (batch): where |gradient|^2 of each row goes, if anywhere
};

template <class T>
class ForwardBackward {
 public:
  ForwardBackward(const Network<T>& network, Buffers<T>& buffers, const Data<T>& data,
                  std::vector<MetricChoice<T>> metrics);

  // Chooses the plan for batches of up to `rows` rows and makes room for them.
  Plan prepare(std::size_t rows, std::size_t threads);

  // Leaves each group's gradients in its buffer. False when stopped.
  bool operator()(Team& team, const Step& step) noexcept;

  // Of the last batch: sum w l, and sum w value of a metric; the sums are used up.
  double loss_sum(const Plan& plan) noexcept;
  double metric_sum(std::size_t metric, const Plan& plan) noexcept;
  std::size_t metrics() const { return metrics_.size(); }
  // Takes the statistics of the last batch into the running ones.
  void update_running_statistics() noexcept;
  // Of the last batch: the rows of the first parameter outside of which its gradient is zero; none: any may not be.
  std::optional<std::span<const std::uint32_t>> touched(const Plan& plan) const {
    if (!lists_columns_ || others_write_ || (plan.by_rows && plan.groups > 1)) return std::nullopt;
    return buffers_.columns[0].columns();
  }

 private:
  bool by_rows(Team& team, const Step& step) noexcept;
  bool by_outputs(Team& team, const Step& step) noexcept;
  bool take_statistics(Team& team, const Step& step, const Operation<T>& operation, bool back) noexcept;
  std::size_t task_rows_of(const Operation<T>& operation, const Plan& plan) const noexcept;
  bool slices_gradient(const Operation<T>& operation, const Plan& plan) const noexcept;
  bool back_by_outputs(Team& team, const Step& step) noexcept;
  void group(std::size_t thread, const Step& step, std::size_t number) noexcept;
  void row_norms(const Pass<T>& pass, const Step& step, std::size_t first, std::size_t rows,
                 const Tools<T>& tools) noexcept;
  void list_columns(Pass<T>& pass, std::size_t group, std::size_t rows, bool others_write) noexcept;
  // Of one operation on one row, in one direction.
  std::size_t work_of(std::size_t operation) const {
    const bool sparse = operation == 0 && data_.is_sparse();
    return sparse ? operation_work(network_, 0, data_.terms_a_row()) / 3
                  : network_.operation(operation).profile().work();
  }
  void losses(Pass<T>& pass, const Step& step, std::size_t first, std::size_t rows) noexcept;

  const Network<T>& network_;
  Buffers<T>& buffers_;
  const Data<T> data_;
  const std::vector<MetricChoice<T>> metrics_;
  const std::size_t operations_;  // of the pass
  const std::size_t output_;
  const std::size_t units_;   // of its last value
  const std::size_t work_;    // of a step on one row
  const bool lists_columns_;  // of the input, for the first operation's gradient
  const bool others_write_;   // penalties write where no term does
  double loss_sums_[most_batch_slices] = {};
  std::vector<double> metric_sums_;  // (metrics, most_batch_slices)
};

}  // namespace ravine
