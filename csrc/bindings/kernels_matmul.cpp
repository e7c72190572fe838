#include <memory>
#include <new>

#include "bindings/arrays.h"
#include "bindings/kernels.h"

namespace ravine::bindings {
namespace {

struct FreeAligned {
  void operator()(void* p) const { ::operator delete(p, std::align_val_t{64}); }
};

template <class T>
std::unique_ptr<T, FreeAligned> aligned_elements(std::size_t count) {
  return std::unique_ptr<T, FreeAligned>(static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t{64})));
}

Finish to_finish(const std::string& name) {
  if (name == "none") return Finish::none;
  if (name == "relu") return Finish::relu;
  if (name == "mask") return Finish::mask;
  throw py::value_error("finish must be 'none', 'relu' or 'mask', got '" + name + "'");
}

// The kernel keeps a sum for each level of the tree over the slices, up to 20 of them.
constexpr std::size_t most_slices = std::size_t{1} << 20;

struct MatmulArguments {
  py::object a, b, bias, gate, out, batch_slice;
  bool transpose_a, transpose_b, accumulate;
  std::string finish;
};

void require_possible(const MatmulArguments& given, Finish finish, std::size_t batch_slice) {
  if (given.transpose_a && given.transpose_b) throw py::value_error("transpose_a and transpose_b cannot both be True");
  if (given.accumulate && given.out.is_none()) throw py::value_error("accumulate=True needs out, which holds the sum");
  if (batch_slice && (!given.transpose_a || given.accumulate))
    throw py::value_error("batch_slice needs transpose_a=True and accumulate=False");
  if ((finish == Finish::mask) == given.gate.is_none())
    throw py::value_error("gate goes with finish='mask': give both or neither");
}

template <class T>
py::object matmul(const MatmulKernels<T>& kernels, const MatmulArguments& given) {
  const Finish finish = to_finish(given.finish);
  const auto batch_slice = to_integer<std::size_t>(given.batch_slice, "batch_slice");
  require_possible(given, finish, batch_slice);
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
  if (batch_slice && k > 0 && (k - 1) / batch_slice >= most_slices)
    throw py::value_error("batch_slice=" + std::to_string(batch_slice) + " cuts " + std::to_string(k) +
                          " rows into more than 2^20 slices");
  const auto reason = [&] {
    return "the product of a, shape " + text(a.shape()) + ", and b, shape " + text(b.shape());
  };
  const Shape shape{static_cast<py::ssize_t>(m), static_cast<py::ssize_t>(n)};
  Array<T> c = output<T>(given.out, shape, reason, "a");
  c.require_apart(a).require_apart(b);

  Matmul<T> job{c.mutable_data(), a.data(), b.data(), m, n, k, n, a.cols(), b.cols()};
  job.finish = finish;
  job.accumulate = given.accumulate;
  job.batch_slice = batch_slice;
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
  const auto workspace = aligned_elements<T>(kernels.workspace);
  job.workspace = workspace.get();
  const auto product = given.transpose_a ? kernels.tn : given.transpose_b ? kernels.nt : kernels.nn;
  without_gil([&] { product(job); });
  return c.object();
}

constexpr const char* doc =
    "Matrix product: c = finish(op(a) op(b) + bias).\n\n"
    "op transposes where told (at most one of the two). op(a) is (m, k), op(b) (k, n), bias (n,), gate and out (m, "
    "n).\n"
    "finish: 'none'; 'relu', max(c, 0); 'mask', c where gate > 0, else 0. accumulate: out is added to the product "
    "first.\n"
    "batch_slice (with transpose_a): k is cut every batch_slice rows, and the slices are added in a balanced tree.";

}  // namespace

void bind_matmul(py::module_& module, const InstructionSet& set) {
  module.def(
      "matmul",
      [&set](py::object a, py::object b, bool transpose_a, bool transpose_b, py::object bias, std::string finish,
             py::object gate, bool accumulate, py::object batch_slice, py::object out) {
        const MatmulArguments given{std::move(a),   std::move(b),           std::move(bias), std::move(gate),
                                    std::move(out), std::move(batch_slice), transpose_a,     transpose_b,
                                    accumulate,     std::move(finish)};
        return by_dtype(given.a, "a", [&]<class T>() { return matmul<T>(*set.kernels<T>().matmul, given); });
      },
      doc, py::arg("a"), py::arg("b"), py::kw_only(), py::arg("transpose_a") = false, py::arg("transpose_b") = false,
      py::arg("bias") = py::none(), py::arg("finish") = "none", py::arg("gate") = py::none(),
      py::arg("accumulate") = false, py::arg("batch_slice") = 0, py::arg("out") = py::none());
}

}  // namespace ravine::bindings
