// y = sum of a window / n, n its pixels in the image: its rows from left to right, then their sums from top to bottom
// dx = sum of dy / n over the windows that hold the pixel, in their order
// and the same without the division: a sum, and a pixel spread over its window
#include "kernels/images/pool.h"
#include "kernels/signatures/rows.h"

namespace ravine::RAVINE_ISA {
namespace {

template <class Size, bool mean, class T>
__attribute__((noinline)) void sum_of(T* y, const T* x, const Run& run, std::size_t row,
                                      std::size_t channels) noexcept {
  const std::size_t rows = Size::rows(run), cols = Size::cols(run), step = run.step * channels;
  const Vec<T> pixels = broadcast<T>(static_cast<T>(rows * cols));
  for (std::size_t w = 0; w < run.count; ++w, y += channels, x += step)
    each_strip<T>(channels, [&](auto at, auto strip) __attribute__((always_inline)) {
      Vec<T> sum[strip.vectors] = {};
      for (std::size_t i = 0; i < rows; ++i) {
        Vec<T> across[strip.vectors];
#pragma GCC unroll 4
        for (std::size_t s = 0; s < strip.vectors; ++s) across[s] = at.load(x + i * row + s * lanes<T>);
        for (std::size_t j = 1; j < cols; ++j)
#pragma GCC unroll 4
          for (std::size_t s = 0; s < strip.vectors; ++s)
            across[s] += at.load(x + i * row + j * channels + s * lanes<T>);
#pragma GCC unroll 4
        for (std::size_t s = 0; s < strip.vectors; ++s) sum[s] = i == 0 ? across[s] : sum[s] + across[s];
      }
#pragma GCC unroll 4
      for (std::size_t s = 0; s < strip.vectors; ++s)
        at.template store<T>(y + s * lanes<T>, mean ? sum[s] / pixels : sum[s]);
    });
}

template <bool mean, class T>
void gather(T* y, const T* x, std::size_t images, const Pool2D& pool) noexcept {
  const std::size_t channels = pool.channels, row = pool.width * channels;
  for (std::size_t image = 0; image < images; ++image, y += pool.outputs(), x += pool.inputs())
    each_run(pool, [&]<class Size>(const Run& run, Size) __attribute__((always_inline)) {
      sum_of<Size, mean>(y + run.output * channels, x + run.first * channels, run, row, channels);
    });
}

template <class Size, bool mean, class Giving, class T>
__attribute__((noinline)) void give_to_all(T* dx, const T* dy, const Run& run, std::size_t row,
                                           std::size_t channels) noexcept {
  const std::size_t rows = Size::rows(run), cols = Size::cols(run), step = run.step * channels;
  const Vec<T> pixels = broadcast<T>(static_cast<T>(rows * cols));
  for (std::size_t w = 0; w < run.count; ++w, dx += step, dy += channels)
    each_vector<T>(channels, [&](auto at) __attribute__((always_inline)) {
      const Vec<T> d = at.load(dy), share = mean ? d / pixels : d;
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < cols; ++j) Giving::give(dx + i * row + j * channels, at, share);
    });
}

template <bool mean, class T>
void scatter(T* dx, const T* dy, std::size_t images, const Pool2D& pool) noexcept {
  const std::size_t channels = pool.channels, row = pool.width * channels;
  each_run_back(dx, images, pool,
                [&]<class Size, class Giving>(T* to, std::size_t image, const Run& run, Size, Giving)
                    __attribute__((always_inline)) {
                      const std::size_t output = image * pool.outputs() + run.output * channels;
                      give_to_all<Size, mean, Giving>(to + run.first * channels, dy + output, run, row, channels);
                    });
}

}  // namespace

extern constinit const Both<AveragePoolKernels> average_pool_kernels = {
    {gather<true, float>, scatter<true, float>, gather<false, float>, scatter<false, float>},
    {gather<true, double>, scatter<true, double>, gather<false, double>, scatter<false, double>}};

}  // namespace ravine::RAVINE_ISA
