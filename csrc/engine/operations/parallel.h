// Branches that begin at one value and end in one: side by side, added up, or their mean.
#pragma once

#include <string>
#include <vector>

#include "engine/graph.h"

namespace ravine {

// Where branches begin. Forward there is nothing to do, for each reads the value itself; going back their gradients are
// added, in the branches' order.
template <class T>
class Fork final : public Operation<T> {
 public:
  explicit Fork(const Place<T>& place) : Operation<T>(place) {}

  void add_branch(std::size_t gradient) { branches_.push_back(gradient); }
  std::size_t step_work() const override { return 3 * branches_.size() * this->units_; }
  void forward(const Pass<T>&, std::size_t, std::size_t, Part, const Tools<T>&) const noexcept override {}
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;

 private:
  std::vector<std::size_t> branches_;  // the values whose gradients they leave
};

enum class Merge { concat, add, mean };

// Where branches end. The values of a row are `positions` pixels of some channels each, which `concat` puts beside each
// other; a flat row has one.
template <class T>
class Join final : public Operation<T> {
 public:
  using End = typename Builder<T>::Cursor;

  Join(const Place<T>& place, Merge merge, std::size_t positions, std::vector<End> ends,
       std::vector<std::size_t> widths)
      : Operation<T>(place), merge_(merge), positions_(positions), ends_(std::move(ends)), widths_(std::move(widths)) {}

  std::vector<std::size_t> reads() const override;
  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;

 private:
  void forward_concat(const Pass<T>& pass, std::size_t first, std::size_t rows) const noexcept;
  void backward_concat(const Pass<T>& pass, std::size_t first, std::size_t rows) const noexcept;
  T factor() const { return merge_ == Merge::mean ? T{1} / static_cast<T>(ends_.size()) : T{1}; }

  const Merge merge_;
  const std::size_t positions_;
  const std::vector<End> ends_;
  const std::vector<std::size_t> widths_;
};

template <class T, Merge merge>
void add_parallel(Builder<T>& builder, const OperationSpec& spec);

}  // namespace ravine
