// The threads of a run: one OpenMP region, tasks claimed by whoever comes first, a barrier that spins briefly and then
// yields.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace ravine {

// How many threads of `wanted` this process may really start, as far as a team was tried. The OpenMP runtime would end
// the process where the system refuses a thread, so a team is first tried with plain threads.
std::size_t startable_threads(std::size_t wanted);

// Whether the calling thread is in the region of a team of several.
bool in_team() noexcept;

// Makes the OpenMP runtime let go of its threads before a fork, so that a child can start its own. Called once, at
// load.
void survive_forks();

// Default rounding, no flushing of denormals, while it lives.
class FloatingPointMode {
 public:
  FloatingPointMode() noexcept;
  ~FloatingPointMode();
  FloatingPointMode(const FloatingPointMode&) = delete;
  FloatingPointMode& operator=(const FloatingPointMode&) = delete;

 private:
  unsigned long long saved_;
};

// Asks now and then whether the run should stop: `poll` is called on the calling thread only, at most every 50 ms.
class Watch {
 public:
  using Poll = bool (*)(void* context);

  Watch(Poll poll, void* context) : poll_(poll), context_(context), next_(Clock::now() + interval) {}

  // Counts `work` (floating-point operations, roughly) and looks at the clock once enough has passed to be worth it.
  void look(std::size_t work) noexcept {
    unlooked_ += work;
    if (unlooked_ >= clock_worth) check();
  }

 private:
  friend class Team;
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds interval{50};
  // About 0.1 ms of work at 100 GFLOP/s; 10 ms at 1.
  static constexpr std::size_t clock_worth = 10'000'000;

  void check() noexcept;

  Poll poll_;
  void* context_;
  Clock::time_point next_;
  std::size_t unlooked_ = 0;
  bool stop_ = false;
};

class Team {
 public:
  // Starts the threads, or as many as the system lets it.
  Team(std::size_t size, Watch& watch) : size_(start(size)), watch_(watch) {}

  std::size_t size() const { return size_; }

  // Runs body(thread) on every thread of the team, in one region.
  template <class Body>
  void run(Body&& body) {
    if (size_ == 1) {
      const FloatingPointMode mode;
      body(std::size_t{0});
      return;
    }
    using Bare = std::remove_reference_t<Body>;
    run_region([](void* context, std::size_t thread) noexcept { (*static_cast<Bare*>(context))(thread); },
               const_cast<void*>(static_cast<const void*>(&body)));
  }

  // Calls task(i) for every i below `tasks`, each on one thread, then waits for all. Returns false once the watch says
  // stop, on every thread alike; the remaining tasks of an interruptible share are then left out.
  template <class Task>
  bool share(std::size_t thread, std::size_t tasks, std::size_t work, bool interruptible, Task&& task) noexcept {
    if (size_ == 1) {
      for (std::size_t i = 0; i < tasks && !(interruptible && watch_.stop_); ++i) {
        task(i);
        if (interruptible) watch_.look(work);
      }
      return !watch_.stop_;
    }
    for (;;) {
      const std::size_t i = next_.fetch_add(1, std::memory_order_relaxed);
      if (i >= tasks || (interruptible && stopping_.load(std::memory_order_relaxed))) break;
      task(i);
      if (interruptible) stopping(thread, work);
    }
    barrier();
    return !stopped_;
  }

  // Does what one thread must do alone: call it on every thread; thread 0 runs it once all have come, the others wait.
  template <class Body>
  void alone(std::size_t thread, Body&& body) noexcept {
    barrier();
    if (thread == 0) body();
    barrier();
  }

  // In the middle of a long task: looks at the clock, and says whether the rest of the task may be left out. The share
  // then returns false.
  bool stopping(std::size_t thread, std::size_t work) noexcept {
    if (thread == 0) {
      watch_.look(work);
      if (watch_.stop_) stopping_.store(true, std::memory_order_relaxed);
    }
    return stopping_.load(std::memory_order_relaxed);
  }

  void barrier() noexcept;

 private:
  static std::size_t start(std::size_t wanted);
  void run_region(void (*body)(void*, std::size_t) noexcept, void* context);

  std::size_t size_;  // what the runtime granted, once in the region
  Watch& watch_;
  alignas(64) std::atomic<std::size_t> next_{0};
  alignas(64) std::atomic<std::size_t> arrived_{0};
  alignas(64) std::atomic<unsigned> generation_{0};
  std::atomic<bool> stopping_{false};
  bool stopped_ = false;  // as of the last barrier: the same for every thread
};

}  // namespace ravine
