// Branches that begin at one value and end in one: side by side, added up, or their mean.
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/operations/kinds.h"
#include "kernels/signatures/vector.h"

namespace ravine {
namespace {

// Where branches begin. Forward there is nothing to do, for each reads the value itself; going back their gradients are
// added, in the branches' order.
template <class T>
class Fork final : public Operation<T> {
 public:
  explicit Fork(const Place<T>& place) : Operation<T>(place) {}

  void add_branch(std::size_t gradient) {
    branches_.push_back(gradient);
    this->profile_.step_work = 3 * branches_.size() * this->units_;
  }
  void do_forward(const Pass<T>&, std::size_t, std::size_t, Part, const Tools<T>&) const noexcept override {}
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                   const Tools<T>& tools) const noexcept override;

 private:
  std::vector<std::size_t> branches_;  // the values whose gradients they leave
};

enum class Merge { concat, add, mean };

// Where branches end. The values of a row are `positions` pixels of some channels each, which `concat` puts next to
// each other; a flat row has one.
template <class T>
class Join final : public Operation<T> {
 public:
  using End = typename Builder<T>::Cursor;

  Join(const Place<T>& place, Merge merge, std::size_t positions, std::vector<End> ends,
       std::vector<std::size_t> widths)
      : Operation<T>(place), merge_(merge), positions_(positions), ends_(std::move(ends)), widths_(std::move(widths)) {}

  std::vector<std::size_t> reads() const override;
  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                  const Tools<T>& tools) const noexcept override;
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
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

template <class T>
void Fork<T>::do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                          const Tools<T>& tools) const noexcept {
  const std::size_t at = first * this->units_, count = rows * this->units_;
  T* const dx = this->dx(pass, first);
  std::memcpy(dx, pass.dvalue[branches_[0]] + at, count * sizeof(T));
  for (std::size_t b = 1; b < branches_.size(); ++b)
    tools.kernels->vector->add(dx, dx, pass.dvalue[branches_[b]] + at, count);
  this->through_input_activation(pass, first, rows, {0, this->units_});
}

template <class T>
std::vector<std::size_t> Join<T>::reads() const {
  std::vector<std::size_t> values;
  for (const End& end : ends_) values.push_back(end.value);
  return values;
}

template <class T>
void Join<T>::do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                         const Tools<T>& tools) const noexcept {
  if (merge_ == Merge::concat) return forward_concat(pass, first, rows);
  const std::size_t at = first * this->units_, count = rows * this->units_;
  T* const y = this->y(pass, first);
  std::memcpy(y, pass.value[ends_[0].value] + at, count * sizeof(T));
  for (std::size_t b = 1; b < ends_.size(); ++b)
    tools.kernels->vector->add(y, y, pass.value[ends_[b].value] + at, count);
  if (merge_ == Merge::mean) tools.kernels->vector->scale(y, y, count, factor());
}

template <class T>
void Join<T>::do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                          const Tools<T>& tools) const noexcept {
  if (merge_ == Merge::concat) backward_concat(pass, first, rows);
  for (std::size_t b = 0; b < ends_.size(); ++b) {
    const End& end = ends_[b];
    const std::size_t at = first * widths_[b] * positions_, count = rows * widths_[b] * positions_;
    T* const d = pass.dvalue[end.gradient] + at;
    if (merge_ == Merge::add) std::memcpy(d, this->dy(pass, first), count * sizeof(T));
    if (merge_ == Merge::mean) tools.kernels->vector->scale(d, this->dy(pass, first), count, factor());
    if (end.applied.activation)
      end.applied.activation->backward(d, d, pass.value[end.value] + at, 1, count, end.applied.alpha);
  }
}

template <class T>
void Join<T>::forward_concat(const Pass<T>& pass, std::size_t first, std::size_t rows) const noexcept {
  T* to = this->y(pass, first);
  for (std::size_t p = first * positions_; p < (first + rows) * positions_; ++p)
    for (std::size_t b = 0; b < ends_.size(); to += widths_[b], ++b)
      std::memcpy(to, pass.value[ends_[b].value] + p * widths_[b], widths_[b] * sizeof(T));
}

template <class T>
void Join<T>::backward_concat(const Pass<T>& pass, std::size_t first, std::size_t rows) const noexcept {
  const T* from = this->dy(pass, first);
  for (std::size_t p = first * positions_; p < (first + rows) * positions_; ++p)
    for (std::size_t b = 0; b < ends_.size(); from += widths_[b], ++b)
      std::memcpy(pass.dvalue[ends_[b].gradient] + p * widths_[b], from, widths_[b] * sizeof(T));
}

template <class T, Merge merge>
void add_parallel(Builder<T>& builder, const OperationSpec& spec) {
  if (spec.branches.empty()) throw std::invalid_argument(spec.name + " needs at least one branch, got none");
  const std::size_t positions = spec.size("positions");
  const auto begin = builder.cursor();
  Fork<T>& fork = builder.template add_aside<Fork>(spec);
  std::vector<typename Builder<T>::Cursor> ends;
  std::vector<std::size_t> widths;
  for (const std::vector<OperationSpec>& branch : spec.branches) {
    const std::size_t gradient = builder.add_value({builder.width(begin.value), false});
    fork.add_branch(gradient);
    builder.add_branch(branch, {begin.value, gradient, {}});
    ends.push_back(builder.cursor());
    if (positions == 0 || builder.units() % positions != 0)
      throw std::invalid_argument("a branch of " + spec.name + " gives " + std::to_string(builder.units()) +
                                  " numbers, which are no " + std::to_string(positions) + " positions");
    widths.push_back(builder.units() / positions);
    if (merge != Merge::concat && widths.back() != widths.front())
      throw std::invalid_argument("branches of " + spec.name + " give " + std::to_string(widths.front() * positions) +
                                  " and " + std::to_string(builder.units()) + " numbers, which cannot be added");
  }
  const std::size_t channels =
      merge == Merge::concat ? std::accumulate(widths.begin(), widths.end(), std::size_t{0}) : widths.front();
  builder.template add<Join>(spec, channels * positions, merge, positions, ends, widths);
}

constexpr Declared merge_settings[] = {{"positions"}};

}  // namespace

extern constinit const Both<Kind> concat_kind = {{"concat", add_parallel<float, Merge::concat>, merge_settings},
                                                 {"concat", add_parallel<double, Merge::concat>, merge_settings}};
extern constinit const Both<Kind> add_kind = {{"add", add_parallel<float, Merge::add>, merge_settings},
                                              {"add", add_parallel<double, Merge::add>, merge_settings}};
extern constinit const Both<Kind> mean_kind = {{"mean", add_parallel<float, Merge::mean>, merge_settings},
                                               {"mean", add_parallel<double, Merge::mean>, merge_settings}};

}  // namespace ravine
