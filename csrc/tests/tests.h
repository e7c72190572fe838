// What the programs of this folder have in common.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/buffers.h"
#include "engine/run.h"
#include "engine/sampler.h"
#include "kernels/kernels.h"
#include "tests/hash.h"

namespace ravine::tests {

struct Line {
  std::string name;
  std::uint64_t hash;
};

// The bits of every kernel of this instruction set, a line a family, for sizes with every tail.
template <class T>
std::vector<Line> kernel_bits(const InstructionSet& set);

// The bits of whole runs, a line a network: weights, state, losses, outputs.
template <class T>
std::vector<Line> run_bits(const InstructionSet& set);

// A network that trains, its data and its memory.
template <class T>
struct Problem {
  Problem(const std::string& name, const InstructionSet& set);

  TrainResult train(std::size_t threads, Watch& watch);
  std::uint64_t bits(const TrainResult& result) const;

  std::unique_ptr<Network<T>> network;
  Buffers<T> buffers;
  Block<T> x, target, weight;
  std::vector<std::int32_t> label, column;
  std::vector<std::int64_t> start;
  std::unique_ptr<Sampler<T>> sampler;
  Data<T> data;
  std::vector<MetricChoice<T>> metrics;
  TrainSettings settings;
};

// The names of the problems there are.
const std::vector<std::string>& problems();

}  // namespace ravine::tests
