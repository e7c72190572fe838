// Outputs and losses without training.
#include "engine/inference.h"

#include "bindings/network.h"

namespace ravine::bindings {
namespace {

template <class T>
py::dict evaluate(PyNetwork<T>& self, const py::object& X, const py::object& target, const py::object& weight,
                  const Metrics& metrics, const py::object& n_threads) {
  const Busy busy(self.inference);
  const Input<T> input(self.network, X, target, weight);
  const std::vector<MetricChoice<T>> choices = metric_choices(self.network, metrics);
  const std::size_t threads = thread_count(n_threads);
  const auto result = run_watched([&](Watch& watch) {
    return ravine::evaluate(self.network, self.inference_buffers, input.data, choices, threads, watch);
  });
  py::dict dict;
  dict["loss"] = result->loss;
  dict["metrics"] = py::array_t<double>(std::ssize(choices), result->metrics.data());
  return dict;
}

template <class T>
py::array_t<double> population_losses(PyNetwork<T>& self, const py::object& members, const py::object& X,
                                      const py::object& target, const py::object& weight, const py::object& n_threads) {
  const Busy busy(self.inference);
  const Input<T> input(self.network, X, target, weight);
  const Array<double> values(members, "members");
  values.require_ndim(2, 2);
  values.require_shape({values.length(0), static_cast<py::ssize_t>(member_size(self.network))},
                       "the trainable parameters");
  const std::size_t threads = thread_count(n_threads);
  py::array_t<double> losses(values.length(0));
  run_watched([&, loss = losses.mutable_data()](Watch& watch) {
    return self.population.losses(loss, self.network, self.inference_buffers, input.data,
                                  {values.data(), values.rows(), values.cols()}, threads, watch);
  });
  return losses;
}

template <class T>
py::object forward(PyNetwork<T>& self, const py::object& X, const std::optional<std::size_t>& operations,
                   bool skip_activation, const py::object& n_threads) {
  const Busy busy(self.inference);
  const InputRows<T> x(self.network, X);
  const std::size_t layers = operations.value_or(self.network.layers());
  if (layers > self.network.layers())
    throw py::value_error("operations must be in [0, " + std::to_string(self.network.layers()) + "], got " +
                          std::to_string(layers));
  const std::size_t count = self.network.operations_of(layers, skip_activation);
  if (count == 0 && x.sparse) throw py::value_error("X is sparse, and no operation before this output takes it");
  Array<T> out({x.count(), static_cast<py::ssize_t>(self.network.units(count))}, "out");
  const std::size_t threads = thread_count(n_threads);
  const Outcome outcome = run_watched([&](Watch& watch) {
    return ravine::forward(self.network, self.inference_buffers, x.data, count, out.mutable_data(), threads, watch);
  });
  if (outcome == Outcome::not_finite) return py::none();
  return out.object();
}

// forward() for inputs that need no more than a look; anything else gives None, and takes the long way.
template <class T>
py::object forward_few(PyNetwork<T>& self, const py::array& X) {
  constexpr py::ssize_t most = 128;
  constexpr int plain = int{py::array::c_style} | int{py::detail::npy_api::NPY_ARRAY_ALIGNED_};
  if (!holds<T>(X) || (X.flags() & plain) != plain || X.ndim() != 2 || X.shape(0) < 1 || X.shape(0) > most ||
      static_cast<std::size_t>(X.shape(1)) != self.network.inputs())
    return py::none();
  if (self.network.id_limit() > 0) return py::none();
  const Busy busy(self.inference);
  const std::size_t count = self.network.operations();
  Data<T> data;
  data.x = static_cast<const T*>(X.data());
  data.rows = static_cast<std::size_t>(X.shape(0));
  py::array_t<T> out({X.shape(0), static_cast<py::ssize_t>(self.network.units(count))});
  const Outcome outcome = without_gil([&, to = out.mutable_data()] {
    Watch watch(nullptr, nullptr);
    return ravine::forward(self.network, self.inference_buffers, data, count, to, 1, watch);
  });
  if (outcome == Outcome::not_finite) return py::none();
  return out;
}

}  // namespace

template <class T>
void bind_inference(NetworkClass<T>& network) {
  using py::arg;
  network
      .def("evaluate", &evaluate<T>, arg("X"), arg("target"), arg("weight"), py::kw_only(), arg("metrics") = Metrics{},
           arg("n_threads") = 1, "Loss and metrics of a data set, dropout off.")
      .def("population_losses", &population_losses<T>, arg("members"), arg("X"), arg("target"), arg("weight"),
           py::kw_only(), arg("n_threads") = 1,
           "The losses that `evaluate` gives with each row of members (float64, rounded to the network's dtype) as the "
           "trainable parameters, shape (members,).")
      .def("forward", &forward<T>, arg("X"), py::kw_only(), arg("operations") = py::none(),
           arg("skip_activation") = false, arg("n_threads") = 1,
           "Outputs after the first `operations` operations; None where X holds a NaN or an infinity.")
      .def("forward_few", &forward_few<T>, arg("X"),
           "All outputs on one thread of a finite C-contiguous array of up to 128 rows; None for any other array.");
}

template void bind_inference(NetworkClass<float>&);
template void bind_inference(NetworkClass<double>&);

}  // namespace ravine::bindings
