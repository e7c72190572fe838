// The threads of a run: one OpenMP region, tasks claimed by whoever comes first, waits that spin briefly and then
// yield.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
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

  Watch(Poll poll, void* context, std::chrono::milliseconds interval = std::chrono::milliseconds(50))
      : poll_(poll), context_(context), interval_(interval), next_(Clock::now() + interval) {}

  // Counts `work` (floating-point operations, roughly) and looks at the clock once enough has passed to be worth it.
  void look(std::size_t work) noexcept {
    unlooked_ += work;
    if (unlooked_ >= clock_worth) check();
  }
  // Looks, and says whether the run should stop: for what one thread does without a team.
  bool stopped(std::size_t work) noexcept {
    look(work);
    return stop_;
  }

 private:
  friend class Team;
  using Clock = std::chrono::steady_clock;
  // About 0.1 ms of work at 100 GFLOP/s; 10 ms at 1.
  static constexpr std::size_t clock_worth = 10'000'000;

  void check() noexcept;

  Poll poll_;
  void* context_;
  std::chrono::milliseconds interval_;
  Clock::time_point next_;
  std::size_t unlooked_ = 0;
  bool stop_ = false;
};

// Thread 0 runs the program and posts its shares; the others do nothing but claim tasks. What counts is that a share's
// tasks are done, not that every thread has come: one that the system does not run delays the rest only by the task it
// is in.
class Team {
 public:
  // Starts the threads, or as many as the system lets it.
  Team(std::size_t size, Watch& watch) : size_(start(size)), watch_(watch) {}

  std::size_t size() const { return size_; }

  // Runs body() on the calling thread, as thread 0, with the others at hand for its shares, in one region.
  template <class Body>
  void run(Body&& body) {
    if (size_ == 1) {
      const FloatingPointMode mode;
      body();
      return;
    }
    using Bare = std::remove_reference_t<Body>;
    run_region([](void* context) noexcept { (*static_cast<Bare*>(context))(); },
               const_cast<void*>(static_cast<const void*>(&body)));
  }

  // Calls task(thread, i) for every i below `tasks`, each on one thread, and returns when all are done: false once the
  // watch says stop. The remaining tasks of an interruptible share are then left out. For thread 0.
  template <class Task>
  bool share(std::size_t tasks, std::size_t work, bool interruptible, Task&& task) noexcept {
    const auto go_on = [&] { return !interruptible || !stopping(0, work); };
    if (size_ == 1 || tasks < 2) {
      for (std::size_t i = 0; i < tasks && !(interruptible && watch_.stop_); ++i) {
        task(std::size_t{0}, i);
        go_on();
      }
      return !watch_.stop_;
    }
    if (interruptible && watch_.stop_) return false;
    using Bare = std::remove_reference_t<Task>;
    post([](void* context, std::size_t thread, std::size_t i) noexcept { (*static_cast<Bare*>(context))(thread, i); },
         const_cast<void*>(static_cast<const void*>(&task)), tasks);
    std::size_t own = 0, i = 0;
    while (claim(i)) {
      task(std::size_t{0}, i);
      ++own;
      if (!go_on()) tasks -= withdraw();
    }
    wait_for(tasks - own, interruptible);
    return !watch_.stop_;
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

  // A watch for what another thread than the calling one does in a long task: it stops once this team does.
  Watch follower() noexcept {
    return Watch([](void* team) { return static_cast<Team*>(team)->stopping(1, 0); }, this,
                 std::chrono::milliseconds(0));
  }

 private:
  using Call = void (*)(void* context, std::size_t thread, std::size_t task) noexcept;

  static std::size_t start(std::size_t wanted);
  void run_region(void (*body)(void*) noexcept, void* context);

  // Thread 0: opens a share; closes it, returning how many tasks were left; waits for the others to have done `others`,
  // with an eye on the clock where the wait is long.
  void post(Call call, void* context, std::size_t tasks) noexcept;
  std::size_t withdraw() noexcept;
  void wait_for(std::size_t others, bool interruptible) noexcept;
  // Takes the next task of the open share, if there is one.
  bool claim(std::size_t& task) noexcept;
  // The others' program.
  void work(std::size_t thread) noexcept;

  std::size_t size_;  // what the runtime granted, once in the region
  Watch& watch_;
  // The number of the share in the upper half, how many of its tasks are unclaimed in the lower. A claim that succeeds
  // therefore belongs to the share whose fields are read after it: they change only when all its tasks are done.
  alignas(64) std::atomic<std::uint64_t> ticket_{0};
  alignas(64) std::atomic<std::size_t> done_{0};  // by the others, of the open share
  alignas(64) std::atomic<Call> call_{nullptr};
  std::atomic<void*> context_{nullptr};
  std::atomic<std::size_t> tasks_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> over_{false};
};

}  // namespace ravine
