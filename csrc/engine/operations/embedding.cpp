// y[t] = W[x[t]] for the ids x of a row, W (input_dim, output_dim).
#include <algorithm>
#include <limits>
#include <stdexcept>

#include "engine/operations/kinds.h"
#include "engine/operations/sparse_input.h"
#include "kernels/signatures/vector.h"

namespace ravine {
namespace {

// A part of the gradient is at least this many rows of W.
constexpr std::size_t part_rows = 128;

template <class T>
class Embedding final : public Operation<T> {
 public:
  Embedding(const Place<T>& place, std::size_t kernel, std::size_t ids)
      : Operation<T>(place), kernel_(kernel), ids_(ids), width_(this->units_ / this->inputs_) {
    Profile& profile = this->profile_;
    profile.step_work = 6 * this->units_;
    profile.gradient_parts = std::max<std::size_t>(1, ids_ / part_rows);
    profile.scratch = width_;
    profile.id_limit = ids_;
    profile.has_parameters = profile.adds_row_norms = true;
  }

  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                  const Tools<T>& tools) const noexcept override;
  // Ids have no gradient, and no layer comes before them.
  void do_backward(const Pass<T>&, std::size_t, std::size_t, Part, const Tools<T>&) const noexcept override {}
  void gradient(const Pass<T>& pass, std::size_t rows, std::size_t slice, Part part, T* gradients,
                const Tools<T>& tools) const noexcept override;

  void add_row_norms(const Pass<T>& pass, std::size_t first, std::size_t rows, double* norm,
                     const Tools<T>& tools) const noexcept override;

 private:
  const std::size_t kernel_;
  const std::size_t ids_;    // input_dim
  const std::size_t width_;  // output_dim
};

template <class T>
void Embedding<T>::do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part,
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
      std::copy_n(dy + t * width_, width_, tools.scratch);
      for (std::size_t u = t + 1; u < this->inputs_; ++u)
        if (id[u] == id[t]) vector.add_scaled(tools.scratch, dy + u * width_, width_, T{1});
      norm[i] += vector.sum_squares(tools.scratch, width_);
    }
  }
}

template <class T>
void add_embedding(Builder<T>& builder, const OperationSpec& spec) {
  const std::size_t ids = spec.size("input_dim"), units = spec.size("units", 0, std::size_t{1} << 63);
  constexpr std::size_t most = std::size_t{1} << std::min(std::numeric_limits<T>::digits, 31);
  if (ids == 0 || ids > most)
    throw std::invalid_argument("input_dim of " + spec.name + " must be in [1, " + std::to_string(most) + "], got " +
                                std::to_string(ids));
  if (builder.layer() != 0) throw std::invalid_argument(spec.name + " takes ids: it must be the first layer");
  if (units == 0 || units > (std::size_t{1} << 40) / std::max(ids, builder.units()))
    throw std::invalid_argument("units of " + spec.name + " must be at least 1, and give 2^40 weights at most, got " +
                                std::to_string(units));
  const std::size_t kernel = builder.add_kernel(spec, ids, units);
  builder.template add<Embedding>(spec, builder.units() * units, kernel, ids);
}

constexpr Declared own_embedding_settings[] = {{"input_dim"}, {"units"}};
constexpr auto embedding_settings = joined(own_embedding_settings, kernel_settings);

}  // namespace

extern constinit const Both<Kind> embedding_kind = {{"embedding", add_embedding<float>, embedding_settings},
                                                    {"embedding", add_embedding<double>, embedding_settings}};

}  // namespace ravine
