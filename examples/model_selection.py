"""How to tell over- from underfitting with scikit-learn's tools, and how boosting and bagging answer.

Learning and validation curves, cross-validation and grid search of `ravine.sklearn.MLPClassifier` on noisy labels in
the plane; then boosting, in which each small net weighs the rows up that those before it got wrong.
"""

from importlib.util import find_spec

import numpy as np

import ravine as rv

ALPHAS = (1e-6, 1e-2, 1.0, 100.0)
SIZES = (40, 80, 160, 320)


def noisy_circle(rows=600, flipped=0.1, seed=0):
    """Return points in the plane and whether they lie in a circle, with one label in ten turned round."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 2)).astype(np.float32)
    y = (np.hypot(*X.T) < 1.18).astype(int)
    return X, np.where(rng.random(rows) < flipped, 1 - y, y)


def net(units=32, alpha=1e-6, **settings):
    """Return a net that fits its training rows as closely as `units` and `alpha` let it."""
    from ravine.sklearn import MLPClassifier

    return MLPClassifier(
        (units,), activation="tanh", solver="lbfgs", alpha=alpha, max_iter=150, random_state=0, **settings
    )


def learning():
    """Return the mean scores on training and held-out rows for more and more rows."""
    from sklearn.model_selection import learning_curve

    _, seen, unseen = learning_curve(net(), *noisy_circle(), train_sizes=list(SIZES), cv=5)
    return seen.mean(1), unseen.mean(1)


def validation():
    """Return the mean scores on training and held-out rows for heavier and heavier penalties."""
    from sklearn.model_selection import validation_curve

    X, y = noisy_circle(200)
    seen, unseen = validation_curve(net(), X, y, param_name="alpha", param_range=ALPHAS, cv=5)
    return seen.mean(1), unseen.mean(1)


def search():
    """Return what a grid search by five-fold cross-validation finds, and its score on rows that it never saw."""
    from sklearn.model_selection import GridSearchCV, KFold

    grid = {"hidden_layer_sizes": [(2,), (32,)], "alpha": ALPHAS}
    found = GridSearchCV(net(), grid, cv=KFold(5, shuffle=True, random_state=0), n_jobs=1).fit(*noisy_circle(200))
    return found.best_params_, float(found.score(*noisy_circle(2000, flipped=0.0, seed=1)))


def together():
    """Return the scores on clean rows of one small net, of boosted ones, of a large one and of bagged ones."""
    from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier

    X, y = noisy_circle(200)
    small, large = net(1, alpha=1e-3), net()
    models = {
        "one unit": small,
        "20 nets of one unit, boosted": AdaBoostClassifier(small, n_estimators=20, random_state=0),
        "32 units": large,
        "20 nets of 32 units, bagged": BaggingClassifier(large, n_estimators=20, random_state=0),
    }
    X_test, y_test = noisy_circle(2000, flipped=0.0, seed=1)
    return {name: float(model.fit(X, y).score(X_test, y_test)) for name, model in models.items()}


def main():
    """Print all of it."""
    if find_spec("sklearn") is None:
        print('this example needs scikit-learn: pip install "ravine[sklearn]"')
        return
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"ravine {rv.__version__}: shares of right labels on training rows and on held-out ones")
    for size, seen, unseen in zip(SIZES, *learning(), strict=True):
        print(f"{size:>6} rows: {seen:.3f} {unseen:.3f}")
    for alpha, seen, unseen in zip(ALPHAS, *validation(), strict=True):
        print(f"alpha {alpha:<6g}: {seen:.3f} {unseen:.3f}")
    best, score = search()
    print(f"grid search: {best}, {score:.3f} of clean rows")
    for name, score in together().items():
        print(f"{name}: {score:.3f} of clean rows")


if __name__ == "__main__":
    main()
