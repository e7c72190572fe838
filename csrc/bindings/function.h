// Raw kernels as Python functions. A function's signature is a text in Python's own words, such as
//   (x: Array, *, alpha: float = 0.0, out: Array | None = None) -> Array
// and the arguments' names, their defaults and what help() shows are read from it. The C++ function behind it takes
// them in that order, as py::object, double, bool or std::string. Calls are CPython's vector calls, which hand over
// arguments as they are on the stack: 0.4 us less than through pybind11's tuple and dictionary, as much as a small
// product takes.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

#include "bindings/arrays.h"
#include "bindings/kernels.h"

namespace ravine::bindings {

namespace py = pybind11;

// True or False, Python's or NumPy's.
bool to_bool(py::handle x, const char* name);

// An argument of a call: what was given, or its default.
struct Argument {
  py::handle value;
  const char* name;

  template <class T>
  T as() const {
    if constexpr (std::is_same_v<T, double>)
      return number();
    else if constexpr (std::is_same_v<T, bool>)
      return to_bool(value, name);
    else if constexpr (std::is_same_v<T, std::string>)
      return word();
    else
      return py::reinterpret_borrow<T>(value);
  }

 private:
  double number() const;
  std::string word() const;
};

inline py::object to_python(py::object x) { return x; }
inline py::object to_python(double x) { return py::float_(x); }
inline py::object to_python(bool x) { return py::bool_(x); }

// What a function's calls are about: an instruction set, or a row of its tables in both dtypes.
struct Subject {
  const void* pointer[2];

  explicit Subject(const InstructionSet& set) : pointer{&set, nullptr} {}
  template <template <class> class Row>
  explicit Subject(const RowPair<Row>& pair) : pointer{pair.f, pair.d} {}

  operator const InstructionSet&() const { return *static_cast<const InstructionSet*>(pointer[0]); }
  template <template <class> class Row>
  operator RowPair<Row>() const {
    return {static_cast<const Row<float>*>(pointer[0]), static_cast<const Row<double>*>(pointer[1])};
  }
};

using Body = py::object (*)(const Subject& subject, const Argument* argument);

// The body that calls a lambda without captures.
template <class Call, class Result, class About, class... Given>
constexpr Body body_of(Result (Call::*)(About, Given...) const) {
  return [](const Subject& subject, const Argument* argument) -> py::object {
    return [&]<std::size_t... i>(std::index_sequence<i...>) -> py::object {
      if constexpr (std::is_void_v<Result>) {
        Call{}(static_cast<About>(subject), argument[i].template as<std::remove_cvref_t<Given>>()...);
        return py::none();
      } else {
        return to_python(Call{}(static_cast<About>(subject), argument[i].template as<std::remove_cvref_t<Given>>()...));
      }
    }(std::index_sequence_for<Given...>{});
  };
}

template <class Call, class Result, class About, class... Given>
constexpr std::size_t arguments_of(Result (Call::*)(About, Given...) const) {
  return sizeof...(Given);
}

// Adds a function of `arguments` arguments to a module.
void add_function(py::module_& module, const std::string& name, const std::string& signature, const std::string& doc,
                  const Subject& subject, Body body, std::size_t arguments);

template <class About, class Call>
void add_function(py::module_& module, const std::string& name, const std::string& signature, const std::string& doc,
                  const About& about, Call) {
  add_function(module, name, signature, doc, Subject(about), body_of(&Call::operator()),
               arguments_of(&Call::operator()));
}

}  // namespace ravine::bindings
