// Runs that train, and gradients without a step.
#include <deque>
#include <tuple>

#include "bindings/network.h"
#include "engine/run.h"
#include "engine/sampler.h"

namespace ravine::bindings {
namespace {

// A checked call of train(), and the right to run it.
template <class T>
struct Training {
  Training(PyNetwork<T>& owner, const py::object& X, const py::object& target, const py::object& weight,
           const py::object& batch_size, const py::object& first_epoch, const py::object& epochs,
           const py::object& rates, const Metrics& metrics)
      : busy(owner.training), input(with_rule(owner.network), X, target, weight) {
    run = {&owner.network, &owner.training_buffers, input.data, metric_choices(owner.network, metrics), {}};
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
  const Input<T> input;
  Run<T> run;
};

template <class T>
py::dict train(PyNetwork<T>& self, const py::object& X, const py::object& target, const py::object& weight,
               const py::object& batch_size, const py::object& first_epoch, const py::object& epochs,
               const py::object& first_batch, const py::object& batches, bool continues, const py::object& shuffle_seed,
               const py::object& rates, const Metrics& metrics, const py::object& n_threads,
               const std::shared_ptr<Sampler<T>>& sampler) {
  Training<T> training(self, X, target, weight, batch_size, first_epoch, epochs, rates, metrics);
  training.run.data.sampler = sampler.get();
  TrainSettings& settings = training.run.settings;
  settings.first_batch = to_integer<std::uint64_t>(first_batch, "first_batch");
  settings.batches = to_integer<std::uint64_t>(batches, "batches");
  settings.continues = continues;
  if (!shuffle_seed.is_none()) settings.shuffle_seed = to_integer<std::uint32_t>(shuffle_seed, "shuffle_seed");
  settings.threads = thread_count(n_threads);
  if (continues && self.network.sums.size() != 4 + metrics.size())
    throw py::value_error("sums must have " + std::to_string(4 + metrics.size()) + " entries to continue, has " +
                          std::to_string(self.network.sums.size()));
  const Run<T>& run = training.run;
  return training.as_dict(run_watched([&](Watch& watch) {
    return ravine::train(self.network, self.training_buffers, run.data, run.metrics, run.settings, watch);
  }));
}

// One run for several networks, each on one thread.
template <class T>
py::list train_many(const py::list& networks, const py::list& data, const py::list& options,
                    const py::object& n_threads) {
  if (networks.size() != data.size() || networks.size() != options.size())
    throw py::value_error("networks, data and options must have one length, got " + std::to_string(networks.size()) +
                          ", " + std::to_string(data.size()) + " and " + std::to_string(options.size()));
  const std::size_t threads = thread_count(n_threads);
  std::deque<Training<T>> trainings;
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
      throw py::value_error("options must have " + std::to_string(known) + " entries, got " + std::to_string(entries));
    Training<T>& training = trainings.emplace_back(py::cast<PyNetwork<T>&>(networks[i]), X, target, weight,
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

template <class T>
std::optional<double> run_backward(PyNetwork<T>& self, const Data<T>& data, std::size_t threads) {
  return run_watched(
      [&](Watch& watch) { return ravine::gradients(self.network, self.training_buffers, data, threads, watch); });
}

template <class T>
double loss_and_gradients(PyNetwork<T>& self, const py::object& X, const py::object& target, const py::object& weight,
                          const py::object& n_threads) {
  const Busy busy(self.training);
  const Input<T> input(self.network, X, target, weight);
  return *run_backward(self, input.data, thread_count(n_threads));
}

template <class T>
void backward(PyNetwork<T>& self, const py::object& X, const py::object& doutput, const py::object& n_threads) {
  const Busy busy(self.training);
  const InputRows<T> x(self.network, X);
  x.require_some();
  const Array<T> d = rows_of<T>(doutput, "doutput", self.network.units(self.network.operations()));
  d.require_shape({x.count(), d.length(1)}, "X");
  Data<T> data = x.data;
  data.doutput = d.data();
  run_backward(self, data, thread_count(n_threads));
}

template <class T>
void apply_gradients(PyNetwork<T>& self, double learning_rate) {
  const Busy busy(self.training);
  if (!self.network.rule) throw py::value_error("no rule is set: call set_optimizer first");
  without_gil([&] { ravine::apply_gradients(self.network, learning_rate); });
}

}  // namespace

template <class T>
void bind_training(NetworkClass<T>& network) {
  using py::arg;
  network
      .def("train", &train<T>, arg("X"), arg("target"), arg("weight"), py::kw_only(), arg("batch_size"),
           arg("first_epoch"), arg("epochs"), arg("first_batch") = 0, arg("batches") = 0, arg("continues") = false,
           arg("shuffle_seed") = py::none(), arg("rates"), arg("metrics") = Metrics{}, arg("n_threads") = 1,
           arg("sampler") = py::none(),
           "Train for some epochs; returns their losses and metrics and the number of steps. A first epoch that\n"
           "`continues` adds to `sums`.")
      .def_static("train_many", &train_many<T>, arg("networks"), arg("data"), arg("options"), py::kw_only(),
                  arg("n_threads") = 1,
                  "train() for each network with its (X, target, weight) and its dict of options, one a thread.")
      .def("loss_and_gradients", &loss_and_gradients<T>, arg("X"), arg("target"), arg("weight"), py::kw_only(),
           arg("n_threads") = 1, "The loss of X as one batch, dropout off; fills the gradients.")
      .def("backward", &backward<T>, arg("X"), arg("doutput"), py::kw_only(), arg("n_threads") = 1,
           "Fills the gradients of sum(doutput * output).")
      .def("apply_gradients", &apply_gradients<T>, arg("learning_rate"), "One step of the rule from the gradients.");
}

template void bind_training(NetworkClass<float>&);
template void bind_training(NetworkClass<double>&);

}  // namespace ravine::bindings
