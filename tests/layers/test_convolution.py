"""Layers that convolve: what they compute, their gradients, shapes and bits, and what they refuse."""

import numpy as np
import pytest

import ravine as rv
from ravine import reference
from ravine.layers import (
    Activation,
    AveragePool2D,
    BatchNorm,
    Conv1D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalMaxPool2D,
    Input,
    MaxPool2D,
    Residual,
    UpSampling2D,
    ZeroPadding2D,
)

RNG = np.random.default_rng(0)
ROWS = 37  # a batch of 16, two of them, and 5 rows
IMAGES, SEQUENCES = RNG.normal(size=(ROWS, 9, 8, 2)), RNG.normal(size=(ROWS, 13, 3))
Y = RNG.normal(size=(ROWS, 3))


def built(*layers, shape=(9, 8, 2), dtype="float64", **options):
    """A model with biases that are not zero."""
    model = rv.Sequential([Input(shape), *layers], dtype=dtype, random_state=0, **options)
    for name, w in model.parameters.items():
        if name.endswith("bias"):
            w[...] = np.linspace(-0.3, 0.4, w.size)
    return model


def same(size, kernel, stride, dilation=1):
    """Keras' zeros: what is missing for ceil(size / stride) outputs, the odd one at the end."""
    missing = max(0, ((size + stride - 1) // stride - 1) * stride + (kernel - 1) * dilation + 1 - size)
    return missing // 2, missing - missing // 2


EQUATIONS = {
    "valid": (Conv2D(5, 3), {}),
    "tall": (Conv2D(3, (4, 1), activation="relu"), {}),
    "same": (Conv2D(4, (4, 5), padding="same"), {"padding": (same(9, 4, 1), same(8, 5, 1))}),
    "strides": (Conv2D(4, (2, 3), strides=(3, 2), padding="same"),
                {"strides": (3, 2), "padding": (same(9, 2, 3), same(8, 3, 2))}),
    "dilation": (Conv2D(4, 2, dilation=(3, 2), padding="same"),
                 {"dilation": (3, 2), "padding": (same(9, 2, 1, 3), same(8, 2, 1, 2))}),
    "groups": (Conv2D(6, 3, groups=2, use_bias=False), {"groups": 2}),
    "many": (Conv2D(40, 3, activation="relu"), {}),
    "depthwise": (DepthwiseConv2D(3), {"groups": 2}),
    "depthwise-times-3": (DepthwiseConv2D((2, 3), depth_multiplier=3, strides=2), {"groups": 2, "strides": (2, 2)}),
}  # fmt: skip


@pytest.mark.parametrize("rows", [1, 15, 16, ROWS])
@pytest.mark.parametrize("name", EQUATIONS)
def test_equations(name, rows):
    layer, settings = EQUATIONS[name]
    model = built(layer)
    w = model.parameters[f"{layer.kind}/kernel"]
    kernel = w.reshape(*w.shape[:2], 2 // settings.get("groups", 1), -1)
    bias = model.parameters.get(f"{layer.kind}/bias")
    y = reference.conv2d(IMAGES[:rows], kernel, bias=bias, **settings)
    y = np.maximum(y, 0) if layer.activation_name == "relu" else y
    got = model.predict(IMAGES[:rows])
    assert got.shape[1:] == layer.output_shape((9, 8, 2))
    np.testing.assert_allclose(got, y, rtol=1e-12, atol=1e-13)


def test_a_sequence_is_an_image_of_one_row():
    model = built(Conv1D(4, 3, strides=2, padding="same", activation="tanh"), shape=(13, 3))
    w, bias = model.parameters["conv1d/kernel"], model.parameters["conv1d/bias"]
    settings = {"strides": (1, 2), "padding": ((0, 0), same(13, 3, 2))}
    y = reference.conv2d(SEQUENCES[:, None], w[None], bias=bias, **settings)
    np.testing.assert_allclose(model.predict(SEQUENCES), np.tanh(y[:, 0]), rtol=1e-12, atol=1e-13)


NETWORKS = {
    "lanes": lambda: [Conv2D(3, 3, activation="relu"), Conv2D(4, (2, 3), padding="same", activation="tanh"), Flatten()],
    "rows": lambda: [Conv2D(20, 3, strides=2, activation="relu"), Conv2D(33, 2, dilation=(2, 1), l2=0.01), Flatten()],
    "to-rows-and-back": lambda: [
        Conv2D(5, 3, activation="elu"),
        DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="sigmoid"),
        Conv2D(4, 2, activation="gelu", l1=0.01),
        Conv2D(18, 2, groups=2, activation="relu"),
        Flatten(),
    ],
    "layers-of-activations": lambda: [Conv2D(6, 3), Activation("silu"), Conv2D(6, 3), Activation("relu"),
                                      Activation("tanh"), Flatten()],
    "dropout": lambda: [Conv2D(6, 3, activation="relu"), Dropout(0.3), Conv2D(4, 3, use_bias=False), Flatten()],
    "windows": lambda: [
        Conv2D(6, 3, activation="relu"),
        MaxPool2D(2),
        ZeroPadding2D((1, 0)),
        Conv2D(5, 2, padding="same", activation="tanh"),
        AveragePool2D((2, 3), strides=1),
        UpSampling2D((1, 2)),
        Conv2D(4, 2),
        GlobalMaxPool2D(),
    ],
    "pooled": lambda: [
        Conv2D(20, 3, activation="relu"),
        MaxPool2D(2),
        Conv2D(18, 2, use_bias=False),
        MaxPool2D((2, 1), strides=1),
        Flatten(),
    ],
    "norms": lambda: [
        Conv2D(20, 3, use_bias=False),
        BatchNorm(),
        Activation("relu"),
        MaxPool2D(2),
        Conv2D(6, 2),
        BatchNorm(),
        Activation("tanh"),
        Flatten(),
    ],
    "inside": lambda: [Residual([Conv2D(5, 3, padding="same", activation="relu"), Conv2D(2, 3, padding="same")]),
                       Conv2D(4, 3, activation="relu"), Residual([Conv2D(4, 1)]), Flatten()],
}  # fmt: skip


def network(name):
    """A network for images, and three numbers."""
    return [*NETWORKS[name](), Dense(3)]


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"dropout"}))
def test_gradients(name):
    model = built(*network(name))
    model.compile(optimizer="adam", loss="mse")
    assert rv.check_gradients(model, IMAGES, Y)


@pytest.mark.parametrize("filters", [3, 20])
def test_gradients_where_a_convolution_is_last(filters):
    model = built(Conv2D(4, 3, activation="relu"), Conv2D(filters, (7, 6)), Flatten())
    model.compile(optimizer="adam", loss="mse")
    assert rv.check_gradients(model, IMAGES, np.resize(Y, (ROWS, filters)))


def test_gradients_of_sequences():
    model = built(
        Conv1D(5, 4, activation="tanh"), Conv1D(4, 2, dilation=2, groups=1), Flatten(), Dense(3), shape=(13, 3)
    )
    model.compile(optimizer="adam", loss="mse")
    assert rv.check_gradients(model, SEQUENCES, Y)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_has_the_same_bits_with_any_number_of_threads_and_after_a_file(name, dtype, tmp_path):
    X, y = np.concatenate([IMAGES] * 3), np.concatenate([Y] * 3)

    def fitted(threads, epochs=2):
        model = built(*network(name), dtype=dtype)
        model.compile(optimizer="adam", loss="mse")
        model.fit(X, y, epochs=epochs, batch_size=50, n_threads=threads)
        return model

    first = fitted(1)
    for threads in (2, 3, 8):
        other = fitted(threads).parameters
        assert all(np.array_equal(w, other[key]) for key, w in first.parameters.items())
    half = fitted(2, epochs=1)
    half.save(tmp_path / "half.ravine")
    loaded = rv.load(tmp_path / "half.ravine")
    assert repr(loaded.layers) == repr(half.layers)
    loaded.fit(X, y, epochs=1, batch_size=50)
    assert all(np.array_equal(w, loaded.parameters[key]) for key, w in first.parameters.items())


@pytest.mark.parametrize("name", NETWORKS)
def test_a_row_has_the_same_bits_alone(name):
    model = built(*network(name), dtype="float32")
    X = IMAGES.astype(np.float32)
    together = model.predict(X)
    assert all(np.array_equal(model.predict(X[i : i + 1]), together[i : i + 1]) for i in (0, 15, 16, ROWS - 1))
    for layer in range(len(model.layers)):
        features = model.transform(X, layer=layer)
        assert np.array_equal(model.transform(X[3:4], layer=layer), features[3:4])


def test_large_networks_are_cut_by_outputs():
    X = np.random.default_rng(1).normal(size=(48, 12, 12, 4)).astype(np.float32)
    y = X[:, 0, 0, :2]

    def fitted(threads):
        layers = [Conv2D(8, 3, activation="relu"), Conv2D(40, 3, activation="relu"), Flatten(), Dense(64), Dense(2)]
        model = built(*layers, shape=(12, 12, 4), dtype="float32")
        model.compile(optimizer="adam", loss="mse")
        model.fit(X, y, epochs=2, batch_size=40, n_threads=threads)
        return model.parameters

    first = fitted(1)
    assert sum(w.nbytes for w in first.values()) > 512 << 10
    for threads in (2, 3, 8):
        other = fitted(threads)
        assert all(np.array_equal(w, other[key]) for key, w in first.items())


def test_filters_keep_within_their_norms():
    model = built(Conv2D(4, 3, kernel_constraint=rv.constraints.MaxNorm(0.5)), Flatten(), Dense(3))
    model.compile(optimizer=rv.optimizers.SGD(0.5), loss="mse")
    model.fit(IMAGES, Y, epochs=2, batch_size=16)
    norms = np.linalg.norm(model.parameters["conv2d/kernel"].reshape(-1, 4), axis=0)
    assert np.all(norms <= 0.5 * (1 + 1e-12)) and norms.max() > 0.49


def test_first_values_have_the_variance_of_the_fans():
    model = built(Conv2D(64, 5, kernel_initializer="he_normal"), shape=(9, 8, 32), dtype="float32")
    assert model.parameters["conv2d/kernel"].std() == pytest.approx((2 / (25 * 32)) ** 0.5, rel=0.02)
    model = built(DepthwiseConv2D(5, depth_multiplier=2), shape=(9, 8, 512), dtype="float32")
    assert model.parameters["depthwise_conv2d/kernel"].std() == pytest.approx((2 / (25 + 50)) ** 0.5, rel=0.02)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Conv2D(0, 3), ValueError, "filters must be an int >= 1, got 0"),
        (lambda: Conv2D(True, 3), ValueError, "filters must be an int >= 1, got True"),
        (lambda: Conv2D(3, 0), ValueError, "kernel_size must be an int >= 1 or two of them, got 0"),
        (lambda: Conv2D(3, (1, 2, 3)), ValueError, r"kernel_size must be an int >= 1 or two of them, got \(1, 2, 3\)"),
        (lambda: Conv2D(3, 2, strides=1.5), ValueError, "strides must be an int >= 1 or two of them, got 1.5"),
        (lambda: Conv2D(3, 2, dilation=(1, 0)), ValueError, r"dilation must be an int >= 1 or two of .*got \(1, 0\)"),
        (lambda: Conv2D(3, 2, padding="full"), ValueError, "unknown padding 'full'"),
        (lambda: Conv2D(6, 2, groups=4), ValueError, "groups must divide filters=6, got 4"),
        (lambda: Conv1D(6, (2, 2)), ValueError, r"kernel_size must be an int >= 1, got \(2, 2\)"),
        (lambda: DepthwiseConv2D(2, depth_multiplier=0), ValueError, "depth_multiplier must be an int >= 1, got 0"),
        (lambda: built(Conv2D(4, 3), shape=72), ValueError,
         r"\(conv2d\): Conv2D takes images.*got rows of shape \(72,\)"),
        (lambda: built(Conv1D(4, 3)), ValueError, r"Conv1D takes sequences.*got rows of shape \(9, 8, 2\)"),
        (lambda: built(Conv2D(4, 4, groups=4)), ValueError,
         r"groups=4 must divide the channels of rows of shape \(9, 8, 2\)"),
        (lambda: built(Conv2D(4, 5), shape=(3, 3, 1)), ValueError, r"kernel \(5, 5\) exceeds padded input \(3, 3\)"),
        (lambda: built(Conv2D(4, 3, dilation=4)), ValueError,
         r"kernel \(9, 9\), dilation \(4, 4\) included, exceeds padded input \(9, 8\)"),
        (lambda: built(Conv2D(4, 3), Dense(3)), ValueError, r"Dense takes flat rows, got rows of shape \(7, 6, 4\)"),
    ],
)  # fmt: skip
def test_what_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_rows_of_another_shape_are_refused():
    model = built(Conv2D(4, 3), Flatten(), Dense(3))
    with pytest.raises(ValueError, match=r"\(8, 9, 2\).*\(9, 8, 2\)|\(9, 8, 2\).*\(8, 9, 2\)"):
        model.predict(IMAGES.transpose(0, 2, 1, 3))


def test_torch_agrees():
    torch = pytest.importorskip("torch")
    model = built(
        Conv2D(6, 3, activation="relu"), Conv2D(20, (3, 2), strides=(2, 1), dilation=(1, 2)), Flatten(), Dense(3)
    )
    model.compile(optimizer="adam", loss="mse")
    parameters = {name: torch.tensor(w, requires_grad=True) for name, w in model.parameters.items()}

    def convolved(x, name, **settings):
        kernel = parameters[f"{name}/kernel"].permute(3, 2, 0, 1)
        return torch.nn.functional.conv2d(x, kernel, parameters[f"{name}/bias"], **settings)

    x = torch.tensor(IMAGES).permute(0, 3, 1, 2)
    x = convolved(torch.relu(convolved(x, "conv2d")), "conv2d_1", stride=(2, 1), dilation=(1, 2))
    z = x.permute(0, 2, 3, 1).flatten(1) @ parameters["dense/kernel"] + parameters["dense/bias"]
    loss = ((z - torch.tensor(Y)) ** 2).mean()
    loss.backward()
    value, gradients = model.loss_and_gradients(IMAGES, Y)
    assert value == pytest.approx(loss.item(), rel=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, parameters[name].grad.numpy(), rtol=1e-10, atol=1e-12)
