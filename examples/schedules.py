"""Learning rates on the digits: the range test finds one, schedules bring it down, a plateau cuts it."""

import numpy as np

import ravine as rv

EPOCHS, BATCH = 30, 32
X, y, X_TEST, y_TEST = rv.datasets.digits()
STEPS = EPOCHS * -(-len(X) // BATCH)


def compiled(learning_rate, seed=0):
    """Give a small dense net, trained by plain descent."""
    model = rv.Sequential([rv.layers.Dense(32, activation="tanh"), rv.layers.Dense(10)], random_state=seed)
    model.compile(optimizer=rv.optimizers.SGD(learning_rate), loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def range_test():
    """Let the rate grow until the loss explodes; give the callback, which knows rates and losses."""
    finder = rv.callbacks.LearningRateFinder(1e-4, 100.0, steps=200)
    compiled(0.1).fit(X, y, epochs=EPOCHS, batch_size=BATCH, callbacks=[finder])
    return finder


def schedules(top, steps=STEPS):
    """Give schedules with the same highest rate, and some steps to come down from it."""
    return {
        "constant": top,
        "exponential": rv.schedules.ExponentialDecay(top, steps, 0.01),
        "inverse time": rv.schedules.InverseTimeDecay(top, steps, 20.0),
        "polynomial": rv.schedules.PolynomialDecay(top, steps, 0.01 * top, power=2.0),
        "cycles": rv.schedules.PolynomialDecay(top, steps / 4, 0.01 * top, cycle=True),
        "piecewise": rv.schedules.PiecewiseConstantDecay([steps / 2, 3 * steps / 4], [top, 0.1 * top, 0.01 * top]),
        "cosine": rv.schedules.CosineDecay(top, steps),
        "warm-up, cosine": rv.schedules.WarmUp(rv.schedules.CosineDecay(top, 0.9 * steps), 0.1 * steps),
        "bold driver": rv.schedules.BoldDriver(0.1 * top),
    }


def train(learning_rate, callbacks=()):
    """Train with a rate or a schedule; give the history and the test scores."""
    model = compiled(learning_rate)
    history = model.fit(
        X, y, epochs=EPOCHS, batch_size=BATCH, validation_data=(X_TEST, y_TEST), callbacks=list(callbacks)
    )
    return history, model.evaluate(X_TEST, y_TEST)


def unrest(history):
    """Give how much the validation loss jumps from epoch to epoch in the last ten."""
    return float(np.abs(np.diff(history.history["val_loss"][-10:])).mean())


def main():
    finder = range_test()
    top = finder.suggestion
    print(f"range test: the loss falls fastest at {top:.3g} and explodes before {finder.rates[-1]:.3g}")
    runs = {name: (rate, []) for name, rate in schedules(top).items()}
    runs["on plateau"] = top, [rv.callbacks.ReduceLROnPlateau(patience=3)]
    for name, (rate, callbacks) in runs.items():
        history, scores = train(rate, callbacks)
        print(
            f"{name:>16}: rate {history.learning_rate[0]:.4f} -> {history.learning_rate[-1]:.4f}, "
            f"training loss {history.history['loss'][-1]:.4f}, unrest {unrest(history):.1e}, "
            f"test accuracy {100 * scores['accuracy']:.1f} %"
        )


if __name__ == "__main__":
    main()
