"""Too little and too much: a net that cannot follow a curve, one that follows the noise, and what helps either."""

import numpy as np

import ravine as rv

WIDTHS = (2, 4, 16, 64)


def points(rows, seed=0, noise=0.3):
    """Give noisy points of a sine."""
    X = rv.kernels.random_uniform(np.empty((rows, 1)), low=-1.0, high=1.0, seed=seed)
    errors = rv.kernels.random_normal(np.empty(rows), deviation=noise, seed=seed, stream=1)
    return X, rv.kernels.sincospi(1.5 * X[:, 0])[0] + errors


X_TEST, Y_TEST = points(2000, seed=1)


def fit(X, y, *, units=64, l2=0.0, epochs=1000, seed=0, **settings):
    """Train a tanh net on all rows at once."""
    layers = [rv.layers.Dense(units, activation="tanh", l2=l2), rv.layers.Dense(1, l2=l2)]
    model = rv.Sequential(layers, dtype="float64", random_state=seed)
    model.compile(optimizer=rv.optimizers.LBFGS(), loss="mse")
    model.fit(X, y, epochs=epochs, batch_size=None, verbose=0, **settings)
    return model


def losses(model, X, y):
    """Give the mean square on the training rows and on others."""
    found = (float(((model.predict(x)[:, 0] - t) ** 2).mean()) for x, t in ((X, y), (X_TEST, Y_TEST)))
    return tuple(found)


def learning_curve(sizes=(30, 100, 600)):
    """Give both losses for more and more rows: against overfitting."""
    return {rows: losses(fit(*points(rows)), *points(rows)) for rows in sizes}


def validation_curve(penalties=(0.0, 1e-3, 1e-1)):
    """Give both losses for a penalty from none to one too strong: too little overfits, too much underfits."""
    X, y = points(30)
    return {l2: losses(fit(X, y, l2=l2), X, y) for l2 in penalties}


def stopped_early():
    """Give both losses of a fit that stops where other rows say so."""
    X, y = points(30)
    stopping = rv.callbacks.EarlyStopping(patience=30)
    return losses(fit(X, y, validation_data=points(100, seed=2), callbacks=[stopping]), X, y)


def bagged(members=20):
    """Give the test losses of nets that each learn rows drawn with replacement, and of the median of what they say."""
    X, y = points(30)
    said = []
    for seed in range(members):
        drawn = rv.kernels.random_uniform(np.empty(len(X)), high=len(X), seed=seed, stream=2).astype(int)
        said.append(fit(X[drawn], y[drawn], units=16, epochs=500, seed=seed).predict(X_TEST)[:, 0])
    alone = [float(((outputs - Y_TEST) ** 2).mean()) for outputs in said]
    return alone, float(((np.median(said, axis=0) - Y_TEST) ** 2).mean())


def features():
    """Give the loss of logistic regression on a circle, and with the squares of the inputs: against underfitting."""
    X, y = rv.datasets.circle(200)
    found = []
    for inputs in (X, np.hstack((X, X**2))):
        model = rv.Sequential([rv.layers.Dense(1)], dtype="float64", random_state=0)
        model.compile(optimizer=rv.optimizers.LBFGS(), loss="binary_crossentropy")
        model.fit(inputs, y, epochs=100, batch_size=None)
        found.append((model.evaluate(inputs, y)["loss"], rv.diagnose(model, inputs, y)))
    return found


def spread(units, seeds=10):
    """Give mean and standard deviation, over first weights, of the loss that training ends with."""
    X, y = points(200)
    ends = [losses(fit(X, y, units=units, seed=seed, epochs=150), X, y)[0] for seed in range(seeds)]
    return float(np.mean(ends)), float(np.std(ends))


def main():
    print("noise alone loses 0.09 on other rows")
    for rows, (train, test) in learning_curve().items():
        print(f"{rows:5d} rows: {train:.3f} on them, {test:.3f} on others")
    for l2, (train, test) in validation_curve().items():
        print(f"30 rows, l2 = {l2:<6g}: {train:.3f} on them, {test:.3f} on others")
    print("30 rows, stopped early: {:.3f} on them, {:.3f} on others".format(*stopped_early()))
    alone, together = bagged()
    print(f"30 rows, 20 nets on rows drawn again: {np.median(alone):.3f} each, {together:.3f} by their median")
    for inputs, (loss, found) in zip(("x1, x2", "x1, x2 and their squares"), features(), strict=True):
        print(f"circle by a line of {inputs}: loss {loss:.4f}, {found}")
    for units in WIDTHS:
        print("{:3d} units, 10 first weights: loss {:.4f} +- {:.4f}".format(units, *spread(units)))


if __name__ == "__main__":
    main()
