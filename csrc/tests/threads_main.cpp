// Everything that shares memory between threads, for ThreadSanitizer: teams of several sizes, runs that are stopped,
// evaluation and outputs, many networks at once, populations, and several callers with a team each. Bits are those of
// one thread, or it ends with an error. With an argument it does what ThreadSanitizer must report.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <thread>
#include <vector>

#include "dispatch.h"
#include "engine/inference.h"
#include "engine/population.h"
#include "tests/tests.h"

namespace ravine::tests {
namespace {

void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

template <class T>
std::uint64_t trained(const std::string& name, std::size_t threads) {
  Watch watch(nullptr, nullptr);
  Problem<T> problem(name, selected());
  return problem.bits(problem.train(threads, watch));
}

template <class T>
void teams() {
  for (const std::string& name : problems()) {
    const std::uint64_t alone = trained<T>(name, 1);
    for (const std::size_t threads : {2, 3, 8}) require(trained<T>(name, threads) == alone, name + ": other bits");
  }
}

template <class T>
void stops() {
  for (const std::string& name : problems()) {
    std::size_t polls = 0;
    Watch watch([](void* count) { return ++*static_cast<std::size_t*>(count) == 3; }, &polls,
                std::chrono::milliseconds(1));
    Problem<T> problem(name, selected());
    problem.settings.epochs = 1'000'000;
    problem.settings.rates = {0.0};
    problem.train(3, watch);
    require(polls == 3, name + ": was not stopped");
  }
}

template <class T>
void values() {
  for (const std::string& name : problems()) {
    std::vector<double> losses;
    for (const std::size_t threads : {1, 3}) {
      Watch watch(nullptr, nullptr);
      Problem<T> problem(name, selected());
      losses.push_back(
          evaluate(*problem.network, problem.buffers, problem.data, problem.metrics, threads, watch)->loss);
      losses.push_back(*gradients(*problem.network, problem.buffers, problem.data, threads, watch));
    }
    require(losses[0] == losses[2] && losses[1] == losses[3], name + ": another loss");
  }
}

template <class T>
void many() {
  std::vector<Problem<T>> all;
  for (const std::string& name : problems()) all.emplace_back(name, selected());
  std::vector<Run<T>> runs;
  for (Problem<T>& each : all)
    runs.push_back({each.network.get(), &each.buffers, each.data, each.metrics, each.settings});
  for (std::size_t i = 0; i < all.size(); ++i) runs[i].data.sampler = all[i].sampler.get();
  Watch watch(nullptr, nullptr);
  const std::vector<TrainResult> results = train_many(runs, 3, watch);
  for (std::size_t i = 0; i < all.size(); ++i)
    require(all[i].bits(results[i]) == trained<T>(problems()[i], 1), problems()[i] + ": other bits among many");
}

template <class T>
void population() {
  Problem<T> problem("rows", selected());
  Population<T> seats;
  const std::size_t size = member_size(*problem.network), count = 12;
  const Block<double> members = numbers<double>(count * size, 4);
  std::vector<double> alone(count), together(count);
  Watch watch(nullptr, nullptr);
  for (auto [losses, threads] : {std::pair{&alone, 1}, std::pair{&together, 4}})
    seats.losses(losses->data(), *problem.network, problem.buffers, problem.data, {members.data(), count, size},
                 static_cast<std::size_t>(threads), watch);
  require(alone == together, "other losses of a population");
}

// Four at a time.
template <class T>
void callers() {
  std::atomic<bool> wrong{false};
  for (std::size_t first = 0; first < problems().size(); first += 4) {
    std::vector<std::thread> threads;
    for (std::size_t i = first; i < std::min(first + 4, problems().size()); ++i)
      threads.emplace_back([&, name = problems()[i]] {
        if (trained<T>(name, 3) != trained<T>(name, 1)) wrong = true;
      });
    for (std::thread& thread : threads) thread.join();
  }
  require(!wrong, "other bits with several callers");
}

// What must be reported: two threads write one number, and nothing orders them.
void race() {
  int number = 0;
  std::thread other([&] { ++number; });
  ++number;
  other.join();
  std::printf("%d\n", number);
}

template <class T>
void all() {
  teams<T>(), stops<T>(), values<T>(), many<T>(), population<T>(), callers<T>();
}

}  // namespace
}  // namespace ravine::tests

int main(int count, char**) {
  if (count > 1) {
    ravine::tests::race();
    return 0;
  }
  try {
    ravine::tests::all<float>();
    ravine::tests::all<double>();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  std::puts("threads: as alone");
  return 0;
}
