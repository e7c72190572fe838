#include "bindings/function.h"

#include <array>
#include <new>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace ravine::bindings {
namespace {

constexpr std::size_t most_arguments = 16;

// "name: type = value"; without a value the argument must be given.
struct Parameter {
  std::string name, value;
};

struct Signature {
  std::vector<Parameter> parameters;
  std::size_t positional = 0;  // how many are before the "*"
};

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

// The parts of "(a, (b, c)) ..." between the outer brackets.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t depth = 0, first = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '(' || c == '[') ++depth;
    if (c == ')' || c == ']') --depth;
    if ((c == ',' && depth == 1) || depth == 0) {
      parts.push_back(trimmed(text.substr(first, i - first)));
      first = i + 1;
    }
    if (depth == 0) break;
  }
  return parts;
}

Signature parse(std::string_view text) {
  Signature signature;
  bool keyword_only = false;
  for (const std::string_view part : split(text)) {
    if (part == "*") {
      keyword_only = true;
      continue;
    }
    const std::size_t equals = part.find('=');
    const std::string_view name = trimmed(part.substr(0, part.find_first_of(":=")));
    const std::string_view value = equals == part.npos ? std::string_view{} : trimmed(part.substr(equals + 1));
    signature.parameters.push_back({std::string(name), std::string(value)});
    if (!keyword_only) ++signature.positional;
  }
  return signature;
}

// What inspect.signature() reads: no types.
std::string plain_signature(const Signature& signature) {
  std::string text = "(";
  for (std::size_t i = 0; i < signature.parameters.size(); ++i) {
    if (i == signature.positional) text += "*, ";
    const auto& [name, value] = signature.parameters[i];
    text += name + (value.empty() ? "" : "=" + value) + (i + 1 < signature.parameters.size() ? ", " : "");
  }
  return text + ")";
}

// The value of a default, a literal. The usual ones do without Python's parser, which takes 10 us.
py::object literal(const std::string& source) {
  if (source == "None") return py::none();
  if (source == "True" || source == "False") return py::bool_(source == "True");
  if (source.find_first_not_of("0123456789.e-") == source.npos) {
    if (source.find_first_of(".e") == source.npos) return py::int_(std::stol(source));
    return py::float_(PyOS_string_to_double(source.c_str(), nullptr, nullptr));
  }
  const py::dict scope;
  auto value = py::reinterpret_steal<py::object>(PyRun_String(source.c_str(), Py_eval_input, scope.ptr(), scope.ptr()));
  if (!value) throw py::error_already_set();
  return value;
}

// The values of the defaults, null where there is none.
std::vector<PyObject*> defaults(const Signature& signature) {
  std::vector<PyObject*> found;
  for (const auto& [name, value] : signature.parameters)
    found.push_back(value.empty() ? nullptr : literal(value).release().ptr());
  return found;
}

// A function that Python holds: it lives as long as the process.
struct Function {
  std::string name, doc;
  Subject subject;
  Body body;
  std::size_t positional;
  std::vector<std::string> names;
  std::vector<PyObject*> keywords, defaults;
  PyMethodDef definition{};

  std::string call() const { return name + "()"; }

  std::size_t position(PyObject* keyword) const {
    for (std::size_t i = 0; i < keywords.size(); ++i)
      if (keyword == keywords[i]) return i;
    for (std::size_t i = 0; i < keywords.size(); ++i)
      if (PyUnicode_Compare(keyword, keywords[i]) == 0) return i;
    throw py::type_error(call() + " has no argument " + text(py::repr(keyword)));
  }

  py::object operator()(PyObject* const* given, std::size_t positionals, PyObject* named) const {
    if (positionals > positional)
      throw py::type_error(call() + " takes " + std::to_string(positional) + " positional arguments, got " +
                           std::to_string(positionals));
    std::array<PyObject*, most_arguments> found{};
    for (std::size_t i = 0; i < positionals; ++i) found[i] = given[i];
    const Py_ssize_t count = named ? PyTuple_GET_SIZE(named) : 0;
    for (Py_ssize_t i = 0; i < count; ++i) {
      const std::size_t at = position(PyTuple_GET_ITEM(named, i));
      if (found[at]) throw py::type_error(call() + " got two values for " + names[at]);
      found[at] = given[positionals + static_cast<std::size_t>(i)];
    }
    std::array<Argument, most_arguments> argument;
    for (std::size_t i = 0; i < names.size(); ++i) {
      argument[i] = {found[i] ? found[i] : defaults[i], names[i].c_str()};
      if (!argument[i].value) throw py::type_error(call() + " needs " + names[i]);
    }
    return body(subject, argument.data());
  }
};

// body(), its exceptions turned into Python's.
template <class Call>
PyObject* guarded(Call&& call) noexcept {
  try {
    return call().release().ptr();
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

PyObject* call(PyObject* self, PyObject* const* given, Py_ssize_t positionals, PyObject* keywords) noexcept {
  return guarded([&] {
    const auto& function = *static_cast<const Function*>(PyCapsule_GetPointer(self, nullptr));
    return function(given, static_cast<std::size_t>(positionals), keywords);
  });
}

}  // namespace

bool to_bool(py::handle x, const char* name) {
  if (x.ptr() == Py_False || x.ptr() == Py_True) return x.ptr() == Py_True;
  const std::string_view type = Py_TYPE(x.ptr())->tp_name;
  if (type == "numpy.bool" || type == "numpy.bool_") return PyObject_IsTrue(x.ptr()) == 1;
  throw py::type_error(std::string(name) + " must be True or False, got " + text(py::repr(x)));
}

double Argument::number() const {
  const double number = PyFloat_AsDouble(value.ptr());
  if (number != -1.0 || !PyErr_Occurred()) return number;
  PyErr_Clear();
  throw py::type_error(std::string(name) + " must be a number, got " + text(py::repr(value)));
}

std::string Argument::word() const {
  if (!PyUnicode_Check(value.ptr()))
    throw py::type_error(std::string(name) + " must be a str, got " + text(py::repr(value)));
  return py::cast<std::string>(value);
}

void add_function(py::module_& module, const std::string& name, const std::string& signature, const std::string& doc,
                  const Subject& subject, Body body, std::size_t arguments) {
  const Signature parsed = parse(signature);
  if (parsed.parameters.size() != arguments || arguments > most_arguments)
    throw std::logic_error(name + signature + " does not name the arguments of its C++ function");
  auto* const function = new Function{name,
                                      name + plain_signature(parsed) + "\n--\n\n" + doc + "\n\n" + name + signature,
                                      subject,
                                      body,
                                      parsed.positional,
                                      {},
                                      {},
                                      defaults(parsed)};
  for (const Parameter& parameter : parsed.parameters) {
    function->names.push_back(parameter.name);
    function->keywords.push_back(PyUnicode_InternFromString(parameter.name.c_str()));
  }
  using FastCall = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);
  function->definition = {function->name.c_str(),
                          reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(static_cast<FastCall>(call))),
                          METH_FASTCALL | METH_KEYWORDS, function->doc.c_str()};
  const auto made = py::reinterpret_steal<py::object>(PyCFunction_NewEx(
      &function->definition, py::capsule(static_cast<const void*>(function)).ptr(), module.attr("__name__").ptr()));
  if (!made) throw py::error_already_set();
  module.attr(name.c_str()) = made;
}

}  // namespace ravine::bindings
