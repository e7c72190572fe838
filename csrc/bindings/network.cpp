// The engine's networks, one class per dtype. Arguments are checked here, and nothing changes while a network runs.
#include "engine/network.h"

#include <pybind11/stl.h>

#include <atomic>
#include <deque>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/runs.h"
#include "bindings/settings.h"
#include "bindings/sparse_arrays.h"
#include "dispatch.h"
#include "engine/inference.h"
#include "engine/population.h"
#include "engine/random.h"
#include "engine/run.h"
#include "engine/sampler.h"

namespace ravine::bindings {
namespace {

using Metrics = std::vector<std::pair<std::string, double>>;

std::size_t thread_count(const py::object& n_threads) {
  constexpr std::size_t most = 1024;
  if (PyIndex_Check(n_threads.ptr())) {
    const py::int_ count(n_threads);
    if (count >= py::int_(1) && count <= py::int_(most)) return py::cast<std::size_t>(count);
  }
  throw py::value_error("n_threads must be an int in [1, " + std::to_string(most) + "], got " +
                        text(py::repr(n_threads)));
}

template <class T>
class PyNetwork {
 public:
  PyNetwork(const py::object& input_units, const std::vector<OperationSpec>& operations, const py::object& seed)
      : network_(to_integer<std::uint64_t>(input_units, "input_units"), operations,
                 to_integer<std::uint32_t>(seed, "seed"), selected()) {}

  py::dict parameters() const { return views(network_.arena.values, 0, "", Kept::parameters); }
  py::dict statistics() const { return views(network_.arena.values, 0, "", Kept::statistics); }
  py::dict weights() const { return views(network_.arena.values, 0, "", Kept::both); }
  py::dict gradients() const { return views(network_.arena.gradients, 0, "", Kept::parameters); }

  py::dict optimizer_state() const {
    py::dict result;
    for (std::size_t slot = 0; network_.rule && slot < network_.rule->slots; ++slot)
      result.attr("update")(
          views(network_.arena.state, slot * network_.arena.size, std::to_string(slot) + "/", Kept::parameters));
    if (network_.averaging.every == 0) return result;
    result.attr("update")(views(network_.average, 0, "average/", Kept::both));
    result["average/seen"] =
        py::array_t<double>(Shape{1}, network_.average_seen.data(), owner_of(network_.average_seen));
    return result;
  }

  static py::array running(const py::object& self) {
    auto& network = self.cast<PyNetwork&>().network_;
    return py::array_t<double>(std::ssize(network.running.product), network.running.product, self);
  }

  std::vector<std::size_t> operation_units() const {
    std::vector<std::size_t> units;
    for (std::size_t i = 0; i < network_.layers(); ++i)
      units.push_back(network_.units(network_.operations_of(i + 1, false)));
    return units;
  }

  void set_loss(const std::string& name, double setting, const std::string& reduction, bool skip_activation) {
    const Loss<T>* const loss = find(network_.kernels().losses, name);
    if (!loss) throw py::value_error("name of the loss is unknown: '" + name + "'");
    const bool shares = reduction == "penalized_mean";
    if (!shares && reduction != "mean" && reduction != "sum")
      throw py::value_error("reduction must be 'mean', 'sum' or 'penalized_mean', got '" + reduction + "'");
    const Idle idle(*this);
    network_.loss = {loss, setting, reduction != "sum", shares, skip_activation};
  }

  void set_optimizer(const std::string& name, const py::dict& settings) {
    const Update<T>* const rule = find(network_.kernels().updates, name);
    if (!rule) throw py::value_error("rule is unknown: '" + name + "'");
    const StepSettings chosen = step_settings(settings);
    const Idle idle(*this);
    network_.set_rule(rule, chosen.rule, chosen.clipping);
  }

  void set_averaging(const std::optional<double>& decay, const py::object& start, const py::object& every,
                     bool by_epoch) {
    if (decay && !(*decay >= 0.0 && *decay < 1.0))
      throw py::value_error("decay must be None or a number in [0, 1), got " + std::to_string(*decay));
    const Averaging chosen{decay, to_integer<std::uint64_t>(start, "start"), to_integer<std::uint64_t>(every, "every"),
                           by_epoch};
    if (chosen.every == 0) throw py::value_error("every must be at least 1, got 0");
    const Idle idle(*this);
    network_.set_averaging(chosen);
  }

  void set_trainable(const std::vector<bool>& flags) {
    const Idle idle(*this);
    network_.set_trainable(flags);
  }

  void set_step(const py::object& step) {
    const auto seen = to_integer<std::uint64_t>(step, "step");
    const Idle idle(*this);
    network_.step = seen;
  }

  void set_sums(const py::object& sums) {
    const Array<double> given(sums, "sums");
    given.require_ndim(1, 1);
    const Idle idle(*this);
    network_.sums.assign(given.data(), given.data() + given.size());
  }

  py::dict train(const py::object& X, const py::object& target, const py::object& weight, const py::object& batch_size,
                 const py::object& first_epoch, const py::object& epochs, const py::object& first_batch,
                 const py::object& batches, bool continues, const py::object& shuffle_seed, const py::object& rates,
                 const Metrics& metrics, const py::object& n_threads, const std::shared_ptr<Sampler<T>>& sampler) {
    Training training(*this, X, target, weight, batch_size, first_epoch, epochs, rates, metrics);
    training.run.data.sampler = sampler.get();
    TrainSettings& settings = training.run.settings;
    settings.first_batch = to_integer<std::uint64_t>(first_batch, "first_batch");
    settings.batches = to_integer<std::uint64_t>(batches, "batches");
    settings.continues = continues;
    if (!shuffle_seed.is_none()) settings.shuffle_seed = to_integer<std::uint32_t>(shuffle_seed, "shuffle_seed");
    settings.threads = thread_count(n_threads);
    if (continues && network_.sums.size() != 4 + metrics.size())
      throw py::value_error("sums must have " + std::to_string(4 + metrics.size()) + " entries to continue, has " +
                            std::to_string(network_.sums.size()));
    const Run<T>& run = training.run;
    return training.as_dict(run_watched([&](Watch& watch) {
      return ravine::train(network_, training_buffers_, run.data, run.metrics, run.settings, watch);
    }));
  }

  // One run for several networks, each on one thread.
  static py::list train_many(const py::list& networks, const py::list& data, const py::list& options,
                             const py::object& n_threads) {
    if (networks.size() != data.size() || networks.size() != options.size())
      throw py::value_error("networks, data and options must have one length, got " + std::to_string(networks.size()) +
                            ", " + std::to_string(data.size()) + " and " + std::to_string(options.size()));
    const std::size_t threads = thread_count(n_threads);
    std::deque<Training> trainings;
    std::vector<Run<T>> runs;
    for (std::size_t i = 0; i < networks.size(); ++i) {
      const auto [X, target, weight] = py::cast<std::tuple<py::object, py::object, py::object>>(data[i]);
      const auto option = [given = py::cast<py::dict>(options[i])](const char* name) -> py::object {
        if (!given.contains(name)) throw py::value_error(std::string("options lack '") + name + "'");
        return given[name];
      };
      constexpr std::size_t known = 6;
      const std::size_t entries = py::len(options[i]);
      if (entries > known)
        throw py::value_error("options must have " + std::to_string(known) + " entries, got " +
                              std::to_string(entries));
      Training& training = trainings.emplace_back(py::cast<PyNetwork&>(networks[i]), X, target, weight,
                                                  option("batch_size"), option("first_epoch"), option("epochs"),
                                                  option("rates"), py::cast<Metrics>(option("metrics")));
      const py::object seed = option("shuffle_seed");
      if (!seed.is_none()) training.run.settings.shuffle_seed = to_integer<std::uint32_t>(seed, "shuffle_seed");
      runs.push_back(training.run);
    }
    py::list results;
    if (runs.empty()) return results;
    const auto found = run_watched([&](Watch& watch) { return ravine::train_many(runs, threads, watch); });
    for (std::size_t i = 0; i < runs.size(); ++i) results.append(trainings[i].as_dict(found[i]));
    return results;
  }

  py::dict evaluate(const py::object& X, const py::object& target, const py::object& weight, const Metrics& metrics,
                    const py::object& n_threads) {
    const Busy busy(inference_);
    const Input input(network_, X, target, weight);
    const std::vector<MetricChoice<T>> choices = metric_choices(metrics);
    const std::size_t threads = thread_count(n_threads);
    const auto result = run_watched([&](Watch& watch) {
      return ravine::evaluate(network_, inference_buffers_, input.data, choices, threads, watch);
    });
    py::dict dict;
    dict["loss"] = result->loss;
    dict["metrics"] = py::array_t<double>(std::ssize(choices), result->metrics.data());
    return dict;
  }

  py::array_t<double> population_losses(const py::object& members, const py::object& X, const py::object& target,
                                        const py::object& weight, const py::object& n_threads) {
    const Busy busy(inference_);
    const Input input(network_, X, target, weight);
    const Array<double> values(members, "members");
    values.require_ndim(2, 2);
    values.require_shape({values.length(0), static_cast<py::ssize_t>(member_size(network_))},
                         "the trainable parameters");
    const std::size_t threads = thread_count(n_threads);
    py::array_t<double> losses(values.length(0));
    run_watched([&, loss = losses.mutable_data()](Watch& watch) {
      return population_.losses(loss, network_, inference_buffers_, input.data,
                                {values.data(), values.rows(), values.cols()}, threads, watch);
    });
    return losses;
  }

  py::object forward(const py::object& X, const std::optional<std::size_t>& operations, bool skip_activation,
                     const py::object& n_threads) {
    const Busy busy(inference_);
    const Rows x(network_, X);
    const std::size_t layers = operations.value_or(network_.layers());
    if (layers > network_.layers())
      throw py::value_error("operations must be in [0, " + std::to_string(network_.layers()) + "], got " +
                            std::to_string(layers));
    const std::size_t count = network_.operations_of(layers, skip_activation);
    if (count == 0 && x.sparse) throw py::value_error("X is sparse, and no operation before this output takes it");
    Array<T> out({x.count(), static_cast<py::ssize_t>(network_.units(count))}, "out");
    const std::size_t threads = thread_count(n_threads);
    const Outcome outcome = run_watched([&](Watch& watch) {
      return ravine::forward(network_, inference_buffers_, x.data, count, out.mutable_data(), threads, watch);
    });
    if (outcome == Outcome::not_finite) return py::none();
    return out.object();
  }

  // forward() for inputs that need no more than a look; anything else gives None, and takes the long way.
  py::object forward_few(const py::array& X) {
    constexpr py::ssize_t most = 128;
    constexpr int plain = int{py::array::c_style} | int{py::detail::npy_api::NPY_ARRAY_ALIGNED_};
    if (!holds<T>(X) || (X.flags() & plain) != plain || X.ndim() != 2 || X.shape(0) < 1 || X.shape(0) > most ||
        static_cast<std::size_t>(X.shape(1)) != network_.inputs())
      return py::none();
    if (network_.id_limit() > 0) return py::none();
    const Busy busy(inference_);
    const std::size_t count = network_.operations();
    Data<T> data;
    data.x = static_cast<const T*>(X.data());
    data.rows = static_cast<std::size_t>(X.shape(0));
    py::array_t<T> out({X.shape(0), static_cast<py::ssize_t>(network_.units(count))});
    const Outcome outcome = without_gil([&, to = out.mutable_data()] {
      Watch watch(nullptr, nullptr);
      return ravine::forward(network_, inference_buffers_, data, count, to, 1, watch);
    });
    if (outcome == Outcome::not_finite) return py::none();
    return out;
  }

  double loss_and_gradients(const py::object& X, const py::object& target, const py::object& weight,
                            const py::object& n_threads) {
    const Busy busy(training_);
    const Input input(network_, X, target, weight);
    return *run_backward(input.data, thread_count(n_threads));
  }

  void backward(const py::object& X, const py::object& doutput, const py::object& n_threads) {
    const Busy busy(training_);
    const Rows x(network_, X);
    x.require_some();
    const Array<T> d = rows_of(doutput, "doutput", network_.units(network_.operations()));
    d.require_shape({x.count(), d.length(1)}, "X");
    Data<T> data = x.data;
    data.doutput = d.data();
    run_backward(data, thread_count(n_threads));
  }

  void apply_gradients(double learning_rate) {
    const Busy busy(training_);
    if (!network_.rule) throw py::value_error("no rule is set: call set_optimizer first");
    without_gil([&] { ravine::apply_gradients(network_, learning_rate); });
  }

  Network<T> network_;

 private:
  // What a run reads may change only while there is none of either kind.
  struct Idle {
    explicit Idle(PyNetwork& owner) : training(owner.training_), inference(owner.inference_) {}
    const Busy training, inference;
  };

  // A network's input: an array, or sparse rows with the attributes data, indices, indptr and shape.
  struct Rows {
    Rows(const Network<T>& network, const py::object& X) {
      if (py::isinstance<py::array>(X) || !py::hasattr(X, "indptr")) {
        dense.emplace(rows_of(X, "X", network.inputs()));
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

    const Rows x;
    std::optional<Array<T>> targets, weights;
    std::optional<Array<std::int32_t>> labels;
    Data<T> data;
  };

  // A checked call of train(), and the right to run it.
  struct Training {
    Training(PyNetwork& owner, const py::object& X, const py::object& target, const py::object& weight,
             const py::object& batch_size, const py::object& first_epoch, const py::object& epochs,
             const py::object& rates, const Metrics& metrics)
        : busy(owner.training_), input(with_rule(owner.network_), X, target, weight) {
      run = {&owner.network_, &owner.training_buffers_, input.data, owner.metric_choices(metrics), {}};
      run.settings.batch_size = to_integer<std::uint64_t>(batch_size, "batch_size");
      if (run.settings.batch_size == 0) throw py::value_error("batch_size must be at least 1, got 0");
      run.settings.first_epoch = to_integer<std::uint64_t>(first_epoch, "first_epoch");
      run.settings.epochs = to_integer<std::uint64_t>(epochs, "epochs");
      const Array<double> rate(rates, "rates");
      rate.require_ndim(1, 1);
      if (rate.size() == 0) throw py::value_error("rates must have at least one entry, got shape (0,)");
      run.settings.rates.assign(rate.data(), rate.data() + rate.size());
    }

    static const Network<T>& with_rule(const Network<T>& network) {
      if (!network.rule) throw py::value_error("no rule is set: call set_optimizer first");
      return network;
    }

    py::dict as_dict(const TrainResult& result) const {
      py::dict dict;
      dict["loss"] = py::array_t<double>(std::ssize(result.loss), result.loss.data());
      dict["metrics"] =
          py::array_t<double>(Shape{std::ssize(result.loss), std::ssize(run.metrics)}, result.metrics.data());
      dict["steps"] = result.steps;
      return dict;
    }

    const Busy busy;
    const Input input;
    Run<T> run;
  };

  static Array<T> rows_of(const py::object& x, const char* name, std::size_t width) {
    Array<T> array(x, name);
    array.require_ndim(2, 2);
    if (array.cols() != width)
      throw py::value_error(std::string(name) + " has " + std::to_string(array.cols()) +
                            " columns, but the network takes " + std::to_string(width));
    return array;
  }

  std::optional<double> run_backward(const Data<T>& data, std::size_t threads) {
    return run_watched(
        [&](Watch& watch) { return ravine::gradients(network_, training_buffers_, data, threads, watch); });
  }

  std::vector<MetricChoice<T>> metric_choices(const Metrics& metrics) const {
    std::vector<MetricChoice<T>> choices;
    for (const auto& [name, setting] : metrics) {
      const Metric<T>* const metric = find(network_.kernels().metrics, name);
      if (!metric) throw py::value_error("metric is unknown: '" + name + "'");
      choices.push_back({metric, setting});
    }
    return choices;
  }

  template <class Element>
  static py::capsule owner_of(const Block<Element>& block) {
    using Owner = std::shared_ptr<Element[]>;
    return py::capsule(new Owner(block.owner()), [](void* pointer) { delete static_cast<Owner*>(pointer); });
  }

  // Arrays that look into a block, by parameter name; they keep it alive.
  // Which of the arena's numbers: those that gradients move, those that layers learn by themselves, or all.
  enum class Kept { parameters, statistics, both };

  py::dict views(const Block<T>& block, std::size_t first, const std::string& prefix, Kept kept) const {
    const py::capsule owner = owner_of(block);
    py::dict result;
    for (const Parameter& parameter : network_.arena.parameters) {
      if (kept == (parameter.statistic ? Kept::parameters : Kept::statistics)) continue;
      const T* const begin = block.data() + first + parameter.offset;
      result[py::str(prefix + parameter.name)] = py::array_t<T>(parameter.seen_shape(), begin, owner);
    }
    return result;
  }

  Buffers<T> training_buffers_;
  Buffers<T> inference_buffers_;
  Population<T> population_;
  std::atomic<pid_t> training_{0};
  std::atomic<pid_t> inference_{0};
};

template <class T>
void bind(py::module_& module, const char* name) {
  using N = PyNetwork<T>;
  using py::arg;
  py::class_<N>(module, name, "Parameters, operations and training of one network; see ravine.Sequential.")
      .def(py::init<const py::object&, const std::vector<OperationSpec>&, const py::object&>(), arg("input_units"),
           arg("operations"), arg("seed"))
      .def("parameters", &N::parameters, "Writable views of the parameters, by name.")
      .def("statistics", &N::statistics, "Writable views of what layers learn of the data by themselves, by name.")
      .def("weights", &N::weights,
           "Writable views of the parameters and the statistics, by name, in the order of layers.")
      .def("gradients", &N::gradients, "Writable views of the gradients, by parameter name.")
      .def("optimizer_state", &N::optimizer_state, "Writable views of the rule's state, by slot and parameter name.")
      .def_property_readonly("running", &N::running, "The rule's running products, shape (4,).")
      .def_property_readonly("input_units", [](const N& n) { return n.network_.inputs(); })
      .def_property_readonly("output_units", [](const N& n) { return n.network_.units(n.network_.operations()); })
      .def_property_readonly("operation_units", &N::operation_units)
      .def_property(
          "step", [](const N& n) { return n.network_.step; }, &N::set_step,
          "Batches seen so far; keys dropout masks and noise.")
      .def_property(
          "sums", [](const N& n) { return py::array_t<double>(std::ssize(n.network_.sums), n.network_.sums.data()); },
          &N::set_sums, "What the epoch of the last run adds up: loss, weight, penalty, steps, each metric.")
      .def("set_trainable", &N::set_trainable, arg("flags"), "Which operations' parameters training may change.")
      .def("set_loss", &N::set_loss, arg("name"), py::kw_only(), arg("setting"), arg("reduction") = "mean",
           arg("skip_activation") = false, "Choose the loss by its kernel's name.")
      .def("set_optimizer", &N::set_optimizer, arg("rule"), arg("settings"),
           "Choose the update rule by its kernel's name; its state starts at zero.")
      .def("set_averaging", &N::set_averaging, py::kw_only(), arg("decay"), arg("start"), arg("every"), arg("by_epoch"),
           "Average the weights of the steps, or epochs' ends, start + every, start + 2 every ...; the average starts "
           "afresh, and ends with the next set_optimizer.")
      .def("train", &N::train, arg("X"), arg("target"), arg("weight"), py::kw_only(), arg("batch_size"),
           arg("first_epoch"), arg("epochs"), arg("first_batch") = 0, arg("batches") = 0, arg("continues") = false,
           arg("shuffle_seed") = py::none(), arg("rates"), arg("metrics") = Metrics{}, arg("n_threads") = 1,
           arg("sampler") = py::none(),
           "Train for some epochs; returns their losses and metrics and the number of steps. A first epoch that\n"
           "`continues` adds to `sums`.")
      .def_static("train_many", &N::train_many, arg("networks"), arg("data"), arg("options"), py::kw_only(),
                  arg("n_threads") = 1,
                  "train() for each network with its (X, target, weight) and its dict of options, one a thread.")
      .def("evaluate", &N::evaluate, arg("X"), arg("target"), arg("weight"), py::kw_only(), arg("metrics") = Metrics{},
           arg("n_threads") = 1, "Loss and metrics of a data set, dropout off.")
      .def("population_losses", &N::population_losses, arg("members"), arg("X"), arg("target"), arg("weight"),
           py::kw_only(), arg("n_threads") = 1,
           "The losses that `evaluate` gives with each row of members (float64, rounded to the network's dtype) as the "
           "trainable parameters, shape (members,).")
      .def("forward", &N::forward, arg("X"), py::kw_only(), arg("operations") = py::none(),
           arg("skip_activation") = false, arg("n_threads") = 1,
           "Outputs after the first `operations` operations; None where X holds a NaN or an infinity.")
      .def("forward_few", &N::forward_few, arg("X"),
           "All outputs on one thread of a finite C-contiguous array of up to 128 rows; None for any other array.")
      .def("loss_and_gradients", &N::loss_and_gradients, arg("X"), arg("target"), arg("weight"), py::kw_only(),
           arg("n_threads") = 1, "The loss of X as one batch, dropout off; fills the gradients.")
      .def("backward", &N::backward, arg("X"), arg("doutput"), py::kw_only(), arg("n_threads") = 1,
           "Fills the gradients of sum(doutput * output).")
      .def("apply_gradients", &N::apply_gradients, arg("learning_rate"), "One step of the rule from the gradients.");
}

py::array_t<std::int64_t> epoch_order(std::size_t rows, const py::object& seed, const py::object& epoch) {
  EpochOrder order;
  order.reserve(rows);
  order.shuffle(rows, to_integer<std::uint32_t>(seed, "seed"), to_integer<std::uint64_t>(epoch, "epoch"),
                selected().f.random->bits, [] { return false; });
  py::array_t<std::int64_t> result(static_cast<py::ssize_t>(rows));
  std::copy_n(order.data(), rows, result.mutable_data());
  return result;
}

// A context manager.
struct DefaultMode {
  void enter() { mode.emplace(); }
  void exit(const py::args&) { mode.reset(); }
  std::optional<FloatingPointMode> mode;
};

}  // namespace

void bind_network(py::module_& module) {
  using py::arg;
  survive_forks();
  py::class_<DefaultMode>(module, "DefaultFloatingPointMode", "Within it numbers round to nearest, denormals are kept.")
      .def(py::init<>())
      .def("__enter__", &DefaultMode::enter)
      .def("__exit__", &DefaultMode::exit);
  bind<float>(module, "NetworkFloat32");
  bind<double>(module, "NetworkFloat64");
  module.def(
      "startable_threads", [](std::size_t wanted) { return without_gil([&] { return startable_threads(wanted); }); },
      arg("wanted"), "How many of the wanted threads the system lets this process start.");
  module.def("epoch_order", &epoch_order, arg("rows"), arg("seed"), arg("epoch"),
             "The order of an epoch's rows, shape (rows,): a pure function of its arguments.");
}

}  // namespace ravine::bindings
