// Docstring texts. They are looked up by name, so that a table row without one still works.
#include "bindings/kernels.h"

namespace ravine::bindings {
namespace {

struct Text {
  std::string_view family, name, equation;
};

constexpr Text texts[] = {
    {"elementary", "exp", "y = e^x"},
    {"elementary", "expm1", "y = e^x - 1, exact near 0"},
    {"elementary", "log", "y = ln x"},
    {"elementary", "log1p", "y = ln(1 + x), exact near 0"},
    {"elementary", "erf", "y = 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x"},

    {"activation", "linear", "y = x"},
    {"activation", "step", "y = 1 where x > 0, else 0"},
    {"activation", "relu", "y = max(x, 0)"},
    {"activation", "leaky_relu", "y = x where x > 0, else alpha x"},
    {"activation", "elu", "y = x where x > 0, else alpha (e^x - 1)"},
    {"activation", "selu", "y = lambda x where x > 0, else lambda alpha (e^x - 1), with lambda 1.0507, alpha 1.6733"},
    {"activation", "sigmoid", "y = 1 / (1 + e^-x)"},
    {"activation", "tanh", "y = tanh x"},
    {"activation", "softplus", "y = ln(1 + e^x)"},
    {"activation", "gelu", "y = x (1 + erf(x / sqrt 2)) / 2"},
    {"activation", "silu", "y = x / (1 + e^-x)"},
    {"activation", "softmax", "y_j = e^(x_j) / sum_k e^(x_k)"},

    {"loss", "squared_error", "l = f sum_j (z_j - t_j)^2, f the setting"},
    {"loss", "absolute_error", "l = f sum_j |z_j - t_j|, f the setting"},
    {"loss", "huber",
     "l = mean_j of r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2); r = z_j - t_j, delta the setting"},
    {"loss", "binary_cross_entropy", "l = mean_j of softplus(z_j) - t_j z_j, from logits"},
    {"loss", "categorical_cross_entropy", "l = -sum_j t_j ln softmax(z)_j, from logits"},
    {"loss", "log_loss", "l = mean_j of -t_j ln z_j - (1 - t_j) ln(1 - z_j), from probabilities"},
    {"loss", "categorical_log_loss", "l = -sum_j t_j ln z_j, from probabilities"},
    {"loss", "poisson",
     "l = mean_j of e^(z_j) - t_j z_j (setting 1: z is the log rate) or z_j - t_j ln z_j (setting 0: the rate)"},
    {"loss", "perceptron", "l = mean_j of max(0, -t_j z_j), t_j = -1 or 1"},
    {"loss", "hinge", "l = mean_j of max(0, margin - t_j z_j), t_j = -1 or 1, margin the setting"},
    {"loss", "quantile", "l = mean_j of tau (t_j - z_j) where z_j < t_j, else (1 - tau)(z_j - t_j), tau the setting"},
    {"loss", "binary_focal_cross_entropy",
     "l = -mean_j of t_j (1 - p_j)^g ln p_j + (1 - t_j) p_j^g ln(1 - p_j); p = sigmoid(z), g the setting"},
    {"loss", "categorical_focal_cross_entropy", "l = -sum_j t_j (1 - p_j)^g ln p_j; p = softmax(z), g the setting"},
    {"loss", "weighted_binary_cross_entropy", "l = mean_j of |t_j| ln(1 + e^(-s_j z_j)), s = sign t, from logits"},

    {"metric", "accuracy", "1 where argmax_j z_j is the target's argmax or the label, the first of ties; else 0"},
    {"metric", "binary_accuracy", "mean_j of (z_j > setting) == (t_j > 0.5)"},
    {"metric", "squared_error", "mean_j of (z_j - t_j)^2"},
    {"metric", "absolute_error", "mean_j of |z_j - t_j|"},
    {"metric", "top_k", "1 where fewer than k of the z_j exceed the label's, k the setting; else 0"},

    {"update", "sgd", "w -= a g"},
    {"update", "momentum", "v = m v + a g; w -= v"},
    {"update", "momentum_average",
     "V = m V + (1 - m) g; w -= a V / (1 - m^t), without the divisor if not bias_correction"},
    {"update", "nesterov", "v = m v + a g; w -= m v + a g"},
    {"update", "adagrad", "G += g^2; w -= a g / (sqrt(G) + e), or sqrt(G + e) with epsilon_inside"},
    {"update", "rmsprop", "G = r G + (1 - r) g^2; w -= a g / (sqrt(G) + e), or sqrt(G + e) with epsilon_inside"},
    {"update", "rmsprop_momentum", "G = r G + (1 - r) g^2; v = m v + a g / (sqrt(G) + e); w -= v. state: G, v"},
    {"update", "rmsprop_centered",
     "G = r G + (1 - r) g^2; M = r M + (1 - r) g; w -= a g / (sqrt(G - M^2) + e). state: G, M"},
    {"update", "rmsprop_centered_momentum", "as rmsprop_centered, with v = m v + a g / (...); w -= v. state: G, M, v"},
    {"update", "adadelta",
     "E = r E + (1 - r) g^2; d = sqrt((D + e) / (E + e)) g; D = r D + (1 - r) d^2; w -= a d. state: E, D"},
    {"update", "adam",
     "m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= a m' / (sqrt(v') + e) with m' = m / (1 - b1^t), v' = v / "
     "(1 - b2^t), or m and v themselves if not bias_correction. state: m, v"},
    {"update", "amsgrad", "Adam with v' from x = max(x, v). state: m, v, x"},
    {"update", "adamax", "m = b1 m + (1 - b1) g; u = max(b2 u, |g| + e); w -= a / (1 - b1^t) m / u. state: m, u"},
    {"update", "nadam",
     "Adam with Nesterov's momentum: c_t = b1 (1 - 0.96^(0.004 t) / 2), C_t = c_1 ... c_t, and\n"
     "w -= a ((1 - c_t) g / (1 - C_t) + c_(t+1) m / (1 - C_(t+1))) / (sqrt(v') + e). state: m, v"},
};

}  // namespace

std::string equation(std::string_view family, std::string_view name) {
  for (const Text& text : texts)
    if (text.family == family && text.name == name) return std::string(text.equation) + ".";
  return "See ravine.reference." + std::string(name) + ".";
}

}  // namespace ravine::bindings
