// y = f(x W + b), W (inputs, units).
#pragma once

#include <optional>

#include "engine/operations/operation.h"

namespace ravine {

template <class T>
class Dense final : public Operation<T> {
 public:
  Dense(std::string name, std::size_t index, std::size_t inputs, std::size_t units, std::size_t kernel,
        std::optional<std::size_t> bias);

  std::size_t forward_parts() const override;
  std::size_t backward_parts() const override;
  std::size_t gradient_parts() const override;
  bool has_parameters() const override { return true; }

  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;
  void gradient(const Pass<T>& pass, std::size_t rows, std::size_t slice, Part part, T* gradients,
                const Tools<T>& tools) const noexcept override;

  bool has_row_norms() const override { return true; }
  void add_row_norms(const Pass<T>& pass, std::size_t first, std::size_t rows, double* norm,
                     const Tools<T>& tools) const noexcept override;

 private:
  const std::size_t kernel_;
  const std::optional<std::size_t> bias_;
};

}  // namespace ravine
