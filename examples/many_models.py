"""Many models at once: starts that end in few minima, ensembles, turns of optimizers, averages of weights."""

import math

import numpy as np

import ravine as rv

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([0, 1, 1, 0])


def curve(x):
    """Give a line with five valleys, the deepest at 0."""
    return x[0] ** 2 / 100 - math.cos(x[0])


def balls(count=40):
    """Let many balls roll: they end in five minima."""
    return rv.MultiStart(rv.optimizers.SGD(0.2), starts=count).minimize(curve, bounds=[(-15.7, 15.7)], steps=200)


def xor_starts():
    """Train 16 small nets on the XOR points: some solve it, others get stuck."""
    model = rv.Sequential([rv.layers.Dense(2, "tanh"), rv.layers.Dense(1)], random_state=0)
    model.compile(rv.optimizers.Adam(0.05), loss="binary_crossentropy")
    many = rv.MultiStart(model, starts=16)
    return many, many.fit(CORNERS, XOR, epochs=400, batch_size=None)


def noisy_wave(rows, seed):
    """Give points about a sine."""
    generator = np.random.default_rng(seed)
    X = generator.uniform(-3, 3, (rows, 1))
    return X, np.sin(2 * X[:, 0]) + 0.4 * generator.normal(size=rows)


def net(optimizer):
    """Give a net that can learn the noise by heart."""
    model = rv.Sequential([rv.layers.Dense(48, "tanh"), rv.layers.Dense(1)], random_state=0)
    model.compile(optimizer, loss="mse")
    return model


def bagging(size=8):
    """Return the loss on new points of each member and of their mean."""
    ensemble = rv.Ensemble(net(rv.optimizers.Adam(0.02)), size=size, kind="bagging")
    ensemble.fit(*noisy_wave(100, 0), epochs=200)
    new = noisy_wave(1000, 1)
    return [member.evaluate(*new)["loss"] for member in ensemble.members], ensemble.evaluate(*new)["loss"]


def turns(epochs=200):
    """Return the losses of Adam alone, and of Adam with L-BFGS after it."""
    X, _ = noisy_wave(200, 0)
    optimizers = rv.optimizers.Adam(0.01), [(rv.optimizers.Adam(0.01), epochs // 2), (rv.optimizers.LBFGS(), None)]
    return [net(o).fit(X, np.sin(2 * X), epochs=epochs, batch_size=None).history["loss"][-1] for o in optimizers]


def averages():
    """Return the loss of the last weights of noisy steps, and that of their mean over the later epochs."""
    X, y = noisy_wave(400, 0)
    features = np.hstack([np.sin(k * X) for k in range(1, 9)])
    average = rv.optimizers.WeightAverage(rv.optimizers.SGD(0.05), decay=None, start=10, unit="epoch")
    model = rv.Sequential([rv.layers.Dense(1)], random_state=0)
    model.compile(average, loss="mse")
    model.fit(features, y, epochs=60, batch_size=4)
    return model.evaluate(features, y)["loss"], average.averaged(model).evaluate(features, y)["loss"]


def main():
    print(f"a curve with five valleys: {balls()}")
    many, starts = xor_starts()
    ends = np.unique(starts.losses[[i for i in range(16) if i not in starts.merged]].round(3))
    print(f"XOR: {starts}; losses {ends}; the best says {many.best_model.predict_classes(CORNERS)}")
    members, together = bagging()
    print(f"bagging: members {np.mean(members):.3f} on average, {together:.3f} together")
    alone, chained = turns()
    print(f"200 epochs of Adam: {alone:.1e}; 100, then 100 of L-BFGS: {chained:.1e}")
    last, mean = averages()
    print(f"noisy steps: the last weights {last:.4f}, their mean {mean:.4f}")


if __name__ == "__main__":
    main()
