"""Let optuna choose a net's settings, and end trials early that fall behind: a callback tells it each epoch's loss.

A pruner compares a trial's loss on held-out digits with those of earlier trials at the same epoch. The callback asks it
after each epoch and stops the fit, so that most trials cost a few epochs only.
"""

from importlib.util import find_spec

import ravine as rv

EPOCHS, TRIALS = 40, 20


class Pruning(rv.callbacks.Callback):
    """Reports the loss on held-out rows to an optuna trial after each epoch, and stops where the trial is to end."""

    def __init__(self, trial):
        self.trial, self.pruned = trial, False

    def on_epoch_end(self, epoch, logs=None):
        """Report, and ask."""
        self.trial.report(logs["val_loss"], epoch)
        if self.trial.should_prune():
            self.pruned = self.model.stop_training = True


def objective(trial, epochs_run):
    """Train with the trial's settings; return the loss on held-out digits. Appends the epochs that it took."""
    import optuna

    from ravine.sklearn import MLPClassifier

    X, y, X_test, y_test = rv.datasets.digits()
    pruning = Pruning(trial)
    model = MLPClassifier(
        hidden_layer_sizes=(trial.suggest_int("units", 4, 128, log=True),),
        learning_rate_init=trial.suggest_float("rate", 1e-5, 1.0, log=True),
        dropout=trial.suggest_float("dropout", 0.0, 0.5),
        alpha=trial.suggest_float("alpha", 1e-6, 10.0, log=True),
        max_iter=EPOCHS,
        n_iter_no_change=EPOCHS,
        batch_size=64,
        callbacks=[pruning],
        random_state=0,
    ).fit(X[:600], y[:600], validation_data=(X_test, y_test))
    epochs_run.append(model.n_iter_)
    if pruning.pruned:
        raise optuna.TrialPruned
    return model.validation_loss_curve_[-1]


def study(trials=TRIALS):
    """Return the study, and the epochs of each trial."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    epochs_run = []
    found = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=0), pruner=optuna.pruners.MedianPruner(n_startup_trials=4)
    )
    found.optimize(lambda trial: objective(trial, epochs_run), n_trials=trials)
    return found, epochs_run


def main():
    """Print what was found, and what pruning saved."""
    if find_spec("sklearn") is None or find_spec("optuna") is None:
        print('this example needs optuna and scikit-learn: pip install "ravine[tuning]"')
        return
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    warnings.simplefilter("ignore", ConvergenceWarning)
    found, epochs_run = study()
    whole = sum(epochs == EPOCHS for epochs in epochs_run)
    print(f"{whole} of {len(epochs_run)} trials ran to the end: {sum(epochs_run)} epochs of {EPOCHS * len(epochs_run)}")
    print(f"loss {found.best_value:.4f} with {found.best_params}")


if __name__ == "__main__":
    main()
