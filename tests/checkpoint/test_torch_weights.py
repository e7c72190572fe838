"""Weights from and for PyTorch."""

import numpy as np
import pytest

import ravine as rv
from ravine import CheckpointMismatchError
from ravine.layers import Activation, BatchNorm, Dense, Dropout, Flatten, Input, LayerNorm

X = np.random.default_rng(2).normal(size=(7, 2, 3)).astype(np.float32)


def ours():
    layers = [
        Input((2, 3)), Flatten(), Dense(5, "tanh", name="first"), Dropout(0.5), Dense(4, use_bias=False),
        Activation("relu"), Dense(2, "sigmoid"), Dense(3),
    ]  # fmt: skip
    return rv.Sequential(layers, random_state=1)


def theirs(torch):
    nn = torch.nn
    return nn.Sequential(
        nn.Flatten(), nn.Linear(6, 5), nn.Tanh(), nn.Dropout(0.5), nn.Linear(5, 4, bias=False), nn.ReLU(),
        nn.Linear(4, 2), nn.Sigmoid(), nn.Linear(2, 3),
    ).eval()  # fmt: skip


@pytest.mark.torch
def test_weights_move_both_ways():
    torch = pytest.importorskip("torch")
    model, module = ours(), theirs(torch)
    before = model.predict(X)
    assert not np.allclose(module(torch.from_numpy(X)).detach().numpy(), before, atol=1e-3)
    module.load_state_dict(rv.to_torch(model))
    np.testing.assert_allclose(module(torch.from_numpy(X)).detach().numpy(), before, atol=2e-6)
    fresh = theirs(torch)
    model.load_weights(rv.from_torch(fresh.state_dict(), model=model))
    np.testing.assert_allclose(fresh(torch.from_numpy(X)).detach().numpy(), model.predict(X), atol=2e-6)


@pytest.mark.torch
def test_norms_and_their_statistics_move_both_ways():
    torch = pytest.importorskip("torch")
    nn = torch.nn
    layers = [Input((2, 3)), Flatten(), BatchNorm(), Dense(5, "relu"), LayerNorm(), BatchNorm(center=False), Dense(2)]
    model = rv.Sequential(layers, random_state=1)
    model.compile("adam", "mse")
    model.fit(X, X[:, 0, :2], epochs=5)

    def module():
        return nn.Sequential(
            nn.Flatten(),
            nn.BatchNorm1d(6),
            nn.Linear(6, 5),
            nn.ReLU(),
            nn.LayerNorm(5),
            nn.BatchNorm1d(5),
            nn.Linear(5, 2),
        ).eval()

    one = module()
    one.load_state_dict(rv.to_torch(model))
    np.testing.assert_allclose(one(torch.from_numpy(X)).detach().numpy(), model.predict(X), atol=2e-6)
    other = rv.Sequential([*layers[:5], BatchNorm(), Dense(2)], random_state=2)
    other.load_weights(rv.from_torch(one.state_dict(), model=other))
    np.testing.assert_allclose(other.predict(X), model.predict(X), atol=2e-6)


@pytest.mark.torch
def test_a_state_dict_holds_copies():
    torch = pytest.importorskip("torch")
    model = ours()
    state = rv.to_torch(model)
    state["1.weight"].zero_()
    assert model.parameters["first/kernel"].any()
    given = torch.nn.Linear(2, 1).state_dict()
    found = rv.from_torch({f"0.{name}": value for name, value in given.items()})
    found["dense/kernel"][...] = 9
    assert not (given["weight"] == 9).any()


WEIGHT, BIAS = np.arange(6.0).reshape(3, 2), np.arange(3.0)


def test_kernels_are_transposed_and_named_in_their_order():
    found = rv.from_torch({"b.weight": WEIGHT, "b.bias": BIAS, "a.weight": WEIGHT.T})
    assert list(found) == ["dense/kernel", "dense/bias", "dense_1/kernel"]
    np.testing.assert_array_equal(found["dense/kernel"], WEIGHT.T)
    np.testing.assert_array_equal(found["dense_1/kernel"], WEIGHT)
    assert all(w.flags.c_contiguous and w.flags.owndata for w in found.values())


def test_norms_are_told_by_their_parts():
    names = ("weight", "bias", "running_mean", "running_var")
    given = {**{f"1.{part}": BIAS for part in names}, "1.num_batches_tracked": 3, "2.weight": BIAS, "2.bias": BIAS}
    assert list(rv.from_torch({"0.weight": WEIGHT, **given})) == [
        "dense/kernel", "batch_norm/gamma", "batch_norm/beta", "batch_norm/moving_mean", "batch_norm/moving_variance",
        "layer_norm/gamma", "layer_norm/beta",
    ]  # fmt: skip
    with pytest.raises(CheckpointMismatchError, match="state_dict has 1 batch norms, the model 0 of its layers"):
        rv.from_torch({f"1.{part}": BIAS for part in names}, model=rv.Sequential([Input(3), Flatten(), LayerNorm()]))


BAD = [
    ([WEIGHT], TypeError, "state_dict must be a dict of tensors by name, got list"),
    (
        {"0.weight": BIAS},
        CheckpointMismatchError,
        r"state_dict\['0.weight'\] of shape \(3,\) belongs to no linear layer",
    ),
    ({"0.running_mean": BIAS}, CheckpointMismatchError, "'0.running_mean'"),
    ({"0.weight": np.zeros((2, 2, 3, 3))}, CheckpointMismatchError, "belongs to no linear layer"),
    ({"0.bias": BIAS}, CheckpointMismatchError, "has a bias, but no weight, for '0'"),
]


@pytest.mark.parametrize(("state", "error", "message"), BAD)
def test_what_is_no_net_of_linear_layers(state, error, message):
    with pytest.raises(error, match=message):
        rv.from_torch(state)


def test_another_number_of_layers():
    with pytest.raises(CheckpointMismatchError, match="state_dict has 1 linear layers, the model 4 dense ones"):
        rv.from_torch({"0.weight": WEIGHT}, model=ours())


@pytest.mark.torch
def test_to_torch_needs_weights():
    pytest.importorskip("torch")
    with pytest.raises(rv.NotFittedError):
        rv.to_torch(rv.Sequential([Dense(1)]))
