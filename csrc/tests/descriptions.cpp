// Every kind of layer, in networks that are small and whose sizes are odd.
#include "tests/descriptions.h"

#include <utility>

namespace ravine::tests {
namespace {

using Shape = std::vector<std::size_t>;

using Settings = std::map<std::string, Setting>;

OperationSpec layer(std::string kind, std::string name, Settings settings, Shape shape = {}) {
  return {std::move(kind), std::move(name), std::move(shape), std::move(settings), {}};
}

OperationSpec dense(std::string name, std::size_t units, std::string activation) {
  return layer("dense", std::move(name),
               {{"units", static_cast<double>(units)}, {"activation", std::move(activation)}, {"alpha", 0.1}});
}

OperationSpec activation(std::string name, std::string function) {
  return layer("activation", std::move(name), {{"activation", std::move(function)}, {"alpha", 0.1}});
}

// Windows of 3 x 3 within a border of 1.
OperationSpec convolution(std::string name, Shape shape, std::size_t filters, std::size_t groups = 1, double stride = 1,
                          std::string activation = "relu") {
  const double channels = static_cast<double>(shape[2] / groups), units = static_cast<double>(filters);
  return layer("conv2d", std::move(name),
               {{"units", units},
                {"activation", std::move(activation)},
                {"alpha", 0.1},
                {"kernel_size", Numbers{3, 3}},
                {"strides", Numbers{stride, stride}},
                {"dilation", Numbers{1, 1}},
                {"groups", static_cast<double>(groups)},
                {"padding", Numbers{1, 1, 1, 1}},
                {"kernel_shape", Numbers{3, 3, channels, units}}},
               std::move(shape));
}

OperationSpec pool(std::string kind, std::string name, Shape shape, double size = 2, bool same = false) {
  return layer(std::move(kind), std::move(name),
               {{"pool_size", Numbers{size, size}}, {"strides", Numbers{2, 2}}, {"same", same ? 1.0 : 0.0}},
               std::move(shape));
}

OperationSpec norm(std::string kind, std::string name, Shape shape, bool scale = true) {
  Settings settings{{"epsilon", 1e-5}, {"center", 1.0}, {"scale", scale ? 1.0 : 0.0}};
  if (kind == "batch_norm") settings["momentum"] = 0.9;
  return layer(std::move(kind), std::move(name), std::move(settings), std::move(shape));
}

// Of 9 x 9 pixels, moved, turned and made 8 x 8.
OperationSpec crop(std::string name, std::size_t channels) {
  return layer("augment", std::move(name),
               {{"size", Numbers{8, 8}},
                {"top", Numbers{0, 2, 0}},
                {"left", Numbers{-1, 3, 0}},
                {"flips", Numbers{0, 1}},
                {"border", 2.0},
                {"fill", 0.0}},
               {9, 9, channels});
}

OperationSpec standardize(std::string name, std::size_t cols) {
  return layer("standardize", std::move(name), {{"units", static_cast<double>(cols)}});
}

OperationSpec branches(std::string merge, std::string name, double positions,
                       std::vector<std::vector<OperationSpec>> branches) {
  OperationSpec spec = layer(std::move(merge), std::move(name), {{"positions", positions}});
  spec.branches = std::move(branches);
  return spec;
}

OperationSpec dropout(std::string name, double rate) { return layer("dropout", std::move(name), {{"rate", rate}}); }

OperationSpec spatial_dropout(std::string name, double positions) {
  return layer("spatial_dropout", std::move(name), {{"positions", positions}, {"rate", 0.25}});
}

OperationSpec noise(std::string name, double stddev) {
  return layer("gaussian_noise", std::move(name), {{"stddev", stddev}});
}

OperationSpec embedding(std::string name, double ids, std::size_t width) {
  return layer("embedding", std::move(name), {{"input_dim", ids}, {"units", static_cast<double>(width)}});
}

std::vector<Description> flat_nets() {
  return {
      {"tiny", 2, 40, 10, {dense("a", 4, "tanh"), dense("b", 1, "linear")}, "squared_error", "adam"},
      {"odd",
       7,
       101,
       23,
       {dense("a", 13, "elu"), noise("b", 0.1), dense("c", 37, "gelu"), dense("d", 5, "linear")},
       "huber",
       "nadam"},
      {"rows",
       20,
       300,
       64,
       {dense("a", 64, "relu"), dropout("b", 0.3), dense("c", 10, "softmax")},
       "categorical_cross_entropy",
       "adam"},
      {"outputs",
       40,
       192,
       64,
       {dense("a", 300, "silu"), dense("b", 257, "relu"), dense("c", 10, "softmax")},
       "categorical_cross_entropy",
       "rmsprop"},
      {"one batch", 9, 500, 500, {dense("a", 24, "softplus"), dense("b", 3, "sigmoid")}, "log_loss", "adadelta"},
      {"norms",
       19,
       230,
       64,
       {standardize("a", 19), dense("b", 33, "linear"), norm("batch_norm", "c", {33}), activation("d", "relu"),
        dense("e", 21, "tanh"), norm("layer_norm", "f", {21}), dense("g", 7, "softmax")},
       "categorical_cross_entropy",
       "amsgrad",
       Input::numbers,
       true},
      {"branches",
       18,
       170,
       50,
       {branches("concat", "a", 1, {{dense("b", 20, "relu")}, {dense("c", 11, "selu"), norm("batch_norm", "d", {11})}}),
        branches("add", "e", 1, {{dense("f", 31, "leaky_relu")}, {}}), dense("g", 3, "linear")},
       "quantile",
       "adamax"},
      {"drawn",
       12,
       260,
       40,
       {dense("a", 30, "relu"), dense("b", 6, "softmax")},
       "categorical_focal_cross_entropy",
       "momentum",
       Input::numbers,
       false,
       true},
  };
}

std::vector<Description> text_nets() {
  return {
      {"words",
       7,
       180,
       48,
       {embedding("a", 90, 11), norm("layer_norm", "b", {7, 11}), dense("c", 4, "sigmoid")},
       "weighted_binary_cross_entropy",
       "adam",
       Input::ids},
      {"text",
       400,
       250,
       64,
       {dense("a", 33, "relu"), dense("b", 5, "softmax")},
       "categorical_cross_entropy",
       "adam",
       Input::sparse},
      // whose rule leaves weights without a gradient alone
      {"still text", 700, 210, 16, {dense("a", 3, "linear")}, "hinge", "adagrad", Input::sparse, true},
  };
}

std::vector<Description> image_nets() {
  return {
      {"images",
       8 * 8 * 2,
       150,
       48,
       {convolution("a", {8, 8, 2}, 6), pool("max_pool", "b", {8, 8, 6}), convolution("c", {4, 4, 6}, 16),
        pool("average_pool", "d", {4, 4, 16}), dense("e", 10, "softmax")},
       "categorical_cross_entropy",
       "adam"},
      // more filters than lanes serve, pooled while they are computed
      {"wide images",
       9 * 9 * 3,
       70,
       24,
       {crop("a", 3), convolution("b", {8, 8, 3}, 24), pool("max_pool", "c", {8, 8, 24}),
        convolution("d", {4, 4, 24}, 40, 1, 2, "tanh"), pool("average_pool", "e", {2, 2, 40}, 3, true),
        dense("f", 5, "softmax")},
       "categorical_cross_entropy",
       "nesterov",
       Input::numbers,
       true,
       true},
      {"image norms",
       8 * 8 * 3,
       90,
       32,
       {standardize("a", 3), convolution("b", {8, 8, 3}, 9, 1, 1, "linear"), norm("batch_norm", "c", {8, 8, 9}),
        activation("d", "relu"), spatial_dropout("e", 64), convolution("f", {8, 8, 9}, 18, 9),
        norm("layer_norm", "g", {8, 8, 18}, false), pool("max_pool", "h", {8, 8, 18}, 3, true),
        dense("i", 4, "linear")},
       "absolute_error",
       "rmsprop_centered_momentum"},
      {"pixels",
       5 * 6 * 2,
       80,
       32,
       {layer("zero_pad", "a", {{"padding", Numbers{1, 0, 0, 2}}}, {5, 6, 2}),
        layer("upsample", "b", {{"size", Numbers{2, 1}}}, {6, 8, 2}),
        branches("mean", "c", 96, {{convolution("d", {12, 8, 2}, 5)}, {convolution("e", {12, 8, 2}, 5)}}),
        dense("f", 2, "linear")},
       "poisson",
       "rmsprop_momentum"},
  };
}

}  // namespace

const std::vector<Description>& descriptions() {
  static const std::vector<Description> made = [] {
    std::vector<Description> all;
    for (std::vector<Description> (*nets)() : {flat_nets, text_nets, image_nets})
      for (Description& net : nets()) all.push_back(std::move(net));
    return all;
  }();
  return made;
}

}  // namespace ravine::tests
