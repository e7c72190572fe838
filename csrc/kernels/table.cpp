// Gathers this instruction set's kernels. A new row is one word in one of the lists.
#include "kernels/kernels.h"
#include "kernels/vec/width.h"

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

// The float or the double form of a row.
template <class T, template <class> class Row>
constexpr const Row<T>* of(const Both<Row>& both) {
  if constexpr (sizeof(T) == sizeof(float))
    return &both.f;
  else
    return &both.d;
}

template <class T, template <class> class Row, std::size_t count>
struct Table {
  const Row<T>* row[count];
};

template <class T, template <class> class Row, class... Other>
constexpr Table<T, Row, 1 + sizeof...(Other)> table(const Both<Row>& first, const Other&... other) {
  return {{of<T>(first), of<T>(other)...}};
}

template <class T, template <class> class Row, std::size_t count>
constexpr Rows<Row<T>> rows(const Table<T, Row, count>& table) {
  return {table.row, count};
}

template <class T>
constexpr auto convolutions = table<T>(RAVINE_CONVOLUTIONS);
template <class T>
constexpr auto elementary = table<T>(RAVINE_ELEMENTARY);
template <class T>
constexpr auto activations = table<T>(RAVINE_ACTIVATIONS);
template <class T>
constexpr auto losses = table<T>(RAVINE_LOSSES);
template <class T>
constexpr auto metrics = table<T>(RAVINE_METRICS);
template <class T>
constexpr auto updates = table<T>(RAVINE_UPDATES);

template <class T>
constexpr Kernels<T> kernels() {
  return {.matmul = of<T>(matmul_kernels),
          .vector = of<T>(vector_kernels),
          .clip = of<T>(clip_kernels),
          .batch_norm = of<T>(batch_norm_kernels),
          .layer_norm = of<T>(layer_norm_kernels),
          .random = of<T>(random_kernels),
          .augment = of<T>(augment_kernels),
          .standardize = of<T>(standardize_kernels),
          .max_pool = of<T>(max_pool_kernels),
          .average_pool = of<T>(average_pool_kernels),
          .border = of<T>(border_kernels),
          .lanes = of<T>(lane_kernels),
          .sparse = of<T>(sparse_kernels),
          .convolutions = rows(convolutions<T>),
          .elementary = rows(elementary<T>),
          .activations = rows(activations<T>),
          .losses = rows(losses<T>),
          .metrics = rows(metrics<T>),
          .updates = rows(updates<T>)};
}

}  // namespace

constinit const InstructionSet instruction_set = {
    .name = RAVINE_NAME(RAVINE_ISA),
    .vector_bytes = vector_bytes,
    .fma = has_fma,
    .f = kernels<float>(),
    .d = kernels<double>(),
};

}  // namespace ravine::RAVINE_ISA
