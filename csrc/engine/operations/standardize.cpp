// y = (x - mean) / deviation, with numbers for each index of a row's last axis that no step changes.
#include <stdexcept>

#include "engine/operations/kinds.h"
#include "kernels/signatures/standardize.h"

namespace ravine {
namespace {

template <class T>
class Standardize final : public Operation<T> {
 public:
  Standardize(const Place<T>& place, std::size_t cols, std::size_t mean, std::size_t deviation)
      : Operation<T>(place), cols_(cols), mean_(mean), deviation_(deviation) {}

  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                  const Tools<T>& tools) const noexcept override;
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                   const Tools<T>& tools) const noexcept override;

 private:
  const std::size_t cols_;
  const std::size_t mean_, deviation_;  // parameters
};

template <class T>
void Standardize<T>::do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                const Tools<T>& tools) const noexcept {
  tools.kernels->standardize->standardize(this->y(pass, first), this->x(pass, first), tools.arena->value(mean_),
                                          tools.arena->value(deviation_), rows * (this->units_ / cols_), cols_);
}

template <class T>
void Standardize<T>::do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                                 const Tools<T>& tools) const noexcept {
  tools.kernels->standardize->standardize_backward(this->dx(pass, first), this->dy(pass, first),
                                                   tools.arena->value(deviation_), rows * (this->units_ / cols_),
                                                   cols_);
  this->through_input_activation(pass, first, rows, {0, this->inputs_});
}

template <class T>
void add_standardize(Builder<T>& builder, const OperationSpec& spec) {
  const std::size_t units = spec.size("units");
  if (units == 0 || builder.units() % units != 0)
    throw std::invalid_argument("units of " + spec.name + " must divide " + std::to_string(builder.units()) + ", got " +
                                std::to_string(units));
  const std::size_t mean = builder.add_vector(spec.name + "/mean", units);
  const std::size_t deviation = builder.add_vector(spec.name + "/deviation", units);
  builder.template add<Standardize>(spec, builder.units(), units, mean, deviation);
}

// units: how many numbers there are for a row; they repeat along it.
constexpr Declared standardize_settings[] = {{"units"}};

}  // namespace

extern constinit const Both<Kind> standardize_kind = {{"standardize", add_standardize<float>, standardize_settings},
                                                      {"standardize", add_standardize<double>, standardize_settings}};

}  // namespace ravine
