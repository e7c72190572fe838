"""Labelled images: the digits inside the package, and Fashion-MNIST from IDX files."""

from __future__ import annotations

import gzip
import math
import zlib
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..inputs.arguments import check_flag

# where Debian's package dataset-fashion-mnist puts its files
DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
_IDX_UNSIGNED_BYTE = 0x08


class Split(NamedTuple):
    """Training and test data.

    Attributes
    ----------
    X_train, X_test : ndarray of float32
        Rows in [0, 1]: ``(n, pixels)``, or ``(n, height, width, 1)`` with ``images=True``.
    y_train, y_test : ndarray of int64
        The class of each row.
    """

    X_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    X_test: NDArray[np.float32]
    y_test: NDArray[np.int64]


def _scaled(grey: NDArray[np.uint8], white: int, images: bool) -> NDArray[np.float32]:
    """Give grey levels 0..white as float32 in [0, 1], flat or as images with one channel."""
    shape = (*grey.shape, 1) if check_flag("images", images) else (len(grey), math.prod(grey.shape[1:]))
    scaled: NDArray[np.float32] = np.divide(grey, np.float32(white), dtype=np.float32)
    return scaled.reshape(shape)


def digits(*, images: bool = False) -> Split:
    """Give the 1,797 handwritten digits, 8 x 8 pixels, split into 1,437 for training and 360 for testing.

    The split is fixed, shuffled and stratified: each digit has the same share of both parts.

    Parameters
    ----------
    images : bool, default False
        Give ``(n, 8, 8, 1)`` instead of ``(n, 64)``.

    Returns
    -------
    Split
        ``X_train, y_train, X_test, y_test``; grey levels divided by 16.

    Raises
    ------
    TypeError
        If `images` is not a bool.

    References
    ----------
    E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
    https://doi.org/10.24432/C50P49 (CC BY 4.0).

    Examples
    --------
    >>> import ravine as rv
    >>> X_train, y_train, X_test, y_test = rv.datasets.digits()
    >>> X_train.shape, X_test.shape
    ((1437, 64), (360, 64))
    """
    with resources.files("ravine").joinpath("datasets/digits.npz").open("rb") as file, np.load(file) as stored:
        return Split(
            _scaled(stored["X_train"].reshape(-1, 8, 8), 16, images),
            stored["y_train"].astype(np.int64),
            _scaled(stored["X_test"].reshape(-1, 8, 8), 16, images),
            stored["y_test"].astype(np.int64),
        )


def read_idx(path: str | Path) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or compressed by gzip.

    The format is: two zero bytes, the type (0x08), the number of dimensions, each size as a big-endian 32-bit integer,
    then the values in row-major order.

    Parameters
    ----------
    path : str or Path
        The file; a name that ends in ``.gz`` is decompressed.

    Returns
    -------
    ndarray of uint8

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        For a wrong magic number, a type other than unsigned bytes, or a length that does not match the sizes; the
        message names the path.
    """
    path = Path(path)
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path}: damaged gzip file ({error})") from error
    if len(content) < 4:
        raise ValueError(f"{path}: truncated, {len(content)} bytes are too few for an IDX header")
    if content[:2] != b"\0\0" or content[2] != _IDX_UNSIGNED_BYTE or not 1 <= content[3] <= 32:
        raise ValueError(
            f"{path}: wrong magic number 0x{content[:4].hex()}; an IDX file of unsigned bytes starts with 0x000008 "
            "and its number of dimensions, 1 to 32"
        )
    start = 4 + 4 * content[3]
    shape = [int.from_bytes(content[at : at + 4], "big") for at in range(4, min(start, len(content)), 4)]
    wanted = start + math.prod(shape)
    if len(content) < start or len(content) < wanted:
        raise ValueError(f"{path}: truncated, got {len(content)} bytes, the header asks for {max(start, wanted)}")
    if len(content) > wanted:
        raise ValueError(f"{path}: {len(content) - wanted} bytes too many after {tuple(shape)} values")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def fashion_mnist(folder: str | Path | None = None, *, images: bool = False) -> Split:
    """Read Fashion-MNIST: 60,000 + 10,000 grey images of clothes, 28 x 28 pixels, in ten classes.

    Parameters
    ----------
    folder : str, Path or None, default None
        The folder with the four IDX files, compressed (``train-images-idx3-ubyte.gz``) or plain. None is the folder of
        Debian's package ``dataset-fashion-mnist``. A folder with MNIST's files of the same names works as well.
    images : bool, default False
        Give ``(n, 28, 28, 1)`` instead of ``(n, 784)``.

    Returns
    -------
    Split
        ``X_train, y_train, X_test, y_test``; grey levels divided by 255.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If the folder or one of its files is missing.
    ValueError
        If a file is not an IDX file, is truncated, images and labels do not match, or training and test images do not;
        the message names the path.

    References
    ----------
    H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms", 2017, arXiv:1708.07747.
    """
    path = DEBIAN_FASHION_MNIST if folder is None else Path(folder)
    if not path.exists():
        advice = "install Debian's package dataset-fashion-mnist or pass folder=" if folder is None else "pass a folder"
        raise FileNotFoundError(f"{path}: no such folder; {advice} with the four IDX files")
    if not path.is_dir():
        raise NotADirectoryError(f"{path}: not a folder; folder must hold the four IDX files")
    parts: list[Any] = []
    for name in ("train", "t10k"):
        grey, label = _images_and_labels(path, name)
        parts += [_scaled(grey, 255, images), label.astype(np.int64)]
    if parts[0].shape[1:] != parts[2].shape[1:]:
        raise ValueError(
            f"{path}: training images have the shape {parts[0].shape[1:]}, test images {parts[2].shape[1:]}"
        )
    return Split(*parts)


def _images_and_labels(folder: Path, name: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read one part and check that its two files belong together."""
    image_path = _find(folder, f"{name}-images-idx3-ubyte")
    label_path = _find(folder, f"{name}-labels-idx1-ubyte")
    grey, label = read_idx(image_path), read_idx(label_path)
    if grey.ndim != 3:
        raise ValueError(f"{image_path}: expected 3 dimensions (images, height, width), found {grey.ndim}")
    if label.shape != grey.shape[:1]:
        raise ValueError(f"{label_path}: expected {len(grey)} labels, one an image, found shape {label.shape}")
    return grey, label


def _find(folder: Path, name: str) -> Path:
    """Give the compressed or the plain file of that name."""
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise FileNotFoundError(f"{folder / name}: no such file, plain or with .gz")
