"""Two made classes in the plane: generate, merge, shuffle, train y = w1 x1 + w2 x2 + b, give the line."""

import numpy as np

import ravine as rv


def cloud(n, centre, seed):
    """Give n points around a centre with standard deviation 1."""
    return rv.kernels.random_normal(np.empty((n, 2)), seed=seed) + np.array(centre)


def points(n=200, seed=0):
    """Give the merged classes in a shuffled order."""
    X = np.concatenate((cloud(n, (1.0, 3.0), seed), cloud(n, (4.0, -1.0), seed + 1)))
    y = np.repeat([0, 1], n)
    order = np.argsort(rv.kernels.random_bits(2 * n, seed=seed + 2), kind="stable")
    return X[order], y[order]


def train(X, y, seed=0):
    """Train one linear unit with the logistic loss; give the model, w1, w2 and b."""
    model = rv.Sequential([rv.layers.Dense(1)], dtype="float64", random_state=seed)
    model.compile(optimizer=rv.optimizers.Adam(learning_rate=0.1), loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(X, y, epochs=30, batch_size=20, verbose=0)
    (w1, w2), b = model.parameters["dense/kernel"][:, 0], model.parameters["dense/bias"][0]
    return model, float(w1), float(w2), float(b)


def main():
    X, y = points()
    model, w1, w2, b = train(X, y)
    print(f"{100 * model.evaluate(X, y)['accuracy']:.2f} % of {len(y)} points are right")
    print(
        f"line between the classes: {w1:.3f} x1 + {w2:.3f} x2 + {b:.3f} = 0, or x2 = {-w1 / w2:.3f} x1 + {-b / w2:.3f}"
    )


if __name__ == "__main__":
    main()
