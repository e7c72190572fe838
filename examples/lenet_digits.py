"""LeNet-5 on the handwritten digits, enlarged to 32 x 32 pixels: what showing them shifted is worth.

A digit a few pixels further to the left is the same digit, but 1,437 images do not say so; shifting each anew in every
step does. The shifts are drawn in the engine, and nothing is shifted when the net is tested.
"""

import time

import numpy as np

import ravine as rv

SIZE, FARTHEST = 32, 4 / 32
PLAN = ((2e-3, 25), (5e-4, 15))


def enlarge(images, size=SIZE):
    """Give images (n, height, width, 1) with `size` rows and columns, linear between the centres of pixels."""
    for axis in (1, 2):
        old = images.shape[axis]
        place = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
        low = np.minimum(place.astype(int), old - 2)
        share = (place - low).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(4)])
        images = (1 - share) * images.take(low, axis) + share * images.take(low + 1, axis)
    return images


def lenet(classes=10):
    """Give the layers of LeNet-5, with ReLU and maxima where the original of 1998 has tanh and means."""
    return [
        rv.layers.Conv2D(6, 5, activation="relu"),
        rv.layers.MaxPool2D(2),
        rv.layers.Conv2D(16, 5, activation="relu"),
        rv.layers.MaxPool2D(2),
        rv.layers.Flatten(),
        rv.layers.Dense(120, activation="relu"),
        rv.layers.Dense(84, activation="relu"),
        rv.layers.Dense(classes),
    ]


def train(shifted=True, seed=0, plan=PLAN):
    """Train by a plan of (learning rate, epochs); give the model and what it reaches on the test images."""
    X_train, y_train, X_test, y_test = rv.datasets.digits(images=True)
    first = [rv.layers.RandomTranslation(FARTHEST, FARTHEST, fill_mode="constant")] if shifted else []
    model = rv.Sequential([*first, *lenet()], random_state=seed)
    for learning_rate, epochs in plan:
        optimizer = rv.optimizers.Adam(learning_rate=learning_rate)
        model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
        model.fit(enlarge(X_train), y_train, epochs=epochs, batch_size=32, verbose=0)
    return model, model.evaluate(enlarge(X_test), y_test)


def main(plan=PLAN):
    for shifted in (False, True):
        start = time.perf_counter()
        _, result = train(shifted, plan=plan)
        seconds = time.perf_counter() - start
        name = "shifted by up to 4 pixels" if shifted else "as they are"
        print(f"shown {name}: test accuracy {100 * result['accuracy']:.2f} %, {seconds:.1f} s")


if __name__ == "__main__":
    main()
