#include <optional>

#include "bindings/arrays.h"
#include "bindings/function.h"
#include "bindings/kernels.h"

namespace ravine::bindings::loss_kernels {
namespace {

// What the rows of z are held against: targets of z's shape, or one class index a row.
template <class T>
struct Truth {
  std::optional<Array<T>> target;
  std::optional<Array<std::int32_t>> label;

  Truth(const py::object& given, const Array<T>& z, bool takes_labels) {
    const py::array array = as_array(given, "target");
    if (takes_labels && holds<std::int32_t>(array)) {
      label.emplace(given, "target");
      label->require_shape({z.length(0)}, "the rows of z, shape " + text(z.shape()));
      require_labels(*label, z.cols());
      return;
    }
    if (takes_labels && !holds<T>(array))
      throw py::type_error(std::string("target must be ") + dtype_name<T> + " like z, or int32 labels, got " +
                           dtype_text(array));
    target.emplace(given, "target", "z");
    target->require_shape_of(z);
  }

  const T* targets() const { return target ? target->data() : nullptr; }
  const std::int32_t* labels() const { return label ? label->data() : nullptr; }
};

template <class T>
Array<T> outputs_of_a_network(const py::object& given) {
  Array<T> z(given, "z");
  z.require_ndim(2, 2);
  if (z.cols() == 0) throw py::value_error("z must have at least one column, got shape " + text(z.shape()));
  return z;
}

template <class T>
py::tuple loss_and_gradient(const Loss<T>& loss, const py::object& outputs, const py::object& given_target,
                            const py::object& given_weight, double scale, double setting) {
  const Array<T> z = outputs_of_a_network<T>(outputs);
  const Truth<T> truth(given_target, z, loss.labels != nullptr);
  std::optional<Array<T>> weight;
  if (!given_weight.is_none()) {
    weight.emplace(given_weight, "weight", "z");
    weight->require_shape({z.length(0)}, "the rows of z, shape " + text(z.shape()));
  }
  Array<T> row_loss(Shape{z.length(0)}, "row_loss");
  Array<T> dz(z.shape(), "dz");
  without_gil([&, l = row_loss.mutable_data(), d = dz.mutable_data(), w = weight ? weight->data() : nullptr] {
    const T s = static_cast<T>(scale), p = static_cast<T>(setting);
    if (truth.label)
      loss.labels(l, d, z.data(), truth.labels(), w, z.rows(), z.cols(), s, p);
    else
      loss.dense(l, d, z.data(), truth.targets(), w, z.rows(), z.cols(), s, p);
  });
  return py::make_tuple(row_loss.object(), dz.object());
}

template <class T>
py::object row_values(const Metric<T>& metric, const py::object& outputs, const py::object& target, double setting) {
  const Array<T> z = outputs_of_a_network<T>(outputs);
  const Truth<T> truth(target, z, true);
  Array<T> value(Shape{z.length(0)}, "value");
  without_gil([&, v = value.mutable_data()] {
    metric.rows(v, z.data(), truth.targets(), truth.labels(), z.rows(), z.cols(), static_cast<T>(setting));
  });
  return value.object();
}

void bind_losses(py::module_& module, const InstructionSet& set) {
  each_row<Loss>(set.f.losses, set.d.losses, [&](const RowPair<Loss>& pair) {
    const std::string doc =
        equation("loss", pair.name()) +
        "\n\nReturns (row_loss, dz): the unweighted l_i, (rows,), and scale * weight_i * dl_i/dz, (rows, cols).\n"
        "z: (rows, cols). target: z's shape and dtype" +
        (pair.d->labels ? ", or int32 class indices (rows,)" : "") + ". weight: (rows,), None for ones.";
    add_function(module, pair.name(),
                 "(z: Array, target: Array, *, weight: Array | None = None, scale: float = 1.0, setting: float = 1.0) "
                 "-> tuple[Array, Array]",
                 doc, pair,
                 [](RowPair<Loss> pair, const py::object& z, const py::object& target, const py::object& weight,
                    double scale, double setting) {
                   return by_dtype(z, "z", [&]<class T>() {
                     return loss_and_gradient(pair.row<T>(), z, target, weight, scale, setting);
                   });
                 });
  });
}

void bind_metrics(py::module_& module, const InstructionSet& set) {
  each_row<Metric>(set.f.metrics, set.d.metrics, [&](const RowPair<Metric>& pair) {
    const std::string doc = equation("metric", pair.name()) +
                            "\n\nReturns the value of each row, (rows,), unweighted. z: (rows, cols).\n"
                            "target: z's shape and dtype, or int32 class indices (rows,).";
    add_function(module, std::string("metric_") + pair.name(),
                 "(z: Array, target: Array, *, setting: float = 0.0) -> Array", doc, pair,
                 [](RowPair<Metric> pair, const py::object& z, const py::object& target, double setting) {
                   return by_dtype(z, "z", [&]<class T>() { return row_values(pair.row<T>(), z, target, setting); });
                 });
  });
}

}  // namespace

void bind(py::module_& module, const InstructionSet& set) {
  bind_losses(module, set);
  bind_metrics(module, set);
}

}  // namespace ravine::bindings::loss_kernels
