"""Several yes-or-no questions about one image: each has a sigmoid output of its own, and all learn together."""

import numpy as np

import ravine as rv

QUESTIONS = {
    "even": {0, 2, 4, 6, 8},
    "prime": {2, 3, 5, 7},
    "above 4": {5, 6, 7, 8, 9},
    "has a closed loop": {0, 6, 8, 9},
    "square": {0, 1, 4, 9},
}


def answers(digits):
    """Give the answers about digits: a column of 0 and 1 for each question."""
    return np.array([[digit in those for those in QUESTIONS.values()] for digit in digits], dtype=int)


def train(seed=0):
    """Train 64-64-5 on the digits' images; give the model and the test set with its answers."""
    X_train, y_train, X_test, y_test = rv.datasets.digits()
    model = rv.Sequential(
        [
            rv.layers.Dense(64, activation="relu"),
            rv.layers.Dropout(0.2),
            rv.layers.Dense(len(QUESTIONS), activation="sigmoid"),
        ],
        random_state=seed,
    )
    optimizer = rv.optimizers.Adam(learning_rate=2e-3)
    model.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(X_train, answers(y_train), epochs=40, batch_size=32, verbose=0)
    return model, X_test, answers(y_test)


def main():
    model, X, right = train()
    said = model.predict_classes(X)
    for question, share in zip(QUESTIONS, (said == right).mean(axis=0), strict=True):
        print(f"{question:>17}: {100 * share:.1f} % right")
    print(f"  all {len(QUESTIONS)} at once: {100 * (said == right).all(axis=1).mean():.1f} %")
    probability, column = model.predict_proba(X), list(QUESTIONS).index("prime")
    threshold = rv.metrics.threshold_for(right[:, column], probability[:, column], precision=0.995)
    found = probability[:, column] >= threshold
    wrong = int((found & (right[:, column] == 0)).sum())
    print(f"prime from p >= {threshold:.3f} on: {found.sum()} images, {wrong} of them wrongly")


if __name__ == "__main__":
    main()
