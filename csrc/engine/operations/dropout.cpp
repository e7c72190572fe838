// Inverted dropout: in training y = x / (1 - rate) where kept and 0 where dropped; the mask is a function of the seed,
// the layer, the step and the position in the batch, so the backward pass draws it again.
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "engine/operations/kinds.h"
#include "engine/random.h"

namespace ravine {
namespace {

template <class T>
class Dropout final : public Operation<T> {
 public:
  Dropout(const Place<T>& place, double rate, std::uint32_t seed, std::uint32_t stream)
      : Operation<T>(place), rate_(rate), seed_(seed), stream_(stream) {}

  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                  const Tools<T>& tools) const noexcept override;
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                   const Tools<T>& tools) const noexcept override;

 private:
  void apply(T* to, const T* from, const Pass<T>& pass, std::size_t first, std::size_t rows,
             const Tools<T>& tools) const noexcept;

  const double rate_;
  const std::uint32_t seed_, stream_;
};

template <class T>
void Dropout<T>::apply(T* to, const T* from, const Pass<T>& pass, std::size_t first, std::size_t rows,
                       const Tools<T>& tools) const noexcept {
  const std::size_t count = rows * this->units_;
  if (pass.training && rate_ > 0.0)
    tools.kernels->random->dropout(to, from, (pass.first_row + first) * this->units_, count, rate_,
                                   {seed_, stream_, pass.step});
  else
    std::memcpy(to, from, count * sizeof(T));
}

template <class T>
void Dropout<T>::do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                            const Tools<T>& tools) const noexcept {
  apply(this->y(pass, first), this->x(pass, first), pass, first, rows, tools);
}

template <class T>
void Dropout<T>::do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                             const Tools<T>& tools) const noexcept {
  apply(this->dx(pass, first), this->dy(pass, first), pass, first, rows, tools);
  this->through_input_activation(pass, first, rows, {0, this->units_});
}

template <class T>
void add_dropout(Builder<T>& builder, const OperationSpec& spec) {
  const double rate = spec.number("rate");
  if (!(rate >= 0.0 && rate < 1.0))
    throw std::invalid_argument("rate of " + spec.name + " must be in [0, 1), got " + std::to_string(rate));
  builder.template add<Dropout>(spec, builder.units(), rate, builder.seed(), stream(Purpose::dropout, builder.layer()));
}

constexpr Declared dropout_settings[] = {{"rate"}};

}  // namespace

extern constinit const Both<Kind> dropout_kind = {{"dropout", add_dropout<float>, dropout_settings},
                                                  {"dropout", add_dropout<double>, dropout_settings}};

}  // namespace ravine
