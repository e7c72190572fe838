// y = f(x W + b), W (inputs, units).
#include <algorithm>
#include <optional>
#include <stdexcept>

#include "engine/operations/kinds.h"
#include "engine/operations/sparse_input.h"
#include "kernels/signatures/matmul.h"
#include "kernels/signatures/vector.h"

namespace ravine {
namespace {

// A part is at least this many columns: enough for the product's register tiles to pay for packing the other factor.
constexpr std::size_t part_columns = 128;
constexpr std::size_t column_unit = 32;

std::size_t parts_of(std::size_t columns) { return std::max<std::size_t>(1, columns / part_columns); }

template <class T>
class Dense final : public Operation<T> {
 public:
  Dense(const Place<T>& place, std::size_t kernel, std::optional<std::size_t> bias)
      : Operation<T>(place), kernel_(kernel), bias_(bias) {
    Profile& profile = this->profile_;
    profile.step_work = 6 * this->inputs_ * this->units_;
    profile.forward_parts = parts_of(this->units_);
    profile.backward_parts = parts_of(this->inputs_);
    // The kernel's gradient is cut along its longer side; the bias goes with the first part of that cut, or with its
    // columns.
    profile.gradient_parts = parts_of(std::max(this->inputs_, this->units_));
    profile.takes_sparse = profile.has_parameters = profile.adds_row_norms = true;
  }

  void do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                  const Tools<T>& tools) const noexcept override;
  void do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                   const Tools<T>& tools) const noexcept override;
  void gradient(const Pass<T>& pass, std::size_t rows, std::size_t slice, Part part, T* gradients,
                const Tools<T>& tools) const noexcept override;

  void add_row_norms(const Pass<T>& pass, std::size_t first, std::size_t rows, double* norm,
                     const Tools<T>& tools) const noexcept override;

 private:
  // Whether its input is the network's and sparse.
  bool is_sparse(const Pass<T>& pass) const { return this->input_ == 0 && pass.sparse.start; }

  const std::size_t kernel_;
  const std::optional<std::size_t> bias_;
};

template <class T>
void Dense<T>::do_forward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                          const Tools<T>& tools) const noexcept {
  const Span span = span_of(part, this->units_, column_unit);
  Matmul<T> product{};
  product.b = tools.arena->value(kernel_) + span.first;
  product.c = this->y(pass, first) + span.first;
  product.m = rows, product.n = span.count, product.k = this->inputs_;
  product.lda = this->inputs_, product.ldb = this->units_, product.ldc = this->units_;
  if (bias_) product.bias = tools.arena->value(*bias_) + span.first;
  if (this->applied.relu) product.finish = Finish::relu;
  product.workspace = tools.workspace;
  if (is_sparse(pass)) {
    tools.kernels->sparse->rows_product(product.c, rows_from(pass.sparse, first), product.b, rows, product.n,
                                        product.ldc, product.ldb, product.bias, product.finish);
  } else {
    product.a = this->x(pass, first);
    tools.kernels->matmul->nn(product);
  }

  if (!this->applied.activation || product.finish == Finish::relu) return;
  const std::size_t whole = span.count == this->units_ ? rows : 1;
  for (std::size_t i = 0; i < rows; i += whole) {
    T* const y = product.c + i * this->units_;
    this->applied.activation->forward(y, y, 1, whole * span.count, this->applied.alpha);
  }
}

// dx = dy W^T
template <class T>
void Dense<T>::do_backward(const Pass<T>& pass, std::size_t first, std::size_t rows, Part part,
                           const Tools<T>& tools) const noexcept {
  const Span span = span_of(part, this->inputs_, column_unit);
  Matmul<T> product{};
  product.a = this->dy(pass, first);
  product.b = tools.arena->value(kernel_) + span.first * this->units_;
  product.c = this->dx(pass, first) + span.first;
  product.m = rows, product.n = span.count, product.k = this->units_;
  product.lda = this->units_, product.ldb = this->units_, product.ldc = this->inputs_;
  const bool mask = this->input_applied.relu;
  if (mask) {
    product.finish = Finish::mask;
    product.gate = this->x(pass, first) + span.first;
    product.ldgate = this->inputs_;
  }
  product.workspace = tools.workspace;
  tools.kernels->matmul->nt(product);
  if (!mask) this->through_input_activation(pass, first, rows, span);
}

// dW = x^T dy, db = column sums of dy
template <class T>
void Dense<T>::gradient(const Pass<T>& pass, std::size_t rows, std::size_t slice, Part part, T* gradients,
                        const Tools<T>& tools) const noexcept {
  const bool by_rows = this->inputs_ > this->units_;
  if (is_sparse(pass)) {
    const auto& parameters = tools.arena->parameters;
    gradient_by_columns(gradients + parameters[kernel_].offset, pass.columns, this->dy(pass, 0), this->inputs_,
                        this->units_, slice, part, *tools.kernels->sparse);
    if (bias_ && part.index == 0)
      tools.kernels->vector->column_sums(gradients + parameters[*bias_].offset, this->dy(pass, 0), rows, this->units_,
                                         this->units_, slice);
    return;
  }
  const Span inputs = by_rows ? span_of(part, this->inputs_, column_unit) : Span{0, this->inputs_};
  const Span units = by_rows ? Span{0, this->units_} : span_of(part, this->units_, column_unit);
  const auto& parameters = tools.arena->parameters;
  const T* const dy = this->dy(pass, 0) + units.first;
  Matmul<T> product{};
  product.a = this->x(pass, 0) + inputs.first;
  product.b = dy;
  product.c = gradients + parameters[kernel_].offset + inputs.first * this->units_ + units.first;
  product.m = inputs.count, product.n = units.count, product.k = rows;
  product.lda = this->inputs_, product.ldb = this->units_, product.ldc = this->units_;
  product.batch_slice = slice;
  product.workspace = tools.workspace;
  tools.kernels->matmul->tn(product);
  if (bias_ && (!by_rows || part.index == 0))
    tools.kernels->vector->column_sums(gradients + parameters[*bias_].offset + units.first, dy, rows, units.count,
                                       this->units_, slice);
}

// A row's dW is the outer product of x and dy: |dW|^2 = |x|^2 |dy|^2; db = dy.
template <class T>
void Dense<T>::add_row_norms(const Pass<T>& pass, std::size_t first, std::size_t rows, double* norm,
                             const Tools<T>& tools) const noexcept {
  const auto sum_squares = tools.kernels->vector->sum_squares;
  for (std::size_t i = 0; i < rows; ++i) {
    const T* const dy = this->dy(pass, first + i);
    const double length = is_sparse(pass) ? squared_length(pass.sparse, first + i, *tools.kernels->sparse)
                                          : sum_squares(this->x(pass, first + i), this->inputs_);
    norm[i] += sum_squares(dy, this->units_) * (length + (bias_ ? 1.0 : 0.0));
  }
}

template <class T>
void add_dense(Builder<T>& builder, const OperationSpec& spec) {
  const std::size_t units = spec.size("units", 0, std::size_t{1} << 63), inputs = builder.units();
  if (units == 0) throw std::invalid_argument("units of " + spec.name + " must be at least 1, got 0");
  if (units > (std::size_t{1} << 40) / inputs)
    throw std::invalid_argument("units of " + spec.name + " (" + std::to_string(units) + ") by its inputs (" +
                                std::to_string(inputs) + ") is more than 2^40 weights");
  const std::size_t kernel = builder.add_kernel(spec, inputs, units);
  std::optional<std::size_t> bias;
  if (spec.flag("use_bias")) bias = builder.add_vector(spec.name + "/bias", units);
  builder.template add<Dense>(spec, units, kernel, bias);
  builder.add_activation_after(spec);
}

constexpr Declared own_dense_settings[] = {{"units"}};
constexpr auto dense_settings = joined(own_dense_settings, activation_settings, kernel_settings);

}  // namespace

extern constinit const Both<Kind> dense_kind = {{"dense", add_dense<float>, dense_settings},
                                                {"dense", add_dense<double>, dense_settings}};

}  // namespace ravine
