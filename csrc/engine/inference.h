// Values without training: outputs of any layer, and the loss of a data set. Dropout is off.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "engine/buffers.h"
#include "engine/data.h"
#include "engine/network.h"
#include "engine/team.h"

namespace ravine {

// Rows that go through the network together: few enough for the activations to stay in cache, enough for the product's
// tiles. Of a convolutional net's wide rows there are fewer, in whole groups of lanes.
template <class T>
std::size_t block_rows(const Network<T>& network);

// Takes rows [first, first + rows) of the data to their losses, through the training pass' operations with the
// parameters of `tools`, and adds sum w l to `sum` in ascending order. The pass is left with the block's values.
template <class T>
void add_losses(double& sum, const Network<T>& network, std::size_t operations, Pass<T>& pass, const Tools<T>& tools,
                const Data<T>& data, std::size_t first, std::size_t rows) noexcept;

enum class Outcome { done, stopped, not_finite };

// output (rows, units of value `operations`): the first `operations` operations (one at least of sparse rows) on the
// data's x. Not finite: x holds a NaN or an infinity, and output is not to be used. A row's bits do not depend on the
// other rows.
template <class T>
Outcome forward(const Network<T>& network, Buffers<T>& buffers, const Data<T>& data, std::size_t operations, T* output,
                std::size_t threads, Watch& watch);

struct Evaluation {
  double loss;
  std::vector<double> metrics;
};

// The loss over all rows (penalty included) and the weighted means of the metrics, on the outputs that the loss takes.
// Empty when stopped.
template <class T>
std::optional<Evaluation> evaluate(const Network<T>& network, Buffers<T>& buffers, const Data<T>& data,
                                   const std::vector<MetricChoice<T>>& metrics, std::size_t threads, Watch& watch);

}  // namespace ravine
