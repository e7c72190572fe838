// Which operations a network fuses while it trains: what they offer and take is theirs to say (Operation::fusible and
// absorb), so that no pair of them knows the other.
#pragma once

#include "engine/operations/operation.h"

namespace ravine {

// Fuses an operation with the one that wrote its input, or with the operation that does that one's work, if it offers:
// max pooling into a convolution; an activation, and max pooling after it, into batch norm. A head's activation stays,
// since a loss that starts from logits leaves it out.
template <class T>
void fuse(Operation<T>& before, Operation<T>& operation, bool is_head) {
  const std::optional<Fusible<T>> work = operation.fusible();
  if (!work || (is_head && work->activation)) return;
  Operation<T>* const worker = before.fused_into() ? before.fused_into() : &before;
  if (worker->absorb(*work)) operation.fuse_into(worker);
}

}  // namespace ravine
