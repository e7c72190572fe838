// Gathers the kinds of layers. A new one is a word in the list.
#include "engine/operations/kinds.h"

#define RAVINE_KINDS                                                                                           \
  dense_kind, activation_kind, conv2d_kind, dropout_kind, gaussian_noise_kind, augment_kind, standardize_kind, \
      spatial_dropout_kind, max_pool_kind, average_pool_kind, upsample_kind, zero_pad_kind, batch_norm_kind,   \
      layer_norm_kind, embedding_kind, concat_kind, add_kind, mean_kind

namespace ravine {

extern const Both<Kind> RAVINE_KINDS;

namespace {

template <class T, class... Kinds>
std::vector<const Kind<T>*> list(const Kinds&... kinds) {
  if constexpr (sizeof(T) == sizeof(float))
    return {&kinds.f...};
  else
    return {&kinds.d...};
}

}  // namespace

template <class T>
const std::vector<const Kind<T>*>& kinds() {
  static const std::vector<const Kind<T>*> all = list<T>(RAVINE_KINDS);
  return all;
}

template const std::vector<const Kind<float>*>& kinds();
template const std::vector<const Kind<double>*>& kinds();

}  // namespace ravine
