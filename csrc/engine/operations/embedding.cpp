#include "engine/operations/embedding.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "engine/operations/sparse_input.h"
#include "kernels/signatures/vector.h"

namespace ravine {
namespace {

// A part of the gradient is at least this many rows of W.
constexpr std::size_t part_rows = 128;

}  // namespace

template <class T>
std::size_t Embedding<T>::gradient_parts() const {
  return std::max<std::size_t>(1, ids_ / part_rows);
}

template <class T>
void Embedding<T>::forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
                           const Tools<T>& tools) const noexcept {
  tools.kernels->sparse->gather_rows(this->y(pass, first), this->x(pass, first), tools.arena->value(kernel_),
                                   rows * this->inputs_, width_);
}

// dW = the product of one-hot rows and dy, a row for each id
template <class T>
void Embedding<T>::gradient(const Pass<T>& pass, std::size_t, std::size_t slice, Part part, T* gradients,
                            const Tools<T>& tools) const noexcept {
  gradient_by_columns(gradients + tools.arena->parameters[kernel_].offset, pass.columns, this->dy(pass, 0), ids_,
                      width_, slice * this->inputs_, part, *tools.kernels->sparse);
}

// Ids that come twice in a row add up before they are squared.
template <class T>
void Embedding<T>::add_row_norms(const Pass<T>& pass, std::size_t first, std::size_t rows, double* norm,
                                 const Tools<T>& tools) const noexcept {
  const auto& vector = *tools.kernels->vector;
  for (std::size_t i = 0; i < rows; ++i) {
    const T* const id = this->x(pass, first + i);
    const T* const dy = this->dy(pass, first + i);
    for (std::size_t t = 0; t < this->inputs_; ++t) {
      if (std::find(id, id + t, id[t]) != id + t) continue;
      std::copy_n(dy + t * width_, width_, tools.room);
      for (std::size_t u = t + 1; u < this->inputs_; ++u)
        if (id[u] == id[t]) vector.add_scaled(tools.room, dy + u * width_, width_, T{1});
      norm[i] += vector.sum_squares(tools.room, width_);
    }
  }
}

template <class T>
void add_embedding(Builder<T>& builder, const OperationSpec& spec) {
  const std::size_t ids = spec.size("input_dim");
  constexpr std::size_t most = std::size_t{1} << std::min(std::numeric_limits<T>::digits, 31);
  if (ids == 0 || ids > most)
    throw std::invalid_argument("input_dim of " + spec.name + " must be in [1, " + std::to_string(most) + "], got " +
                                std::to_string(ids));
  if (builder.layer() != 0) throw std::invalid_argument(spec.name + " takes ids: it must be the first layer");
  if (spec.units == 0 || spec.units > (std::size_t{1} << 40) / std::max(ids, builder.units()))
    throw std::invalid_argument("units of " + spec.name + " must be at least 1, and give 2^40 weights at most, got " +
                                std::to_string(spec.units));
  const std::size_t kernel = builder.add_kernel(spec, ids, spec.units);
  builder.template add<Embedding>(spec, builder.units() * spec.units, kernel, ids);
}

template class Embedding<float>;
template class Embedding<double>;
template void add_embedding(Builder<float>&, const OperationSpec&);
template void add_embedding(Builder<double>&, const OperationSpec&);

}  // namespace ravine
