"""Two rows in a hundred are of a class whose gradients are large: draw them as often as lets gradients vary least."""

import numpy as np

import ravine as rv

ROWS, RARE, EPOCHS, BATCH = 2000, 0.02, 20, 32


def points(seed=0):
    """Give rows and labels: a few rows of class 1, far out and in part on the wrong side, among many of class 0."""
    rng = np.random.default_rng(seed)
    y = (np.arange(ROWS) % round(1 / RARE) == 0).astype(int)
    X = rng.normal(size=(ROWS, 10)) - 1.0
    X[y == 1] = 6.0 * rng.normal(size=(y.sum(), 10)) + 1.0
    return X, y


def compiled(learning_rate=0.02, seed=0):
    """Give a small dense net, trained by plain descent."""
    model = rv.Sequential(
        [rv.layers.Dense(16, activation="tanh"), rv.layers.Dense(1, activation="sigmoid")],
        dtype="float64",
        random_state=seed,
    )
    model.compile(optimizer=rv.optimizers.SGD(learning_rate), loss="binary_crossentropy")
    return model


def row_gradients(model, X, y):
    """Give each row's gradient of the loss, as one line of a table."""
    rows = (model.loss_and_gradients(X[i : i + 1], y[i : i + 1])[1] for i in range(len(X)))
    return np.array([np.concatenate([dw.ravel() for dw in row.values()]) for row in rows])


def variance(gradients, y, probability):
    """Give E |d - E d|^2 of one draw: class k with its probability, a row of it, and d = p / q times its gradient."""
    mean, counts = gradients.mean(axis=0), np.bincount(y)
    squared = (gradients**2).sum(axis=1)
    second = sum((counts[k] / len(y)) ** 2 / probability[k] * squared[y == k].mean() for k in range(len(counts)))
    return float(second - (mean**2).sum())


def best(gradients, y):
    """Give the probabilities of the classes with the least variance: n_k times the root of the mean |gradient|^2."""
    squared = (gradients**2).sum(axis=1)
    size = np.array([(y == k).sum() * np.sqrt(squared[y == k].mean()) for k in range(y.max() + 1)])
    return size / size.sum()


def at_fixed_weights(X, y, epochs=EPOCHS):
    """Train, then let a sampler learn while weights stand still; give the variances of plain, learnt and best draws."""
    model = compiled()
    model.fit(X, y, epochs=epochs, batch_size=BATCH)
    model.compile(optimizer=rv.optimizers.SGD(1e-300), loss="binary_crossentropy")
    model.fit(X, y, epochs=epochs, batch_size=BATCH, sampler=rv.samplers.AdaptiveWeights())
    gradients, share = row_gradients(model, X, y), np.bincount(y) / len(y)
    return [variance(gradients, y, q) for q in (share, model.sampling_probabilities, best(gradients, y))]


def in_training(X, y, epochs=EPOCHS):
    """Train with the sampler; give, after every epoch, how often it draws the rare class and both variances."""
    model, share, seen = compiled(), np.bincount(y) / len(y), []
    for _ in range(epochs):
        model.fit(X, y, batch_size=BATCH, sampler=rv.samplers.AdaptiveWeights())
        gradients, learnt = row_gradients(model, X, y), model.sampling_probabilities
        seen.append((learnt[1], variance(gradients, y, share), variance(gradients, y, learnt)))
    return np.array(seen)


def losses(X, y, sampler, seeds=range(5)):
    """Give the losses after training in steps so long that what gradients vary by shows, one a seed."""
    found = []
    for seed in seeds:
        model = compiled(learning_rate=1.0, seed=seed)
        model.fit(X, y, epochs=EPOCHS, batch_size=8, sampler=sampler)
        found.append(model.evaluate(X, y)["loss"])
    return np.array(found)


def main():
    X, y = points()
    plain, learnt, least = at_fixed_weights(X, y)
    print(f"variance of a draw at fixed weights: {plain:.3g} uniform, {learnt:.3g} learnt, {least:.3g} at best")
    for epoch, (drawn, before, after) in enumerate(in_training(X, y)):
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1:2d}: {100 * drawn:4.1f} % of draws are rare, variance {before:.3g} -> {after:.3g}")
    samplers = {
        "none": None,
        "Stratified()": rv.samplers.Stratified(),
        "Stratified(balanced=True)": rv.samplers.Stratified(balanced=True),
        "Weighted(...)": rv.samplers.Weighted(np.where(y == 1, 10.0, 1.0)),
        "AdaptiveWeights()": rv.samplers.AdaptiveWeights(),
    }
    for name, sampler in samplers.items():
        found = losses(X, y, sampler)
        print(f"{name:>26}: loss {found.mean():.5f}, from {found.min():.5f} to {found.max():.5f} over seeds")


if __name__ == "__main__":
    main()
