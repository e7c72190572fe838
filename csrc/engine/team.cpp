#include "engine/team.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ravine {
namespace {

void pause_briefly() noexcept {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits: an awake thread answers in under a microsecond; who has waited this many pauses (tens of microseconds) waits
// for one that does not run, and gives its core away.
class Patience {
 public:
  void wait() noexcept {
    if (spins_ < spins_before_yield)
      ++spins_, pause_briefly();
    else
      sched_yield();
  }
  bool is_long() const noexcept { return spins_ == spins_before_yield; }

 private:
  static constexpr unsigned spins_before_yield = 1000;
  unsigned spins_ = 0;
};

// The largest team that the system lets this process have, as far as it was asked.
std::atomic<std::size_t> largest_team{1};
// The OpenMP runtime keeps the threads of a thread's last team for its next one.
thread_local std::size_t standing_team = 1;
// Held from the trial of a team until it runs: two threads may not both count on the last thread to be had.
std::mutex team_starts;

#if defined(__linux__)
using ThreadId = long;
ThreadId this_thread_id() noexcept { return syscall(SYS_gettid); }

// A thread that was joined counts against the limit of processes until the kernel has released it, a little later.
// Gives up after 50 ms.
void wait_until_released(ThreadId thread) noexcept {
  for (int tries = 0; tries < 1000 && syscall(SYS_tgkill, getpid(), thread, 0) == 0; ++tries)
    std::this_thread::sleep_for(std::chrono::microseconds(50));
}
#else
using ThreadId = int;
ThreadId this_thread_id() noexcept { return 0; }
void wait_until_released(ThreadId) noexcept {}
#endif

// Starts `extra` threads that wait until all are there; returns how many came.
std::size_t try_threads(std::size_t extra) noexcept {
  std::mutex mutex;
  std::condition_variable go;
  bool released = false;
  std::vector<std::thread> threads;
  std::vector<ThreadId> ids;
  try {
    threads.reserve(extra);
    ids.reserve(extra);
    while (threads.size() < extra)
      threads.emplace_back([&] {
        std::unique_lock lock(mutex);
        ids.push_back(this_thread_id());
        go.wait(lock, [&] { return released; });
      });
  } catch (...) {  // no thread or no memory for one
  }
  {
    const std::lock_guard lock(mutex);
    released = true;
  }
  go.notify_all();
  for (std::thread& thread : threads) thread.join();
  for (const ThreadId id : ids) wait_until_released(id);
  return threads.size();
}

}  // namespace

std::size_t startable_threads(std::size_t wanted) {
  if (wanted <= largest_team.load()) return wanted;
  const std::lock_guard lock(team_starts);
  const std::size_t granted = standing_team + (wanted > standing_team ? try_threads(wanted - standing_team) : 0);
  largest_team.store(std::max(largest_team.load(), granted));
  return std::min(granted, wanted);
}

std::size_t Team::start(std::size_t wanted) {
  if (wanted <= standing_team || in_team()) return wanted;
  const std::lock_guard lock(team_starts);
  std::size_t granted = standing_team + try_threads(wanted - standing_team);
  if (granted < wanted) largest_team.store(granted);
#pragma omp parallel num_threads(static_cast<int>(granted))
#pragma omp single
  granted = static_cast<std::size_t>(omp_get_num_threads());
  return standing_team = granted;
}

bool in_team() noexcept { return omp_in_parallel() != 0; }

void survive_forks() {
  pthread_atfork(
      [] {
        team_starts.lock();
        omp_pause_resource_all(omp_pause_hard);
        largest_team.store(1);
        standing_team = 1;
      },
      [] { team_starts.unlock(); }, [] { team_starts.unlock(); });
}

#if defined(__x86_64__)
FloatingPointMode::FloatingPointMode() noexcept : saved_(_mm_getcsr()) { _mm_setcsr(0x1F80); }
FloatingPointMode::~FloatingPointMode() { _mm_setcsr(static_cast<unsigned>(saved_)); }
#elif defined(__aarch64__)
FloatingPointMode::FloatingPointMode() noexcept {
  asm volatile("mrs %0, fpcr" : "=r"(saved_));
  asm volatile("msr fpcr, %0" ::"r"(0ull));
}
FloatingPointMode::~FloatingPointMode() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }
#else
FloatingPointMode::FloatingPointMode() noexcept : saved_(0) {}
FloatingPointMode::~FloatingPointMode() = default;
#endif

void Watch::check() noexcept {
  unlooked_ = 0;
  if (stop_ || !poll_ || Clock::now() < next_) return;
  stop_ = poll_(context_);
  next_ = Clock::now() + interval_;
}

namespace {

constexpr std::uint64_t unclaimed = 0xFFFF'FFFF;

}  // namespace

void Team::post(Call call, void* context, std::size_t tasks) noexcept {
  done_.store(0, std::memory_order_relaxed);
  call_.store(call, std::memory_order_relaxed);
  context_.store(context, std::memory_order_relaxed);
  tasks_.store(tasks, std::memory_order_relaxed);
  const std::uint64_t share = (ticket_.load(std::memory_order_relaxed) | unclaimed) + 1;
  ticket_.store(share | tasks, std::memory_order_release);
}

std::size_t Team::withdraw() noexcept { return ticket_.fetch_and(~unclaimed, std::memory_order_relaxed) & unclaimed; }

bool Team::claim(std::size_t& task) noexcept {
  std::uint64_t ticket = ticket_.load(std::memory_order_relaxed);
  do {
    if ((ticket & unclaimed) == 0) return false;
  } while (!ticket_.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acquire, std::memory_order_relaxed));
  task = tasks_.load(std::memory_order_relaxed) - (ticket & unclaimed);
  return true;
}

void Team::wait_for(std::size_t others, bool interruptible) noexcept {
  for (Patience patience; done_.load(std::memory_order_acquire) < others;) {
    patience.wait();
    if (interruptible && patience.is_long()) stopping(0, Watch::clock_worth);
  }
}

void Team::work(std::size_t thread) noexcept {
  Patience patience;
  while (!over_.load(std::memory_order_relaxed)) {
    std::size_t task = 0;
    if (!claim(task)) {
      patience.wait();
      continue;
    }
    call_.load(std::memory_order_relaxed)(context_.load(std::memory_order_relaxed), thread, task);
    done_.fetch_add(1, std::memory_order_release);
    patience = {};
  }
}

void Team::run_region(void (*body)(void*) noexcept, void* context) {
#pragma omp parallel num_threads(static_cast<int>(size_))
  {
    const FloatingPointMode mode;
    const auto thread = static_cast<std::size_t>(omp_get_thread_num());
    if (thread == 0) {
      size_ = static_cast<std::size_t>(omp_get_num_threads());
      body(context);
      over_.store(true, std::memory_order_relaxed);
    } else {
      work(thread);
    }
  }
  standing_team = size_;
}

}  // namespace ravine
