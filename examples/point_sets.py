"""Circle, XOR, two clouds and a spiral: what a line, a small tanh net and made features can separate."""

import numpy as np

import ravine as rv

# hidden layers, learning rate and epochs of the small tanh nets
NETS = {
    "circle": {"hidden": (6,), "learning_rate": 0.03, "epochs": 100},
    "xor": {"hidden": (8,), "learning_rate": 0.03, "epochs": 100},
    "gaussian": {"hidden": (4,), "learning_rate": 0.03, "epochs": 30},
    "spiral": {"hidden": (32, 32), "learning_rate": 0.003, "epochs": 600},
}


def features(X):
    """Give x1, x2, their squares, product and sines."""
    x1, x2 = X.T
    sines = [rv.kernels.sincospi(np.ascontiguousarray(x / np.pi))[0] for x in (x1, x2)]
    return np.stack((x1, x2, x1**2, x2**2, x1 * x2, *sines), axis=1)


def accuracy(X, y, *, hidden=(), activation="tanh", learning_rate=0.03, epochs=100, seed=0):
    """Train a net with these hidden layers and give its accuracy on the set; none is logistic regression."""
    model = rv.Sequential(
        [*(rv.layers.Dense(units, activation=activation) for units in hidden), rv.layers.Dense(1)],
        dtype="float64",
        random_state=seed,
    )
    optimizer = rv.optimizers.Adam(learning_rate=learning_rate)
    model.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(X, y, epochs=epochs, batch_size=10, verbose=0)
    return model.evaluate(X, y)["accuracy"]


def main():
    print("set        line     tanh net   features, no hidden layer")
    for name, settings in NETS.items():
        X, y = getattr(rv.datasets, name)(200)
        line = accuracy(X, y)
        net = accuracy(X, y, **settings)
        made = accuracy(features(X), y)
        print(f"{name:<9} {100 * line:5.1f} %    {100 * net:5.1f} %    {100 * made:5.1f} %")
    X, y = rv.datasets.circle(200)
    squares = accuracy(X**2, y, learning_rate=0.1, epochs=49)
    print(f"circle, logistic regression on the squares, 49 epochs: {100 * squares:.1f} %")
    units = accuracy(X, y, hidden=(3,), activation="sigmoid", learning_rate=0.1, epochs=200)
    print(f"circle, three sigmoid units side by side: {100 * units:.1f} %")


if __name__ == "__main__":
    main()
