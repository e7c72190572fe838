#include "bindings/network.h"

namespace ravine::bindings {
namespace {

template <class T>
void bind(py::module_& module, const char* name) {
  using py::arg;
  NetworkClass<T> network(module, name, "Parameters, operations and training of one network; see ravine.Sequential.");
  network.def(py::init<const py::object&, const std::vector<OperationSpec>&, const py::object&>(), arg("input_units"),
              arg("operations"), arg("seed"));
  bind_state(network);
  bind_training(network);
  bind_inference(network);
}

}  // namespace

std::size_t thread_count(const py::object& n_threads) {
  constexpr std::size_t most = 1024;
  if (PyIndex_Check(n_threads.ptr())) {
    const py::int_ count(n_threads);
    if (count >= py::int_(1) && count <= py::int_(most)) return py::cast<std::size_t>(count);
  }
  throw py::value_error("n_threads must be an int in [1, " + std::to_string(most) + "], got " +
                        text(py::repr(n_threads)));
}

void bind_network(py::module_& module) {
  bind<float>(module, "NetworkFloat32");
  bind<double>(module, "NetworkFloat64");
}

}  // namespace ravine::bindings
