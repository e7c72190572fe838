#include "engine/operations/kinds.h"

#include "engine/operations/activation.h"
#include "engine/operations/augment.h"
#include "engine/operations/batch_norm.h"
#include "engine/operations/conv2d.h"
#include "engine/operations/dense.h"
#include "engine/operations/dropout.h"
#include "engine/operations/embedding.h"
#include "engine/operations/gaussian_noise.h"
#include "engine/operations/layer_norm.h"
#include "engine/operations/parallel.h"
#include "engine/operations/pool.h"
#include "engine/operations/spatial_dropout.h"
#include "engine/operations/standardize.h"
#include "engine/operations/zero_pad.h"

namespace ravine {
namespace {

template <class T>
constexpr Kind<T> all[] = {
    {"dense", add_dense<T>},
    {"activation", add_activation<T>, true},
    {"conv2d", add_conv2d<T>, true},
    {"dropout", add_dropout<T>},
    {"gaussian_noise", add_gaussian_noise<T>},
    {"augment", add_augment<T>},
    {"standardize", add_standardize<T>},
    {"spatial_dropout", add_spatial_dropout<T>},
    {"max_pool", add_pool<T, MaxPool>, true},
    {"average_pool", add_pool<T, AveragePool>, true},
    {"upsample", add_upsample<T>, true},
    {"zero_pad", add_zero_pad<T>, true},
    {"batch_norm", add_batch_norm<T>},
    {"layer_norm", add_layer_norm<T>},
    {"embedding", add_embedding<T>},
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
