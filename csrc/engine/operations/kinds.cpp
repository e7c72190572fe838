#include "engine/operations/kinds.h"

#include "engine/operations/activation.h"
#include "engine/operations/dense.h"
#include "engine/operations/dropout.h"
#include "engine/operations/gaussian_noise.h"
#include "engine/operations/parallel.h"

namespace ravine {
namespace {

template <class T>
constexpr Kind<T> all[] = {
    {"dense", add_dense<T>},
    {"activation", add_activation<T>},
    {"dropout", add_dropout<T>},
    {"gaussian_noise", add_gaussian_noise<T>},
    {"concat", add_parallel<T, Merge::concat>},
    {"add", add_parallel<T, Merge::add>},
    {"mean", add_parallel<T, Merge::mean>},
};

}  // namespace

template <class T>
std::span<const Kind<T>> kinds() {
  return all<T>;
}

template std::span<const Kind<float>> kinds();
template std::span<const Kind<double>> kinds();

}  // namespace ravine
