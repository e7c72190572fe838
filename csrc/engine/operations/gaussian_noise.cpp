// In training y = x + deviation z, z standard normal; otherwise y = x. The noise is a function of the seed, the layer,
// the step and the position in the batch, and its derivative is 1.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "engine/operations/kinds.h"
#include "engine/random.h"

namespace ravine {
namespace {

template <class T>
class GaussianNoise final : public Operation<T> {
 public:
  GaussianNoise(const Place<T>& place, double deviation, std::uint32_t seed, std::uint32_t stream)
      : Operation<T>(place), deviation_(deviation), seed_(seed), stream_(stream) {}

  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                  const Tools<T>& tools) const noexcept override;
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                   const Tools<T>& tools) const noexcept override;

 private:
  const double deviation_;
  const std::uint32_t seed_, stream_;
};

template <class T>
void GaussianNoise<T>::do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                  const Tools<T>& tools) const noexcept {
  const std::size_t count = rows * this->units_;
  const T* const x = this->x(pass, first);
  T* const y = this->y(pass, first);
  if (pass.training && deviation_ > 0.0)
    tools.kernels->random->gaussian_noise(y, x, (pass.first_row + first) * this->units_, count, deviation_,
                                          {seed_, stream_, pass.step});
  else
    std::memcpy(y, x, count * sizeof(T));
}

template <class T>
void GaussianNoise<T>::do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                   const Tools<T>&) const noexcept {
  std::memcpy(this->dx(pass, first), this->dy(pass, first), rows * this->units_ * sizeof(T));
  this->through_input_activation(pass, first, rows, {0, this->units_});
}

template <class T>
void add_gaussian_noise(Builder<T>& builder, const OperationSpec& spec) {
  const double stddev = spec.number("stddev");
  if (!(stddev >= 0.0 && std::isfinite(stddev)))
    throw std::invalid_argument("stddev of " + spec.name + " must be in [0, inf), got " + std::to_string(stddev));
  builder.template add<GaussianNoise>(spec, builder.units(), stddev, builder.seed(),
                                      stream(Purpose::noise, builder.layer()));
}

constexpr Declared gaussian_noise_settings[] = {{"stddev"}};

}  // namespace

extern constinit const Both<Kind> gaussian_noise_kind = {
    {"gaussian_noise", add_gaussian_noise<float>, gaussian_noise_settings},
    {"gaussian_noise", add_gaussian_noise<double>, gaussian_noise_settings}};

}  // namespace ravine
