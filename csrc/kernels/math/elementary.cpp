// The vector functions of math.h over a range, for tests and for Python.
#include "kernels/signatures/elementary.h"
#include "kernels/math/math.h"
#include "kernels/signatures/rows.h"
#include "kernels/vec/ranges.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class T, class Function>
RAVINE_INLINE void map(T* y, const T* x, std::size_t count, Function function) {
  each_vector<T>(count, [&](auto at) __attribute__((always_inline)) { at.template store<T>(y, function(at.load(x))); });
}

template <class T>
void exp_range(T* y, const T* x, std::size_t count) noexcept {
  map(y, x, count, [](Vec<T> v) __attribute__((always_inline)) { return exp(v); });
}
template <class T>
void expm1_range(T* y, const T* x, std::size_t count) noexcept {
  map(y, x, count, [](Vec<T> v) __attribute__((always_inline)) { return expm1(v); });
}
template <class T>
void log_range(T* y, const T* x, std::size_t count) noexcept {
  map(y, x, count, [](Vec<T> v) __attribute__((always_inline)) { return log(v); });
}
template <class T>
void log1p_range(T* y, const T* x, std::size_t count) noexcept {
  map(y, x, count, [](Vec<T> v) __attribute__((always_inline)) { return log1p(v); });
}
template <class T>
void tanh_range(T* y, const T* x, std::size_t count) noexcept {
  map(y, x, count, [](Vec<T> v) __attribute__((always_inline)) { return tanh(v); });
}
template <class T>
void sigmoid_range(T* y, const T* x, std::size_t count) noexcept {
  map(y, x, count, [](Vec<T> v) __attribute__((always_inline)) { return sigmoid(v); });
}
template <class T>
void softplus_range(T* y, const T* x, std::size_t count) noexcept {
  map(y, x, count, [](Vec<T> v) __attribute__((always_inline)) { return softplus(v); });
}
template <class T>
void erf_range(T* y, const T* x, std::size_t count) noexcept {
  map(y, x, count, [](Vec<T> v) __attribute__((always_inline)) { return erf(v); });
}

}  // namespace

extern constinit const Both<Elementary> elementary_exp = {{"exp", exp_range<float>}, {"exp", exp_range<double>}};
extern constinit const Both<Elementary> elementary_expm1 = {{"expm1", expm1_range<float>},
                                                            {"expm1", expm1_range<double>}};
extern constinit const Both<Elementary> elementary_log = {{"log", log_range<float>}, {"log", log_range<double>}};
extern constinit const Both<Elementary> elementary_log1p = {{"log1p", log1p_range<float>},
                                                            {"log1p", log1p_range<double>}};
extern constinit const Both<Elementary> elementary_tanh = {{"tanh", tanh_range<float>}, {"tanh", tanh_range<double>}};
extern constinit const Both<Elementary> elementary_sigmoid = {{"sigmoid", sigmoid_range<float>},
                                                              {"sigmoid", sigmoid_range<double>}};
extern constinit const Both<Elementary> elementary_softplus = {{"softplus", softplus_range<float>},
                                                               {"softplus", softplus_range<double>}};
extern constinit const Both<Elementary> elementary_erf = {{"erf", erf_range<float>}, {"erf", erf_range<double>}};

}  // namespace ravine::RAVINE_ISA
