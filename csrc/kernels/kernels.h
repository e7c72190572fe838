// Every kernel's signature and the table of them, for who goes through the whole table. A kernel, and an operation of
// the engine, includes the signatures that it has to do with.
//
// Arguments come in the order outputs, inputs, sizes, settings. Matrices are row-major; `rows` and `cols` are their
// sizes, and rows follow each other without padding unless a stride (`ld...`) is given. Gradients carry the prefix d.
// A kernel allocates nothing, throws nothing and starts no thread: it works on the range it is given.
#pragma once

#include "kernels/signatures/activations.h"
#include "kernels/signatures/augment.h"
#include "kernels/signatures/batch_norm.h"
#include "kernels/signatures/border.h"
#include "kernels/signatures/clip.h"
#include "kernels/signatures/convolution.h"
#include "kernels/signatures/elementary.h"
#include "kernels/signatures/finish.h"
#include "kernels/signatures/frozen.h"
#include "kernels/signatures/lanes.h"
#include "kernels/signatures/layer_norm.h"
#include "kernels/signatures/losses.h"
#include "kernels/signatures/matmul.h"
#include "kernels/signatures/metrics.h"
#include "kernels/signatures/pooling.h"
#include "kernels/signatures/random.h"
#include "kernels/signatures/rows.h"
#include "kernels/signatures/sparse.h"
#include "kernels/signatures/standardize.h"
#include "kernels/signatures/updates.h"
#include "kernels/signatures/vector.h"
#include "kernels/table.h"
