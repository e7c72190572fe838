"""Descend a ravine, steep across and flat along: plain descent swings from wall to wall, momentum rolls through."""

import numpy as np

import ravine as rv

CURVATURES = np.array([1.0, 50.0])  # along, across
START = [10.0, 1.0]
NEAR = 1e-3


def height(x):
    """Give the ravine's height and slope at x."""
    return 0.5 * float((CURVATURES * x * x).sum()), CURVATURES * x


def descend(learning_rate, momentum=0.0, nesterov=False, steps=2000):
    """Give the path of a descent."""
    optimizer = rv.optimizers.SGD(learning_rate, momentum=momentum, nesterov=nesterov)
    return optimizer.minimize(height, START, jac=True, steps=steps, record=True).path


def steps_to_the_bottom(path):
    """Give the number of steps after which the path stays near the bottom; all of them where it never comes there."""
    far = np.flatnonzero(np.abs(path).max(axis=1) > NEAR)
    return int(far[-1]) + 1 if far.size else 0


def swings(path, steps=30):
    """Give how often the first steps cross the ravine's floor."""
    return int((np.diff(np.sign(path[: steps + 1, 1])) != 0).sum())


# name, learning rate, momentum, Nesterov; 2 / 50 is the largest rate of plain descent
RUNS = {
    "plain, a = .01": (0.01, 0.0, False),
    "plain, a = .039": (0.039, 0.0, False),
    "momentum .9, a = .01": (0.01, 0.9, False),
    "momentum .57, a = .06": (0.06, 0.57, False),
    "Nesterov .75, a = .02": (0.02, 0.75, True),
}


def main():
    for name, settings in RUNS.items():
        path = descend(*settings)
        print(f"{name:>22}: {steps_to_the_bottom(path):4d} steps, {swings(path):2d} of the first 30 cross the floor")
    beyond = descend(0.0401, steps=2000)
    print(f"plain descent with a = .0401, beyond 2/50, climbs the walls: {np.abs(beyond[-1]).max():.3g}")


if __name__ == "__main__":
    main()
