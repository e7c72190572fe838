// Windows of images: their largest pixels or their means, and pixels spread over windows.
#pragma once

#include "engine/graph.h"
#include "kernels/signatures/pooling.h"

namespace ravine {

// What operations on windows share. The small image is the output for pooling, and the input for upsampling.
template <class T>
class WindowOperation : public Operation<T> {
 public:
  WindowOperation(const Place<T>& place, const Pool2D& pool) : Operation<T>(place), pool_(pool) {}

  // a pixel of the large image takes about as long as this many operations of a product, there and back
  std::size_t step_work() const override { return 24 * pool_.inputs(); }
  std::size_t task_rows() const override;

 protected:
  const Pool2D pool_;
};

template <class T>
class MaxPool final : public WindowOperation<T> {
 public:
  using WindowOperation<T>::WindowOperation;
  // The operation before does the work in training.
  bool fused = false;

  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;
};

template <class T>
class AveragePool final : public WindowOperation<T> {
 public:
  using WindowOperation<T>::WindowOperation;

  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;
};

template <class T>
class Upsample final : public WindowOperation<T> {
 public:
  using WindowOperation<T>::WindowOperation;

  void forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
               const Tools<T>& tools) const noexcept override;
  void backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                const Tools<T>& tools) const noexcept override;
};

template <class T, template <class> class Kind>
void add_pool(Builder<T>& builder, const OperationSpec& spec);
template <class T>
void add_upsample(Builder<T>& builder, const OperationSpec& spec);

}  // namespace ravine
