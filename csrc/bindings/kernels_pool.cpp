#include "bindings/function.h"
#include "bindings/images.h"
#include "bindings/kernels.h"

namespace ravine::bindings::pool_kernels {
namespace {

// What says how an image of a given size is cut into windows.
struct Cut {
  Pair pool, strides;
  bool same;

  Cut(const py::object& pool_size, const py::object& given_strides, const py::object& padding)
      : pool(to_pair(pool_size, "pool_size", 1)),
        strides(given_strides.is_none() ? pool : to_pair(given_strides, "strides", 1)),
        same(false) {
    const std::string name = py::isinstance<py::str>(padding) ? py::cast<std::string>(padding) : "";
    if (name != "valid" && name != "same")
      throw py::value_error("padding must be 'valid' or 'same', got " + text(py::repr(padding)));
    same = name == "same";
  }

  Pool2D operator()(std::size_t height, std::size_t width, std::size_t channels) const {
    if (height == 0 || width == 0)
      throw py::value_error("an image must have at least one pixel, got size " + text(Pair{height, width}));
    if (!same && (pool[0] > height || pool[1] > width))
      throw py::value_error("pool_size " + text(pool) + " exceeds the image's size " + text(Pair{height, width}));
    const Placed rows = place_windows(height, pool[0], strides[0], same);
    const Placed cols = place_windows(width, pool[1], strides[1], same);
    return {.height = height,
            .width = width,
            .channels = channels,
            .pool_height = pool[0],
            .pool_width = pool[1],
            .stride_height = strides[0],
            .stride_width = strides[1],
            .pad_top = rows.pad,
            .pad_left = cols.pad,
            .out_height = rows.count,
            .out_width = cols.count};
  }
};

Shape output_shape(std::size_t images, const Pool2D& pool) {
  return shape_of(images, pool.out_height, pool.out_width, pool.channels);
}

constexpr const char* windows_doc =
    "\n\nx: (n, height, width, channels), strides: pool_size by default. padding 'valid': windows within the image; "
    "'same':\nceil(size / stride) of them, which hold their real pixels only.";

template <class Kernel>
void bind_forward(py::module_& module, const InstructionSet& set, const char* name, const std::string& doc, Kernel) {
  add_function(
      module, name,
      "(x: Array, *, pool_size: tuple[int, int], strides: tuple[int, int] | None = None, padding: str = 'valid', out: "
      "Array | None = None) -> Array",
      doc + windows_doc, set,
      [](const InstructionSet& set, const py::object& x, const py::object& pool_size, const py::object& strides,
         const py::object& padding, const py::object& out) {
        const Cut cut(pool_size, strides, padding);
        return by_dtype(x, "x", [&]<class T>() -> py::object {
          const Array<T> given(x, "x");
          const Images images = images_of(given);
          const Pool2D pool = cut(images.height, images.width, images.channels);
          const auto reason = [&] { return "the windows of x, shape " + text(given.shape()); };
          Array<T> y = output<T>(out, output_shape(images.count, pool), reason, "x");
          y.require_apart(given);
          without_gil([&, p = y.mutable_data()] { Kernel{}(set.kernels<T>())(p, given.data(), images.count, pool); });
          return y.object();
        });
      });
}

void bind_max_backward(py::module_& module, const InstructionSet& set) {
  add_function(
      module, "max_pool_backward",
      "(dy: Array, y: Array, x: Array, *, pool_size: tuple[int, int], strides: tuple[int, int] | None = None, padding: "
      "str = 'valid', relu: bool = False, out: Array | None = None) -> Array",
      "dx = dy at each window's first pixel that is y (the first NaN where y is one), what windows give to one pixel "
      "added\nin their order; 0 elsewhere. With relu, x = max(z, 0) and the gradient is by z: dy counts where y > "
      "0.\n\n"
      "dy, y: the windows' shape; x and the rest as in max_pool.",
      set,
      [](const InstructionSet& set, const py::object& dy, const py::object& y, const py::object& x,
         const py::object& pool_size, const py::object& strides, const py::object& padding, const py::object& relu,
         const py::object& out) {
        const Cut cut(pool_size, strides, padding);
        if (!py::isinstance<py::bool_>(relu))
          throw py::type_error("relu must be True or False, got " + text(py::repr(relu)));
        return by_dtype(dy, "dy", [&]<class T>() -> py::object {
          const Array<T> gradient(dy, "dy"), largest(y, "y", "dy"), given(x, "x", "dy");
          const Images images = images_of(given);
          const Pool2D pool = cut(images.height, images.width, images.channels);
          const auto reason = [&] { return "the windows of x, shape " + text(given.shape()); };
          gradient.require_shape(output_shape(images.count, pool), reason);
          largest.require_shape_of(gradient);
          Array<T> dx = output<T>(out, given.shape(), given.name(), "dy");
          dx.require_apart(gradient).require_apart(largest).require_apart(given);
          const bool through_relu = py::cast<bool>(relu);
          without_gil([&, p = dx.mutable_data()] {
            set.kernels<T>().max_pool->backward(p, gradient.data(), largest.data(), given.data(), images.count, pool,
                                                through_relu);
          });
          return dx.object();
        });
      });
}

void bind_max_index(py::module_& module, const InstructionSet& set) {
  add_function(module, "max_pool_index",
               "(x: Array, *, pool_size: tuple[int, int], strides: tuple[int, int] | None = None, padding: str = "
               "'valid') -> tuple[Array, Array]",
               (std::string("(max_pool(x), the number of that pixel in its window, row by row), both of x's dtype.") +
                windows_doc),
               set,
               [](const InstructionSet& set, const py::object& x, const py::object& pool_size,
                  const py::object& strides, const py::object& padding) {
                 const Cut cut(pool_size, strides, padding);
                 return by_dtype(x, "x", [&]<class T>() -> py::object {
                   const Array<T> given(x, "x");
                   const Images images = images_of(given);
                   const Pool2D pool = cut(images.height, images.width, images.channels);
                   Array<T> y(output_shape(images.count, pool), "y"), index(y.shape(), "index");
                   without_gil([&, p = y.mutable_data(), q = index.mutable_data()] {
                     set.kernels<T>().max_pool->forward_index(p, q, given.data(), images.count, pool);
                   });
                   return py::make_tuple(y.object(), index.object());
                 });
               });
  add_function(module, "max_pool_index_backward",
               "(dy: Array, y: Array, index: Array, *, size: tuple[int, int], pool_size: tuple[int, int], strides: "
               "tuple[int, int] | None = None, padding: str = 'valid', relu: bool = False) -> Array",
               "max_pool_backward from what max_pool_index gives, for images of `size` (height, width).", set,
               [](const InstructionSet& set, const py::object& dy, const py::object& y, const py::object& index,
                  const py::object& size, const py::object& pool_size, const py::object& strides,
                  const py::object& padding, const py::object& relu) {
                 const Pair image = to_pair(size, "size", 1);
                 const Cut cut(pool_size, strides, padding);
                 if (!py::isinstance<py::bool_>(relu))
                   throw py::type_error("relu must be True or False, got " + text(py::repr(relu)));
                 return by_dtype(dy, "dy", [&]<class T>() -> py::object {
                   const Array<T> gradient(dy, "dy"), largest(y, "y", "dy"), number(index, "index", "dy");
                   const Images images = images_of(gradient);
                   const Pool2D pool = cut(image[0], image[1], images.channels);
                   gradient.require_shape(output_shape(images.count, pool),
                                          [&] { return "the windows of size " + text(image); });
                   largest.require_shape_of(gradient);
                   number.require_shape_of(gradient);
                   Array<T> dx(shape_of(images.count, image[0], image[1], images.channels), "dx");
                   const bool through_relu = py::cast<bool>(relu);
                   without_gil([&, p = dx.mutable_data()] {
                     set.kernels<T>().max_pool->backward_index(p, gradient.data(), largest.data(), number.data(),
                                                               images.count, pool, through_relu);
                   });
                   return dx.object();
                 });
               });
}

void bind_average_backward(py::module_& module, const InstructionSet& set) {
  add_function(module, "average_pool_backward",
               "(dy: Array, *, size: tuple[int, int], pool_size: tuple[int, int], strides: tuple[int, int] | None = "
               "None, padding: str = 'valid', out: Array | None = None) -> Array",
               "dx = the sum of dy / n over the windows that hold the pixel, n their real pixels.\n\n"
               "dy: (n, out_height, out_width, channels); size: (height, width) of x; the rest as in average_pool.",
               set,
               [](const InstructionSet& set, const py::object& dy, const py::object& size, const py::object& pool_size,
                  const py::object& strides, const py::object& padding, const py::object& out) {
                 const Pair image = to_pair(size, "size", 1);
                 const Cut cut(pool_size, strides, padding);
                 return by_dtype(dy, "dy", [&]<class T>() -> py::object {
                   const Array<T> gradient(dy, "dy");
                   const Images images = images_of(gradient);
                   const Pool2D pool = cut(image[0], image[1], images.channels);
                   gradient.require_shape(output_shape(images.count, pool),
                                          [&] { return "the windows of size " + text(image); });
                   Array<T> dx =
                       output<T>(out, shape_of(images.count, image[0], image[1], images.channels), "size and dy", "dy");
                   dx.require_apart(gradient);
                   without_gil([&, p = dx.mutable_data()] {
                     set.kernels<T>().average_pool->backward(p, gradient.data(), images.count, pool);
                   });
                   return dx.object();
                 });
               });
}

}  // namespace

void bind(py::module_& module, const InstructionSet& set) {
  bind_forward(module, set, "max_pool",
               "The largest pixel of each window, channel by channel; a NaN counts as larger than any number.",
               [](const auto& kernels) { return kernels.max_pool->forward; });
  bind_max_backward(module, set);
  bind_max_index(module, set);
  bind_forward(module, set, "average_pool", "The mean of each window's pixels, channel by channel.",
               [](const auto& kernels) { return kernels.average_pool->forward; });
  bind_average_backward(module, set);
}

}  // namespace ravine::bindings::pool_kernels
