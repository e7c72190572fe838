"""Tune a net by successive halving, and draw its curves: ``python examples/tune_net.py curves.png``.

Sixteen settings of `ravine.sklearn.MLPClassifier` are tried on 300 digits, all for few epochs, the better half of them
for twice as many, and so on; `HalvingGridSearchCV` does it with cross-validation. The loss by epoch on rows that were
trained on and on others shows what the winner does better.
"""

import sys
from importlib.util import find_spec

import numpy as np

import ravine as rv

GRID = {
    "hidden_layer_sizes": [(4,), (128,)],
    "learning_rate_init": [1e-4, 1e-2],
    "alpha": [1e-4, 3.0],
    "dropout": [0.0, 0.3],
}


def digits(rows=300):
    """Return some digits to train on, and all test digits."""
    X, y, X_test, y_test = rv.datasets.digits()
    return X[:rows], y[:rows], X_test, y_test


def net(**settings):
    """Return an untrained net."""
    from ravine.sklearn import MLPClassifier

    return MLPClassifier(batch_size=50, n_iter_no_change=1000, random_state=0, **settings)


def tune(n_jobs=1):
    """Return the search, after it."""
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV

    X, y, _, _ = digits()
    search = HalvingGridSearchCV(
        net(),
        GRID,
        resource="max_iter",
        min_resources=10,
        max_resources=80,
        factor=2,
        cv=3,
        random_state=0,
        n_jobs=n_jobs,
    )
    return search.fit(X, y)


def curves(settings, epochs=80):
    """Return the losses by epoch on the training rows and on the test rows, and the accuracy there."""
    X, y, X_test, y_test = digits()
    model = net(max_iter=epochs, **settings).fit(X, y, validation_data=(X_test, y_test))
    return model.loss_curve_, model.validation_loss_curve_, model.score(X_test, y_test)


def draw(named, path):
    """Draw the curves of several nets, (seen, unseen, accuracy) by title, into a file."""
    from matplotlib.figure import Figure

    figure = Figure((4.5 * len(named), 3.5), layout="constrained")
    for panel, (title, (seen, unseen, accuracy)) in zip(figure.subplots(1, len(named)), named.items(), strict=True):
        panel.plot(seen, label="rows trained on")
        panel.plot(unseen, label="other rows")
        panel.set(title=f"{title}: {accuracy:.1%} right", xlabel="epoch", ylabel="loss", yscale="log")
        panel.legend()
    figure.savefig(path)
    return figure


def main():
    """Print what was found, and draw the curves where a path is given."""
    if find_spec("sklearn") is None:
        print('this example needs scikit-learn: pip install "ravine[sklearn]"')
        return
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    warnings.simplefilter("ignore", ConvergenceWarning)
    search = tune()
    first = search.cv_results_["iter"] == 0
    worst = search.cv_results_["params"][
        int(np.flatnonzero(first)[search.cv_results_["mean_test_score"][first].argmin()])
    ]
    found = {name: value for name, value in search.best_params_.items() if name != "max_iter"}
    worst = {name: value for name, value in worst.items() if name != "max_iter"}
    named = {"found": curves(found), "worst": curves(worst)}
    print(f"{search.n_candidates_} settings were tried for {search.n_resources_} epochs; best: {found}")
    for title, (seen, unseen, accuracy) in named.items():
        print(f"{title}: loss {seen[-1]:.3f} on rows trained on, {unseen[-1]:.3f} on others, {accuracy:.1%} right")
    if len(sys.argv) == 2 and sys.argv[1].endswith((".png", ".svg", ".pdf")):
        draw(named, sys.argv[1])


if __name__ == "__main__":
    main()
