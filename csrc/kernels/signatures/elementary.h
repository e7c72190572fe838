// Elementary functions of vectors.
#pragma once

#include <cstddef>

namespace ravine {

// y = f(x), elementwise; exposed so that tests can hold math.h to its bounds.
template <class T>
struct Elementary {
  const char* name;
  void (*apply)(T* y, const T* x, std::size_t count) noexcept;
};

}  // namespace ravine
