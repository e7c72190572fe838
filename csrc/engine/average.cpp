#include "engine/average.h"

#include <algorithm>
#include <cstdint>

#include "kernels/signatures/vector.h"

namespace ravine {
namespace {

// A task: 16 KiB of each array in float.
constexpr std::size_t average_chunk = 4096;

}  // namespace

// The n-th average is b a + (1 - b) w, or a + (w - a) / n; the first is w.
template <class T>
double Averager<T>::count(bool epoch_end) const noexcept {
  const Averaging& averaging = network_.averaging;
  if (averaging.every == 0 || averaging.by_epoch != epoch_end) return 0.0;
  const auto seen = static_cast<std::uint64_t>(*network_.average_seen.data() += 1.0);
  if (seen <= averaging.start || (seen - averaging.start) % averaging.every != 0) return 0.0;
  const std::uint64_t n = (seen - averaging.start) / averaging.every;
  if (n == 1) return 1.0;
  return averaging.decay ? 1.0 - *averaging.decay : 1.0 / static_cast<double>(n);
}

template <class T>
void Averager<T>::take(std::size_t chunk, double share) const noexcept {
  const Arena<T>& arena = network_.arena;
  const std::size_t first = chunk * average_chunk, count = std::min(average_chunk, arena.size - first);
  T* const average = network_.average.data() + first;
  const T* const w = arena.values.data() + first;
  if (share == 1.0)
    std::copy_n(w, count, average);
  else
    network_.kernels().vector->lerp(average, w, count, static_cast<T>(share));
}

template <class T>
std::size_t Averager<T>::chunks() const {
  return (network_.arena.size + average_chunk - 1) / average_chunk;
}

template class Averager<float>;
template class Averager<double>;

}  // namespace ravine
