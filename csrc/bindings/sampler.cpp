// The engine's samplers, one class per dtype. Arguments are checked here.
#include "engine/sampler.h"

#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "dispatch.h"

namespace ravine::bindings {
namespace {

Strata strata_of(const Array<std::int32_t>& stratum, std::size_t strata) {
  stratum.require_ndim(1, 1);
  return Strata(stratum.data(), stratum.size(), strata);
}

template <class T>
struct PySampler {
  using Owner = std::shared_ptr<Sampler<T>>;

  // The rows' weights, or none.
  struct Weights {
    Weights(const py::object& weight, const Array<std::int32_t>& stratum) {
      if (weight.is_none()) return;
      array.emplace(weight, "weight");
      array->require_shape_of(stratum);
    }
    const T* data() const { return array ? array->data() : nullptr; }
    std::optional<Array<T>> array;
  };

  static Owner draws(const py::object& stratum, const py::object& probability, const py::object& weight,
                     const py::object& strata, const py::object& seed, bool correct, double learning_rate,
                     double uniform, bool normalize) {
    const Array<std::int32_t> of_row(stratum, "stratum");
    const Weights weights(weight, of_row);
    const auto count = to_integer<std::uint64_t>(strata, "strata");
    std::optional<Array<double>> given;
    if (!probability.is_none()) {
      given.emplace(probability, "probability");
      given->require_shape({static_cast<py::ssize_t>(count)}, "the number of strata");
      learning_rate = 0.0;
    } else if (!(learning_rate > 0.0 && uniform > 0.0 && uniform <= 1.0 && correct)) {
      throw py::value_error("probabilities that are learnt need learning_rate > 0, uniform in (0, 1] and correct");
    }
    const DrawSettings settings{to_integer<std::uint32_t>(seed, "seed"), correct, learning_rate, uniform, normalize};
    return std::make_shared<Draws<T>>(strata_of(of_row, count), given ? given->data() : nullptr, weights.data(),
                                      settings, selected());
  }

  static Owner arrangement(const py::object& stratum, const py::object& weight, const py::object& strata,
                           const py::object& seed, bool balanced, bool correct) {
    const Array<std::int32_t> of_row(stratum, "stratum");
    const Weights weights(weight, of_row);
    return std::make_shared<Arrangement<T>>(strata_of(of_row, to_integer<std::uint64_t>(strata, "strata")), balanced,
                                            correct, weights.data(), to_integer<std::uint32_t>(seed, "seed"),
                                            selected());
  }

  static py::array state(const Sampler<T>& sampler) {
    using Numbers = std::shared_ptr<double[]>;
    const Block<double>& block = sampler.state();
    if (!block.data()) return py::array_t<double>(0);
    const py::capsule owner(new Numbers(block.owner()), [](void* pointer) { delete static_cast<Numbers*>(pointer); });
    return py::array_t<double>(static_cast<py::ssize_t>(block.size()), block.data(), owner);
  }

  static py::object weight(const Sampler<T>& sampler) {
    if (!sampler.weight()) return py::none();
    return py::array_t<T>(static_cast<py::ssize_t>(sampler.rows()), sampler.weight());
  }

  static py::object probability(Sampler<T>& sampler) {
    auto* const draws = dynamic_cast<Draws<T>*>(&sampler);
    if (!draws) return py::none();
    const std::vector<double>& q = draws->probability();
    return py::array_t<double>(std::ssize(q), q.data());
  }

  static py::array_t<std::int64_t> batch(Sampler<T>& sampler, const py::object& step, const py::object& epoch,
                                         const py::object& order, const py::object& first, const py::object& rows) {
    const auto from = to_integer<std::uint64_t>(first, "first");
    const auto count = to_integer<std::uint64_t>(rows, "rows");
    if (from > sampler.rows() || count > sampler.rows() - from)
      throw py::value_error("a batch must end by row " + std::to_string(sampler.rows()) +
                            ", got first=" + std::to_string(from) + " and rows=" + std::to_string(count));
    std::vector<std::uint32_t> given_order;
    if (!order.is_none()) {
      const Array<std::uint32_t> given(order, "order");
      given.require_shape({static_cast<py::ssize_t>(sampler.rows())}, "the sampler's rows");
      given_order.assign(given.data(), given.data() + given.size());
      for (const std::uint32_t row : given_order)
        if (row >= sampler.rows()) throw py::value_error("order names row " + std::to_string(row));
    }
    Watch watch(nullptr, nullptr);
    Team team(1, watch);
    sampler.prepare(count);
    sampler.begin_epoch(team, to_integer<std::uint64_t>(epoch, "epoch"),
                        given_order.empty() ? nullptr : given_order.data());
    const Batch drawn = sampler.draw(team, to_integer<std::uint64_t>(step, "step"), from, count);
    py::array_t<std::int64_t> result(static_cast<py::ssize_t>(count));
    for (std::size_t i = 0; i < count; ++i) result.mutable_at(i) = static_cast<std::int64_t>(drawn.row(i));
    return result;
  }

  static void bind(py::module_& module, const char* name) {
    using py::arg;
    py::class_<Sampler<T>, Owner>(module, name, "What draws the rows of a network's batches; see ravine.samplers.")
        .def_static("draws", &draws, arg("stratum"), arg("probability"), arg("weight"), py::kw_only(), arg("strata"),
                    arg("seed"), arg("correct") = true, arg("learning_rate") = 0.0, arg("uniform") = 0.0,
                    arg("normalize") = true,
                    "Rows drawn with replacement, strata in proportion to `probability`, or learnt where it is None.")
        .def_static("arrangement", &arrangement, arg("stratum"), arg("weight"), py::kw_only(), arg("strata"),
                    arg("seed"), arg("balanced") = false, arg("correct") = true,
                    "Batches that keep the strata's shares, or have the same of all.")
        .def_property_readonly("state", &state, "A writable view of what it has learnt.")
        .def_property_readonly("mean_weight", [](const Sampler<T>& s) { return s.mean_weight(); })
        .def_property_readonly("weight", &weight, "What each row weighed when it was last drawn; None: ones.")
        .def_property_readonly("probability", &probability, "That of each stratum, where rows are drawn.")
        .def("batch", &batch, py::kw_only(), arg("step"), arg("epoch") = 0, arg("order") = py::none(), arg("first") = 0,
             arg("rows"), "The rows of one batch.");
  }
};

}  // namespace

void bind_samplers(py::module_& module) {
  PySampler<float>::bind(module, "SamplerFloat32");
  PySampler<double>::bind(module, "SamplerFloat64");
}

}  // namespace ravine::bindings
