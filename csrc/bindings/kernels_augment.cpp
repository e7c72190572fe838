#include <string>

#include "bindings/arrays.h"
#include "bindings/function.h"
#include "bindings/kernels.h"

namespace ravine::bindings::augment_kernels {
namespace {

constexpr std::int64_t farthest = std::int64_t{1} << 31;

std::size_t to_size(py::handle x, const char* name) {
  const auto size = to_integer<std::uint32_t>(x, name);
  if (size > 0 && size < farthest) return size;
  throw py::value_error(std::string(name) + " must be in [1, 2^31), got " + text(x));
}

// An offset in (-2^31, 2^31).
std::int64_t to_offset(py::handle x, const char* name) {
  const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(x.ptr()));
  if (!index) {
    PyErr_Clear();
    throw py::type_error(std::string(name) + " must be an integer, got " + text(py::repr(x)));
  }
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
  if (overflow == 0 && value > -farthest && value < farthest) return value;
  throw py::value_error(std::string(name) + " must be in (-2^31, 2^31), got " + text(index));
}

Border to_border(const std::string& name) {
  if (name == "constant") return Border::constant;
  if (name == "nearest") return Border::nearest;
  if (name == "reflect") return Border::reflect;
  if (name == "wrap") return Border::wrap;
  throw py::value_error("border must be 'constant', 'nearest', 'reflect' or 'wrap', got '" + name + "'");
}

// `size` is that of the images that are made: the windows' forward, the inputs' backward.
std::pair<std::size_t, std::size_t> to_image_size(const py::object& size) {
  if (!py::isinstance<py::tuple>(size) || py::len(size) != 2)
    throw py::type_error("size must be a tuple (height, width), got " + text(py::repr(size)));
  const auto pair = py::cast<py::tuple>(size);
  return {to_size(pair[0], "size"), to_size(pair[1], "size")};
}

struct Forward {
  static constexpr const char* name = "image_window";
  static constexpr const char* input = "x";
  static constexpr const char* doc =
      "Windows of images at random places: y[r, i, j] = x[r, t + i', l + j'], i' = i or size[0] - 1 - i, j' = j or\n"
      "size[1] - 1 - j. The words w0 .. w3 of block first + r give t = top + floor(tops w0 / 2^32),\n"
      "l = left + floor(lefts w1 / 2^32), and turn i where flip_vertical and w2 < 2^31, j where flip_horizontal and\n"
      "w3 < 2^31.\n\n"
      "x: (rows, height, width, channels); the result: (rows, *size, channels). Beyond the edges of a row a b c d, "
      "border\n"
      "gives: constant, the number fill; nearest, a and d; reflect, b a | a b c d | d c; wrap, c d | a b c d | a b.";

  static void set_sizes(Window& window, std::size_t height, std::size_t width, std::size_t out_height,
                        std::size_t out_width) {
    window.height = height;
    window.width = width;
    window.out_height = out_height;
    window.out_width = out_width;
  }
  template <class T>
  static auto kernel(const AugmentKernels<T>& kernels) {
    return kernels.image_window;
  }
};

struct Backward {
  static constexpr const char* name = "image_window_backward";
  static constexpr const char* input = "dy";
  static constexpr const char* doc =
      "The backward pass of image_window: dx[s] = sum of dy[p] over the output pixels p that are input pixel s, in\n"
      "ascending order of p.\n\n"
      "dy: (rows, out_height, out_width, channels); the result: (rows, *size, channels), size being that of x's "
      "images.\n"
      "What dy has where the window was constant goes nowhere.";

  static void set_sizes(Window& window, std::size_t height, std::size_t width, std::size_t out_height,
                        std::size_t out_width) {
    Forward::set_sizes(window, out_height, out_width, height, width);
  }
  template <class T>
  static auto kernel(const AugmentKernels<T>& kernels) {
    return kernels.image_window_backward;
  }
};

template <class Way>
void bind_window(py::module_& module, const InstructionSet& set) {
  add_function(
      module, Way::name,
      "(" + std::string(Way::input) +
          ": Array, size: tuple[int, int], *, top: int = 0, left: int = 0, tops: int = 1, lefts: int = 1, "
          "flip_vertical: bool = False, flip_horizontal: bool = False, border: str = 'constant', fill: float = 0.0, "
          "seed: int, stream: int = 0, step: int = 0, first: int = 0, out: Array | None = None) -> Array",
      Way::doc, set,
      [](const InstructionSet& set, const py::object& x, const py::object& size, const py::object& top,
         const py::object& left, const py::object& tops, const py::object& lefts, bool flip_vertical,
         bool flip_horizontal, const std::string& border, double fill, const py::object& seed, const py::object& stream,
         const py::object& step, const py::object& first, const py::object& out) {
        const RandomKey key = {to_integer<std::uint32_t>(seed, "seed"), to_integer<std::uint32_t>(stream, "stream"),
                               to_integer<std::uint64_t>(step, "step")};
        const auto start = to_integer<std::uint32_t>(first, "first");
        const auto [made_height, made_width] = to_image_size(size);
        Window window{};
        window.top = to_offset(top, "top");
        window.left = to_offset(left, "left");
        window.tops = static_cast<std::uint32_t>(to_size(tops, "tops"));
        window.lefts = static_cast<std::uint32_t>(to_size(lefts, "lefts"));
        window.flip_vertical = flip_vertical;
        window.flip_horizontal = flip_horizontal;
        window.border = to_border(border);
        window.fill = fill;
        return by_dtype(x, Way::input, [&]<class T>() -> py::object {
          const Array<T> given(x, Way::input);
          given.require_ndim(4, 4);
          for (py::ssize_t axis = 1; axis < 3; ++axis)
            if (given.length(axis) == 0 || given.length(axis) >= farthest)
              throw py::value_error(given.name() + "'s images must have 1 to 2^31 - 1 rows and columns, got shape " +
                                    text(given.shape()));
          Window sized = window;
          sized.channels = static_cast<std::size_t>(given.length(3));
          Way::set_sizes(sized, static_cast<std::size_t>(given.length(1)), static_cast<std::size_t>(given.length(2)),
                         made_height, made_width);
          if (given.rows() > (std::uint64_t{1} << 32) - start)
            throw py::value_error("first + the rows of " + given.name() +
                                  " must be at most 2^32, the blocks of a stream");
          const Shape shape = {given.length(0), static_cast<py::ssize_t>(made_height),
                               static_cast<py::ssize_t>(made_width), given.length(3)};
          Array<T> y = output<T>(out, shape, [&] { return "size and " + given.name(); }, Way::input);
          y.require_apart(given);
          without_gil([&, p = y.mutable_data()] {
            Way::kernel (*set.kernels<T>().augment)(p, given.data(), start, given.rows(), sized, key);
          });
          return y.object();
        });
      });
}

}  // namespace

void bind(py::module_& module, const InstructionSet& set) {
  bind_window<Forward>(module, set);
  bind_window<Backward>(module, set);
}

}  // namespace ravine::bindings::augment_kernels
