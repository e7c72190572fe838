#include <optional>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/function.h"
#include "bindings/kernels.h"
#include "engine/pass.h"

namespace ravine::bindings::normalization_kernels {
namespace {

double checked_epsilon(double epsilon) {
  if (epsilon >= 0.0 && epsilon <= std::numeric_limits<double>::max()) return epsilon;
  throw py::value_error("epsilon must be in [0, inf), got " + text(py::float_(epsilon)));
}

// Rows by positions by channels: the first axis, those between, and the last.
template <class T>
struct Images {
  Images(const py::object& given, const char* name, const char* like = nullptr) : array(given, name, like) {
    if (array.ndim() < 2)
      throw py::value_error(std::string(name) + " must have at least 2 dimensions, got shape " + text(array.shape()));
    if (array.size() == 0)
      throw py::value_error(std::string(name) + " must not be empty, got shape " + text(array.shape()));
    rows = array.rows();
    cols = static_cast<std::size_t>(array.length(array.ndim() - 1));
    positions = array.size() / rows / cols;
  }

  Shape channels() const { return {static_cast<py::ssize_t>(cols)}; }
  std::string channels_of() const { return "the channels of " + array.name() + ", shape " + text(array.shape()); }

  Array<T> array;
  std::size_t rows, positions, cols;
};

// An array with a number for each channel, or for each row; None where it may be.
template <class T, class U>
std::optional<Array<T>> channels(const py::object& given, const char* name, const Images<U>& x,
                                 const char* like = nullptr) {
  if (given.is_none()) return std::nullopt;
  Array<T> array(given, name, like);
  array.require_shape(x.channels(), [&] { return x.channels_of(); });
  return array;
}

template <class T>
std::optional<Array<T>> weights(const py::object& given, const Images<T>& x) {
  if (given.is_none()) return std::nullopt;
  Array<T> weight(given, "weight", "x");
  weight.require_shape({x.array.length(0)}, "the rows of x");
  for (std::size_t i = 0; i < weight.size(); ++i)
    if (!(weight.data()[i] >= T{0}))
      throw py::value_error("weight must be at least 0, got " + text(py::float_(double{weight.data()[i]})));
  return weight;
}

template <class T>
const T* data_of(const std::optional<Array<T>>& array) {
  return array ? array->data() : nullptr;
}

// What `one` gives for each slice of the rows, joined in the tree.
template <class T, class One, class Join>
std::vector<double> over_slices(const Images<T>& x, std::size_t size, One&& one, Join&& join) {
  const std::size_t slice = norm_slice(x.rows, x.positions), slices = norm_slices(x.rows, x.positions);
  std::vector<double> block(slices * size);
  without_gil([&] {
    for (std::size_t s = 0; s < slices; ++s)
      one(block.data() + s * size, s * slice, std::min(slice, x.rows - s * slice));
    join_tree(slices, [&](std::size_t a, std::size_t b) { join(block.data() + a * size, block.data() + b * size); });
  });
  return block;
}

py::object vector_of(const double* first, std::size_t count) {
  return py::array_t<double>(static_cast<py::ssize_t>(count), first);
}

template <class T>
py::tuple batch_moments(const BatchNormKernels<T>& kernels, const py::object& x, const py::object& weight) {
  const Images<T> given(x, "x");
  const auto w = weights(weight, given);
  const std::size_t cols = given.cols, row = given.positions * cols;
  std::vector<double> found = over_slices(
      given, 2 * cols + 2,
      [&](double* moments, std::size_t first, std::size_t rows) {
        kernels.moments(moments, given.array.data() + first * row, w ? w->data() + first : nullptr, rows,
                        given.positions, cols);
      },
      [&](double* a, const double* b) { kernels.join_moments(a, b, cols); });
  kernels.finish_moments(found.data(), cols);
  return py::make_tuple(vector_of(found.data(), cols), vector_of(found.data() + cols, cols));
}

template <class T>
py::object batch_norm(const BatchNormKernels<T>& kernels, const py::object& x, const py::object& mean,
                      const py::object& variance, const py::object& gamma, const py::object& beta, double epsilon,
                      const py::object& out) {
  const Images<T> given(x, "x");
  const Array<double> m = *channels<double>(mean, "mean", given), v = *channels<double>(variance, "variance", given);
  const auto g = channels<T>(gamma, "gamma", given, "x"), b = channels<T>(beta, "beta", given, "x");
  checked_epsilon(epsilon);
  Array<T> y = output_like(out, given.array);
  y.require_same_or_apart(given.array);
  std::vector<T> coefficient(3 * given.cols);
  without_gil([&, p = y.mutable_data()] {
    kernels.fold(coefficient.data(), m.data(), v.data(), data_of(g), data_of(b), epsilon, given.cols);
    kernels.forward(p, given.array.data(), coefficient.data(), given.rows * given.positions, given.cols);
  });
  return y.object();
}

template <class T>
py::tuple batch_norm_backward(const BatchNormKernels<T>& kernels, const py::object& dy, const py::object& x,
                              const py::object& mean, const py::object& variance, const py::object& gamma,
                              double epsilon, const py::object& weight, bool constant) {
  const Images<T> given(x, "x");
  const Array<T> d(dy, "dy", "x");
  d.require_shape_of(given.array);
  const Array<double> m = *channels<double>(mean, "mean", given), v = *channels<double>(variance, "variance", given);
  const auto g = channels<T>(gamma, "gamma", given, "x");
  const auto w = weights(weight, given);
  checked_epsilon(epsilon);
  const std::size_t cols = given.cols, row = given.positions * cols;
  std::vector<double> found = over_slices(
      given, 2 * cols,
      [&](double* sums, std::size_t first, std::size_t rows) {
        kernels.sums(sums, d.data() + first * row, given.array.data() + first * row, w ? w->data() + first : nullptr,
                     m.data(), rows, given.positions, cols);
      },
      [&](double* a, const double* b) { kernels.join_sums(a, b, cols); });
  double mass = 0.0;
  for (std::size_t i = 0; i < given.rows; ++i) mass += w ? static_cast<double>(w->data()[i]) : 1.0;
  mass = constant ? std::numeric_limits<double>::infinity() : mass * static_cast<double>(given.positions);
  Array<T> dx(given.array.shape(), "dx"), dgamma(given.channels(), "dgamma"), dbeta(given.channels(), "dbeta");
  std::vector<T> coefficient(4 * cols);
  without_gil([&, to = dx.mutable_data(), to_gamma = dgamma.mutable_data(), to_beta = dbeta.mutable_data()] {
    kernels.fold_back(coefficient.data(), to_gamma, to_beta, found.data(), m.data(), v.data(), data_of(g), epsilon,
                      cols);
    kernels.backward(to, d.data(), given.array.data(), data_of(w), coefficient.data(), mass, given.rows,
                     given.positions, cols);
  });
  return py::make_tuple(dx.object(), dgamma.object(), dbeta.object());
}

template <class T>
py::object layer_norm(const LayerNormKernels<T>& kernels, const py::object& x, const py::object& gamma,
                      const py::object& beta, double epsilon, const py::object& out) {
  const Images<T> given(x, "x");
  const auto g = channels<T>(gamma, "gamma", given, "x"), b = channels<T>(beta, "beta", given, "x");
  checked_epsilon(epsilon);
  Array<T> y = output_like(out, given.array);
  y.require_same_or_apart(given.array);
  without_gil([&, p = y.mutable_data()] {
    kernels.forward(p, given.array.data(), data_of(g), data_of(b), given.rows * given.positions, given.cols, epsilon);
  });
  return y.object();
}

template <class T>
py::tuple layer_norm_backward(const LayerNormKernels<T>& kernels, const py::object& dy, const py::object& x,
                              const py::object& gamma, double epsilon) {
  const Images<T> given(x, "x");
  const Array<T> d(dy, "dy", "x");
  d.require_shape_of(given.array);
  const auto g = channels<T>(gamma, "gamma", given, "x");
  checked_epsilon(epsilon);
  Array<T> dx(given.array.shape(), "dx"), dgamma(given.channels(), "dgamma"), dbeta(given.channels(), "dbeta");
  std::vector<double> workspace(2 * given.cols);
  const std::size_t rows = given.rows * given.positions;
  without_gil([&, to = dx.mutable_data(), to_gamma = dgamma.mutable_data(), to_beta = dbeta.mutable_data()] {
    kernels.backward(to, d.data(), given.array.data(), data_of(g), rows, given.cols, epsilon);
    kernels.gradient(to_gamma, to_beta, d.data(), given.array.data(), rows, given.cols, epsilon, workspace.data());
  });
  return py::make_tuple(dx.object(), dgamma.object(), dbeta.object());
}

void bind_batch_norm(py::module_& module, const InstructionSet& set) {
  add_function(
      module, "batch_moments", "(x: Array, *, weight: Array | None = None) -> tuple[Array, Array]",
      "(mean, variance) of each channel over rows and positions: sum w x / sum w, sum w (x - mean)^2 / sum w.\n\n"
      "x: (rows, ..., channels); weight: (rows,), none below 0; a row of weight 0 counts for nothing. Both float64.",
      set, [](const InstructionSet& set, const py::object& x, const py::object& weight) {
        return by_dtype(x, "x", [&]<class T>() { return batch_moments(*set.kernels<T>().batch_norm, x, weight); });
      });
  add_function(
      module, "batch_norm",
      "(x: Array, mean: Array, variance: Array, gamma: Array | None = None, beta: Array | None = None, *, epsilon: "
      "float = 1e-05, out: Array | None = None) -> Array",
      "y = gamma (x - mean) / sqrt(variance + epsilon) + beta for each channel.\n\n"
      "x and out: (rows, ..., channels); mean and variance: (channels,), float64; gamma, beta: (channels,) or None, "
      "for "
      "ones and zeros. out may be x.",
      set,
      [](const InstructionSet& set, const py::object& x, const py::object& mean, const py::object& variance,
         const py::object& gamma, const py::object& beta, double epsilon, const py::object& out) {
        return by_dtype(x, "x", [&]<class T>() {
          return batch_norm(*set.kernels<T>().batch_norm, x, mean, variance, gamma, beta, epsilon, out);
        });
      });
  add_function(
      module, "batch_norm_backward",
      "(dy: Array, x: Array, mean: Array, variance: Array, gamma: Array | None = None, *, epsilon: float = 1e-05, "
      "weight: Array | None = None, constant: bool = False) -> tuple[Array, Array, Array]",
      "(dx, dgamma, dbeta) of batch_norm, mean and variance being what batch_moments(x, weight=weight) gives, or "
      "`constant`.\n\nWith n = (x - mean) r, r = 1 / sqrt(variance + epsilon): dbeta = sum dy, dgamma = sum dy n, dx = "
      "gamma r (dy - w / sum w (dbeta + n dgamma)), or gamma r dy where constant. Sums leave out rows of weight 0.",
      set,
      [](const InstructionSet& set, const py::object& dy, const py::object& x, const py::object& mean,
         const py::object& variance, const py::object& gamma, double epsilon, const py::object& weight, bool constant) {
        return by_dtype(x, "x", [&]<class T>() {
          return batch_norm_backward(*set.kernels<T>().batch_norm, dy, x, mean, variance, gamma, epsilon, weight,
                                     constant);
        });
      });
}

void bind_layer_norm(py::module_& module, const InstructionSet& set) {
  add_function(
      module, "layer_norm",
      "(x: Array, gamma: Array | None = None, beta: Array | None = None, *, epsilon: float = 1e-05, out: Array | None "
      "= None) -> Array",
      "y = gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and variance those along the last axis.\n\n"
      "x and out: (rows, ..., channels); gamma, beta: (channels,) or None, for ones and zeros. out may be x.",
      set,
      [](const InstructionSet& set, const py::object& x, const py::object& gamma, const py::object& beta,
         double epsilon, const py::object& out) {
        return by_dtype(
            x, "x", [&]<class T>() { return layer_norm(*set.kernels<T>().layer_norm, x, gamma, beta, epsilon, out); });
      });
  add_function(
      module, "layer_norm_backward",
      "(dy: Array, x: Array, gamma: Array | None = None, *, epsilon: float = 1e-05) -> tuple[Array, Array, Array]",
      "(dx, dgamma, dbeta) of layer_norm.\n\nWith n = (x - mean) r, r = 1 / sqrt(variance + epsilon) and g = gamma dy, "
      "means along the last axis: dx = r (g - mean g - n mean(g n)); dgamma = sum dy n, dbeta = sum dy over the rest.",
      set,
      [](const InstructionSet& set, const py::object& dy, const py::object& x, const py::object& gamma,
         double epsilon) {
        return by_dtype(x, "x", [&]<class T>() {
          return layer_norm_backward(*set.kernels<T>().layer_norm, dy, x, gamma, epsilon);
        });
      });
}

}  // namespace

void bind(py::module_& module, const InstructionSet& set) {
  bind_batch_norm(module, set);
  bind_layer_norm(module, set);
}

}  // namespace ravine::bindings::normalization_kernels
