#include <memory>
#include <new>

#include "bindings/function.h"
#include "bindings/images.h"
#include "bindings/kernels.h"

namespace ravine::bindings::convolution_kernels {
namespace {

// What the three kernels of a convolution have in common.
struct Settings {
  Pair strides, rows, cols, dilation;  // rows and cols: zeros before and after the image
  std::size_t groups;
  std::string form;
};

Settings to_settings(const py::object& strides, const py::object& padding, const py::object& dilation,
                     const py::object& groups, const std::string& form) {
  if (!py::isinstance<py::tuple>(padding) || py::len(padding) != 2)
    throw py::type_error("padding must be ((top, bottom), (left, right)), got " + text(py::repr(padding)));
  const auto sides = py::reinterpret_borrow<py::tuple>(padding);
  const Settings result{
      to_pair(strides, "strides", 1),   to_pair(sides[0], "padding", 0),           to_pair(sides[1], "padding", 0),
      to_pair(dilation, "dilation", 1), to_integer<std::size_t>(groups, "groups"), form};
  if (result.groups == 0) throw py::value_error("groups must be at least 1, got 0");
  return result;
}

// Sets height and width of the output.
void set_outputs(ConvolutionShape& s, const Settings& settings) {
  const Pair reach{(s.kernel_height - 1) * s.dilation_y + 1, (s.kernel_width - 1) * s.dilation_x + 1};
  const Pair padded{s.height + settings.rows[0] + settings.rows[1], s.width + settings.cols[0] + settings.cols[1]};
  if (reach[0] > padded[0] || reach[1] > padded[1])
    throw py::value_error("kernel " + text(py::make_tuple(reach[0], reach[1])) + " exceeds padded input " +
                          text(py::make_tuple(padded[0], padded[1])) + ", dilation " +
                          text(py::make_tuple(s.dilation_y, s.dilation_x)) + " included");
  s.out_height = (padded[0] - reach[0]) / s.stride_y + 1, s.out_width = (padded[1] - reach[1]) / s.stride_x + 1;
}

// image: (height, width, channels), kernel: (height, width, channels of a group, filters)
ConvolutionShape shape_of(const Shape& image, const Shape& kernel, const Settings& settings) {
  const auto size = [](py::ssize_t n) { return static_cast<std::size_t>(n); };
  ConvolutionShape s{};
  s.height = size(image[0]), s.width = size(image[1]), s.channels = size(image[2]);
  s.kernel_height = size(kernel[0]), s.kernel_width = size(kernel[1]), s.filters = size(kernel[3]);
  s.stride_y = settings.strides[0], s.stride_x = settings.strides[1];
  s.dilation_y = settings.dilation[0], s.dilation_x = settings.dilation[1];
  s.top = settings.rows[0], s.left = settings.cols[0], s.groups = settings.groups;
  for (const std::size_t n : {s.height, s.width, s.channels, s.kernel_height, s.kernel_width, s.filters})
    if (n == 0)
      throw py::value_error("an image " + text(image) + " and a kernel " + text(kernel) +
                            " have no convolution: every size must be at least 1");
  if (s.channels % s.groups != 0 || s.filters % s.groups != 0 || size(kernel[2]) != s.channels / s.groups)
    throw py::value_error("an image " + text(image) + " and a kernel " + text(kernel) + " do not fit in " +
                          std::to_string(s.groups) + " groups: the kernel must be (height, width, channels / groups, " +
                          "filters), and groups divide both");
  set_outputs(s, settings);
  return s;
}

template <class T>
const Convolution<T>& find_form(const InstructionSet& set, const Settings& settings) {
  std::string names;
  for (const Convolution<T>* row : set.kernels<T>().convolutions) {
    if (settings.form == row->name) return *row;
    names += (names.empty() ? "'" : ", '") + std::string(row->name) + "'";
  }
  throw py::value_error("form must be one of " + names + ", got '" + settings.form + "'");
}

template <class T>
void require_taken(const Convolution<T>& form, const ConvolutionShape& s) {
  if (!form.takes(s))
    throw py::value_error(std::string("form '") + form.name + "' does not take this convolution: 'lanes' needs " +
                          "strides, dilation and groups of 1, 'depthwise' as many groups as channels");
}

// Arrays of images, (images, height, width, channels), and another axis of row_lanes where the form has lanes.
template <class T>
void require_images(const Array<T>& x, bool lanes) {
  x.require_ndim(lanes ? 5 : 4, lanes ? 5 : 4);
  if (lanes && x.length(4) != static_cast<py::ssize_t>(row_lanes))
    throw py::value_error(x.name() + " must have a last axis of 16 in form 'lanes', got shape " + text(x.shape()));
}

template <class T>
Shape image_of(const Array<T>& x) {
  return {x.length(1), x.length(2), x.length(3)};
}

Shape images_shape(py::ssize_t images, std::size_t height, std::size_t width, std::size_t channels, bool lanes) {
  Shape shape{images, static_cast<py::ssize_t>(height), static_cast<py::ssize_t>(width),
              static_cast<py::ssize_t>(channels)};
  if (lanes) shape.push_back(row_lanes);
  return shape;
}

template <class T>
class Workspace {
 public:
  explicit Workspace(std::size_t count)
      : memory_(static_cast<T*>(::operator new((count + 16) * sizeof(T), std::align_val_t{64}))) {}
  T* data() const { return memory_.get(); }

 private:
  struct Free {
    void operator()(T* p) const { ::operator delete(p, std::align_val_t{64}); }
  };
  std::unique_ptr<T, Free> memory_;
};

template <class T>
py::object forward(const InstructionSet& set, const py::object& x, const py::object& w, const py::object& bias,
                   const Settings& settings, Finish finish, const py::object& out) {
  const Convolution<T>& form = find_form<T>(set, settings);
  const Array<T> image(x, "x"), kernel(w, "w", "x");
  require_images(image, form.lanes);
  kernel.require_ndim(4, 4);
  const ConvolutionShape s = shape_of(image_of(image), kernel.shape(), settings);
  require_taken(form, s);
  const auto reason = [&] { return "x, shape " + text(image.shape()) + ", and w, shape " + text(kernel.shape()); };
  Array<T> y =
      output<T>(out, images_shape(image.length(0), s.out_height, s.out_width, s.filters, form.lanes), reason, "x");
  y.require_apart(image).require_apart(kernel);
  const T* row = nullptr;
  if (!bias.is_none()) {
    const Array<T> given(bias, "bias", "x");
    given.require_shape({static_cast<py::ssize_t>(s.filters)}, reason);
    y.require_apart(given);
    row = given.data();
  }
  const Workspace<T> workspace(form.workspace(s));
  without_gil([&, p = y.mutable_data()] {
    form.forward(p, image.data(), kernel.data(), row, image.rows(), s, finish, {}, workspace.data());
  });
  return y.object();
}

template <class T>
py::object backward(const InstructionSet& set, const py::object& dy, const py::object& w, const Pair& size,
                    const Settings& settings, const py::object& gate, const py::object& out) {
  const Convolution<T>& form = find_form<T>(set, settings);
  const Array<T> slope(dy, "dy"), kernel(w, "w", "dy");
  require_images(slope, form.lanes);
  kernel.require_ndim(4, 4);
  const Shape image{static_cast<py::ssize_t>(size[0]), static_cast<py::ssize_t>(size[1]),
                    kernel.length(2) * static_cast<py::ssize_t>(settings.groups)};
  const ConvolutionShape s = shape_of(image, kernel.shape(), settings);
  require_taken(form, s);
  slope.require_shape(images_shape(slope.length(0), s.out_height, s.out_width, s.filters, form.lanes),
                      [&] { return "images " + text(image) + " and w, shape " + text(kernel.shape()); });
  const auto reason = [&] { return "dy, shape " + text(slope.shape()) + ", and size " + text(image); };
  const Shape shape = images_shape(slope.length(0), s.height, s.width, s.channels, form.lanes);
  Array<T> dx = output<T>(out, shape, reason, "dy");
  dx.require_apart(slope).require_apart(kernel);
  const T* mask = nullptr;
  if (!gate.is_none()) {
    const Array<T> given(gate, "gate", "dy");
    given.require_shape(shape, reason);
    dx.require_apart(given);
    mask = given.data();
  }
  const Workspace<T> workspace(form.workspace(s));
  without_gil([&, p = dx.mutable_data()] {
    form.backward(p, slope.data(), kernel.data(), mask, slope.rows(), s, {}, workspace.data());
  });
  return dx.object();
}

template <class T>
py::object gradient(const InstructionSet& set, const py::object& x, const py::object& dy, const Pair& kernel_size,
                    const Settings& settings, std::size_t batch_slice) {
  const Convolution<T>& form = find_form<T>(set, settings);
  const Array<T> image(x, "x"), slope(dy, "dy", "x");
  require_images(image, form.lanes);
  require_images(slope, form.lanes);
  const Shape kernel{static_cast<py::ssize_t>(kernel_size[0]), static_cast<py::ssize_t>(kernel_size[1]),
                     image.length(3) / static_cast<py::ssize_t>(settings.groups), slope.length(3)};
  const ConvolutionShape s = shape_of(image_of(image), kernel, settings);
  require_taken(form, s);
  slope.require_shape(images_shape(image.length(0), s.out_height, s.out_width, s.filters, form.lanes),
                      [&] { return "x, shape " + text(image.shape()) + ", and a kernel " + text(kernel); });
  constexpr std::size_t most_slices = 16;
  if (batch_slice > 0 && image.rows() > most_slices * batch_slice)
    throw py::value_error("batch_slice=" + std::to_string(batch_slice) + " cuts " + std::to_string(image.rows()) +
                          " images into more than 16 slices");
  Array<T> dw(kernel, "dw"), dbias({static_cast<py::ssize_t>(s.filters)}, "dbias");
  const Workspace<T> workspace(form.workspace(s));
  without_gil([&, p = dw.mutable_data(), q = dbias.mutable_data()] {
    form.gradient(p, q, image.data(), slope.data(), image.rows(), batch_slice, s, 0, s.terms(), {}, workspace.data());
  });
  return py::make_tuple(dw.object(), dbias.object());
}

Finish to_finish(const std::string& name) {
  if (name == "none") return Finish::none;
  if (name == "relu") return Finish::relu;
  throw py::value_error("finish must be 'none' or 'relu', got '" + name + "'");
}

void bind_forward(py::module_& module, const InstructionSet& set) {
  add_function(
      module, "conv2d",
      "(x: Array, w: Array, *, bias: Array | None = None, strides: tuple[int, int] = (1, 1), padding: tuple[tuple[int, "
      "int], tuple[int, int]] = ((0, 0), (0, 0)), dilation: tuple[int, int] = (1, 1), groups: int = 1, finish: str = "
      "'none', form: str = 'rows', out: Array | None = None) -> Array",
      "Convolution: y[n, i, j, f] = sum_uvc x[n, i s + u d - top, j s + v d - left, c] w[u, v, c, f] + bias[f].\n\n"
      "x: (images, height, width, channels), 0 outside the image; w: (height, width, channels / groups, filters).\n"
      "padding: ((top, bottom), (left, right)). finish: 'none' or 'relu'. form: 'rows', 'lanes' (images in groups of "
      "16, as rows_to_lanes leaves them) or 'depthwise' (groups == channels).",
      set,
      [](const InstructionSet& set, const py::object& x, const py::object& w, const py::object& bias,
         const py::object& strides, const py::object& padding, const py::object& dilation, const py::object& groups,
         const std::string& finish, const std::string& form, const py::object& out) {
        const Settings settings = to_settings(strides, padding, dilation, groups, form);
        return by_dtype(x, "x",
                        [&]<class T>() { return forward<T>(set, x, w, bias, settings, to_finish(finish), out); });
      });
}

void bind_backward(py::module_& module, const InstructionSet& set) {
  add_function(module, "conv2d_dx",
               "(dy: Array, w: Array, size: tuple[int, int], *, strides: tuple[int, int] = (1, 1), padding: "
               "tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0)), dilation: tuple[int, int] = (1, 1), "
               "groups: int = 1, gate: Array | None = None, form: str = 'rows', out: Array | None = None) -> Array",
               "dx of conv2d for images of `size` (height, width), 0 where gate <= 0.", set,
               [](const InstructionSet& set, const py::object& dy, const py::object& w, const py::object& size,
                  const py::object& strides, const py::object& padding, const py::object& dilation,
                  const py::object& groups, const py::object& gate, const std::string& form, const py::object& out) {
                 const Settings settings = to_settings(strides, padding, dilation, groups, form);
                 const Pair image = to_pair(size, "size", 1);
                 return by_dtype(dy, "dy",
                                 [&]<class T>() { return backward<T>(set, dy, w, image, settings, gate, out); });
               });
}

void bind_gradient(py::module_& module, const InstructionSet& set) {
  add_function(
      module, "conv2d_dweight",
      "(x: Array, dy: Array, kernel_size: tuple[int, int], *, strides: tuple[int, int] = (1, 1), padding: "
      "tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0)), dilation: tuple[int, int] = (1, 1), groups: int = "
      "1, batch_slice: int = 0, form: str = 'rows') -> tuple[Array, Array]",
      "(dw, dbias) of conv2d, summed over images: slices of batch_slice (0: one) are added in a balanced tree.", set,
      [](const InstructionSet& set, const py::object& x, const py::object& dy, const py::object& kernel_size,
         const py::object& strides, const py::object& padding, const py::object& dilation, const py::object& groups,
         const py::object& batch_slice, const std::string& form) {
        const Settings settings = to_settings(strides, padding, dilation, groups, form);
        const Pair kernel = to_pair(kernel_size, "kernel_size", 1);
        const auto slice = to_integer<std::size_t>(batch_slice, "batch_slice");
        return by_dtype(x, "x", [&]<class T>() { return gradient<T>(set, x, dy, kernel, settings, slice); });
      });
}

void bind_lanes(py::module_& module, const InstructionSet& set) {
  add_function(module, "rows_to_lanes", "(x: Array) -> Array", "y[g, j, l] = x[16 g + l, j], 0 after the last row.",
               set, [](const InstructionSet& set, const py::object& x) {
                 return by_dtype(x, "x", [&]<class T>() -> py::object {
                   const Array<T> given(x, "x");
                   given.require_ndim(2, 2);
                   const std::size_t groups = (given.rows() + row_lanes - 1) / row_lanes;
                   Array<T> y({static_cast<py::ssize_t>(groups), given.length(1), static_cast<py::ssize_t>(row_lanes)},
                              "y");
                   without_gil([&, p = y.mutable_data()] {
                     set.kernels<T>().lanes->rows_to_lanes(p, given.data(), given.rows(), given.cols());
                   });
                   return y.object();
                 });
               });
  add_function(module, "lanes_to_rows", "(y: Array, rows: int) -> Array",
               "x[16 g + l, j] = y[g, j, l] for the first `rows` rows.", set,
               [](const InstructionSet& set, const py::object& y, const py::object& rows) {
                 const auto count = to_integer<std::size_t>(rows, "rows");
                 return by_dtype(y, "y", [&]<class T>() -> py::object {
                   const Array<T> given(y, "y");
                   given.require_ndim(3, 3);
                   const auto groups = static_cast<py::ssize_t>((count + row_lanes - 1) / row_lanes);
                   given.require_shape({groups, given.length(1), static_cast<py::ssize_t>(row_lanes)},
                                       [&] { return std::to_string(count) + " rows"; });
                   Array<T> x({static_cast<py::ssize_t>(count), given.length(1)}, "x");
                   without_gil([&, p = x.mutable_data()] {
                     set.kernels<T>().lanes->lanes_to_rows(p, given.data(), count, given.cols());
                   });
                   return x.object();
                 });
               });
}

}  // namespace

void bind(py::module_& module, const InstructionSet& set) {
  bind_forward(module, set);
  bind_backward(module, set);
  bind_gradient(module, set);
  bind_lanes(module, set);
}

}  // namespace ravine::bindings::convolution_kernels
