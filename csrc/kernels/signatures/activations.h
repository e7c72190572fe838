// Activations.
#pragma once

#include <cstddef>

namespace ravine {

// The number that some functions take, and its usual value.
struct Alpha {
  bool taken = false;
  double usual = 0.0;
};

// y = f(x) and dx = dy * f'(.), the derivative taken from the output y, or from the input x where `from_input`.
// Elementwise ones see (1, count); a rowwise one (softmax) sees (rows, cols). y may be x, and dx may be dy.
template <class T>
struct Activation {
  const char* name;
  bool from_input;
  bool rowwise;
  void (*forward)(T* y, const T* x, std::size_t rows, std::size_t cols, T alpha) noexcept;
  // null for a function without a useful derivative (step)
  void (*backward)(T* dx, const T* dy, const T* saved, std::size_t rows, std::size_t cols, T alpha) noexcept;
  Alpha alpha{};
};

}  // namespace ravine
