#include "bindings/arrays.h"

#include <algorithm>
#include <span>
#include <utility>

namespace ravine::bindings {

std::string text(py::handle x) { return py::cast<std::string>(py::str(x)); }

std::string text(const Shape& shape) {
  py::tuple tuple(shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) tuple[i] = shape[i];
  return text(tuple);
}

std::string dtype_text(const py::array& x) { return text(x.dtype()); }

Shape shape_of(const py::array& x) { return Shape(x.shape(), x.shape() + x.ndim()); }

// NumPy has one object for each usual dtype, and equal ones for unusual ways to name it.
template <class T>
bool holds(const py::array& x) {
  static PyObject* const usual = py::dtype::of<T>().release().ptr();
  return x.dtype().ptr() == usual || py::isinstance<py::array_t<T>>(x);
}
template bool holds<float>(const py::array&);
template bool holds<double>(const py::array&);
template bool holds<std::int32_t>(const py::array&);
template bool holds<std::int64_t>(const py::array&);
template bool holds<std::uint32_t>(const py::array&);

py::array as_array(py::handle x, const std::string& name) {
  if (!py::isinstance<py::array>(x))
    throw py::type_error(name + " must be a NumPy array, got " + text(py::type::handle_of(x).attr("__name__")));
  return py::reinterpret_borrow<py::array>(x);
}

AnyArray::AnyArray(py::handle x, std::string name) : array_(as_array(x, name)), name_(std::move(name)) {}
AnyArray::AnyArray(py::array made, std::string name) : array_(std::move(made)), name_(std::move(name)) {}

void AnyArray::require_plain(bool holds_dtype, const char* dtype, const char* like) const {
  if (!holds_dtype) {
    const std::string because = like ? std::string(" like ") + like : "";
    throw py::type_error(name_ + " must be " + dtype + because + ", got " + dtype_text(array_));
  }
  constexpr int aligned = py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  if (!(array_.flags() & py::array::c_style)) throw py::value_error(name_ + " must be C-contiguous");
  if (!(array_.flags() & aligned)) throw py::value_error(name_ + " must be aligned to its itemsize");
}

void AnyArray::check_ndim(py::ssize_t least, py::ssize_t most) const {
  if (ndim() >= least && ndim() <= most) return;
  const std::string allowed =
      least == most ? std::to_string(least) : std::to_string(least) + " or " + std::to_string(most);
  throw py::value_error(name_ + " must have " + allowed + (most == 1 ? " dimension" : " dimensions") + ", got shape " +
                        text(shape()));
}

bool AnyArray::has_shape(const Shape& wanted) const {
  return std::ranges::equal(wanted, std::span(array_.shape(), static_cast<std::size_t>(ndim())));
}

void AnyArray::refuse_shape(const Shape& wanted, const std::string& reason) const {
  throw py::value_error(name_ + " must have shape " + text(wanted) + " to match " + reason + ", got " + text(shape()));
}

void AnyArray::check_writable() const {
  if (!array_.writeable()) throw py::value_error(name_ + " is read-only, but is changed in place");
}

void AnyArray::check_apart(const AnyArray& other) const {
  const auto first = reinterpret_cast<std::uintptr_t>(array_.data());
  const auto other_first = reinterpret_cast<std::uintptr_t>(other.array_.data());
  if (bytes() > 0 && other.bytes() > 0 && first < other_first + other.bytes() && other_first < first + bytes())
    throw py::value_error(name_ + " must not overlap " + other.name());
}

bool AnyArray::is_same(const AnyArray& other) const {
  return array_.data() == other.array_.data() && size() == other.size();
}

bool is_double(py::handle x, const char* name) {
  const py::array array = as_array(x, name);
  if (holds<float>(array)) return false;
  if (holds<double>(array)) return true;
  throw py::type_error(std::string(name) + " must be float32 or float64, got " + dtype_text(array));
}

std::uint64_t to_bounded_integer(py::handle x, const char* name, std::uint64_t most, std::size_t bits) {
  const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(x.ptr()));
  if (!index) {
    PyErr_Clear();
    throw py::type_error(std::string(name) + " must be an integer, got " + text(py::repr(x)));
  }
  const unsigned long long value = PyLong_AsUnsignedLongLong(index.ptr());
  const bool failed = PyErr_Occurred() != nullptr;
  PyErr_Clear();
  if (failed || value > most)
    throw py::value_error(std::string(name) + " must be in [0, 2^" + std::to_string(bits) + "), got " + text(index));
  return value;
}

void require_labels(const Array<std::int32_t>& label, std::size_t classes) {
  const std::int32_t* first = label.data();
  for (std::size_t i = 0; i < label.size(); ++i) {
    if (first[i] >= 0 && static_cast<std::size_t>(first[i]) < classes) continue;
    throw py::value_error("label " + std::to_string(first[i]) + " out of range [0, " + std::to_string(classes) + ")");
  }
}

}  // namespace ravine::bindings
