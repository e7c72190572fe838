"""What holds weights back: 40 inputs, of which 4 matter, and 60 noisy rows to learn it from."""

import numpy as np

import ravine as rv

INPUTS, MATTERING, ROWS = 40, 4, 60

# name: what the layer is given, and what comes before it
RESTRAINTS = {
    "none": ({}, []),
    "L2": ({"kernel_regularizer": rv.regularizers.L2(0.1)}, []),
    "L1 by its gradient": ({"kernel_regularizer": rv.regularizers.L1(0.3)}, []),
    "L1, proximal": ({"kernel_regularizer": rv.regularizers.L1(0.3, proximal=True)}, []),
    "root": ({"kernel_regularizer": rv.regularizers.L2Norm(0.5)}, []),
    "max-norm": ({"kernel_constraint": rv.constraints.MaxNorm(2.0)}, []),
    "noise": ({}, [rv.layers.GaussianNoise(0.3)]),
    "dropout": ({}, [rv.layers.Dropout(0.1)]),
}


def rows(count, seed):
    """Give inputs and noisy targets, y = sum of the first four inputs."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(count, INPUTS))
    return X, X[:, :MATTERING].sum(axis=1) + rng.normal(size=count)


def train(name):
    """Fit a line; give its weights, its error on the rows it has seen and on others."""
    settings, before = RESTRAINTS[name]
    model = rv.Sequential([*before, rv.layers.Dense(1, **settings)], random_state=0)
    model.compile(optimizer=rv.optimizers.SGD(0.02), loss="mse", metrics=["mse"])
    X, y = rows(ROWS, seed=1)
    model.fit(X, y, epochs=1000, batch_size=None, verbose=0)
    errors = (model.evaluate(*data)["mse"] for data in ((X, y), rows(10_000, seed=2)))
    return model.parameters["dense/kernel"].ravel(), *errors


def main():
    print(f"{'restraint':<20}{'seen':>8}{'unseen':>8}{'|w|':>8}{'zeros':>7}   (noise alone: 1)")
    for name in RESTRAINTS:
        w, seen, unseen = train(name)
        print(f"{name:<20}{seen:8.3f}{unseen:8.3f}{np.linalg.norm(w):8.3f}{(w == 0).sum():7d}")


if __name__ == "__main__":
    main()
