// What a NumPy array must be before a kernel may see it. Nothing is converted: an array that does not fit is refused
// with the argument's name, what it is and what is wanted.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bindings/gil.h"

namespace ravine::bindings {

namespace py = pybind11;

using Shape = std::vector<py::ssize_t>;

template <class T>
inline constexpr const char* dtype_name = nullptr;
template <>
inline constexpr const char* dtype_name<float> = "float32";
template <>
inline constexpr const char* dtype_name<double> = "float64";
template <>
inline constexpr const char* dtype_name<std::int32_t> = "int32";
template <>
inline constexpr const char* dtype_name<std::int64_t> = "int64";
template <>
inline constexpr const char* dtype_name<std::uint32_t> = "uint32";

inline std::string text(py::handle x) { return py::cast<std::string>(py::str(x)); }

inline std::string text(const Shape& shape) {
  py::tuple tuple(shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) tuple[i] = shape[i];
  return text(tuple);
}

inline std::string dtype_text(const py::array& x) { return text(x.dtype()); }

inline Shape shape_of(const py::array& x) { return Shape(x.shape(), x.shape() + x.ndim()); }

// NumPy has one object for each usual dtype, and equal ones for unusual ways to name it.
template <class T>
bool holds(const py::array& x) {
  static PyObject* const usual = py::dtype::of<T>().release().ptr();
  return x.dtype().ptr() == usual || py::isinstance<py::array_t<T>>(x);
}

inline py::array as_array(py::handle x, const std::string& name) {
  if (!py::isinstance<py::array>(x))
    throw py::type_error(name + " must be a NumPy array, got " + text(py::type::handle_of(x).attr("__name__")));
  return py::reinterpret_borrow<py::array>(x);
}

// A C-contiguous, aligned array of T, and the name of the argument that brought it.
template <class T>
class Array {
 public:
  // `like` names the argument that decided the dtype.
  Array(py::handle x, std::string name, const char* like = nullptr)
      : array_(as_array(x, name)), name_(std::move(name)) {
    if (!holds<T>(array_)) {
      const std::string because = like ? std::string(" like ") + like : "";
      throw py::type_error(name_ + " must be " + dtype_name<T> + because + ", got " + dtype_text(array_));
    }
    constexpr int aligned = py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    if (!(array_.flags() & py::array::c_style)) throw py::value_error(name_ + " must be C-contiguous");
    if (!(array_.flags() & aligned)) throw py::value_error(name_ + " must be aligned to its itemsize");
  }

  // A new, uninitialised array.
  Array(const Shape& shape, std::string name) : array_(py::array_t<T>(shape)), name_(std::move(name)) {}

  const T* data() const { return static_cast<const T*>(array_.data()); }
  // of an array that has passed require_writable, or is new
  T* mutable_data() { return static_cast<T*>(array_.mutable_data()); }
  std::size_t size() const { return static_cast<std::size_t>(array_.size()); }
  std::size_t bytes() const { return size() * sizeof(T); }
  py::ssize_t ndim() const { return array_.ndim(); }
  py::ssize_t length(py::ssize_t axis) const { return array_.shape(axis); }
  std::size_t rows() const { return static_cast<std::size_t>(length(0)); }
  std::size_t cols() const { return static_cast<std::size_t>(length(1)); }
  Shape shape() const { return shape_of(array_); }
  const py::array& object() const { return array_; }
  const std::string& name() const { return name_; }

  const Array& require_ndim(py::ssize_t least, py::ssize_t most) const {
    if (ndim() >= least && ndim() <= most) return *this;
    const std::string allowed =
        least == most ? std::to_string(least) : std::to_string(least) + " or " + std::to_string(most);
    throw py::value_error(name_ + " must have " + allowed + (most == 1 ? " dimension" : " dimensions") +
                          ", got shape " + text(shape()));
  }

  // `reason` says where the wanted shape comes from, such as "a's shape (2, 3)", or gives a text that does.
  template <class Reason>
  const Array& require_shape(const Shape& wanted, const Reason& reason) const {
    if (std::ranges::equal(wanted, std::span(array_.shape(), static_cast<std::size_t>(ndim())))) return *this;
    std::string why;
    if constexpr (std::invocable<Reason>)
      why = reason();
    else
      why = reason;
    throw py::value_error(name_ + " must have shape " + text(wanted) + " to match " + why + ", got " + text(shape()));
  }

  template <class U>
  const Array& require_shape_of(const Array<U>& other) const {
    return require_shape(other.shape(), other.name());
  }

  const Array& require_writable() const {
    if (array_.writeable()) return *this;
    throw py::value_error(name_ + " is read-only, but is changed in place");
  }

  template <class U>
  const Array& require_apart(const Array<U>& other) const {
    if (!meets(other)) return *this;
    throw py::value_error(name_ + " must not overlap " + other.name());
  }

  // For kernels that may work in place: the very same elements, or none of them.
  const Array& require_same_or_apart(const Array& other) const {
    if (data() == other.data() && size() == other.size()) return *this;
    return require_apart(other);
  }

 private:
  template <class U>
  bool meets(const Array<U>& other) const {
    const auto first = reinterpret_cast<std::uintptr_t>(data());
    const auto other_first = reinterpret_cast<std::uintptr_t>(other.data());
    return bytes() > 0 && other.bytes() > 0 && first < other_first + other.bytes() && other_first < first + bytes();
  }

  py::array array_;
  std::string name_;
};

// The argument `out`: the caller's array, checked, or a new one where it is None.
template <class T, class Reason>
Array<T> output(py::handle out, const Shape& shape, const Reason& reason, const char* like) {
  if (!out || out.is_none()) return Array<T>(shape, "out");
  Array<T> given(out, "out", like);
  given.require_shape(shape, reason).require_writable();
  return given;
}

template <class T>
Array<T> output_like(const py::object& out, const Array<T>& x) {
  return output<T>(out, x.shape(), x.name(), x.name().c_str());
}

// Calls body<float>() or body<double>(), as the array's dtype says.
template <class Body>
auto by_dtype(py::handle x, const char* name, Body&& body) {
  const py::array array = as_array(x, name);
  if (holds<float>(array)) return body.template operator()<float>();
  if (holds<double>(array)) return body.template operator()<double>();
  throw py::type_error(std::string(name) + " must be float32 or float64, got " + dtype_text(array));
}

// A Python integer (or NumPy's) in [0, limit of I].
template <std::unsigned_integral I>
I to_integer(py::handle x, const char* name) {
  const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(x.ptr()));
  if (!index) {
    PyErr_Clear();
    throw py::type_error(std::string(name) + " must be an integer, got " + text(py::repr(x)));
  }
  const unsigned long long value = PyLong_AsUnsignedLongLong(index.ptr());
  const bool failed = PyErr_Occurred() != nullptr;
  PyErr_Clear();
  if (failed || value > std::numeric_limits<I>::max())
    throw py::value_error(std::string(name) + " must be in [0, 2^" + std::to_string(8 * sizeof(I)) + "), got " +
                          text(index));
  return static_cast<I>(value);
}

// Class indices must be in [0, classes).
inline void require_labels(const Array<std::int32_t>& label, std::size_t classes) {
  const std::int32_t* first = label.data();
  for (std::size_t i = 0; i < label.size(); ++i) {
    if (first[i] >= 0 && static_cast<std::size_t>(first[i]) < classes) continue;
    throw py::value_error("label " + std::to_string(first[i]) + " out of range [0, " + std::to_string(classes) + ")");
  }
}

}  // namespace ravine::bindings
