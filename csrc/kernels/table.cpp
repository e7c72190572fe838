// Gathers this instruction set's kernels. A new row is one word in one of the lists.
#include "kernels/vec.h"

#define RAVINE_ELEMENTARY                                                                                  \
  elementary_exp, elementary_expm1, elementary_log, elementary_log1p, elementary_tanh, elementary_sigmoid, \
      elementary_softplus, elementary_erf

#define RAVINE_ACTIVATIONS                                                                                     \
  activation_linear, activation_step, activation_relu, activation_leaky_relu, activation_elu, activation_selu, \
      activation_sigmoid, activation_tanh, activation_softplus, activation_gelu, activation_silu, activation_softmax

#define RAVINE_LOSSES                                                                                             \
  loss_squared_error, loss_absolute_error, loss_huber, loss_binary_cross_entropy, loss_categorical_cross_entropy, \
      loss_log_loss, loss_categorical_log_loss, loss_poisson, loss_perceptron, loss_hinge, loss_quantile,         \
      loss_binary_focal_cross_entropy, loss_categorical_focal_cross_entropy, loss_weighted_binary_cross_entropy

#define RAVINE_METRICS \
  metric_accuracy, metric_binary_accuracy, metric_squared_error, metric_absolute_error, metric_top_k

#define RAVINE_UPDATES                                                                                     \
  update_sgd, update_momentum, update_momentum_average, update_nesterov, update_adagrad, update_rmsprop,   \
      update_rmsprop_momentum, update_rmsprop_centered, update_rmsprop_centered_momentum, update_adadelta, \
      update_adam, update_amsgrad, update_adamax, update_nadam

#define RAVINE_CONVOLUTIONS convolution_rows, convolution_lanes, convolution_depthwise

#define RAVINE_TEXT(x) #x
#define RAVINE_NAME(x) RAVINE_TEXT(x)

namespace ravine::RAVINE_ISA {

extern const Both<MatmulKernels> matmul_kernels;
extern const Both<VectorKernels> vector_kernels;
extern const Both<ClipKernels> clip_kernels;
extern const Both<BatchNormKernels> batch_norm_kernels;
extern const Both<LayerNormKernels> layer_norm_kernels;
extern const Both<RandomKernels> random_kernels;
extern const Both<AugmentKernels> augment_kernels;
extern const Both<StandardizeKernels> standardize_kernels;
extern const Both<MaxPoolKernels> max_pool_kernels;
extern const Both<AveragePoolKernels> average_pool_kernels;
extern const Both<BorderKernels> border_kernels;
extern const Both<LaneKernels> lane_kernels;
extern const Both<Convolution> RAVINE_CONVOLUTIONS;
extern const Both<SparseKernels> sparse_kernels;
extern const Both<Elementary> RAVINE_ELEMENTARY;
extern const Both<Activation> RAVINE_ACTIVATIONS;
extern const Both<Loss> RAVINE_LOSSES;
extern const Both<Metric> RAVINE_METRICS;
extern const Both<Update> RAVINE_UPDATES;

namespace {

template <template <class> class Row, std::size_t count>
struct Table {
  const Row<float>* f[count];
  const Row<double>* d[count];
};

template <template <class> class Row, class... Other>
constexpr Table<Row, 1 + sizeof...(Other)> table(const Both<Row>& first, const Other&... other) {
  return {{&first.f, &other.f...}, {&first.d, &other.d...}};
}

template <class Row, std::size_t count>
constexpr Rows<Row> rows(const Row* const (&row)[count]) {
  return {row, count};
}

constexpr auto convolutions = table(RAVINE_CONVOLUTIONS);
constexpr auto elementary = table(RAVINE_ELEMENTARY);
constexpr auto activations = table(RAVINE_ACTIVATIONS);
constexpr auto losses = table(RAVINE_LOSSES);
constexpr auto metrics = table(RAVINE_METRICS);
constexpr auto updates = table(RAVINE_UPDATES);

}  // namespace

constinit const InstructionSet instruction_set = {
    RAVINE_NAME(RAVINE_ISA),
    vector_bytes,
    has_fma,
    {&matmul_kernels.f, &vector_kernels.f, &clip_kernels.f, &batch_norm_kernels.f, &layer_norm_kernels.f,
     &random_kernels.f, &augment_kernels.f, &standardize_kernels.f, &max_pool_kernels.f, &average_pool_kernels.f,
     &border_kernels.f, &lane_kernels.f, &sparse_kernels.f, rows(convolutions.f), rows(elementary.f),
     rows(activations.f), rows(losses.f), rows(metrics.f), rows(updates.f)},
    {&matmul_kernels.d, &vector_kernels.d, &clip_kernels.d, &batch_norm_kernels.d, &layer_norm_kernels.d,
     &random_kernels.d, &augment_kernels.d, &standardize_kernels.d, &max_pool_kernels.d, &average_pool_kernels.d,
     &border_kernels.d, &lane_kernels.d, &sparse_kernels.d, rows(convolutions.d), rows(elementary.d),
     rows(activations.d), rows(losses.d), rows(metrics.d), rows(updates.d)},
};

}  // namespace ravine::RAVINE_ISA
