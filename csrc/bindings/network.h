// The engine's networks for Python, one class per dtype: what the files network_*.cpp have in common. Arguments are
// checked there, and nothing changes while a network runs.
#pragma once

#include "engine/network.h"

#include <pybind11/stl.h>

#include <atomic>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/runs.h"
#include "bindings/sparse_arrays.h"
#include "dispatch.h"
#include "engine/buffers.h"
#include "engine/data.h"
#include "engine/population.h"

namespace ravine::bindings {

using Metrics = std::vector<std::pair<std::string, double>>;

template <class T>
struct PyNetwork {
  PyNetwork(const py::object& input_units, const std::vector<OperationSpec>& operations, const py::object& seed)
      : network(to_integer<std::uint64_t>(input_units, "input_units"), operations,
                to_integer<std::uint32_t>(seed, "seed"), selected()) {}

  // What a run reads may change only while there is none of either kind.
  struct Idle {
    explicit Idle(PyNetwork& owner) : training(owner.training), inference(owner.inference) {}
    const Busy training, inference;
  };

  Network<T> network;
  Buffers<T> training_buffers;
  Buffers<T> inference_buffers;
  Population<T> population;
  std::atomic<pid_t> training{0};
  std::atomic<pid_t> inference{0};
};

template <class T>
using NetworkClass = py::class_<PyNetwork<T>>;

// Each adds one subject's methods.
template <class T>
void bind_state(NetworkClass<T>& network);
template <class T>
void bind_training(NetworkClass<T>& network);
template <class T>
void bind_inference(NetworkClass<T>& network);

std::size_t thread_count(const py::object& n_threads);

template <class T>
Array<T> rows_of(const py::object& x, const char* name, std::size_t width) {
  Array<T> array(x, name);
  array.require_ndim(2, 2);
  if (array.cols() != width)
    throw py::value_error(std::string(name) + " has " + std::to_string(array.cols()) +
                          " columns, but the network takes " + std::to_string(width));
  return array;
}

// A network's input: an array, or sparse rows with the attributes data, indices, indptr and shape.
template <class T>
struct InputRows {
  InputRows(const Network<T>& network, const py::object& X) {
    if (py::isinstance<py::array>(X) || !py::hasattr(X, "indptr")) {
      dense.emplace(rows_of<T>(X, "X", network.inputs()));
      data.x = dense->data();
      data.rows = dense->rows();
      if (network.id_limit() > 0) require_ids(*dense, network.id_limit());
      return;
    }
    if (network.operations() == 0 || !network.operation(0).profile().takes_sparse)
      throw py::type_error("X is sparse, which only a first layer dense takes");
    const auto shape = py::cast<std::pair<std::size_t, std::size_t>>(X.attr("shape"));
    if (shape.second != network.inputs())
      throw py::value_error("X has " + std::to_string(shape.second) + " columns, but the network takes " +
                            std::to_string(network.inputs()));
    sparse.emplace(X.attr("data"), X.attr("indices"), X.attr("indptr"), network.inputs());
    data.sparse = sparse->rows();
    data.rows = sparse->count();
  }
  py::ssize_t count() const { return static_cast<py::ssize_t>(data.rows); }
  void require_some() const {
    if (data.rows > 0) return;
    const Shape shape = dense ? dense->shape() : Shape{0};
    throw py::value_error("X must have at least one row, got shape " + text(shape));
  }

  std::optional<Array<T>> dense;
  std::optional<SparseArrays<T>> sparse;
  Data<T> data;
};

// The arrays of a data set, checked against the network.
template <class T>
struct Input {
  Input(const Network<T>& network, const py::object& X, const py::object& target, const py::object& weight)
      : x(network, X), data(x.data) {
    if (!network.loss.loss) throw py::value_error("no loss is set: call set_loss first");
    const std::size_t units = network.units(network.training_operations());
    const Shape rows{x.count()};
    x.require_some();
    if (network.loss.loss->labels && holds<std::int32_t>(as_array(target, "target"))) {
      labels.emplace(target, "target");
      labels->require_shape(rows, "the rows of X");
      require_labels(*labels, units);
      data.label = labels->data();
    } else {
      targets.emplace(target, "target", "X");
      targets->require_shape({x.count(), static_cast<py::ssize_t>(units)}, "X's rows and the network's outputs");
      data.target = targets->data();
    }
    if (weight.is_none()) return;
    weights.emplace(weight, "weight", "X");
    weights->require_shape(rows, "the rows of X");
    data.weight = weights->data();
  }

  const InputRows<T> x;
  std::optional<Array<T>> targets, weights;
  std::optional<Array<std::int32_t>> labels;
  Data<T> data;
};

template <class T>
std::vector<MetricChoice<T>> metric_choices(const Network<T>& network, const Metrics& metrics) {
  std::vector<MetricChoice<T>> choices;
  for (const auto& [name, setting] : metrics) {
    const Metric<T>* const metric = find(network.kernels().metrics, name);
    if (!metric) throw py::value_error("metric is unknown: '" + name + "'");
    choices.push_back({metric, setting});
  }
  return choices;
}

}  // namespace ravine::bindings
