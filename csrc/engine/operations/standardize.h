// y = (x - mean) / deviation, with numbers for each index of a row's last axis that no step changes.
#pragma once

#include "engine/graph.h"

namespace ravine {

template <class T>
class Standardize final : public Operation<T> {
 public:
  Standardize(const Place<T>& place, std::size_t cols, std::size_t mean, std::size_t deviation)
      : Operation<T>(place), cols_(cols), mean_(mean), deviation_(deviation) {}

  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;

 private:
  const std::size_t cols_;
  const std::size_t mean_, deviation_;  // parameters
};

// units: how many numbers there are for a row; they repeat along it.
template <class T>
void add_standardize(Builder<T>& builder, const OperationSpec& spec);

}  // namespace ravine
