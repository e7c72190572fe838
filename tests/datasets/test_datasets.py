"""rv.datasets: fixed contents, fixed bits, and errors that name the file or the argument."""

import gzip
import hashlib
import platform

import numpy as np
import pytest

import ravine as rv

GENERATORS = ["circle", "xor", "gaussian", "spiral", "moons"]


def test_digits_shapes_and_range():
    X_train, y_train, X_test, y_test = rv.datasets.digits()
    assert X_train.shape == (1437, 64) and X_test.shape == (360, 64)
    assert X_train.dtype == X_test.dtype == np.float32
    assert y_train.dtype == y_test.dtype == np.int64
    assert X_train.min() == 0.0 and X_train.max() == 1.0
    assert set(np.unique(X_train * 16)) == set(range(17))


def test_digits_split_is_stratified_shuffled_and_disjoint():
    data = rv.datasets.digits()
    share = np.bincount(data.y_train) / np.bincount(np.concatenate((data.y_train, data.y_test)))
    np.testing.assert_allclose(share, 0.8, atol=0.005)
    assert len(np.unique(data.y_train[:50])) == 10
    rows = {row.tobytes() for row in data.X_train}
    assert not any(row.tobytes() in rows for row in data.X_test)


def test_digits_as_images_are_the_same_pixels():
    flat, image = rv.datasets.digits(), rv.datasets.digits(images=True)
    assert image.X_test.shape == (360, 8, 8, 1)
    np.testing.assert_array_equal(image.X_train.reshape(-1, 64), flat.X_train)


# With and without fused multiply-add, on every machine; a change means a minor release and a line in the changelog.
GOLDEN = {
    "circle": ("a66f228dcabe8082", "af6136c8c5745112"),
    "xor": ("e434b72f65984ade", "bfef8aee6d4ff4d6"),
    "gaussian": ("c18d9b663bdfcf18", "73df871f6735ce86"),
    "spiral": ("969af01dd11d987b", "04a2c0038a52b28d"),
    "moons": ("f1e4f39034259e97", "1b6b6ad703a7e434"),
}


@pytest.mark.parametrize("name", GENERATORS)
def test_generator_bits(name):
    X, y = getattr(rv.datasets, name)(101, noise=0.25, random_state=7)
    fused = rv._core.selected() != "baseline" or platform.machine() in ("arm64", "aarch64")
    assert hashlib.sha256(X.tobytes() + y.tobytes()).hexdigest()[:16] == GOLDEN[name][0 if fused else 1]


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("n", [2, 3, 10, 257])
def test_generator_shape_balance_and_types(name, n):
    generate = getattr(rv.datasets, name)
    X, y = generate(n)
    assert X.shape == (n, 2) and X.dtype == np.float64 and X.flags.c_contiguous and np.isfinite(X).all()
    assert y.dtype == np.int64 and y.tolist() == [i % 2 for i in range(n)]
    rounded, _ = generate(n, dtype="float32")
    np.testing.assert_array_equal(rounded, X.astype(np.float32))


@pytest.mark.parametrize("name", GENERATORS)
def test_generator_seeds(name):
    generate = getattr(rv.datasets, name)
    first, again, other = (generate(50, noise=0.1, random_state=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    drawn = [generate(50, noise=0.1, random_state=None)[0] for _ in range(2)]
    assert not np.array_equal(*drawn)


def test_images_is_a_flag():
    with pytest.raises(TypeError, match="images must be True or False, got 'yes'"):
        rv.datasets.digits(images="yes")


def test_noise_has_the_wanted_deviation():
    clean, y = rv.datasets.circle(20_000)
    noisy, _ = rv.datasets.circle(20_000, noise=0.5)
    np.testing.assert_allclose((noisy - clean).std(axis=0), 0.5, rtol=0.02)
    radius = np.hypot(*clean.T)
    assert radius[y == 1].max() < 2.5 and radius[y == 0].min() > 3.5 - 1e-9 and radius.max() < 5.0 + 1e-9


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 1}, "n must be an int >= 2, got 1"),
        ({"n": 2.5}, "n must be an int >= 2, got 2.5"),
        ({"n": True}, "n must be an int >= 2, got True"),
        ({"noise": -1}, r"noise must be a number in \[0.0, inf\), got -1"),
        ({"noise": float("nan")}, "noise must be a number"),
        ({"noise": float("inf")}, "noise must be a number"),
        ({"noise": 1e39, "dtype": "float32"}, r"noise=1e\+39 gives points too large for float32"),
        ({"random_state": -1}, r"random_state must be None or an int in \[0, 2\*\*32\), got -1"),
        ({"random_state": 2**32}, "random_state"),
        ({"random_state": 1.0}, "random_state"),
        ({"dtype": "float16"}, "dtype must be 'float32' or 'float64', got 'float16'"),
    ],
)
def test_generator_refuses(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(rv.datasets, name)(**arguments)


def idx(values):
    """The bytes of an IDX file."""
    values = np.asarray(values, np.uint8)
    return bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes() + values.tobytes()


FILES = {
    "train-images-idx3-ubyte": idx(np.arange(3 * 28 * 28).reshape(3, 28, 28) % 256),
    "train-labels-idx1-ubyte": idx([9, 0, 4]),
    "t10k-images-idx3-ubyte": idx(np.full((2, 28, 28), 255)),
    "t10k-labels-idx1-ubyte": idx([1, 2]),
}


@pytest.fixture(params=["plain", "gz"])
def folder(request, tmp_path):
    for name, content in FILES.items():
        if request.param == "gz":
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (tmp_path / name).write_bytes(content)
    return tmp_path


def test_fashion_mnist_reads_a_folder(folder):
    data = rv.datasets.fashion_mnist(folder)
    assert data.X_train.shape == (3, 784) and data.X_test.shape == (2, 784) and data.X_train.dtype == np.float32
    np.testing.assert_array_equal(data.X_train[0, :256], np.arange(256, dtype=np.float32) / np.float32(255))
    assert data.y_train.tolist() == [9, 0, 4] and data.y_test.dtype == np.int64
    assert (data.X_test == 1.0).all()
    assert rv.datasets.fashion_mnist(str(folder), images=True).X_train.shape == (3, 28, 28, 1)


BAD_FILES = [
    ("train-images-idx3-ubyte", b"", "truncated, 0 bytes"),
    ("train-images-idx3-ubyte", b"\x89PNG" + bytes(100), "wrong magic number 0x89504e47"),
    ("train-images-idx3-ubyte", bytes([0, 0, 13, 3]) + bytes(100), "wrong magic number 0x00000d03"),
    ("train-images-idx3-ubyte", bytes([0, 0, 8, 0]), "wrong magic number"),
    ("train-images-idx3-ubyte", FILES["train-images-idx3-ubyte"][:9], "truncated, got 9 bytes"),
    ("train-images-idx3-ubyte", FILES["train-images-idx3-ubyte"][:-1], "truncated, got 2367 bytes.*asks for 2368"),
    ("train-images-idx3-ubyte", bytes([0, 0, 8, 3]) + b"\xff" * 12, "truncated"),
    ("t10k-labels-idx1-ubyte", FILES["t10k-labels-idx1-ubyte"] + b"x", "1 bytes too many"),
    ("t10k-labels-idx1-ubyte", idx([1, 2, 3]), r"expected 2 labels, one an image, found shape \(3,\)"),
    ("t10k-images-idx3-ubyte", idx([1, 2]), "expected 3 dimensions"),
    ("t10k-images-idx3-ubyte", idx(np.zeros((2, 8, 8))), None),
    ("t10k-images-idx3-ubyte.gz", b"no gzip", "damaged gzip file"),
    ("t10k-images-idx3-ubyte.gz", gzip.compress(FILES["t10k-images-idx3-ubyte"], mtime=0)[:-9], "damaged gzip file"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES)
def test_fashion_mnist_names_the_bad_file(tmp_path, name, content, message):
    for good, bytes_ in FILES.items():
        (tmp_path / good).write_bytes(bytes_)
    (tmp_path / name).write_bytes(content)
    other_size = r"training images have the shape \(784,\), test images \(64,\)"
    with pytest.raises(ValueError, match=f"{name}: {message}" if message else f"{tmp_path}: {other_size}"):
        rv.datasets.fashion_mnist(tmp_path)


def test_fashion_mnist_names_the_missing_place(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder; pass a folder"):
        rv.datasets.fashion_mnist(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte: no such file"):
        rv.datasets.fashion_mnist(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="file: not a folder"):
        rv.datasets.fashion_mnist(tmp_path / "file")
    monkeypatch.setattr("ravine.datasets.images.DEBIAN_FASHION_MNIST", tmp_path / "debian")
    with pytest.raises(FileNotFoundError, match=r"install Debian's package dataset-fashion-mnist or pass folder="):
        rv.datasets.fashion_mnist()
