"""What holds for inputs of any shape, type and layout, tried on those that hypothesis makes up."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import ravine as rv
from ravine import reference
from ravine.layers import Dense

usual = settings(max_examples=150, deadline=None, derandomize=True, database=None, print_blob=False)
FLOATS = ("<f2", "<f4", "<f8", ">f4", ">f8")
WHOLE = ("?", "<i1", "<u1", "<i2", ">i2", "<u2", "<i4", ">i8")


@st.composite
def matrices(draw):
    """Finite numbers of any dtype, in memory that is C-ordered, Fortran-ordered, reversed, strided or unaligned."""
    dtype = np.dtype(draw(st.sampled_from(FLOATS + WHOLE)))
    shape = draw(st.integers(1, 40)), draw(st.integers(1, 20))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = generator.normal(size=shape) * 10.0 ** draw(st.integers(-4, 2))
    if dtype.kind in "iub":
        values = np.clip(np.round(values), 0, 100)
    values = values.astype(dtype)
    layout = draw(st.sampled_from(["C", "F", "reversed", "strided", "broadcast", "unaligned", "read-only"]))
    if layout == "F":
        return np.asfortranarray(values)
    if layout == "reversed":
        return values[::-1, ::-1]
    if layout == "strided":
        return np.repeat(np.repeat(values, 2, axis=0), 3, axis=1)[::2, ::3]
    if layout == "broadcast":
        return np.broadcast_to(values[:1], shape)
    if layout == "unaligned":
        memory = np.zeros(values.nbytes + 1, np.uint8)
        moved = memory[1:].view(dtype).reshape(shape)
        moved[...] = values
        return moved
    values.flags.writeable = layout != "read-only"
    return values


def model(dtype, seed=0):
    made = rv.Sequential([Dense(5, "tanh"), Dense(1)], random_state=seed, dtype=dtype)
    made.compile("adam", "mse")
    return made


@usual
@given(matrices(), st.sampled_from(["float32", "float64"]), st.integers(1, 50), st.integers(1, 3))
def test_a_fit_sees_values_alone(X, dtype, batch_size, n_threads):
    """Neither layout nor type of the input, nor the number of threads, changes a bit; the input stays as it is."""
    before, plain = X.copy(), np.ascontiguousarray(X).astype(dtype)
    y = plain[:, 0].astype(float)
    ours, theirs = model(dtype), model(dtype)
    ours.fit(X, y, epochs=2, batch_size=batch_size, n_threads=n_threads, verbose=0)
    theirs.fit(plain, y, epochs=2, batch_size=batch_size, n_threads=1, verbose=0)
    for name, w in ours.parameters.items():
        assert w.tobytes() == theirs.parameters[name].tobytes()
    assert ours.predict(X).tobytes() == theirs.predict(plain).tobytes()
    assert X.tobytes() == before.tobytes()


@usual
@given(st.integers(0, 90), st.integers(0, 90), st.integers(0, 90), st.sampled_from(["nn", "tn", "nt"]), st.booleans())
def test_products_of_any_shape(m, k, n, form, wide):
    generator = np.random.default_rng(m + 100 * k + 10_000 * n)
    dtype = np.float64 if wide else np.float32
    # whole numbers: exact in any order
    a, b = (generator.integers(-8, 9, shape).astype(dtype) for shape in ((m, k), (k, n)))
    given_a, given_b = (np.ascontiguousarray(x) for x in (a.T if form == "tn" else a, b.T if form == "nt" else b))
    got = rv.kernels.matmul(given_a, given_b, transpose_a=form == "tn", transpose_b=form == "nt")
    assert np.array_equal(got, a @ b)


NAMES = rv._core.baseline.names
ARRAYS = arrays.arrays(
    st.sampled_from([np.float32, np.float64]),
    arrays.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=40),
    elements=st.floats(-30, 30, width=32),
)


@usual
@given(ARRAYS, st.sampled_from(sorted({*NAMES["elementary"], *NAMES["activations"]})))
def test_maps_of_any_shape(x, name):
    with np.errstate(all="ignore"):
        want = getattr(reference, name)(x)
    got = getattr(rv.kernels, name)(x)
    assert got.shape == want.shape and got.dtype == x.dtype
    # tails such as gelu's are exp(-x^2 / 2) inside: a rounding of the exponent is x^2 / 2 roundings of the result
    roundings = 64 + np.max(np.square(x, dtype=np.float64), initial=0.0)
    np.testing.assert_allclose(got, want, rtol=roundings * np.finfo(x.dtype).eps, atol=64 * np.finfo(x.dtype).tiny)


ANYTHING = st.one_of(
    arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)),
    st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()), st.lists, max_leaves=6),
)
TAKES = ("X", "y", "sample_weight", "class_weight", "validation_data")


@settings(usual, max_examples=400)
@pytest.mark.filterwarnings("ignore")
@given(ANYTHING, st.sampled_from(TAKES))
def test_whatever_is_given_is_taken_or_refused(given_value, where):
    """Nothing ends the process, nor in an error of another kind, nor in weights that are not finite."""
    made = model("float32")
    arguments = {"X": np.ones((3, 2)), "y": np.ones(3), **{where: given_value}}
    try:
        made.fit(arguments.pop("X"), arguments.pop("y"), n_threads=1, verbose=0, **arguments)
    except (TypeError, ValueError, rv.DivergenceError):
        return
    assert all(np.isfinite(w).all() for w in made.parameters.values())


@settings(usual, max_examples=400)
@given(ANYTHING, ANYTHING, st.sampled_from(sorted(name for name in dir(rv.kernels) if name[0] != "_")))
def test_kernels_take_or_refuse_whatever_they_are_given(first, second, name):
    kernel = getattr(rv.kernels, name)
    if not callable(kernel):
        return
    with suppress(TypeError, ValueError):
        kernel(first, second)
