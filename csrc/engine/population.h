// A population: one network with many sets of weights, each held against the same rows.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/buffers.h"
#include "engine/data.h"
#include "engine/network.h"
#include "engine/team.h"

namespace ravine {

// Rows of values, one a member: the trainable parameters one after the other in the arena's order, without its pads.
struct Members {
  const double* values = nullptr;  // (count, size), rounded to the network's type
  std::size_t count = 0;
  std::size_t size = 0;
};

// How many values a member has.
template <class T>
std::size_t member_size(const Network<T>& network);

// Each thread's parameters. They are kept from run to run.
template <class T>
class Population {
 public:
  // loss[i]: the bits of evaluate() on `data` with member i as the network's weights; dropout is off. The network's own
  // weights are only read. False when stopped, `loss` is then unfinished.
  bool losses(double* loss, const Network<T>& network, Buffers<T>& buffers, const Data<T>& data, const Members& members,
              std::size_t threads, Watch& watch);

 private:
  // One thread's arena, and the member whose values are in it.
  struct Seat {
    Arena<T> arena;
    std::size_t member;
  };

  void prepare(const Network<T>& network, std::size_t threads);
  const Arena<T>& seat(std::size_t thread, const Members& members, std::size_t member) noexcept;

  std::vector<Seat> seats_;
};

}  // namespace ravine
