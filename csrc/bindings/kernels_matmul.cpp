#include <memory>
#include <new>

#include "bindings/arrays.h"
#include "bindings/function.h"
#include "bindings/kernels.h"

namespace ravine::bindings::matmul_kernels {
namespace {

struct FreeAligned {
  void operator()(void* p) const { ::operator delete(p, std::align_val_t{64}); }
};

// A thread's workspace, kept from call to call until the thread ends: to get one takes a third of a small product's
// time.
void* workspace_of(std::size_t wanted) {
  thread_local std::unique_ptr<void, FreeAligned> workspace;
  thread_local std::size_t bytes = 0;
  if (wanted > bytes) {
    workspace.reset();
    bytes = 0;
    workspace.reset(::operator new(wanted, std::align_val_t{64}));
    bytes = wanted;
  }
  return workspace.get();
}

Finish to_finish(const py::object& name) {
  if (!PyUnicode_Check(name.ptr())) throw py::type_error("finish must be a str, got " + text(py::repr(name)));
  const auto is = [&](const char* choice) { return PyUnicode_CompareWithASCIIString(name.ptr(), choice) == 0; };
  if (is("none")) return Finish::none;
  if (is("relu")) return Finish::relu;
  if (is("mask")) return Finish::mask;
  throw py::value_error("finish must be 'none', 'relu' or 'mask', got '" + text(name) + "'");
}

// The kernel keeps a sum for each level of the tree over the slices, up to 20 of them.
constexpr std::size_t most_slices = std::size_t{1} << 20;

struct MatmulArguments {
  py::handle a, b;
  bool transpose_a, transpose_b;
  py::handle bias, gate, out;
  Finish finish;
  bool accumulate;
  std::size_t batch_slice;
};

void require_possible(const MatmulArguments& given) {
  if (given.transpose_a && given.transpose_b) throw py::value_error("transpose_a and transpose_b cannot both be True");
  if (given.accumulate && given.out.is_none()) throw py::value_error("accumulate=True needs out, which holds the sum");
  if (given.batch_slice && (!given.transpose_a || given.accumulate))
    throw py::value_error("batch_slice needs transpose_a=True and accumulate=False");
  if ((given.finish == Finish::mask) != !given.gate.is_none())
    throw py::value_error("gate goes with finish='mask': give both or neither");
}

template <class T>
py::object matmul(const MatmulKernels<T>& kernels, const MatmulArguments& given) {
  require_possible(given);
  const Array<T> a(given.a, "a");
  const Array<T> b(given.b, "b", "a");
  a.require_ndim(2, 2);
  b.require_ndim(2, 2);
  const std::size_t m = given.transpose_a ? a.cols() : a.rows();
  const std::size_t k = given.transpose_a ? a.rows() : a.cols();
  const std::size_t n = given.transpose_b ? b.rows() : b.cols();
  const std::size_t k_of_b = given.transpose_b ? b.cols() : b.rows();
  if (k != k_of_b)
    throw py::value_error("the inner sizes of a, shape " + text(a.shape()) + (given.transpose_a ? " transposed" : "") +
                          ", and b, shape " + text(b.shape()) + (given.transpose_b ? " transposed" : "") +
                          ", differ: " + std::to_string(k) + " and " + std::to_string(k_of_b));
  if (given.batch_slice && k > 0 && (k - 1) / given.batch_slice >= most_slices)
    throw py::value_error("batch_slice=" + std::to_string(given.batch_slice) + " cuts " + std::to_string(k) +
                          " rows into more than 2^20 slices");
  const auto reason = [&] {
    return "the product of a, shape " + text(a.shape()) + ", and b, shape " + text(b.shape());
  };
  const Shape shape{static_cast<py::ssize_t>(m), static_cast<py::ssize_t>(n)};
  Array<T> c = output<T>(given.out, shape, reason, "a");
  c.require_apart(a).require_apart(b);

  Matmul<T> job{c.mutable_data(), a.data(), b.data(), m, n, k, n, a.cols(), b.cols()};
  job.finish = given.finish;
  job.accumulate = given.accumulate;
  job.batch_slice = given.batch_slice;
  if (!given.bias.is_none()) {
    const Array<T> bias(given.bias, "bias", "a");
    bias.require_shape({static_cast<py::ssize_t>(n)}, reason);
    c.require_apart(bias);
    job.bias = bias.data();
  }
  if (!given.gate.is_none()) {
    const Array<T> gate(given.gate, "gate", "a");
    gate.require_shape(shape, reason);
    c.require_apart(gate);
    job.gate = gate.data();
    job.ldgate = n;
  }
  job.workspace = static_cast<T*>(workspace_of(kernels.workspace * sizeof(T)));
  const auto product = given.transpose_a ? kernels.tn : given.transpose_b ? kernels.nt : kernels.nn;
  without_gil([&] { product(job); });
  return c.object();
}

}  // namespace

void bind(py::module_& module, const InstructionSet& set) {
  add_function(
      module, "matmul",
      "(a: Array, b: Array, *, transpose_a: bool = False, transpose_b: bool = False, bias: Array | None = None, "
      "finish: str = 'none', gate: Array | None = None, accumulate: bool = False, batch_slice: int = 0, "
      "out: Array | None = None) -> Array",
      "Matrix product: c = finish(op(a) op(b) + bias).\n\n"
      "op transposes where told (at most one of the two). op(a) is (m, k), op(b) (k, n), bias (n,), gate and out (m, "
      "n).\nfinish: 'none'; 'relu', max(c, 0); 'mask', c where gate > 0, else 0. accumulate: out is added to the "
      "product first.\n"
      "batch_slice (with transpose_a): k is cut every batch_slice rows, and the slices are added in a balanced tree.",
      set,
      [](const InstructionSet& set, const py::object& a, const py::object& b, bool transpose_a, bool transpose_b,
         const py::object& bias, const py::object& finish, const py::object& gate, bool accumulate,
         const py::object& batch_slice, const py::object& out) {
        const MatmulArguments given{.a = a,
                                    .b = b,
                                    .transpose_a = transpose_a,
                                    .transpose_b = transpose_b,
                                    .bias = bias,
                                    .gate = gate,
                                    .out = out,
                                    .finish = to_finish(finish),
                                    .accumulate = accumulate,
                                    .batch_slice = to_integer<std::size_t>(batch_slice, "batch_slice")};
        return by_dtype(a, "a", [&]<class T>() { return matmul<T>(*set.kernels<T>().matmul, given); });
      });
}

}  // namespace ravine::bindings::matmul_kernels
