"""The exclusive or of the first two of three inputs, learned by a sigmoid net with four hidden units and no bias."""

import numpy as np

import ravine as rv

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=float)
y = np.array([[0], [1], [1], [0]], dtype=float)


def train(seed=0, steps=1500):
    """Descend the half sum of squares on the whole table with rate 1; give the model and its losses."""
    start = rv.initializers.Uniform(0.0, 1.0)
    model = rv.Sequential(
        [
            rv.layers.Dense(4, activation="sigmoid", use_bias=False, kernel_initializer=start),
            rv.layers.Dense(1, activation="sigmoid", use_bias=False, kernel_initializer=start),
        ],
        dtype="float64",
        random_state=seed,
    )
    loss = rv.losses.HalfSumSquaredError(reduction="sum")
    model.compile(optimizer=rv.optimizers.SGD(learning_rate=1.0), loss=loss)
    history = model.fit(X, y, epochs=steps, batch_size=None, shuffle=False, verbose=0)
    return model, np.array(history.history["loss"])


def main():
    model, losses = train()
    print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f}, falling at every step: {bool((np.diff(losses) < 0).all())}")
    for inputs, wanted, output in zip(X, y, model.predict(X), strict=True):
        print(inputs.astype(int), f"wanted {wanted[0]:.0f}, got {output[0]:.3f}")


if __name__ == "__main__":
    main()
