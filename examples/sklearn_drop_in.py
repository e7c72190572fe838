"""scikit-learn's classifier with one import changed, and what it refuses: a rare class, weighed up, and dropout.

Of the digits 3 only one in ten is kept, so that a plain fit takes some of them for others. Weights by class and dropout
find more.
"""

from importlib.util import find_spec

import numpy as np

import ravine as rv

RARE, SEEDS = 3, 3


def rare_digits():
    """Return the digits with nine tenths of the class `RARE` left out of the training set."""
    X, y, X_test, y_test = rv.datasets.digits()
    keep = y != RARE
    keep[np.flatnonzero(y == RARE)[::10]] = True
    return X[keep], y[keep], X_test, y_test


def recall(**settings):
    """Return the share of the rare digits that are found, and the accuracy, as means over seeds."""
    from ravine.sklearn import MLPClassifier  # from sklearn.neural_network import MLPClassifier

    X, y, X_test, y_test = rare_digits()
    found, right = [], []
    for seed in range(SEEDS):
        model = MLPClassifier((64,), max_iter=60, n_iter_no_change=60, random_state=seed, **settings)
        predicted = model.fit(X, y).predict(X_test)
        found.append((predicted[y_test == RARE] == RARE).mean())
        right.append((predicted == y_test).mean())
    return float(np.mean(found)), float(np.mean(right))


def main():
    """Print both."""
    if find_spec("sklearn") is None:
        print('this example needs scikit-learn: pip install "ravine[sklearn]"')
        return
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    warnings.simplefilter("ignore", ConvergenceWarning)
    for title, settings in (("plain", {}), ("balanced", {"class_weight": "balanced", "dropout": 0.2})):
        found, right = recall(**settings)
        print(f"{title:>10}: {found:.1%} of the rare digits found, {right:.1%} of all right")


if __name__ == "__main__":
    main()
