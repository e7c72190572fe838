// What a NumPy array must be before a kernel may see it. Nothing is converted: an array that does not fit is refused
// with the argument's name, what it is and what is wanted.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
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

std::string text(py::handle x);
std::string text(const Shape& shape);
std::string dtype_text(const py::array& x);
Shape shape_of(const py::array& x);

template <class T>
bool holds(const py::array& x);
extern template bool holds<float>(const py::array&);
extern template bool holds<double>(const py::array&);
extern template bool holds<std::int32_t>(const py::array&);
extern template bool holds<std::int64_t>(const py::array&);
extern template bool holds<std::uint32_t>(const py::array&);

py::array as_array(py::handle x, const std::string& name);

// An array, and the name of the argument that brought it. What does not depend on the dtype is compiled once.
class AnyArray {
 public:
  std::size_t size() const { return static_cast<std::size_t>(array_.size()); }
  std::size_t bytes() const { return static_cast<std::size_t>(array_.nbytes()); }
  py::ssize_t ndim() const { return array_.ndim(); }
  py::ssize_t length(py::ssize_t axis) const { return array_.shape(axis); }
  std::size_t rows() const { return static_cast<std::size_t>(length(0)); }
  std::size_t cols() const { return static_cast<std::size_t>(length(1)); }
  Shape shape() const { return shape_of(array_); }
  const py::array& object() const { return array_; }
  const std::string& name() const { return name_; }

 protected:
  AnyArray(py::handle x, std::string name);    // the caller's, whatever it is
  AnyArray(py::array made, std::string name);  // a new one

  void require_plain(bool holds_dtype, const char* dtype, const char* like) const;
  void check_ndim(py::ssize_t least, py::ssize_t most) const;
  bool has_shape(const Shape& wanted) const;
  [[noreturn]] void refuse_shape(const Shape& wanted, const std::string& reason) const;
  void check_writable() const;
  void check_apart(const AnyArray& other) const;
  bool is_same(const AnyArray& other) const;

  py::array array_;
  std::string name_;
};

// A C-contiguous, aligned array of T.
template <class T>
class Array : public AnyArray {
 public:
  // `like` names the argument that decided the dtype.
  Array(py::handle x, std::string name, const char* like = nullptr) : AnyArray(x, std::move(name)) {
    require_plain(holds<T>(array_), dtype_name<T>, like);
  }

  // A new, uninitialised array.
  Array(const Shape& shape, std::string name) : AnyArray(py::array_t<T>(shape), std::move(name)) {}

  const T* data() const { return static_cast<const T*>(array_.data()); }
  // of an array that has passed require_writable, or is new
  T* mutable_data() { return static_cast<T*>(array_.mutable_data()); }

  const Array& require_ndim(py::ssize_t least, py::ssize_t most) const {
    check_ndim(least, most);
    return *this;
  }

  // `reason` says where the wanted shape comes from, such as "a's shape (2, 3)", or gives a text that does.
  template <class Reason>
  const Array& require_shape(const Shape& wanted, const Reason& reason) const {
    if (has_shape(wanted)) return *this;
    if constexpr (std::invocable<Reason>)
      refuse_shape(wanted, reason());
    else
      refuse_shape(wanted, reason);
  }

  const Array& require_shape_of(const AnyArray& other) const { return require_shape(other.shape(), other.name()); }

  const Array& require_writable() const {
    check_writable();
    return *this;
  }

  const Array& require_apart(const AnyArray& other) const {
    check_apart(other);
    return *this;
  }

  // For kernels that may work in place: the very same elements, or none of them.
  const Array& require_same_or_apart(const Array& other) const { return is_same(other) ? *this : require_apart(other); }
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
Array<T> output_like(py::handle out, const Array<T>& x) {
  return output<T>(out, x.shape(), x.name(), x.name().c_str());
}

// Whether the array is float64 rather than float32; any other dtype is refused.
bool is_double(py::handle x, const char* name);

// Calls body<float>() or body<double>(), as the array's dtype says.
template <class Body>
auto by_dtype(py::handle x, const char* name, Body&& body) {
  return is_double(x, name) ? body.template operator()<double>() : body.template operator()<float>();
}

// A Python integer (or NumPy's) in [0, limit of I].
std::uint64_t to_bounded_integer(py::handle x, const char* name, std::uint64_t most, std::size_t bits);

template <std::unsigned_integral I>
I to_integer(py::handle x, const char* name) {
  return static_cast<I>(to_bounded_integer(x, name, std::numeric_limits<I>::max(), 8 * sizeof(I)));
}

// Class indices must be in [0, classes).
void require_labels(const Array<std::int32_t>& label, std::size_t classes);

}  // namespace ravine::bindings
