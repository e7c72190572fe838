// Windows of images, at random positions, flipped at random: flips, shifts and crops are settings of one map.
#include "kernels/signatures/augment.h"
#include "kernels/random/philox.h"
#include "kernels/signatures/rows.h"

namespace ravine::RAVINE_ISA {
namespace {

// One image's draw.
struct Place {
  std::int64_t top, left;
  bool upside_down, mirrored;
};

// The index in [0, size) of the pixel at `at`; -1 for the constant.
RAVINE_INLINE std::int64_t within(std::int64_t at, std::int64_t size, Border border) {
  if (at >= 0 && at < size) return at;
  if (border == Border::constant) return -1;
  if (border == Border::nearest) return at < 0 ? 0 : size - 1;
  const std::int64_t period = border == Border::wrap ? size : 2 * size;
  const std::int64_t rest = at % period, turn = rest < 0 ? rest + period : rest;
  return turn < size ? turn : period - 1 - turn;
}

// Calls visit(r, place) for every image r of the range.
template <class Visit>
RAVINE_INLINE void each_place(std::size_t first, std::size_t rows, const Window& window, RandomKey key, Visit&& visit) {
  std::uint32_t word[4 * blocks_per_vector];
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t block = r % blocks_per_vector;
    if (block == 0) {
      Words low, high;
      philox_words(first + r, key, low, high);
      __builtin_memcpy(word, &low, sizeof low);
      __builtin_memcpy(word + 2 * blocks_per_vector, &high, sizeof high);
    }
    const std::uint32_t* const drawn = word + 4 * block;
    const auto offset = [](std::uint32_t bits, std::uint32_t count) {
      return static_cast<std::int64_t>(std::uint64_t{bits} * count >> 32);
    };
    visit(r, Place{window.top + offset(drawn[0], window.tops), window.left + offset(drawn[1], window.lefts),
                   window.flip_vertical && drawn[2] >> 31 == 0, window.flip_horizontal && drawn[3] >> 31 == 0});
  }
}

// Calls run(out, in, pixels, backwards) for output pixels out, out + 1, ... of an image that are those at in, in + 1,
// ... of the input (in, in - 1, ... where backwards), and outside(out, pixels) for those that are constant; in
// ascending order of output pixels.
template <class Run, class Outside>
RAVINE_INLINE void each_run(const Window& window, const Place& place, Run&& run, Outside&& outside) {
  const auto height = static_cast<std::int64_t>(window.height), width = static_cast<std::int64_t>(window.width);
  const auto out_height = static_cast<std::int64_t>(window.out_height);
  const auto out_width = static_cast<std::int64_t>(window.out_width);
  const auto held = [&](std::int64_t j) { return j < 0 ? 0 : j < out_width ? j : out_width; };
  // where the columns [begin, end) of the window lie inside the image
  std::int64_t begin = held(-place.left), end = held(width - place.left);
  if (end < begin) begin = end;
  if (place.mirrored) {
    const std::int64_t last = out_width - begin;
    begin = out_width - end;
    end = last;
  }
  for (std::int64_t i = 0; i < out_height; ++i) {
    const std::int64_t row = within(place.top + (place.upside_down ? out_height - 1 - i : i), height, window.border);
    const std::int64_t out = i * out_width;
    if (row < 0) {
      outside(out, out_width);
      continue;
    }
    const auto column = [&](std::int64_t j) { return place.left + (place.mirrored ? out_width - 1 - j : j); };
    const auto beyond = [&](std::int64_t from, std::int64_t to) {
      if (window.border == Border::constant) {
        if (from < to) outside(out + from, to - from);
        return;
      }
      for (std::int64_t j = from; j < to; ++j)
        run(out + j, row * width + within(column(j), width, window.border), std::int64_t{1}, false);
    };
    beyond(0, begin);
    if (begin < end) run(out + begin, row * width + column(begin), end - begin, place.mirrored);
    beyond(end, out_width);
  }
}

template <class T>
void image_window(T* y, const T* x, std::size_t first, std::size_t rows, const Window& window, RandomKey key) noexcept {
  const std::size_t channels = window.channels, pixels = window.height * window.width,
                    out_pixels = window.out_height * window.out_width;
  const T fill = static_cast<T>(window.fill);
  each_place(first, rows, window, key, [&](std::size_t r, const Place& place) {
    const T* const image = x + r * pixels * channels;
    T* const result = y + r * out_pixels * channels;
    each_run(
        window, place,
        [&](std::size_t out, std::size_t in, std::size_t count, bool backwards) {
          T* to = result + out * channels;
          const T* from = image + in * channels;
          if (!backwards) {
            __builtin_memcpy(to, from, count * channels * sizeof(T));
            return;
          }
          for (std::size_t p = 0; p < count; ++p, to += channels, from -= channels)
            for (std::size_t c = 0; c < channels; ++c) to[c] = from[c];
        },
        [&](std::size_t out, std::size_t count) {
          for (std::size_t i = out * channels; i < (out + count) * channels; ++i) result[i] = fill;
        });
  });
}

template <class T>
void image_window_backward(T* dx, const T* dy, std::size_t first, std::size_t rows, const Window& window,
                           RandomKey key) noexcept {
  const std::size_t channels = window.channels, pixels = window.height * window.width,
                    out_pixels = window.out_height * window.out_width;
  for (std::size_t i = 0; i < rows * pixels * channels; ++i) dx[i] = T{0};
  each_place(first, rows, window, key, [&](std::size_t r, const Place& place) {
    T* const dimage = dx + r * pixels * channels;
    const T* const dresult = dy + r * out_pixels * channels;
    each_run(
        window, place,
        [&](std::size_t out, std::size_t in, std::size_t count, bool backwards) {
          T* to = dimage + in * channels;
          const T* from = dresult + out * channels;
          if (!backwards) {
            for (std::size_t i = 0; i < count * channels; ++i) to[i] += from[i];
            return;
          }
          for (std::size_t p = 0; p < count; ++p, to -= channels, from += channels)
            for (std::size_t c = 0; c < channels; ++c) to[c] += from[c];
        },
        [](std::size_t, std::size_t) {});
  });
}

}  // namespace

extern constinit const Both<AugmentKernels> augment_kernels = {{image_window<float>, image_window_backward<float>},
                                                               {image_window<double>, image_window_backward<double>}};

}  // namespace ravine::RAVINE_ISA
