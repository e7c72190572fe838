// Networks that train, and the bits of whole runs.
#include <cmath>
#include <stdexcept>
#include <utility>

#include "engine/inference.h"
#include "tests/tests.h"

namespace ravine::tests {
namespace {

struct Description {
  std::string name;
  std::size_t inputs, rows, batch;
  std::vector<OperationSpec> layers;
  std::string loss, rule;
};

OperationSpec layer(std::string kind, std::string name, std::size_t units, std::string activation, double rate = 0.0) {
  OperationSpec spec;
  spec.kind = std::move(kind), spec.name = std::move(name), spec.units = units;
  spec.activation = std::move(activation), spec.rate = rate, spec.alpha = 0.1, spec.stddev = rate;
  return spec;
}

OperationSpec convolution(std::string name, std::vector<std::size_t> shape, std::size_t filters) {
  OperationSpec spec = layer("conv2d", std::move(name), filters, "relu");
  spec.settings = {
      {"kernel_size", {3, 3}},   {"strides", {1, 1}},
      {"dilation", {1, 1}},      {"groups", {1}},
      {"padding", {1, 1, 1, 1}}, {"kernel_shape", {3, 3, static_cast<double>(shape[2]), static_cast<double>(filters)}}};
  spec.shape = std::move(shape);
  return spec;
}

OperationSpec pool(std::string kind, std::string name, std::vector<std::size_t> shape) {
  OperationSpec spec = layer(std::move(kind), std::move(name), 0, "linear");
  spec.shape = std::move(shape);
  spec.settings = {{"pool_size", {2, 2}}, {"strides", {2, 2}}, {"same", {0}}};
  return spec;
}

const std::vector<Description>& descriptions() {
  static const std::vector<Description> made{
      {"tiny", 2, 40, 10, {layer("dense", "a", 4, "tanh"), layer("dense", "b", 1, "linear")}, "squared_error", "adam"},
      {"odd",
       7,
       101,
       23,
       {layer("dense", "a", 13, "elu"), layer("gaussian_noise", "b", 0, "linear", 0.1), layer("dense", "c", 37, "gelu"),
        layer("dense", "d", 5, "linear")},
       "huber",
       "nadam"},
      {"rows",
       20,
       300,
       64,
       {layer("dense", "a", 64, "relu"), layer("dropout", "b", 0, "linear", 0.3), layer("dense", "c", 10, "softmax")},
       "categorical_cross_entropy",
       "adam"},
      {"outputs",
       40,
       192,
       64,
       {layer("dense", "a", 300, "silu"), layer("dense", "b", 257, "relu"), layer("dense", "c", 10, "softmax")},
       "categorical_cross_entropy",
       "rmsprop"},
      {"images",
       8 * 8 * 2,
       150,
       48,
       {convolution("a", {8, 8, 2}, 6), pool("max_pool", "b", {8, 8, 6}), convolution("c", {4, 4, 6}, 16),
        pool("average_pool", "d", {4, 4, 16}), layer("dense", "e", 10, "softmax")},
       "categorical_cross_entropy",
       "adam"},
      {"one batch",
       9,
       500,
       500,
       {layer("dense", "a", 24, "softplus"), layer("dense", "b", 3, "sigmoid")},
       "log_loss",
       "adadelta"}};
  return made;
}

const Description& description(const std::string& name) {
  for (const Description& found : descriptions())
    if (found.name == name) return found;
  throw std::invalid_argument("no problem '" + name + "'");
}

}  // namespace

const std::vector<std::string>& problems() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found;
    for (const Description& each : descriptions()) found.push_back(each.name);
    return found;
  }();
  return names;
}

template <class T>
Problem<T>::Problem(const std::string& name, const InstructionSet& set) {
  const Description& chosen = description(name);
  network = std::make_unique<Network<T>>(chosen.inputs, chosen.layers, 3, set);
  for (std::size_t p = 0; p < network->arena.parameters.size(); ++p) {
    const Parameter& parameter = network->arena.parameters[p];
    network->kernels().random->uniform(network->arena.value(p), parameter.count(), -0.3, 0.3,
                                       {1, static_cast<std::uint32_t>(p), 0});
  }
  network->loss.loss = find(network->kernels().losses, chosen.loss);
  network->loss.skip_activation = chosen.loss == "categorical_cross_entropy";
  UpdateSettings rule;
  rule.momentum = 0.9;
  network->set_rule(find(network->kernels().updates, chosen.rule), rule);
  const std::size_t units = network->units(network->operations());
  x = Block<T>(chosen.rows * chosen.inputs);
  network->kernels().random->uniform(x.data(), chosen.rows * chosen.inputs, -1.0, 1.0, {3, 0, 0});
  target = Block<T>(chosen.rows * units);
  network->kernels().random->uniform(target.data(), chosen.rows * units, 0.0, 1.0, {2, 0, 0});
  label = labels(chosen.rows, units, 2);
  data.x = x.data(), data.rows = chosen.rows;
  if (network->loss.skip_activation) {
    data.label = label.data();
    metrics.push_back({find(network->kernels().metrics, std::string("accuracy")), 0.0});
  } else {
    data.target = target.data();
  }
  settings.batch_size = chosen.batch, settings.shuffle_seed = 5, settings.rates = {1e-2}, settings.epochs = 3;
}

template <class T>
TrainResult Problem<T>::train(std::size_t threads, Watch& watch) {
  settings.threads = threads;
  const TrainResult result = ravine::train(*network, buffers, data, metrics, settings, watch);
  if (!std::isfinite(result.loss.front())) throw std::runtime_error("the loss is not finite");
  return result;
}

template <class T>
std::uint64_t Problem<T>::bits(const TrainResult& result) const {
  Hash hash;
  hash.add(network->arena.values.data(), network->arena.size);
  hash.add(network->arena.state.data(), network->rule->slots * network->arena.size);
  hash.add(result.loss.data(), result.loss.size());
  hash.add(result.metrics.data(), result.metrics.size());
  return hash.value();
}

template <class T>
std::vector<Line> run_bits(const InstructionSet& set) {
  std::vector<Line> lines;
  for (const std::string& name : problems()) {
    Watch watch(nullptr, nullptr);
    std::uint64_t one = 0;
    for (const std::size_t threads : {1, 3}) {
      Problem<T> problem(name, set);
      const std::uint64_t bits = problem.bits(problem.train(threads, watch));
      if (threads == 1) one = bits;
      if (bits != one) throw std::runtime_error(name + ": other bits on " + std::to_string(threads) + " threads");
      const std::size_t operations = problem.network->operations();
      Block<T> output(problem.data.rows * problem.network->units(operations));
      forward(*problem.network, problem.buffers, problem.data, operations, output.data(), threads, watch);
      Hash hash;
      hash.add(bits);
      hash.add(output.data(), output.size());
      if (threads == 1) lines.push_back({"run " + name, hash.value()});
    }
  }
  return lines;
}

template struct Problem<float>;
template struct Problem<double>;
template std::vector<Line> run_bits<float>(const InstructionSet&);
template std::vector<Line> run_bits<double>(const InstructionSet&);

}  // namespace ravine::tests
