// What kernels on images share: sizes given as pairs, and arrays of images.
#pragma once

#include <array>

#include "bindings/arrays.h"

namespace ravine::bindings {

using Pair = std::array<std::size_t, 2>;

// Two integers of at least `least`, such as (height, width); `name` is the argument's.
inline Pair to_pair(py::handle x, const std::string& name, std::size_t least) {
  const auto refuse = [&] {
    return py::value_error(name + " must be two integers of at least " + std::to_string(least) + ", got " +
                           text(py::repr(x)));
  };
  if (!py::isinstance<py::tuple>(x) && !py::isinstance<py::list>(x)) throw refuse();
  const auto given = py::reinterpret_borrow<py::sequence>(x);
  if (given.size() != 2) throw refuse();
  Pair pair{};
  for (std::size_t i = 0; i < 2; ++i) {
    const py::object size = given[i];
    if (py::isinstance<py::bool_>(size)) throw refuse();
    const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(size.ptr()));
    if (index) pair[i] = PyLong_AsSize_t(index.ptr());
    const bool failed = PyErr_Occurred() != nullptr;
    PyErr_Clear();
    if (failed || pair[i] < least || pair[i] > (std::size_t{1} << 31)) throw refuse();
  }
  return pair;
}

inline std::string text(const Pair& pair) {
  return text(Shape{static_cast<py::ssize_t>(pair[0]), static_cast<py::ssize_t>(pair[1])});
}

template <class T>
std::size_t length(const Array<T>& x, py::ssize_t axis) {
  return static_cast<std::size_t>(x.length(axis));
}

// The sizes of an array of images, (count, height, width, channels).
struct Images {
  std::size_t count, height, width, channels;
};

template <class T>
Images images_of(const Array<T>& x) {
  x.require_ndim(4, 4);
  return {length(x, 0), length(x, 1), length(x, 2), length(x, 3)};
}

inline Shape shape_of(std::size_t count, std::size_t height, std::size_t width, std::size_t channels) {
  Shape shape;
  for (const std::size_t size : {count, height, width, channels}) shape.push_back(static_cast<py::ssize_t>(size));
  return shape;
}

}  // namespace ravine::bindings
