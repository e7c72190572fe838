"""Fashion-MNIST by a dense net and by LeNet-5: 60,000 grey images of clothes, ten classes.

Reads the four IDX files of Debian's package ``dataset-fashion-mnist`` (``apt-get install dataset-fashion-mnist``; MIT
licence), or those of a folder: ``python examples/fashion_mnist.py [folder]``.
"""

import sys
import time

import ravine as rv

# (learning rate, epochs) for each net
PLANS = {"dense": ((1e-3, 12), (2e-4, 4)), "lenet": ((2e-3, 18), (4e-4, 6), (1e-4, 2))}


def dense():
    """Give a net of dense layers, over 88 %."""
    return [
        rv.layers.Flatten(),
        rv.layers.Dense(256, activation="relu"),
        rv.layers.Dropout(0.2),
        rv.layers.Dense(128, activation="relu"),
        rv.layers.Dropout(0.2),
        rv.layers.Dense(10),
    ]


def lenet():
    """Give LeNet-5 with mirrored images, over 90 %: a shoe that points to the right is a shoe."""
    return [
        rv.layers.RandomFlip(),
        rv.layers.Conv2D(6, 5, activation="relu"),
        rv.layers.MaxPool2D(2),
        rv.layers.Conv2D(16, 5, activation="relu"),
        rv.layers.MaxPool2D(2),
        rv.layers.Flatten(),
        rv.layers.Dense(120, activation="relu"),
        rv.layers.Dense(84, activation="relu"),
        rv.layers.Dense(10),
    ]


def train(layers, data, plan, seed=0):
    """Train by a plan of (learning rate, epochs); give what the model reaches on the test images, and the seconds."""
    model = rv.Sequential([rv.layers.Standardize(), *layers], random_state=seed)
    start = time.perf_counter()
    for learning_rate, epochs in plan:
        optimizer = rv.optimizers.Adam(learning_rate=learning_rate)
        model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
        model.fit(data.X_train, data.y_train, epochs=epochs, batch_size=128, verbose=0)
    return model.evaluate(data.X_test, data.y_test)["accuracy"], time.perf_counter() - start


def main(folder=None, plan=None):
    try:
        data = rv.datasets.fashion_mnist(folder, images=True)
    except FileNotFoundError as error:
        print(error)
        return
    for net in (dense, lenet):
        accuracy, seconds = train(net(), data, plan or PLANS[net.__name__])
        print(f"{net.__name__}: test accuracy {100 * accuracy:.2f} %, {seconds:.0f} s")


if __name__ == "__main__":
    main(*sys.argv[1:2])
