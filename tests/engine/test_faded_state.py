"""State of dead units does not stay at denormal numbers."""

import numpy as np
import pytest

import ravine as rv


@pytest.mark.parametrize("n_threads", [1, 2])
def test_state_without_gradients_ends_at_zero(n_threads):
    model = rv.Sequential([rv.layers.Input(4), rv.layers.Dense(32, "relu"), rv.layers.Dense(1)], random_state=0)
    model.compile(rv.optimizers.Adam(1e-3, beta_2=0.9), loss="mse")
    X, y = np.ones((32, 4), np.float32), np.ones((32, 1), np.float32)
    model.train_on_batch(X, y)
    model.parameters["dense/bias"][:] = -100
    model.fit(X, y, epochs=2000, n_threads=n_threads, verbose=0)
    state = model._state.network.optimizer_state()
    for slot in "01":
        assert np.all(state[f"{slot}/dense/kernel"] == 0)
        assert np.any(state[f"{slot}/dense_1/bias"] != 0)
