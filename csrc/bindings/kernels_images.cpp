#include "bindings/function.h"
#include "bindings/images.h"
#include "bindings/kernels.h"

namespace ravine::bindings::image_kernels {
namespace {

// Each pixel of the small image as a block of size[0] x size[1] pixels, or the sum of a block.
Pool2D windows(std::size_t height, std::size_t width, std::size_t channels, const Pair& size) {
  return {.height = height * size[0],
          .width = width * size[1],
          .channels = channels,
          .pool_height = size[0],
          .pool_width = size[1],
          .stride_height = size[0],
          .stride_width = size[1],
          .pad_top = 0,
          .pad_left = 0,
          .out_height = height,
          .out_width = width};
}

void bind_upsample(py::module_& module, const InstructionSet& set) {
  add_function(module, "upsample", "(x: Array, *, size: tuple[int, int], out: Array | None = None) -> Array",
               "Every pixel as a block of size[0] x size[1] pixels.\n\nx: (n, height, width, channels).", set,
               [](const InstructionSet& set, const py::object& x, const py::object& size, const py::object& out) {
                 const Pair factor = to_pair(size, "size", 1);
                 return by_dtype(x, "x", [&]<class T>() -> py::object {
                   const Array<T> given(x, "x");
                   const Images images = images_of(given);
                   const Pool2D pool = windows(images.height, images.width, images.channels, factor);
                   const auto reason = [&] { return "size " + text(factor) + " and x, shape " + text(given.shape()); };
                   Array<T> y =
                       output<T>(out, shape_of(images.count, pool.height, pool.width, images.channels), reason, "x");
                   y.require_apart(given);
                   without_gil([&, p = y.mutable_data()] {
                     set.kernels<T>().average_pool->spread(p, given.data(), images.count, pool);
                   });
                   return y.object();
                 });
               });
  add_function(
      module, "upsample_backward", "(dy: Array, *, size: tuple[int, int], out: Array | None = None) -> Array",
      "dx = the sum of dy over the pixel's block of size[0] x size[1] pixels.\n\ndy: (n, height, width, channels).",
      set, [](const InstructionSet& set, const py::object& dy, const py::object& size, const py::object& out) {
        const Pair factor = to_pair(size, "size", 1);
        return by_dtype(dy, "dy", [&]<class T>() -> py::object {
          const Array<T> gradient(dy, "dy");
          const Images images = images_of(gradient);
          if (images.height % factor[0] != 0 || images.width % factor[1] != 0)
            throw py::value_error("dy must have whole blocks of " + text(factor) + " pixels, got shape " +
                                  text(gradient.shape()));
          const Pool2D pool = windows(images.height / factor[0], images.width / factor[1], images.channels, factor);
          const auto reason = [&] {
            return "the blocks of " + text(factor) + " of dy, shape " + text(gradient.shape());
          };
          Array<T> dx =
              output<T>(out, shape_of(images.count, pool.out_height, pool.out_width, pool.channels), reason, "dy");
          dx.require_apart(gradient);
          without_gil([&, p = dx.mutable_data()] {
            set.kernels<T>().average_pool->sum(p, gradient.data(), images.count, pool);
          });
          return dx.object();
        });
      });
}

// ((top, bottom), (left, right))
std::array<Pair, 2> to_border(const py::object& padding) {
  if (!py::isinstance<py::tuple>(padding) || py::len(padding) != 2)
    throw py::value_error("padding must be ((top, bottom), (left, right)), got " + text(py::repr(padding)));
  const auto sides = py::reinterpret_borrow<py::tuple>(padding);
  return {to_pair(sides[0], "padding[0]", 0), to_pair(sides[1], "padding[1]", 0)};
}

Border2D border_of(std::size_t height, std::size_t width, std::size_t channels, const std::array<Pair, 2>& padding) {
  return {.height = height,
          .width = width,
          .channels = channels,
          .top = padding[0][0],
          .bottom = padding[0][1],
          .left = padding[1][0],
          .right = padding[1][1]};
}

void bind_zero_pad(py::module_& module, const InstructionSet& set) {
  add_function(
      module, "zero_pad",
      "(x: Array, *, padding: tuple[tuple[int, int], tuple[int, int]], out: Array | None = None) -> Array",
      "x within rows and columns of zeros.\n\nx: (n, height, width, channels); padding: ((top, bottom), (left, "
      "right)).",
      set, [](const InstructionSet& set, const py::object& x, const py::object& padding, const py::object& out) {
        const std::array<Pair, 2> sides = to_border(padding);
        return by_dtype(x, "x", [&]<class T>() -> py::object {
          const Array<T> given(x, "x");
          const Images images = images_of(given);
          const Border2D border = border_of(images.height, images.width, images.channels, sides);
          const auto reason = [&] {
            return "padding " + text(py::repr(padding)) + " around x, shape " + text(given.shape());
          };
          Array<T> y = output<T>(out,
                                 shape_of(images.count, border.top + border.height + border.bottom,
                                          border.left + border.width + border.right, images.channels),
                                 reason, "x");
          y.require_apart(given);
          without_gil(
              [&, p = y.mutable_data()] { set.kernels<T>().border->forward(p, given.data(), images.count, border); });
          return y.object();
        });
      });
  add_function(
      module, "zero_pad_backward",
      "(dy: Array, *, padding: tuple[tuple[int, int], tuple[int, int]], out: Array | None = None) -> Array",
      "dy without its border.\n\ndy: (n, height, width, channels); padding: ((top, bottom), (left, right)).", set,
      [](const InstructionSet& set, const py::object& dy, const py::object& padding, const py::object& out) {
        const std::array<Pair, 2> sides = to_border(padding);
        return by_dtype(dy, "dy", [&]<class T>() -> py::object {
          const Array<T> gradient(dy, "dy");
          const Images images = images_of(gradient);
          const std::size_t rows = sides[0][0] + sides[0][1], cols = sides[1][0] + sides[1][1];
          const auto within = [&] {
            return "padding " + text(py::repr(padding)) + " within dy, shape " + text(gradient.shape());
          };
          if (rows > images.height || cols > images.width) throw py::value_error("there is no " + within());
          const Border2D border = border_of(images.height - rows, images.width - cols, images.channels, sides);
          Array<T> dx =
              output<T>(out, shape_of(images.count, border.height, border.width, images.channels), within, "dy");
          dx.require_apart(gradient);
          without_gil([&, p = dx.mutable_data()] {
            set.kernels<T>().border->backward(p, gradient.data(), images.count, border);
          });
          return dx.object();
        });
      });
}

}  // namespace

void bind(py::module_& module, const InstructionSet& set) {
  bind_upsample(module, set);
  bind_zero_pad(module, set);
}

}  // namespace ravine::bindings::image_kernels
