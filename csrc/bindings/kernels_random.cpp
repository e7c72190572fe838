#include <algorithm>
#include <cmath>

#include "bindings/arrays.h"
#include "bindings/function.h"
#include "bindings/kernels.h"

namespace ravine::bindings::random_kernels {
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
  add_function(module, "random_bits",
               "(count: int, *, first: int = 0, seed: int, stream: int = 0, step: int = 0) -> Array",
               "32-bit words [first, first + count) of a stream, uint32 (count,).\n\n"
               "Philox4x32-10 with key (seed, 0) and counter (position / 4, step low, step high, stream).",
               set,
               [](const InstructionSet& set, const py::object& count, const py::object& first, const py::object& seed,
                  const py::object& stream, const py::object& step) {
                 const RandomKey key = to_key(seed, stream, step);
                 const auto start = to_integer<std::size_t>(first, "first");
                 const auto length = to_integer<std::size_t>(count, "count");
                 require_in_stream("first + count", start, length);
                 Array<std::uint32_t> word(Shape{static_cast<py::ssize_t>(length)}, "word");
                 without_gil([&, p = word.mutable_data()] { set.d.random->bits(p, start, length, key); });
                 return word.object();
               });
}

// Numbers of a distribution with two parameters, such as "low: float = 0.0, high: float = 1.0".
template <class Draw>
void bind_draw(py::module_& module, const InstructionSet& set, const char* name, const char* doc,
               const std::string& parameters, Draw) {
  add_function(module, name, "(out: Array, *, " + parameters + ", seed: int, stream: int = 0, step: int = 0) -> Array",
               doc, set,
               [](const InstructionSet& set, const py::object& out, double a, double b, const py::object& seed,
                  const py::object& stream, const py::object& step) {
                 const RandomKey key = to_key(seed, stream, step);
                 return by_dtype(out, "out", [&]<class T>() -> py::object {
                   Array<T> x(out, "out");
                   x.require_writable();
                   require_in_stream("twice the size of out", x.size(), x.size());
                   without_gil([&, p = x.mutable_data()] { Draw{}(*set.kernels<T>().random, p, x.size(), a, b, key); });
                   return x.object();
                 });
               });
}

void bind_dropout(py::module_& module, const InstructionSet& set) {
  add_function(
      module, "dropout",
      "(x: Array, *, rate: float, seed: int, stream: int = 0, step: int = 0, first: int = 0, out: Array | None = None) "
      "-> Array",
      "x / (1 - rate) where kept, 0 where dropped: element i, position first + i of the stream, is dropped iff its "
      "word "
      "is less than rate * 2^32.\n\nout has x's shape and may be x.",
      set,
      [](const InstructionSet& set, const py::object& x, double rate, const py::object& seed, const py::object& stream,
         const py::object& step, const py::object& first, const py::object& out) {
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
      });
}

void bind_gaussian_noise(py::module_& module, const InstructionSet& set) {
  add_function(module, "gaussian_noise",
               "(x: Array, *, stddev: float, seed: int, stream: int = 0, step: int = 0, first: int = 0, out: Array | "
               "None = None) -> Array",
               "x + stddev z, z standard normal: element i takes number first + i of random_normal.\n\n"
               "out has x's shape and may be x.",
               set,
               [](const InstructionSet& set, const py::object& x, double stddev, const py::object& seed,
                  const py::object& stream, const py::object& step, const py::object& first, const py::object& out) {
                 if (!(stddev >= 0.0) || std::isinf(stddev))
                   throw py::value_error("stddev must be in [0, inf), got " + text(py::float_(stddev)));
                 const RandomKey key = to_key(seed, stream, step);
                 const auto start = to_integer<std::size_t>(first, "first");
                 return by_dtype(x, "x", [&]<class T>() -> py::object {
                   const Array<T> given(x, "x");
                   Array<T> y = output_like(out, given);
                   y.require_same_or_apart(given);
                   constexpr std::size_t beyond = std::size_t{1} << 40;
                   require_in_stream("twice first + twice the size of x", 2 * std::min(start, beyond),
                                     2 * given.size());
                   without_gil([&, p = y.mutable_data()] {
                     set.kernels<T>().random->gaussian_noise(p, given.data(), start, given.size(), stddev, key);
                   });
                   return y.object();
                 });
               });
}

void bind_spatial_dropout(py::module_& module, const InstructionSet& set) {
  add_function(
      module, "spatial_dropout",
      "(x: Array, *, rate: float, seed: int, stream: int = 0, step: int = 0, first: int = 0, out: Array | None = None) "
      "-> Array",
      "x / (1 - rate) in channels that are kept, 0 in those dropped: channel c of row i, position (first + i) channels "
      "+ "
      "c of\nthe stream, is dropped for all its pixels iff its word is less than rate * 2^32.\n\n"
      "x: (rows, ..., channels). out has x's shape and may be x.",
      set,
      [](const InstructionSet& set, const py::object& x, double rate, const py::object& seed, const py::object& stream,
         const py::object& step, const py::object& first, const py::object& out) {
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
      });
}

}  // namespace

void bind(py::module_& module, const InstructionSet& set) {
  bind_bits(module, set);
  bind_draw(module, set, "random_uniform",
            "Fills out with low + (high - low) u, u uniform on [0, 1) with 53 bits; returns out, of any shape.",
            "low: float = 0.0, high: float = 1.0",
            [](const auto& kernels, auto... arguments) { kernels.uniform(arguments...); });
  bind_draw(module, set, "random_normal",
            "Fills out with mean + deviation z, z standard normal (Box and Muller); returns out, of any shape.",
            "mean: float = 0.0, deviation: float = 1.0",
            [](const auto& kernels, auto... arguments) { kernels.normal(arguments...); });
  bind_dropout(module, set);
  bind_gaussian_noise(module, set);
  bind_spatial_dropout(module, set);
}

}  // namespace ravine::bindings::random_kernels
