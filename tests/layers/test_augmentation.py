"""RandomFlip, RandomTranslation and RandomCrop in models: what training sees, what inference sees, what is refused."""

import numpy as np
import pytest

import ravine as rv
from ravine.layers import Dense, Dropout, Flatten, Input, RandomCrop, RandomFlip, RandomTranslation, Residual

SHAPE = (5, 6, 2)


def net(*layers, dtype="float64", shape=SHAPE, seed=3):
    model = rv.Sequential([Input(shape), *layers, Flatten(), Dense(1, use_bias=False)], dtype=dtype, random_state=seed)
    model.compile(optimizer=rv.optimizers.SGD(0.0), loss=rv.losses.MeanSquaredError(reduction="sum"))
    return model


def seen(model, image, steps=1):
    """What the layers before the last make of an image in training, by the gradient of the last one's weights.

    The loss (y - t)^2 has the gradient 2 (y - t) x: with weights 0 and t = -1/2 it is x.
    """
    model.parameters[next(iter(model.parameters))][...] = 0.0
    found = []
    for _ in range(steps):
        before = int(model._state.network.step)
        model.train_on_batch(image[np.newaxis], [-0.5])
        assert int(model._state.network.step) == before + 1
        found.append(next(iter(model._state.network.gradients().values())).ravel().copy())
    return np.array(found)


IMAGE = np.arange(1.0, 61.0).reshape(SHAPE)


def flips(image):
    return {"none": image, "left-right": image[:, ::-1], "up-down": image[::-1], "both": image[::-1, ::-1]}


@pytest.mark.parametrize(
    ("mode", "allowed"),
    [
        ("horizontal", {"none", "left-right"}),
        ("vertical", {"none", "up-down"}),
        ("horizontal_and_vertical", {"none", "left-right", "up-down", "both"}),
    ],
)
def test_flips(mode, allowed):
    found = seen(net(RandomFlip(mode)), IMAGE, 200)
    wanted = {name: image.ravel() for name, image in flips(IMAGE).items() if name in allowed}
    counts = {name: int((found == image).all(axis=1).sum()) for name, image in wanted.items()}
    assert sum(counts.values()) == 200
    assert min(counts.values()) > 200 / len(allowed) * 0.6


PADDING = {"reflect": "symmetric", "nearest": "edge", "wrap": "wrap", "constant": "constant"}


@pytest.mark.parametrize("fill_mode", PADDING)
@pytest.mark.parametrize(
    ("factors", "rows", "cols"),
    [
        ((0.2, 0.0), range(-1, 2), range(1)),
        ((0.0, 0.5), range(1), range(-3, 4)),
        ((0.4, 1 / 6), range(-2, 3), range(-1, 2)),
        (((-0.2, 0.4), (0.0, 0.4)), range(-1, 3), range(3)),
        ((1.0, (0.34, 0.5)), range(-5, 6), range(3, 4)),
        ((0.19, 0.16), range(1), range(1)),
    ],
)
def test_translations(factors, rows, cols, fill_mode):
    settings = {"constant_values": 7.5} if fill_mode == "constant" else {}
    padded = np.pad(IMAGE, ((5, 5), (6, 6), (0, 0)), mode=PADDING[fill_mode], **settings)
    wanted = {(y, x): padded[5 - y : 10 - y, 6 - x : 12 - x].ravel() for y in rows for x in cols}
    layer = RandomTranslation(*factors, fill_mode=fill_mode, fill_value=7.5)
    found = seen(net(layer), IMAGE, 40 * len(wanted))
    matches = np.array([(found == image).all(axis=1) for image in wanted.values()])
    assert matches.any(axis=0).all()
    assert matches.any(axis=1).all()


@pytest.mark.parametrize("padding", [0, 2])
@pytest.mark.parametrize(("height", "width"), [(5, 6), (3, 4), (1, 1)])
def test_crops(height, width, padding):
    around = ((padding, padding), (padding, padding), (0, 0))
    padded = np.pad(IMAGE, around, constant_values=-2.0)
    places = [(y, x) for y in range(padded.shape[0] - height + 1) for x in range(padded.shape[1] - width + 1)]
    wanted = [padded[y : y + height, x : x + width].ravel() for y, x in places]
    model = net(RandomCrop(height, width, padding=padding, fill_value=-2.0))
    found = seen(model, IMAGE, 200)
    matches = np.array([(found == image).all(axis=1) for image in wanted])
    assert matches.any(axis=0).all()
    assert matches.any(axis=1).mean() > 0.6
    top, left = (padded.shape[0] - height) // 2, (padded.shape[1] - width) // 2
    central = model.transform(IMAGE[np.newaxis], layer=0)
    np.testing.assert_array_equal(central[0], padded[top : top + height, left : left + width])


@pytest.mark.parametrize("layer", [RandomFlip(), RandomTranslation(0.3, 0.3), RandomFlip("horizontal_and_vertical")])
def test_nothing_moves_at_inference(layer):
    model = net(layer)
    X = np.random.default_rng(0).random((9, *SHAPE))
    np.testing.assert_array_equal(model.transform(X, layer=0), X)
    plain = net()
    plain.set_weights(model.get_weights())
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))
    assert model.evaluate(X, X.sum(axis=(1, 2, 3))) == plain.evaluate(X, X.sum(axis=(1, 2, 3)))


def trained(*, threads=1, seed=3, dtype="float32", n=300, epochs=3, batch_size=64):
    layers = [RandomTranslation(0.2, 0.2), RandomFlip(), RandomCrop(4, 4, padding=1), Flatten(), Dense(30, "relu")]
    model = rv.Sequential([*layers, Dropout(0.2), Dense(3)], random_state=seed, dtype=dtype)
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    rng = np.random.default_rng(1)
    model.fit(rng.random((n, *SHAPE)), rng.integers(0, 3, n), epochs=epochs, batch_size=batch_size, n_threads=threads)
    return b"".join(w.tobytes() for w in model.get_weights())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits_for_any_number_of_threads(dtype):
    assert len({trained(threads=threads, dtype=dtype) for threads in (1, 2, 3, 8)}) == 1
    assert trained(seed=4, dtype=dtype) != trained(dtype=dtype)


def test_each_step_draws_anew_and_a_seed_draws_the_same():
    runs = [seen(net(RandomFlip(), RandomTranslation(0.4, 0.4), seed=seed), IMAGE, 30) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
    assert len(np.unique(runs[0], axis=0)) > 15


def test_two_layers_of_a_kind_draw_apart():
    twice = seen(net(RandomFlip(), RandomFlip()), IMAGE, 100)
    mirrored = (twice != IMAGE.ravel()).any(axis=1)
    assert 25 < mirrored.sum() < 75


def test_augmentation_inside_a_branch():
    model = net(Residual([RandomFlip()]))
    found = seen(model, IMAGE, 50)
    kinds = [2 * IMAGE.ravel(), (IMAGE + IMAGE[:, ::-1]).ravel()]
    assert all((found == kind).all(axis=1).any() for kind in kinds)


def test_augmented_training_learns_what_shifts_leave():
    """A bar anywhere: seen at one place only, a net finds it elsewhere only if training moves it."""

    def bars(n, places, seed):
        rng = np.random.default_rng(seed)
        X, y = 0.1 * rng.standard_normal((n, 7, 7, 1)), rng.integers(0, 2, n)
        for image, upright, place in zip(X, y, rng.choice(places, n), strict=True):
            image[(slice(1, 6), place) if upright else (place, slice(1, 6))] += 1.0
        return X, y

    scores = {}
    for name, layers in {"still": [], "moved": [RandomTranslation(0.4, 0.4, fill_mode="constant")]}.items():
        model = rv.Sequential([*layers, Flatten(), Dense(32, "relu"), Dense(1, "sigmoid")], random_state=0)
        model.compile(optimizer=rv.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
        model.fit(*bars(400, [3], 0), epochs=40)
        scores[name] = model.evaluate(*bars(300, [1, 2, 4, 5], 1))["accuracy"]
    assert scores["moved"] > 0.95 > scores["still"] + 0.1


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([RandomFlip()], "LBFGS needs a loss that is the same .* layer 0 is RandomFlip"),
        ([Flatten(), Dense(4), Residual([Dropout(0.1)])], "LBFGS needs a loss that is the same"),
    ],
)
def test_searching_optimizers_refuse_what_draws(layers, message):
    model = rv.Sequential([*layers, Flatten(), Dense(1)])
    with pytest.raises(ValueError, match=message):
        model.compile(optimizer="lbfgs", loss="mse")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: RandomFlip("diagonal"), ValueError, "unknown mode 'diagonal'; choose from 'horizontal', "),
        (lambda: RandomFlip(None), ValueError, "unknown mode None"),
        (lambda: RandomFlip(name=""), ValueError, "name must be"),
        (lambda: RandomTranslation(1.1, 0), ValueError, r"height_factor must be a number in \[0.0, 1.0\], got 1.1"),
        (lambda: RandomTranslation(0, -0.1), ValueError, r"width_factor must be a number in \[0.0, 1.0\], got -0.1"),
        (lambda: RandomTranslation(0, True), TypeError, "width_factor must be a number"),
        (lambda: RandomTranslation(0, float("nan")), ValueError, "width_factor must be a number"),
        (lambda: RandomTranslation((0.1,), 0), ValueError, "height_factor must be a number in .* or two in"),
        (lambda: RandomTranslation((0.2, 0.1), 0), ValueError, r"height_factor must be \(lowest, highest\), got"),
        (lambda: RandomTranslation((-1.2, 0.1), 0), ValueError, r"height_factor must be a number in \[-1.0, 1.0\]"),
        (lambda: RandomTranslation(0, 0, fill_mode="edge"), ValueError, "unknown fill_mode 'edge'"),
        (lambda: RandomTranslation(0, 0, fill_value="0"), TypeError, "fill_value must be a number"),
        (lambda: RandomTranslation(0, 0, fill_value=float("inf")), ValueError, "fill_value must be a number"),
        (lambda: RandomCrop(0, 1), ValueError, r"height must be an int in \[1, .*\], got 0"),
        (lambda: RandomCrop(1, 1.5), ValueError, "width must be an int"),
        (lambda: RandomCrop(1, 1, padding=-1), ValueError, "padding must be an int"),
        (lambda: RandomCrop(1, 1, fill_value=None), TypeError, "fill_value must be a number"),
        (lambda: net(RandomCrop(6, 6)), ValueError, r"a window of 6 x 6 pixels does not fit into images of 5 x 6 "),
        (lambda: net(RandomCrop(5, 9, padding=1)), ValueError, "does not fit into images of 5 x 6, padded to 7 x 8"),
        (
            lambda: net(RandomFlip(), shape=(4,)),
            ValueError,
            r"RandomFlip takes images, rows .* got rows of shape \(4,\)",
        ),
        (lambda: net(RandomTranslation((0.05, 0.1), 0)), ValueError, "no whole number of pixels is between 0.05 and"),
        (lambda: net(RandomCrop(2, 2, padding=1, fill_value=1e300), dtype="float32"), ValueError, "is too large"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (RandomFlip(), "RandomFlip()"),
        (RandomFlip("vertical", name="f"), "RandomFlip(mode='vertical', name='f')"),
        (RandomTranslation(0.1, (0, 0.5)), "RandomTranslation(0.1, (0.0, 0.5))"),
        (
            RandomTranslation(0, 0.5, fill_mode="constant", fill_value=1),
            "RandomTranslation(0.0, 0.5, fill_mode='constant', fill_value=1.0)",
        ),
        (RandomCrop(2, 3), "RandomCrop(2, 3)"),
        (RandomCrop(2, 3, padding=1, fill_value=0.5), "RandomCrop(2, 3, padding=1, fill_value=0.5)"),
    ],
)
def test_text(layer, text):
    assert repr(layer) == text
