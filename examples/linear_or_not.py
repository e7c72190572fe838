"""Why activations: a linear net is one product, and on XOR its cross entropy cannot fall below ln 2."""

import math

import numpy as np

import ravine as rv

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
y = np.array([0, 1, 1, 0])


def train(activation, seed=0):
    """Train a 2-4-4-1 net on the four XOR points; give the model and its losses."""
    model = rv.Sequential(
        [rv.layers.Dense(4, activation=activation), rv.layers.Dense(4, activation=activation), rv.layers.Dense(1)],
        dtype="float64",
        random_state=seed,
    )
    optimizer = rv.optimizers.Adam(learning_rate=0.02)
    model.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    return model, np.array(model.fit(X, y, epochs=500, batch_size=None, verbose=0).history["loss"])


def collapsed(model):
    """Give the weights and the bias of the one layer that equals a linear net."""
    weights, bias = np.eye(2), np.zeros(2)
    parameters = list(model.parameters.values())
    for kernel, shift in zip(parameters[0::2], parameters[1::2], strict=True):
        weights, bias = weights @ kernel, bias @ kernel + shift
    return weights, bias


def main():
    linear, losses = train("linear")
    weights, bias = collapsed(linear)
    gap = abs(linear.predict(X) - (X @ weights + bias)).max()
    print(
        f"linear net: differs from X W1 W2 W3 + b by {gap:.1e}; lowest loss {losses.min():.6f}, ln 2 {math.log(2):.6f}"
    )
    curved, losses = train("tanh")
    print(f"tanh net: loss {losses[-1]:.6f}, {100 * curved.evaluate(X, y)['accuracy']:.0f} % right")


if __name__ == "__main__":
    main()
