// Update rules.
#pragma once

#include <cstddef>

namespace ravine {

// Names as in the papers; a rule reads what it needs. `weight_decay` is decoupled: w -= learning_rate * weight_decay *
// w.
struct UpdateSettings {
  double learning_rate = 1e-3;
  double momentum = 0.0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double rho = 0.9;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  bool bias_correction = true;
  bool epsilon_inside = false;
};

// Running float64 products (beta^t and the like), all 1 before the first step. Part of the optimizer's state.
struct UpdateRunning {
  double product[4] = {1.0, 1.0, 1.0, 1.0};
};

// The factors of one step, derived in float64 from settings and running products; each rule names its own.
struct UpdateFactors {
  double factor[8] = {};
};

// One step on a range: w and its slots of state (slot s of element i at state[s * stride + i]) from the gradient dw.
// `prepare` runs once a step, `step` on every range. All-zero w, state and dw stay zero.
template <class T>
struct Update {
  const char* name;
  std::size_t slots;
  void (*prepare)(UpdateFactors& factors, UpdateRunning& running, const UpdateSettings& settings) noexcept;
  void (*step)(T* w, T* state, std::size_t stride, const T* dw, std::size_t count,
               const UpdateFactors& factors) noexcept;
  bool skips_zero_gradients = false;  // without decay, w and state stay as they are where dw is 0
};

}  // namespace ravine
