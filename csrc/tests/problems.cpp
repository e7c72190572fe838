// Networks that train, and the bits of whole runs.
#include <cmath>
#include <stdexcept>
#include <utility>

#include "engine/inference.h"
#include "engine/operations/kinds.h"
#include "tests/descriptions.h"
#include "tests/families.h"
#include "tests/tests.h"

namespace ravine::tests {
namespace {

const Description& description(const std::string& name) {
  for (const Description& found : descriptions())
    if (found.name == name) return found;
  throw std::invalid_argument("no problem '" + name + "'");
}

// How many layers there are, those of branches included.
std::size_t depth(const std::vector<OperationSpec>& layers) {
  std::size_t count = layers.size();
  for (const OperationSpec& layer : layers)
    for (const std::vector<OperationSpec>& branch : layer.branches) count += depth(branch);
  return count;
}

bool has(const std::vector<OperationSpec>& layers, const std::string& kind) {
  for (const OperationSpec& layer : layers) {
    if (layer.kind == kind) return true;
    for (const std::vector<OperationSpec>& branch : layer.branches)
      if (has(branch, kind)) return true;
  }
  return false;
}

// Every kind of layer is in one of the networks.
template <class T>
void require_every_kind() {
  for (const Kind<T>* kind : kinds<T>()) {
    bool found = false;
    for (const Description& net : descriptions()) found = found || has(net.layers, kind->name);
    if (!found) throw std::runtime_error(std::string("no network of descriptions.cpp has the kind ") + kind->name);
  }
}

// First values of parameters; what a layer takes from the data alone no gradient moves.
template <class T>
void start(Network<T>& network, const std::vector<OperationSpec>& layers) {
  const Arena<T>& arena = network.arena;
  std::vector<bool> trainable(depth(layers), true);
  for (std::size_t p = 0; p < arena.parameters.size(); ++p) {
    const Parameter& parameter = arena.parameters[p];
    const std::string last = parameter.name.substr(parameter.name.rfind('/') + 1);
    const auto fill = [&](double low, double high) {
      network.kernels().random->uniform(arena.value(p), parameter.count(), low, high,
                                        {1, static_cast<std::uint32_t>(p), 0});
    };
    if (last == "deviation" || last == "gamma")
      fill(0.5, 1.5);
    else if (!parameter.statistic)
      fill(-0.3, 0.3);
    if (last == "deviation") trainable[parameter.layer] = false;
  }
  network.set_trainable(trainable);
}

// Rows with a tenth of the columns, and one that has none.
template <class T>
void make_sparse(Problem<T>& problem, std::size_t columns, std::size_t rows) {
  Numbers source(4);
  problem.start = {0, 0};
  for (std::size_t i = 1; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j)
      if (source.below(10) == 0) problem.column.push_back(static_cast<std::int32_t>(j));
    problem.start.push_back(static_cast<std::int64_t>(problem.column.size()));
  }
  problem.x = shares<T>(problem.column.size(), 5);
  problem.data.sparse = {problem.x.data(), problem.column.data(), problem.start.data(), nullptr};
}

template <class T>
void make_input(Problem<T>& problem, const Description& chosen) {
  const std::size_t count = chosen.rows * chosen.inputs;
  if (chosen.input == Input::sparse) return make_sparse(problem, chosen.inputs, chosen.rows);
  problem.x = Block<T>(count);
  problem.data.x = problem.x.data();
  if (chosen.input == Input::numbers)
    return problem.network->kernels().random->uniform(problem.x.data(), count, -1.0, 1.0, {3, 0, 0});
  Numbers source(6);
  for (std::size_t i = 0; i < count; ++i)
    problem.x.data()[i] = static_cast<T>(source.below(problem.network->id_limit()));
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
  tests::start(*network, chosen.layers);
  network->loss.loss = find(network->kernels().losses, chosen.loss);
  network->loss.setting = 0.7;
  network->loss.skip_activation = chosen.loss.starts_with("categorical");
  UpdateSettings rule;
  rule.momentum = 0.9;
  network->set_rule(find(network->kernels().updates, chosen.rule), rule);
  const std::size_t units = network->units(network->operations());
  make_input(*this, chosen);
  target = Block<T>(chosen.rows * units);
  network->kernels().random->uniform(target.data(), chosen.rows * units, 0.0, 1.0, {2, 0, 0});
  label = labels(chosen.rows, units, 2);
  data.rows = chosen.rows;
  if (network->loss.skip_activation) {
    data.label = label.data();
    metrics.push_back({find(network->kernels().metrics, std::string("accuracy")), 0.0});
  } else {
    data.target = target.data();
  }
  if (chosen.weighted) {
    weight = shares<T>(chosen.rows, 7);
    for (std::size_t i = 0; i < chosen.rows; i += 9) weight.data()[i] = 0;
    data.weight = weight.data();
  }
  settings.batch_size = chosen.batch, settings.shuffle_seed = 5, settings.rates = {1e-2}, settings.epochs = 3;
  if (!chosen.drawn) return;
  DrawSettings draws;
  draws.seed = 8, draws.learning_rate = 0.1, draws.uniform = 0.1;
  sampler = std::make_unique<Draws<T>>(Strata(label.data(), chosen.rows, units), nullptr, data.weight, draws, set);
}

template <class T>
TrainResult Problem<T>::train(std::size_t threads, Watch& watch) {
  settings.threads = threads;
  Data<T> given = data;
  given.sampler = sampler.get();
  const TrainResult result = ravine::train(*network, buffers, given, metrics, settings, watch);
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
  if (sampler) hash.add(sampler->state().data(), sampler->state().size());
  return hash.value();
}

template <class T>
std::vector<Line> run_bits(const InstructionSet& set) {
  require_every_kind<T>();
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
