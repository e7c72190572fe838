// What concerns the process and not one network: forks, threads, rounding, the order of an epoch.
#include <algorithm>
#include <optional>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/runs.h"
#include "dispatch.h"
#include "engine/random.h"
#include "engine/team.h"

namespace ravine::bindings {
namespace {

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

void bind_process(py::module_& module) {
  using py::arg;
  survive_forks();
  py::class_<DefaultMode>(module, "DefaultFloatingPointMode", "Within it numbers round to nearest, denormals are kept.")
      .def(py::init<>())
      .def("__enter__", &DefaultMode::enter)
      .def("__exit__", &DefaultMode::exit);
  module.def(
      "startable_threads", [](std::size_t wanted) { return without_gil([&] { return startable_threads(wanted); }); },
      arg("wanted"), "How many of the wanted threads the system lets this process start.");
  module.def("epoch_order", &epoch_order, arg("rows"), arg("seed"), arg("epoch"),
             "The order of an epoch's rows, shape (rows,): a pure function of its arguments.");
}

}  // namespace ravine::bindings
