// Inverted dropout of whole channels: in training a channel of a row is kept, times 1 / (1 - rate), or dropped, for all
// its pixels. As with dropout the mask is drawn again in the backward pass.
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "engine/operations/kinds.h"
#include "engine/random.h"

namespace ravine {
namespace {

template <class T>
class SpatialDropout final : public Operation<T> {
 public:
  SpatialDropout(const Place<T>& place, std::size_t pixels, double rate, std::uint32_t seed, std::uint32_t stream)
      : Operation<T>(place), pixels_(pixels), rate_(rate), seed_(seed), stream_(stream) {}

  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                  const Tools<T>& tools) const noexcept override;
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                   const Tools<T>& tools) const noexcept override;

 private:
  void apply(T* to, const T* from, const Pass<T>& pass, std::size_t first, std::size_t rows,
             const Tools<T>& tools) const noexcept;

  const std::size_t pixels_;
  const double rate_;
  const std::uint32_t seed_, stream_;
};

template <class T>
void SpatialDropout<T>::apply(T* to, const T* from, const Pass<T>& pass, std::size_t first, std::size_t rows,
                              const Tools<T>& tools) const noexcept {
  if (pass.training && rate_ > 0.0)
    tools.kernels->random->spatial_dropout(to, from, pass.first_row + first, rows, pixels_, this->units_ / pixels_,
                                           rate_, {seed_, stream_, pass.step});
  else
    std::memcpy(to, from, rows * this->units_ * sizeof(T));
}

template <class T>
void SpatialDropout<T>::do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                   const Tools<T>& tools) const noexcept {
  apply(this->y(pass, first), this->x(pass, first), pass, first, rows, tools);
}

template <class T>
void SpatialDropout<T>::do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                    const Tools<T>& tools) const noexcept {
  apply(this->dx(pass, first), this->dy(pass, first), pass, first, rows, tools);
  this->through_input_activation(pass, first, rows, {0, this->units_});
}

template <class T>
void add_spatial_dropout(Builder<T>& builder, const OperationSpec& spec) {
  const double rate = spec.number("rate");
  if (!(rate >= 0.0 && rate < 1.0))
    throw std::invalid_argument("rate of " + spec.name + " must be in [0, 1), got " + std::to_string(rate));
  const std::size_t pixels = spec.size("positions");
  if (pixels == 0 || builder.units() % pixels != 0)
    throw std::invalid_argument("rows of " + std::to_string(builder.units()) + " numbers are no " +
                                std::to_string(pixels) + " positions (" + spec.name + ")");
  builder.template add<SpatialDropout>(spec, builder.units(), pixels, rate, builder.seed(),
                                       stream(Purpose::dropout, builder.layer()));
}

constexpr Declared spatial_dropout_settings[] = {{"rate"}, {"positions"}};

}  // namespace

extern constinit const Both<Kind> spatial_dropout_kind = {
    {"spatial_dropout", add_spatial_dropout<float>, spatial_dropout_settings},
    {"spatial_dropout", add_spatial_dropout<double>, spatial_dropout_settings}};

}  // namespace ravine
