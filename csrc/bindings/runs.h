// A network's runs: one at a time, without the GIL, which is taken only to look for signals.
#pragma once

#include <pthread.h>
#include <pybind11/pybind11.h>
#include <unistd.h>
#if !defined(__APPLE__)
#include <sys/syscall.h>
#endif

#include <atomic>
#include <stdexcept>

#include "bindings/gil.h"
#include "engine/team.h"

namespace ravine::bindings {

// Marks a network as running, and refuses whatever may not happen meanwhile: in another thread, in a signal handler
// that Python calls in mid-run, or in a child forked in mid-run.
class Busy {
 public:
  explicit Busy(std::atomic<pid_t>& owner) : owner_(owner) {
    pid_t free = 0;
    if (owner_.compare_exchange_strong(free, getpid())) return;
    throw std::runtime_error(free == getpid() ? "this network is in the middle of a run; a signal handler or another "
                                                "thread can use it once that has ended"
                                              : "this network was running when the process was forked; use it in the "
                                                "parent, or load a copy");
  }
  ~Busy() { owner_.store(0); }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  std::atomic<pid_t>& owner_;
};

// Python sends signals to the main thread alone.
inline bool on_main_thread() noexcept {
#if defined(__APPLE__)
  return pthread_main_np() != 0;
#else
  return syscall(SYS_gettid) == getpid();  // gettid() is younger than the oldest glibc that wheels run on
#endif
}

// A process that a signal handler forked off in mid-run has none of the team's other threads, and one thread cannot
// leave a region alone: the process ends, as it would by an exception that nobody catches. A run on one thread stops
// with that exception.
inline void leave_forked_run() {
  if (!PyErr_Occurred())
    PyErr_SetString(PyExc_RuntimeError,
                    "this process was forked by a signal handler in the middle of a run, which goes on in the parent");
  if (!in_team()) return;
  PyErr_Print();  // ends the process where it is a SystemExit
  Py_Exit(1);
}

// Calls run(watch) without the GIL; an exception of a signal handler is rethrown here.
template <class Call>
auto run_watched(Call&& run) {
  struct Caller {
    WithoutGil released;
    const pid_t process = getpid();
  };
  const auto look_for_signals = [](void* context) {
    auto& caller = *static_cast<Caller*>(context);
    return caller.released.interrupt([&] {
      PyErr_CheckSignals();
      if (getpid() != caller.process) leave_forked_run();
      return PyErr_Occurred() != nullptr;
    });
  };
  auto result = [&] {
    Caller caller;
    const FloatingPointMode mode;
    Watch watch(on_main_thread() ? +look_for_signals : nullptr, &caller);
    return run(watch);
  }();
  if (PyErr_Occurred()) throw py::error_already_set();
  return result;
}

}  // namespace ravine::bindings
