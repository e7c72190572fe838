// Functions for CPython's vector call, which hands over arguments as they stand on the stack: a call costs 0.4 us less
// than through the tuple and the dictionary that pybind11 takes (measured), as much as a small product does.
#pragma once

#include <pybind11/pybind11.h>

#include <array>
#include <cstddef>
#include <new>
#include <string>
#include <string_view>

namespace ravine::bindings {

namespace py = pybind11;

// The names of a function's arguments: the first `positional` must be given, the others may be, by name.
template <std::size_t count>
struct Signature {
  const char* function;
  std::array<const char*, count> names;
  std::size_t positional;

  // The arguments in the order of the names; null where one is not given.
  std::array<py::handle, count> operator()(PyObject* const* given, Py_ssize_t positionals, PyObject* keywords) const {
    std::array<py::handle, count> found{};
    const auto first = static_cast<std::size_t>(positionals);
    if (first > positional)
      throw py::type_error(call() + " takes " + std::to_string(positional) + " positional arguments, got " +
                           std::to_string(first));
    for (std::size_t i = 0; i < first; ++i) found[i] = given[i];
    const Py_ssize_t named = keywords ? PyTuple_GET_SIZE(keywords) : 0;
    for (Py_ssize_t i = 0; i < named; ++i) {
      const std::size_t at = position(PyTuple_GET_ITEM(keywords, i));
      if (found[at]) throw py::type_error(call() + " got two values for " + names[at]);
      found[at] = given[positionals + i];
    }
    for (std::size_t i = 0; i < positional; ++i)
      if (!found[i]) throw py::type_error(call() + " needs " + names[i]);
    return found;
  }

 private:
  std::string call() const { return std::string(function) + "()"; }

  std::size_t position(py::handle keyword) const {
    for (std::size_t i = 0; i < count; ++i)
      if (PyUnicode_CompareWithASCIIString(keyword.ptr(), names[i]) == 0) return i;
    throw py::type_error(call() + " has no argument " + py::cast<std::string>(py::repr(keyword)));
  }
};

// True or False, Python's or NumPy's; false where it is not given.
inline bool to_bool(py::handle x, const char* name) {
  if (!x || x.ptr() == Py_False) return false;
  if (x.ptr() == Py_True) return true;
  const std::string_view type = Py_TYPE(x.ptr())->tp_name;
  if (type == "numpy.bool" || type == "numpy.bool_") return PyObject_IsTrue(x.ptr()) == 1;
  throw py::type_error(std::string(name) + " must be True or False, got " + py::cast<std::string>(py::repr(x)));
}

// body(), its exceptions turned into Python's.
template <class Body>
PyObject* guarded(Body&& body) noexcept {
  try {
    return body();
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const py::builtin_exception& error) {
    error.set_error();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

using FastCall = PyObject* (*)(PyObject* self, PyObject* const* given, Py_ssize_t positionals, PyObject* keywords);

// Adds a function to a module; `self` is handed to each of its calls. `definition` must outlive the module.
inline void add_function(py::module_& module, PyMethodDef& definition, const py::object& self) {
  const auto function =
      py::reinterpret_steal<py::object>(PyCFunction_NewEx(&definition, self.ptr(), module.attr("__name__").ptr()));
  if (!function) throw py::error_already_set();
  module.add_object(definition.ml_name, function);
}

}  // namespace ravine::bindings
