// The GIL, let go for the time of a computation.
#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#include "engine/team.h"

namespace ravine::bindings {

namespace py = pybind11;

// An interpreter that is being shut down ends a thread that asks for the GIL by unwinding it, or keeps it waiting. A
// thread cannot be unwound out of the engine; it waits here for the end of the process.
inline void take_gil(PyThreadState* state) noexcept {
  try {
    PyEval_RestoreThread(state);
  } catch (...) {
    for (;;) pause();
  }
}

class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil() { take_gil(state_); }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

  // Calls body() with the GIL.
  template <class Body>
  auto interrupt(Body&& body) noexcept {
    take_gil(state_);
    const auto result = body();
    state_ = PyEval_SaveThread();
    return result;
  }

 private:
  PyThreadState* state_;
};

// Arithmetic without the GIL, in the floating-point mode that defines its bits.
template <class Call>
auto without_gil(Call&& call) {
  const WithoutGil released;
  const FloatingPointMode mode;
  return call();
}

}  // namespace ravine::bindings
