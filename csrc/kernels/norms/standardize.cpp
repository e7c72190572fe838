// Columns brought to mean 0 and deviation 1 by numbers that are given.
#include "kernels/signatures/standardize.h"
#include "kernels/signatures/rows.h"
#include "kernels/vec/ranges.h"

namespace ravine::RAVINE_ISA {
namespace {

// Narrow matrices, such as images of one or three channels, are passed in runs of whole vectors: the columns' numbers
// are laid out as often as it takes for a run to end with a row.
inline constexpr std::size_t narrow = 16;

template <class T, std::size_t count>
struct Columns {
  const T* column[count];  // each of (cols)
};

// Calls formula(at, p, v...) for all vectors of a (rows, cols) matrix, v being the columns' numbers there.
template <class T, std::size_t count, class Formula>
RAVINE_INLINE void each_column(std::size_t rows, std::size_t cols, const Columns<T, count>& given, Formula&& formula) {
  if (cols > narrow || cols * lanes<T> > rows * cols) {
    for (std::size_t r = 0; r < rows; ++r)
      each_vector<T>(cols, [&](auto at) __attribute__((always_inline)) { formula(at, r * cols, at, given); });
    return;
  }
  T laid[count][narrow * lanes<T>];
  Columns<T, count> repeated;
  for (std::size_t k = 0; k < count; ++k) {
    for (std::size_t i = 0; i < cols * lanes<T>; ++i) laid[k][i] = given.column[k][i % cols];
    repeated.column[k] = laid[k];
  }
  std::size_t r = 0;
  for (; r + lanes<T> <= rows; r += lanes<T>)
    for (std::size_t v = 0; v < cols; ++v)
      formula(FullVector{v * lanes<T>}, r * cols, FullVector{v * lanes<T>}, repeated);
  each_vector<T>((rows - r) * cols,
                 [&](auto at) __attribute__((always_inline)) { formula(at, r * cols, at, repeated); });
}

template <class T>
void standardize(T* y, const T* x, const T* mean, const T* deviation, std::size_t rows, std::size_t cols) noexcept {
  const Columns<T, 2> given = {{mean, deviation}};
  each_column<T>(rows, cols, given,
                 [&](auto at, std::size_t first, auto column, const Columns<T, 2>& c) __attribute__((always_inline)) {
                   at.template store<T>(y + first,
                                        (at.load(x + first) - column.load(c.column[0])) / column.load(c.column[1]));
                 });
}

template <class T>
void standardize_backward(T* dx, const T* dy, const T* deviation, std::size_t rows, std::size_t cols) noexcept {
  const Columns<T, 1> given = {{deviation}};
  each_column<T>(rows, cols, given,
                 [&](auto at, std::size_t first, auto column, const Columns<T, 1>& c) __attribute__((always_inline)) {
                   at.template store<T>(dx + first, at.load(dy + first) / column.load(c.column[0]));
                 });
}

}  // namespace

extern constinit const Both<StandardizeKernels> standardize_kernels = {
    {standardize<float>, standardize_backward<float>}, {standardize<double>, standardize_backward<double>}};

}  // namespace ravine::RAVINE_ISA
