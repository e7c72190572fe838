// The only allocation: flat, 64-byte-aligned blocks, and the position of each parameter in them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace ravine {

inline constexpr std::size_t alignment = 64;

// Memory that cannot be had: how much, and what for.
class OutOfMemory : public std::bad_alloc {
 public:
  explicit OutOfMemory(std::size_t bytes, const std::string& purpose = "");

  const char* what() const noexcept override { return text_.c_str(); }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::size_t bytes_;
  std::string text_;
};

// Calls allocate(); where memory is short, purpose() says what it was for.
template <class Purpose, class Allocate>
void allocate_for(Purpose&& purpose, Allocate&& allocate) {
  try {
    allocate();
  } catch (const OutOfMemory& error) {
    throw OutOfMemory(error.bytes(), purpose());
  }
}

// `bytes` bytes on 64. Large blocks ask for huge pages. Throws OutOfMemory, for more than the machine or the process'
// group may have without a try: the system would grant it, and end the process once it is used.
void* allocate_block(std::size_t bytes, bool zeroed);
void free_block(void* block) noexcept;

// A flat block. It never moves; `grow` replaces it, and views of the old one keep that alive.
template <class T>
class Block {
 public:
  Block() = default;
  explicit Block(std::size_t size) { grow(size); }  // zeroed

  T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  const std::shared_ptr<T[]>& owner() const { return data_; }

  // At least `size` elements, old ones are lost when it has to be replaced. Zeroing takes about 0.3 s a GB on one
  // thread, which is too long to keep a signal waiting; what each run writes before it reads goes without.
  void grow(std::size_t size, bool zeroed = true) {
    if (size <= size_ && data_) return;
    if (size > static_cast<std::size_t>(-1) / sizeof(T) / 2) throw OutOfMemory(static_cast<std::size_t>(-1));
    size_ = 0;
    data_.reset();
    data_ = std::shared_ptr<T[]>(static_cast<T*>(allocate_block(size * sizeof(T), zeroed)), free_block);
    size_ = size;
  }

 private:
  std::shared_ptr<T[]> data_;
  std::size_t size_ = 0;
};

// `count` elements rounded up to a whole number of 64-byte lines of float, which is a line or two of double: the same
// offsets for both.
constexpr std::size_t padded(std::size_t count) { return (count + 15) / 16 * 16; }

struct Parameter {
  std::string name;
  std::size_t layer = 0;   // its layer's number, in depth
  std::size_t offset = 0;  // in elements, a multiple of 16
  std::size_t rows, cols;
  bool is_kernel;                            // regularised and decayed; a bias is not
  std::vector<std::size_t> shape = {};       // what users see; empty: (rows, cols), or (cols) for what is no kernel
  double l1 = 0.0, l2 = 0.0, l2_norm = 0.0;  // the penalty l1 sum|w| + l2 sum w^2 + l2_norm sqrt(sum w^2)
  bool proximal = false;                     // l1 acts by thresholds after the step, not by the gradient
  double max_norm = 0.0;                     // what a column's norm may be; 0: anything
  bool trainable = true;
  bool statistic = false;  // what a layer has seen of the data: no gradient moves it, but `learn`
  double first = 0.0;      // its first values

  std::size_t count() const { return rows * cols; }
  bool moves() const { return trainable && !statistic; }  // by its gradient
  std::vector<std::size_t> seen_shape() const {
    return !shape.empty() ? shape : is_kernel ? std::vector{rows, cols} : std::vector{cols};
  }
};

inline bool is_penalised(const Parameter& parameter) {
  return parameter.is_kernel && (parameter.l1 != 0.0 || parameter.l2 != 0.0 || parameter.l2_norm != 0.0);
}

// Parameters | gradients | optimizer state: each one flat block with the same offsets. Statistics are among the
// parameters, so that whatever copies or averages these has them too.
template <class T>
struct Arena {
  std::vector<Parameter> parameters;
  std::size_t size = 0;
  Block<T> values;
  Block<T> gradients;
  Block<T> state;  // slot s is at s * size

  // Adds a parameter after the last; only before `allocate`.
  std::size_t add(Parameter parameter) {
    parameter.offset = size;
    size += padded(parameter.count());
    parameters.push_back(std::move(parameter));
    return parameters.size() - 1;
  }

  void allocate() {
    allocate_for([this] { return "the weights and their gradients, " + largest(); },
                 [this] {
                   values = Block<T>(size);
                   gradients = Block<T>(size);
                 });
    for (std::size_t p = 0; p < parameters.size(); ++p)
      std::fill_n(value(p), parameters[p].count(), static_cast<T>(parameters[p].first));
  }

  // Names the parameter with the most weights, for messages.
  std::string largest() const {
    std::size_t found = 0;
    for (std::size_t i = 0; i < parameters.size(); ++i)
      if (parameters[i].count() > parameters[found].count()) found = i;
    if (parameters.empty()) return "none";
    return "the largest of which is " + parameters[found].name + " with " + std::to_string(parameters[found].count()) +
           " numbers";
  }

  T* value(std::size_t parameter) const { return values.data() + parameters[parameter].offset; }
};

}  // namespace ravine
