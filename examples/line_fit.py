"""Fit the line y = k x + b by gradient descent until the gradient is below a tolerance."""

import numpy as np

import ravine as rv

TOLERANCE = 1e-5


def points(seed=0):
    """Give x = 1..20 and y, whole numbers within 5 of x, kept in 0..20."""
    x = np.arange(1.0, 21.0)
    uniform = rv.kernels.random_uniform(np.empty(20), low=-5.0, high=6.0, seed=seed)
    return x[:, None], np.clip(x + np.floor(uniform), 0.0, 20.0)[:, None]


def least_squares(X, y):
    """Give slope and intercept in closed form."""
    x, t = X[:, 0], y[:, 0]
    slope = ((x - x.mean()) * (t - t.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return slope, t.mean() - slope * x.mean()


def descend(X, y, learning_rate=0.01, most=50_000):
    """Start from k = b = 1 and stop where every gradient is small; give k, b, the steps and the last loss."""
    one = rv.initializers.Ones()
    model = rv.Sequential(
        [rv.layers.Dense(1, kernel_initializer=one, bias_initializer=one)], dtype="float64", random_state=0
    )
    model.compile(optimizer=rv.optimizers.SGD(learning_rate=learning_rate), loss="half_mean_squared_error")
    loss, gradients, steps = *model.loss_and_gradients(X, y), 0
    while max(float(abs(g).max()) for g in gradients.values()) > TOLERANCE and loss < 1e12 and steps < most:
        model.apply_gradients(gradients)
        loss, gradients = model.loss_and_gradients(X, y)
        steps += 1
    return float(model.parameters["dense/kernel"][0, 0]), float(model.parameters["dense/bias"][0]), steps, loss


def main():
    X, y = points()
    k, b, steps, loss = descend(X, y)
    slope, intercept = least_squares(X, y)
    print(f"descent: y = {k:.5f} x + {b:.5f} after {steps} steps, half mean square {loss:.5f}")
    print(f"exact:   y = {slope:.5f} x + {intercept:.5f}, off by {max(abs(k - slope), abs(b - intercept)):.1e}")
    print(f"with rate .0139 the loss grows to {descend(X, y, learning_rate=0.0139)[3]:.1e}")


if __name__ == "__main__":
    main()
