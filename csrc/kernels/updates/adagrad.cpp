#include "kernels/updates/update.h"

namespace ravine::RAVINE_ISA {
namespace {

enum Factor { keep, rate, inside, outside };

void prepare(UpdateFactors& factors, UpdateRunning&, const UpdateSettings& s) noexcept {
  factors.factor[keep] = kept_weight(s);
  factors.factor[rate] = s.learning_rate;
  factors.factor[inside] = epsilon_inside(s);
  factors.factor[outside] = epsilon_outside(s);
}

// G += g^2; w -= a g / (sqrt(G) + e)
template <class T>
void step(T* w, T* state, std::size_t, const T* dw, std::size_t count, const UpdateFactors& factors) noexcept {
  const Vec<T> kept = factor<T>(factors, keep), a = factor<T>(factors, rate);
  const Vec<T> in = factor<T>(factors, inside), out = factor<T>(factors, outside);
  each_vector<T>(count, [&](auto at) {
    const Vec<T> g = at.load(dw);
    const Vec<T> squares = fma(g, g, at.load(state));
    at.template store<T>(state, squares);
    at.template store<T>(w, fma(kept, at.load(w), -(a * g / (sqrt(squares + in) + out))));
  });
}

}  // namespace

extern constinit const Both<Update> update_adagrad = {{"adagrad", 1, prepare, step<float>, true},
                                                      {"adagrad", 1, prepare, step<double>, true}};

}  // namespace ravine::RAVINE_ISA
