#include <algorithm>
#include <cmath>

#include "bindings/arrays.h"
#include "bindings/kernels.h"

namespace ravine::bindings {
namespace {

RandomKey to_key(const py::object& seed, const py::object& stream, const py::object& step) {
  return {to_integer<std::uint32_t>(seed, "seed"), to_integer<std::uint32_t>(stream, "stream"),
          to_integer<std::uint64_t>(step, "step")};
}

// A stream has 2^32 blocks of four words.
void require_in_stream(const char* what, std::size_t first, std::size_t count) {
  constexpr std::size_t words = std::size_t{1} << 34;
  if (first <= words && count <= words - first) return;
  throw py::value_error(std::string(what) + " must be at most 2^34, the words of a stream, got " +
                        std::to_string(first) + " + " + std::to_string(count));
}

void bind_bits(py::module_& module, const InstructionSet& set) {
  module.def(
      "random_bits",
      [&set](const py::object& count, const py::object& first, const py::object& seed, const py::object& stream,
             const py::object& step) {
        const RandomKey key = to_key(seed, stream, step);
        const auto start = to_integer<std::size_t>(first, "first");
        const auto length = to_integer<std::size_t>(count, "count");
        require_in_stream("first + count", start, length);
        Array<std::uint32_t> word(Shape{static_cast<py::ssize_t>(length)}, "word");
        without_gil([&, p = word.mutable_data()] { set.d.random->bits(p, start, length, key); });
        return word.object();
      },
      "32-bit words [first, first + count) of a stream, uint32 (count,).\n\n"
      "Philox4x32-10 with key (seed, 0) and counter (position / 4, step low, step high, stream).",
      py::arg("count"), py::kw_only(), py::arg("first") = 0, py::arg("seed"), py::arg("stream") = 0,
      py::arg("step") = 0);
}

template <class Draw>
void bind_draw(py::module_& module, const char* name, const char* doc, py::arg_v first, py::arg_v second, Draw draw) {
  module.def(
      name,
      [draw](const py::object& out, double a, double b, const py::object& seed, const py::object& stream,
             const py::object& step) {
        const RandomKey key = to_key(seed, stream, step);
        return by_dtype(out, "out", [&]<class T>() -> py::object {
          Array<T> x(out, "out");
          x.require_writable();
          require_in_stream("twice the size of out", x.size(), x.size());
          without_gil([&, p = x.mutable_data()] { draw(p, x.size(), a, b, key); });
          return x.object();
        });
      },
      doc, py::arg("out"), py::kw_only(), first, second, py::arg("seed"), py::arg("stream") = 0, py::arg("step") = 0);
}

void bind_dropout(py::module_& module, const InstructionSet& set) {
  module.def(
      "dropout",
      [&set](const py::object& x, double rate, const py::object& seed, const py::object& stream, const py::object& step,
             const py::object& first, const py::object& out) {
        if (!(rate >= 0.0 && rate < 1.0))
          throw py::value_error("rate must be in [0, 1), got " + text(py::float_(rate)));
        const RandomKey key = to_key(seed, stream, step);
        const auto start = to_integer<std::size_t>(first, "first");
        return by_dtype(x, "x", [&]<class T>() -> py::object {
          const Array<T> given(x, "x");
          Array<T> y = output_like(out, given);
          y.require_same_or_apart(given);
          require_in_stream("first + the size of x", start, given.size());
          without_gil([&, p = y.mutable_data()] {
            set.kernels<T>().random->dropout(p, given.data(), start, given.size(), rate, key);
          });
          return y.object();
        });
      },
      "x / (1 - rate) where kept, 0 where dropped: element i, position first + i of the stream, is dropped iff its "
      "word "
      "is less than rate * 2^32.\n\nout has x's shape and may be x.",
      py::arg("x"), py::kw_only(), py::arg("rate"), py::arg("seed"), py::arg("stream") = 0, py::arg("step") = 0,
      py::arg("first") = 0, py::arg("out") = py::none());
}

void bind_gaussian_noise(py::module_& module, const InstructionSet& set) {
  module.def(
      "gaussian_noise",
      [&set](const py::object& x, double stddev, const py::object& seed, const py::object& stream,
             const py::object& step, const py::object& first, const py::object& out) {
        if (!(stddev >= 0.0) || std::isinf(stddev))
          throw py::value_error("stddev must be in [0, inf), got " + text(py::float_(stddev)));
        const RandomKey key = to_key(seed, stream, step);
        const auto start = to_integer<std::size_t>(first, "first");
        return by_dtype(x, "x", [&]<class T>() -> py::object {
          const Array<T> given(x, "x");
          Array<T> y = output_like(out, given);
          y.require_same_or_apart(given);
          constexpr std::size_t beyond = std::size_t{1} << 40;
          require_in_stream("twice first + twice the size of x", 2 * std::min(start, beyond), 2 * given.size());
          without_gil([&, p = y.mutable_data()] {
            set.kernels<T>().random->gaussian_noise(p, given.data(), start, given.size(), stddev, key);
          });
          return y.object();
        });
      },
      "x + stddev z, z standard normal: element i takes number first + i of random_normal.\n\n"
      "out has x's shape and may be x.",
      py::arg("x"), py::kw_only(), py::arg("stddev"), py::arg("seed"), py::arg("stream") = 0, py::arg("step") = 0,
      py::arg("first") = 0, py::arg("out") = py::none());
}

void bind_spatial_dropout(py::module_& module, const InstructionSet& set) {
  module.def(
      "spatial_dropout",
      [&set](const py::object& x, double rate, const py::object& seed, const py::object& stream, const py::object& step,
             const py::object& first, const py::object& out) {
        if (!(rate >= 0.0 && rate < 1.0))
          throw py::value_error("rate must be in [0, 1), got " + text(py::float_(rate)));
        const RandomKey key = to_key(seed, stream, step);
        const auto start = to_integer<std::size_t>(first, "first");
        return by_dtype(x, "x", [&]<class T>() -> py::object {
          const Array<T> given(x, "x");
          if (given.ndim() < 2)
            throw py::value_error("x must have at least 2 dimensions, got shape " + text(given.shape()));
          const std::size_t rows = given.rows(), channels = static_cast<std::size_t>(given.length(given.ndim() - 1));
          Array<T> y = output_like(out, given);
          y.require_same_or_apart(given);
          constexpr std::size_t most = std::size_t{1} << 34;
          const std::size_t drawn = std::max<std::size_t>(channels, 1);
          if (start > most / drawn || rows > most / drawn - start)
            throw py::value_error(
                "(first + the rows of x) times its channels must be at most 2^34, the words of a "
                "stream, got (" +
                std::to_string(start) + " + " + std::to_string(rows) + ") " + std::to_string(channels));
          const std::size_t pixels = given.size() / std::max<std::size_t>(rows * channels, 1);
          without_gil([&, p = y.mutable_data()] {
            set.kernels<T>().random->spatial_dropout(p, given.data(), start, rows, pixels, channels, rate, key);
          });
          return y.object();
        });
      },
      "x / (1 - rate) in channels that are kept, 0 in those dropped: channel c of row i, position (first + i) channels "
      "+ "
      "c of\nthe stream, is dropped for all its pixels iff its word is less than rate * 2^32.\n\n"
      "x: (rows, ..., channels). out has x's shape and may be x.",
      py::arg("x"), py::kw_only(), py::arg("rate"), py::arg("seed"), py::arg("stream") = 0, py::arg("step") = 0,
      py::arg("first") = 0, py::arg("out") = py::none());
}

}  // namespace

void bind_random(py::module_& module, const InstructionSet& set) {
  bind_bits(module, set);
  bind_draw(module, "random_uniform",
            "Fills out with low + (high - low) u, u uniform on [0, 1) with 53 bits; returns out, of any shape.",
            py::arg("low") = 0.0, py::arg("high") = 1.0,
            [&set]<class T>(T* x, std::size_t n, double low, double high, RandomKey key) {
              set.kernels<T>().random->uniform(x, n, low, high, key);
            });
  bind_draw(module, "random_normal",
            "Fills out with mean + deviation z, z standard normal (Box and Muller); returns out, of any shape.",
            py::arg("mean") = 0.0, py::arg("deviation") = 1.0,
            [&set]<class T>(T* x, std::size_t n, double mean, double deviation, RandomKey key) {
              set.kernels<T>().random->normal(x, n, mean, deviation, key);
            });
  bind_dropout(module, set);
  bind_gaussian_noise(module, set);
  bind_spatial_dropout(module, set);
}

}  // namespace ravine::bindings
