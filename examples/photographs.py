"""Two classes of photographs: a convolutional net finds grass and gravel where a dense net on the same pixels does not.

The photographs are those that the package scikit-image carries (``pip install scikit-image``): ``skimage.data.grass()``
and ``skimage.data.gravel()``, both in the public domain (CC0). Patches of the left half train, those of the right half
test, so that no pixel is in both. All get the same mean and contrast, so that brightness does not tell the classes
apart. They are written as PNG files, one folder a class, and read like any photographs.
"""

import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import ravine as rv

PATCH, CLASSES = 32, ("grass", "gravel")


def cut(picture, count, rng):
    """Give `count` patches at places drawn at random, each with mean 128 and deviation 40, in 0..255."""
    rows, cols = (rng.integers(0, size - PATCH + 1, count) for size in picture.shape)
    patches = [picture[row : row + PATCH, col : col + PATCH].astype(float) for row, col in zip(rows, cols, strict=True)]
    scaled = [128 + 40 * (patch - patch.mean()) / max(patch.std(), 1.0) for patch in patches]
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def write(folder, count, seed=0):
    """Write `count` patches a class to train with and half as many to test with: folder/train/grass/0000.png ..."""
    from PIL import Image
    from skimage import data

    rng = np.random.default_rng(seed)
    for name in CLASSES:
        picture = getattr(data, name)()
        half = picture.shape[1] // 2
        for part, pixels, number in (("train", picture[:, :half], count), ("test", picture[:, half:], count // 2)):
            place = Path(folder) / part / name
            place.mkdir(parents=True)
            for i, patch in enumerate(cut(pixels, number, rng)):
                Image.fromarray(patch).save(place / f"{i:04d}.png")


def read(folder, part):
    """Give the images and their labels, 0 for grass and 1 for gravel."""
    images = rv.data.images_from_directory(Path(folder) / part, PATCH, class_names=CLASSES, color_mode="grayscale")
    return images.X, images.y


def dense():
    """Give layers that know nothing of neighbours."""
    return [rv.layers.Flatten(), rv.layers.Dense(64, activation="relu"), rv.layers.Dense(1, activation="sigmoid")]


def convolutional():
    """Give layers that look for small patterns, wherever they are."""
    return [
        rv.layers.RandomFlip("horizontal_and_vertical"),
        rv.layers.Conv2D(8, 3, activation="relu"),
        rv.layers.MaxPool2D(2),
        rv.layers.Conv2D(16, 3, activation="relu"),
        rv.layers.MaxPool2D(2),
        rv.layers.Flatten(),
        rv.layers.Dense(32, activation="relu"),
        rv.layers.Dense(1, activation="sigmoid"),
    ]


def train(layers, folder, epochs, seed=0):
    """Train a net; give its accuracy on the training patches and on those of the other halves."""
    model = rv.Sequential([rv.layers.Standardize(), *layers], random_state=seed)
    model.compile(optimizer=rv.optimizers.Adam(1e-3), loss="binary_crossentropy", metrics=["accuracy"])
    X, y = read(folder, "train")
    model.fit(X, y, epochs=epochs, batch_size=32, verbose=0)
    return model.evaluate(X, y)["accuracy"], model.evaluate(*read(folder, "test"))["accuracy"]


def main(count=600, epochs=20):
    if find_spec("skimage") is None or find_spec("PIL") is None:
        print('the photographs are those of scikit-image: pip install scikit-image "ravine[images]"')
        return
    with tempfile.TemporaryDirectory() as folder:
        write(folder, count)
        for net in (dense, convolutional):
            seen, unseen = train(net(), folder, epochs)
            print(f"{net.__name__}: accuracy {100 * seen:.1f} % on training patches, {100 * unseen:.1f} % on others")


if __name__ == "__main__":
    main()
