"""Descend two valleys with plain functions: few steps with curvature, many without."""

import numpy as np

import ravine as rv

OPTIMIZERS = [
    rv.optimizers.SGD(1e-3),
    rv.optimizers.SGD(1e-3, momentum=0.9),
    rv.optimizers.Adam(0.05),
    rv.optimizers.LBFGS(),
    rv.optimizers.BFGS(),
    rv.optimizers.Newton(),
]
TOLERANCE = 1e-4


def rosenbrock(x):
    """Give a bent valley's height and slope; its floor falls slowly to (1, 1)."""
    rise = x[1] - x[0] ** 2
    value = (1 - x[0]) ** 2 + 100 * rise**2
    return value, np.array([-2 * (1 - x[0]) - 400 * x[0] * rise, 200 * rise])


def wave(x):
    """Give a line with two valleys; the deeper one is at -1.306440."""
    return x**2 / 10 + np.sin(x)


def descend(optimizer):
    """Walk down the bent valley until the slope is below the tolerance."""
    return optimizer.minimize(rosenbrock, [-1.2, 1.0], jac=True, steps=50_000, tolerance=TOLERANCE, record=True)


def roll(learning_rate, momentum, start=9.0):
    """Go down the wave, and give where that ends."""
    optimizer = rv.optimizers.SGD(learning_rate, momentum=momentum)
    return float(optimizer.minimize(wave, start, steps=500, record=True).path[-1])


def main():
    for optimizer in OPTIMIZERS:
        result = descend(optimizer)
        print(f"{optimizer!r:.40}: {result.nit} steps, {result.nfev} values, x = {result.x.round(4)}")
    print(f"from 9, plain descent sticks at {roll(0.4, 0.0):.6f}, momentum rolls on to {roll(0.05, 0.9):.6f}")
    fenced = rv.optimizers.LBFGS().minimize(rosenbrock, [-1.2, 1.0], jac=True, steps=100, bounds=[(None, 0.5), (0, 1)])
    print(f"with x0 <= 0.5 the lowest point is {fenced.x.round(6)}")


if __name__ == "__main__":
    main()
