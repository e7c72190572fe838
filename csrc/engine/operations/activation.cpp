#include "engine/operations/activation.h"

#include "engine/operations/kinds.h"

namespace ravine {
namespace {

template <class T>
class ActivationOperation final : public Operation<T> {
 public:
  ActivationOperation(const Place<T>& place, Applied<T> function) : Operation<T>(place), function_(function) {
    this->profile_.has_derivative = function_.activation->backward != nullptr;
  }

  std::optional<Fusible<T>> fusible() const override {
    return Fusible<T>{.activation = function_, .max_pool = {}, .output = this->output_};
  }

 private:
  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                  const Tools<T>&) const noexcept override {
    function_.activation->forward(this->y(pass, first), this->x(pass, first), this->stored(pass, rows), this->units_,
                                  function_.alpha);
  }
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                   const Tools<T>&) const noexcept override {
    const T* const saved = function_.activation->from_input ? this->x(pass, first) : this->y(pass, first);
    const std::size_t stored = this->stored(pass, rows);
    function_.activation->backward(this->dx(pass, first), this->dy(pass, first), saved, stored, this->units_,
                                   function_.alpha);
    this->through_input_activation(pass, first, stored, {0, this->units_});
  }

  const Applied<T> function_;
};

constexpr Declared activation_layer_settings[] = {{"activation"}, {"alpha", 0.0}};

}  // namespace

template <class T>
void add_activation(Builder<T>& builder, const OperationSpec& spec) {
  const Applied<T> function = builder.activation_of(spec);
  // a head's is the last operation, so that a loss that starts from logits can leave it out
  if (builder.is_head() || function.activation->rowwise) builder.use_lanes(spec, false);
  builder.template add<ActivationOperation>(spec, builder.units(), function);
}

template void add_activation(Builder<float>&, const OperationSpec&);
template void add_activation(Builder<double>&, const OperationSpec&);

extern constinit const Both<Kind> activation_kind = {
    {"activation", add_activation<float>, activation_layer_settings, true},
    {"activation", add_activation<double>, activation_layer_settings, true}};

}  // namespace ravine
