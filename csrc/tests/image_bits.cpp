// The kernels for images: convolutions in every form, pools, borders, images moved at random.
#include <algorithm>
#include <vector>

#include "tests/families.h"

namespace ravine::tests {
namespace {

ConvolutionShape convolution_shape(std::size_t size, std::size_t channels, std::size_t filters, std::size_t groups,
                                   std::size_t stride, std::size_t dilation) {
  ConvolutionShape s{};
  s.height = size, s.width = size + 2, s.channels = channels, s.kernel_height = 3, s.kernel_width = 2;
  s.filters = filters, s.groups = groups, s.top = 1, s.left = 1;
  s.stride_y = s.stride_x = stride, s.dilation_y = s.dilation_x = dilation;
  s.out_height = (s.height + 1 - (s.kernel_height - 1) * dilation - 1) / stride + 1;
  s.out_width = (s.width + 1 - (s.kernel_width - 1) * dilation - 1) / stride + 1;
  return s;
}

// What an EachImage is given: the one image at `place`, which is hashed, or is filled from `from`.
template <class T>
struct OneImage {
  Hash* hash;
  T* place;
  const T* from;
  std::size_t size;

  static void call(const void* context, std::size_t image) noexcept {
    const OneImage& self = *static_cast<const OneImage*>(context);
    if (self.from)
      std::copy_n(self.from + image * self.size, self.size, self.place);
    else
      self.hash->add(self.place, self.size);
  }
};

template <class T>
void convolve(Hash& hash, const Convolution<T>& form, const ConvolutionShape& s, std::size_t images) {
  if (!form.takes(s)) return;
  const std::size_t share = form.lanes ? row_lanes : 1;
  const std::size_t in = images * s.inputs() * share, out = images * s.outputs() * share;
  const std::size_t weights = s.terms() * s.filters;
  const Block<T> x = numbers<T>(in, 1), w = numbers<T>(weights, 2), bias = numbers<T>(s.filters, 3);
  const Block<T> dy = numbers<T>(out, 4), workspace(form.workspace(s));
  const auto forward = [&](T* y, const T* b, Finish finish, const EachImage& each) {
    form.forward(y, x.data(), w.data(), b, images, s, finish, each, workspace.data());
  };
  const auto backward = [&](T* dx, const T* at, const T* gate, const EachImage& each) {
    form.backward(dx, at, w.data(), gate, images, s, each, workspace.data());
  };
  // rows [first, first + terms) of dw, and db with the first of them
  const auto gradient = [&](const T* at, std::size_t slice, std::size_t first, std::size_t terms,
                            const EachImage& each) {
    hash_map<T>(hash, terms * s.filters, [&](T* dw) {
      hash_map<T>(hash, s.filters, [&](T* db) {
        form.gradient(dw, first == 0 ? db : nullptr, x.data(), at, images, slice, s, first, terms, each,
                      workspace.data());
      });
    });
  };
  hash_map<T>(hash, out, [&](T* y) { forward(y, bias.data(), Finish::relu, {}); });
  hash_map<T>(hash, out, [&](T* y) { forward(y, nullptr, Finish::none, {}); });
  hash_map<T>(hash, in, [&](T* dx) { backward(dx, dy.data(), nullptr, {}); });
  hash_map<T>(hash, in, [&](T* dx) { backward(dx, dy.data(), x.data(), {}); });
  const std::size_t half = s.terms() / 2;
  gradient(dy.data(), 0, 0, s.terms(), {});
  gradient(dy.data(), 2, 0, half, {});
  gradient(dy.data(), 1, half, s.terms() - half, {});
  if (!form.visits) return;
  Block<T> one(s.outputs());
  const OneImage<T> given{&hash, one.data(), nullptr, s.outputs()}, taken{&hash, one.data(), dy.data(), s.outputs()};
  const EachImage give{OneImage<T>::call, &given}, take{OneImage<T>::call, &taken};
  forward(one.data(), bias.data(), Finish::relu, give);
  hash_map<T>(hash, in, [&](T* dx) { backward(dx, one.data(), x.data(), take); });
  gradient(one.data(), 2, 0, s.terms(), take);
}

}  // namespace

template <class T>
Hash convolutions(const Kernels<T>& kernels) {
  Hash hash;
  for (const Convolution<T>* form : kernels.convolutions) {
    const std::size_t images = form->lanes ? 2 : 3;
    for (const std::size_t size : {5, 9})
      for (const std::size_t channels : {1, 3, 17})
        for (const std::size_t filters : {1, 4, 17}) {
          convolve(hash, *form, convolution_shape(size, channels, filters, 1, 1, 1), images);
          convolve(hash, *form, convolution_shape(size, channels, filters, 1, 2, 2), images);
          convolve(hash, *form, convolution_shape(size, channels, channels * filters, channels, 1, 1), images);
        }
    // more outputs than a block has, and more terms than a slice
    convolve(hash, *form, convolution_shape(21, 2, 33, 1, 1, 1), images);
    convolve(hash, *form, convolution_shape(6, 90, 5, 1, 1, 1), images);
    convolve(hash, *form, convolution_shape(21, 35, 35, 35, 1, 1), images);
    convolve(hash, *form, convolution_shape(9, 12, 8, 2, 1, 1), images);
  }
  for (const std::size_t units : sizes())
    hash_map<T>(hash, 2 * row_lanes * units, [&, x = numbers<T>(19 * units, units)](T* y) {
      kernels.lanes->rows_to_lanes(y, x.data(), 19, units);
      hash_map<T>(hash, 19 * units, [&](T* back) { kernels.lanes->lanes_to_rows(back, y, 19, units); });
    });
  return hash;
}

namespace {

// Windows of 3 x 2 that overlap and reach out of the image, and those of 2 x 2 side by side.
std::vector<Pool2D> windows(std::size_t channels) {
  return {{.height = 5,
           .width = 6,
           .channels = channels,
           .pool_height = 3,
           .pool_width = 2,
           .stride_height = 2,
           .stride_width = 2,
           .pad_top = 1,
           .pad_left = 0,
           .out_height = 3,
           .out_width = 3},
          {.height = 5,
           .width = 6,
           .channels = channels,
           .pool_height = 2,
           .pool_width = 2,
           .stride_height = 2,
           .stride_width = 2,
           .pad_top = 0,
           .pad_left = 0,
           .out_height = 2,
           .out_width = 3}};
}

template <class T>
void pool(Hash& hash, const Kernels<T>& kernels, const Pool2D& pool, std::size_t images) {
  const std::size_t in = images * pool.inputs(), out = images * pool.outputs();
  const Block<T> x = numbers<T>(in, pool.channels), dy = numbers<T>(out, 1);
  const auto& max = *kernels.max_pool;
  const auto& average = *kernels.average_pool;
  hash_map<T>(hash, out, [&](T* y) {
    max.forward(y, x.data(), images, pool);
    for (const bool relu : {false, true})
      hash_map<T>(hash, in, [&](T* dx) { max.backward(dx, dy.data(), y, x.data(), images, pool, relu); });
    hash_map<T>(hash, out, [&](T* index) {
      max.forward_index(y, index, x.data(), images, pool);
      for (const bool relu : {false, true})
        hash_map<T>(hash, in, [&](T* dx) { max.backward_index(dx, dy.data(), y, index, images, pool, relu); });
    });
  });
  hash_map<T>(hash, out, [&](T* y) { average.forward(y, x.data(), images, pool); });
  hash_map<T>(hash, out, [&](T* y) { average.sum(y, x.data(), images, pool); });
  hash_map<T>(hash, in, [&](T* dx) { average.backward(dx, dy.data(), images, pool); });
  hash_map<T>(hash, in, [&](T* dx) { average.spread(dx, dy.data(), images, pool); });
}

}  // namespace

template <class T>
Hash pools(const Kernels<T>& kernels) {
  Hash hash;
  constexpr std::size_t images = 3;
  for (const std::size_t channels : sizes()) {
    if (channels == 0) continue;
    for (const Pool2D& each : windows(channels)) pool(hash, kernels, each, images);
    const Border2D border{.height = 5, .width = 6, .channels = channels, .top = 1, .bottom = 0, .left = 2, .right = 1};
    const Block<T> x = numbers<T>(images * border.inputs(), channels);
    hash_map<T>(hash, images * border.outputs(), [&](T* y) {
      kernels.border->forward(y, x.data(), images, border);
      hash_map<T>(hash, images * border.inputs(), [&](T* dx) { kernels.border->backward(dx, y, images, border); });
    });
    hash_map<T>(hash, images * border.inputs(),
                [&](T* y) { kernels.random->spatial_dropout(y, x.data(), 1, images, 30, channels, 0.3, {7, 3, 1}); });
  }
  return hash;
}

// Windows that lie inside the image, turned or not, and those that reach out of it.
template <class T>
Hash augmentations(const Kernels<T>& kernels) {
  Hash hash;
  constexpr std::size_t images = 9;
  const auto both = [&](const Window& window) {
    const std::size_t in = images * window.height * window.width * window.channels;
    const std::size_t out = images * window.out_height * window.out_width * window.channels;
    const RandomKey key{7, 3, 5'000'000'000};
    hash_map<T>(hash, out, [&, x = numbers<T>(in, window.channels)](T* y) {
      kernels.augment->image_window(y, x.data(), 5, images, window, key);
      hash_map<T>(hash, in, [&](T* dx) { kernels.augment->image_window_backward(dx, y, 5, images, window, key); });
    });
  };
  for (const std::size_t channels : sizes()) {
    if (channels == 0) continue;
    Window window{.height = 5, .width = 4, .channels = channels, .out_height = 3, .out_width = 3};
    window.tops = 3, window.lefts = 2;
    both(window);
    window.flip_vertical = window.flip_horizontal = true;
    both(window);
    window.out_height = 7, window.out_width = 6, window.top = -2, window.left = -2, window.fill = 0.5;
    for (const Border border : {Border::constant, Border::nearest, Border::reflect, Border::wrap}) {
      window.border = border;
      both(window);
    }
  }
  return hash;
}

template Hash convolutions(const Kernels<float>&);
template Hash convolutions(const Kernels<double>&);
template Hash pools(const Kernels<float>&);
template Hash pools(const Kernels<double>&);
template Hash augmentations(const Kernels<float>&);
template Hash augmentations(const Kernels<double>&);

}  // namespace ravine::tests
