// Rows of a batch side by side in the lanes of vectors, and back.
#include "kernels/signatures/lanes.h"
#include "kernels/products/matmul_pack.h"
#include "kernels/signatures/rows.h"

namespace ravine::RAVINE_ISA {
namespace {

// A square of `lanes` x `lanes` elements from rows `ldx` apart to rows `ldy` apart; of x there are `rows` x `cols`, of
// y as many are written the other way round, zero past x's rows.
template <class T>
RAVINE_INLINE void transpose_square(T* y, std::size_t ldy, const T* x, std::size_t ldx, std::size_t rows,
                                    std::size_t cols, std::size_t out_cols) {
  constexpr std::size_t side = lanes<T>;
  Vec<T> row[side];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < side; ++i)
    row[i] = i >= rows ? Vec<T>{} : cols == side ? load<T>(x + i * ldx) : load_first<T>(x + i * ldx, cols);
  transpose<T>(row);
#pragma GCC unroll 16
  for (std::size_t i = 0; i < side; ++i) {
    if (i >= cols) continue;
    if (out_cols == side)
      store<T>(y + i * ldy, row[i]);
    else
      store_first<T>(y + i * ldy, row[i], out_cols);
  }
}

template <class T>
void rows_to_lanes(T* __restrict y, const T* __restrict x, std::size_t rows, std::size_t units) noexcept {
  for (std::size_t first = 0; first < rows; first += row_lanes, y += row_lanes * units)
    for (std::size_t lane = 0; lane < row_lanes; lane += lanes<T>) {
      const std::size_t begin = smaller(first + lane, rows), count = smaller(lanes<T>, rows - begin);
      for (std::size_t j = 0; j < units; j += lanes<T>)
        transpose_square<T>(y + j * row_lanes + lane, row_lanes, x + begin * units + j, units, count,
                            smaller(lanes<T>, units - j), lanes<T>);
    }
}

template <class T>
void lanes_to_rows(T* __restrict x, const T* __restrict y, std::size_t rows, std::size_t units) noexcept {
  for (std::size_t first = 0; first < rows; first += row_lanes, y += row_lanes * units)
    for (std::size_t lane = 0; lane < row_lanes && first + lane < rows; lane += lanes<T>) {
      const std::size_t count = smaller(lanes<T>, rows - first - lane);
      for (std::size_t j = 0; j < units; j += lanes<T>) {
        const std::size_t cols = smaller(lanes<T>, units - j);
        transpose_square<T>(x + (first + lane) * units + j, units, y + j * row_lanes + lane, row_lanes, cols, count,
                            cols);
      }
    }
}

}  // namespace

extern constinit const Both<LaneKernels> lane_kernels = {{rows_to_lanes<float>, lanes_to_rows<float>},
                                                         {rows_to_lanes<double>, lanes_to_rows<double>}};

}  // namespace ravine::RAVINE_ISA
