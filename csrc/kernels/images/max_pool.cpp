// y = the largest pixel of each window, channel by channel; a NaN counts as larger than any number
// dx = dy at the window's first pixel with the bits of y, which are those of the first largest pixel; else 0
#include "kernels/images/pool.h"
#include "kernels/signatures/rows.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class Size, class T>
__attribute__((noinline)) void largest_of(T* y, const T* x, const Run& run, std::size_t row,
                                          std::size_t channels) noexcept {
  const std::size_t rows = Size::rows(run), cols = Size::cols(run), step = run.step * channels;
  for (std::size_t w = 0; w < run.count; ++w, y += channels, x += step)
    each_strip<T>(channels, [&](auto at, auto strip) __attribute__((always_inline)) {
      Vec<T> largest[strip.vectors];
#pragma GCC unroll 4
      for (std::size_t s = 0; s < strip.vectors; ++s) largest[s] = at.load(x + s * lanes<T>);
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = i == 0; j < cols; ++j)
#pragma GCC unroll 4
          for (std::size_t s = 0; s < strip.vectors; ++s)
            largest[s] = larger<T>(largest[s], at.load(x + i * row + j * channels + s * lanes<T>));
#pragma GCC unroll 4
      for (std::size_t s = 0; s < strip.vectors; ++s) at.template store<T>(y + s * lanes<T>, largest[s]);
    });
}

template <class Size, class T>
__attribute__((noinline)) void index_of_largest(T* y, T* index, const T* x, const Run& run, std::size_t row,
                                                std::size_t channels) noexcept {
  const std::size_t rows = Size::rows(run), cols = Size::cols(run), step = run.step * channels;
  for (std::size_t w = 0; w < run.count; ++w, y += channels, index += channels, x += step)
    each_vector<T>(channels, [&](auto at) __attribute__((always_inline)) {
      Vec<T> largest = at.load(x), number{};
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = i == 0; j < cols; ++j) {
          const Vec<T> pixel = at.load(x + i * row + j * channels);
          const Mask<T> stays = (pixel <= largest) | (largest != largest);
          largest = select<T>(stays, largest, pixel);
          number = select<T>(stays, number, broadcast<T>(static_cast<T>(i * cols + j)));
        }
      at.template store<T>(y, largest);
      at.template store<T>(index, number);
    });
}

template <class T>
void forward_index(T* y, T* index, const T* x, std::size_t images, const Pool2D& pool) noexcept {
  const std::size_t channels = pool.channels, row = pool.width * channels;
  for (std::size_t image = 0; image < images; ++image, y += pool.outputs(), index += pool.outputs(), x += pool.inputs())
    each_run(pool, [&]<class Size>(const Run& run, Size) __attribute__((always_inline)) {
      const std::size_t output = run.output * channels;
      index_of_largest<Size>(y + output, index + output, x + run.first * channels, run, row, channels);
    });
}

template <class T>
void forward(T* y, const T* x, std::size_t images, const Pool2D& pool) noexcept {
  const std::size_t channels = pool.channels, row = pool.width * channels;
  for (std::size_t image = 0; image < images; ++image, y += pool.outputs(), x += pool.inputs())
    each_run(pool, [&]<class Size>(const Run& run, Size) __attribute__((always_inline)) {
      largest_of<Size>(y + run.output * channels, x + run.first * channels, run, row, channels);
    });
}

// The remainder of dy goes from pixel to pixel: the first that is y takes it all, and the last takes the remainder.
template <class Size, bool relu, class Giving, class T>
__attribute__((noinline)) void give_to_largest(T* dx, const T* dy, const T* y, const T* x, const Run& run,
                                               std::size_t row, std::size_t channels) noexcept {
  const std::size_t rows = Size::rows(run), cols = Size::cols(run), step = run.step * channels;
  const std::size_t last = (rows - 1) * row + (cols - 1) * channels;
  for (std::size_t w = 0; w < run.count; ++w, dx += step, dy += channels, y += channels, x += step)
    each_vector<T>(channels, [&](auto at) __attribute__((always_inline)) {
      const Vec<T> largest = at.load(y);
      Vec<T> rest = at.load(dy);
      if constexpr (relu) rest = select<T>(largest <= T(0), Vec<T>{}, select<T>(largest == largest, rest, largest));
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < cols - (i + 1 == rows); ++j) {
          const std::size_t pixel = i * row + j * channels;
          const Mask<T> takes = (Mask<T>)at.load(x + pixel) == (Mask<T>)largest;
          Giving::give(dx + pixel, at, select<T>(takes, rest, Vec<T>{}));
          rest = select<T>(takes, Vec<T>{}, rest);
        }
      Giving::give(dx + last, at, rest);
    });
}

template <bool relu, class T>
void backward(T* dx, const T* dy, const T* y, const T* x, std::size_t images, const Pool2D& pool) noexcept {
  const std::size_t channels = pool.channels, row = pool.width * channels;
  each_run_back(dx, images, pool,
                [&]<class Size, class Giving>(T* to, std::size_t image, const Run& run, Size, Giving)
                    __attribute__((always_inline)) {
                      const std::size_t input = run.first * channels;
                      const std::size_t output = image * pool.outputs() + run.output * channels;
                      give_to_largest<Size, relu, Giving>(to + input, dy + output, y + output,
                                                          x + image * pool.inputs() + input, run, row, channels);
                    });
}

template <class T>
void backward(T* dx, const T* dy, const T* y, const T* x, std::size_t images, const Pool2D& pool, bool relu) noexcept {
  if (relu)
    backward<true>(dx, dy, y, x, images, pool);
  else
    backward<false>(dx, dy, y, x, images, pool);
}

template <class Size, bool relu, class Giving, class T>
__attribute__((noinline)) void give_to_index(T* dx, const T* dy, const T* y, const T* index, const Run& run,
                                             std::size_t row, std::size_t channels) noexcept {
  const std::size_t rows = Size::rows(run), cols = Size::cols(run), step = run.step * channels;
  for (std::size_t w = 0; w < run.count; ++w, dx += step, dy += channels, y += channels, index += channels)
    each_vector<T>(channels, [&](auto at) __attribute__((always_inline)) {
      const Vec<T> number = at.load(index), largest = at.load(y);
      Vec<T> d = at.load(dy);
      if constexpr (relu) d = select<T>(largest <= T(0), Vec<T>{}, select<T>(largest == largest, d, largest));
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < cols; ++j)
          Giving::give(dx + i * row + j * channels, at, select<T>(number == static_cast<T>(i * cols + j), d, Vec<T>{}));
    });
}

template <bool relu, class T>
void backward_index(T* dx, const T* dy, const T* y, const T* index, std::size_t images, const Pool2D& pool) noexcept {
  const std::size_t channels = pool.channels, row = pool.width * channels;
  each_run_back(dx, images, pool,
                [&]<class Size, class Giving>(T* to, std::size_t image, const Run& run, Size, Giving)
                    __attribute__((always_inline)) {
                      const std::size_t output = image * pool.outputs() + run.output * channels;
                      give_to_index<Size, relu, Giving>(to + run.first * channels, dy + output, y + output,
                                                        index + output, run, row, channels);
                    });
}

template <class T>
void backward_index(T* dx, const T* dy, const T* y, const T* index, std::size_t images, const Pool2D& pool,
                    bool relu) noexcept {
  if (relu)
    backward_index<true>(dx, dy, y, index, images, pool);
  else
    backward_index<false>(dx, dy, y, index, images, pool);
}

template <class T>
constexpr MaxPoolKernels<T> row() {
  return {forward<T>, backward<T>, forward_index<T>, backward_index<T>};
}

}  // namespace

extern constinit const Both<MaxPoolKernels> max_pool_kernels = {row<float>(), row<double>()};

}  // namespace ravine::RAVINE_ISA
