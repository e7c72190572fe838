"""Photographs in folders, one folder per class, as one array and labels."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..inputs.arguments import check_choice, check_flag, check_int
from .pictures import COLOR_MODES, INTERPOLATIONS, PictureError, Reader

#: How many names a warning or an error lists.
_NAMED = 5


class Images(NamedTuple):
    """Labelled photographs.

    Attributes
    ----------
    X : ndarray, shape (n, height, width, channels)
        The images: float32 in [0, 1], or uint8.
    y : ndarray of int64, shape (n,)
        Each image's class, an index into `class_names`.
    class_names : tuple of str
        The folders' names.
    files : tuple of str
        Each image's path below the directory, with ``/``.
    skipped : tuple of (str, str)
        With ``on_error="skip"``: the skipped files and the reasons.
    """

    X: NDArray[Any]
    y: NDArray[np.int64]
    class_names: tuple[str, ...]
    files: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


def images_from_directory(
    path: str | os.PathLike[str],
    image_size: int | tuple[int, int],
    *,
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    dtype: str = "float32",
    interpolation: str = "bilinear",
    crop_to_aspect_ratio: bool = False,
    animated: str = "error",
    follow_links: bool = False,
    max_pixels: int = 89_478_485,
    on_error: str = "raise",
) -> Images:
    """Read the images of a directory with one folder per class, all resized to one size.

    Rows are in the order of the classes, and within a class in the order of the files' paths; folders inside a class's
    folder belong to the class. Hidden files and folders (names that start with a dot) are ignored. Anything else that
    is not an image is an error that names it: no file is skipped silently.

    Needs Pillow: ``pip install "ravine[images]"``. Other versions of Pillow may decode or shrink a file to other bits.

    Parameters
    ----------
    path : str or path-like
        The directory.
    image_size : int or (int, int)
        Height and width of every image; one number for both.
    class_names : sequence of str, optional
        The classes in the order of their labels, such as those of a training set; a class may have no folder. None:
        the folders' names, sorted.
    color_mode : {"rgb", "grayscale", "rgba"}, default="rgb"
        Three channels, one (ITU-R 601 luma, .299 R + .587 G + .114 B), or four.
    dtype : {"float32", "uint8"}, default="float32"
        float32 is the grey level over 255, in [0, 1].
    interpolation : {"nearest", "bilinear", "bicubic", "lanczos", "box"}, default="bilinear"
        How images are resized. All but "nearest" average over the pixel's area when they shrink an image.
    crop_to_aspect_ratio : bool, default=False
        Whether to crop to the largest central window of the wanted shape instead of distorting.
    animated : {"error", "first"}, default="error"
        How a file with several frames or pages is read: as an error, or as its first frame.
    follow_links : bool, default=False
        Whether to enter folders that are symbolic links; otherwise they are errors. Links to files are read.
    max_pixels : int, default=89478485
        The largest number of pixels in a file's header. It is checked before pixels are decoded, so that a small file
        cannot fill the memory. Pillow's own limit, twice its ``Image.MAX_IMAGE_PIXELS``, applies too.
    on_error : {"raise", "skip"}, default="raise"
        Whether a bad file raises an error or is skipped, with one warning for all and an entry in ``skipped`` for each.

    Returns
    -------
    Images
        ``X, y, class_names, files, skipped``.

    Raises
    ------
    ImportError
        Without Pillow.
    FileNotFoundError, NotADirectoryError
        If `path` is not a directory.
    ValueError
        For an argument that is not allowed, no class folder, a folder that is not in `class_names`, or no image at all;
        for a file that is empty, broken, not an image of a format in the notes, larger than `max_pixels`, or next to
        the class folders; for a class folder without an image. The message names the file.
    TypeError
        If a flag is not a bool or `path` is not a path.

    Notes
    -----
    PNG, JPEG, GIF, BMP, TIFF, WebP and the PBM family are read, recognised by their content, not by their name. The
    orientation in a camera's EXIF data is applied. Palettes are resolved, CMYK is converted by Pillow's formula without
    colour profiles, and transparent pixels are placed on white unless `color_mode` is "rgba". Grey levels of 16 bits
    keep their precision until the last rounding (white is 65535); Pillow cuts 16-bit colours to their upper 8 bits.
    Images of 32-bit numbers define no white and are errors.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> import ravine as rv
    >>> folder = tempfile.TemporaryDirectory()
    >>> for name, grey in (("day", 250), ("night", 5)):  # a PGM file is a line of text and the pixels
    ...     (pathlib.Path(folder.name) / name).mkdir()
    ...     file = pathlib.Path(folder.name) / name / "0.pgm"
    ...     _ = file.write_bytes(b"P5 6 4 255 " + bytes([grey]) * 24)
    >>> photographs = rv.data.images_from_directory(folder.name, (2, 3), color_mode="grayscale", dtype="uint8")
    >>> photographs.X.shape, photographs.y.tolist(), photographs.class_names, photographs.files
    ((2, 2, 3, 1), [0, 1], ('day', 'night'), ('day/0.pgm', 'night/0.pgm'))
    >>> folder.cleanup()
    """
    reader = Reader(
        size=_check_size(image_size),
        color_mode=check_choice("color_mode", color_mode, COLOR_MODES),
        dtype=_check_dtype(dtype),
        interpolation=check_choice("interpolation", interpolation, INTERPOLATIONS),
        crop=check_flag("crop_to_aspect_ratio", crop_to_aspect_ratio),
        first_frame=check_choice("animated", animated, ("error", "first")) == "first",
        max_pixels=check_int("max_pixels", max_pixels, 1),
    )
    problems = _Problems(check_choice("on_error", on_error, ("raise", "skip")) == "skip")
    follow = check_flag("follow_links", follow_links)
    root = _check_directory(path)
    names, folders = _classes(root, _check_names(class_names), follow, problems)
    found = [(label, file) for label, folder in folders for file in _files(root, folder, follow, problems)]
    return _read(root, found, names, reader, problems)


class _Problems:
    """Files that cannot be used: raised as an error at once, or collected in a list of (path, reason)."""

    def __init__(self, skip: bool) -> None:
        self.skip = skip
        self.found: list[tuple[str, str]] = []

    def add(self, root: Path, file: Path, reason: str, cause: Exception | None = None) -> None:
        if not self.skip:
            raise ValueError(f"{file}: {reason}; on_error='skip' leaves such files out") from cause
        self.found.append((_below(root, file), reason))

    def report(self, level: int) -> None:
        if not self.found:
            return
        named = "; ".join(f"{name}: {reason}" for name, reason in self.found[:_NAMED])
        more = f"; and {len(self.found) - _NAMED} more, see .skipped" if len(self.found) > _NAMED else ""
        files = "1 file was" if len(self.found) == 1 else f"{len(self.found)} files were"
        warnings.warn(f"{files} left out: {named}{more}", UserWarning, stacklevel=level)


def _below(root: Path, file: Path) -> str:
    return file.relative_to(root).as_posix()


def _check_size(size: Any) -> tuple[int, int]:
    """Return (height, width)."""
    sizes = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(sizes) != 2:
        raise ValueError(f"image_size must be (height, width) or one int for both, got {size!r}")
    height, width = (check_int("image_size", value, 1, 65535) for value in sizes)
    return height, width


def _check_dtype(dtype: Any) -> np.dtype[Any]:
    try:
        checked: np.dtype[Any] = np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):
        checked = np.dtype(object)
    if dtype is None or checked not in (np.dtype(np.float32), np.dtype(np.uint8)):
        raise ValueError(f"dtype must be 'float32' or 'uint8', got {dtype!r}")
    return checked


def _check_names(names: Any) -> tuple[str, ...] | None:
    if names is None:
        return None
    if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"class_names must be a list of str, got {names!r}")
    if not names or len(set(names)) < len(names):
        raise ValueError(f"class_names must be names that differ, at least one, got {names!r}")
    return tuple(names)


def _check_directory(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
        raise TypeError(f"path must be a str or a path, got {path!r}")
    root = Path(path)
    if not root.exists():
        raise FileNotFoundError(f"{root}: no such directory")
    if not root.is_dir():
        raise NotADirectoryError(f"{root}: not a directory; path must hold one folder for each class")
    return root


def _entries(folder: Path) -> list[Path]:
    """Return the entries of a folder that are not hidden, sorted."""
    return sorted(folder / name for name in os.listdir(folder) if not name.startswith("."))


def _is_folder(root: Path, entry: Path, follow: bool, problems: _Problems) -> bool | None:
    """Return True for a folder, False for a file; None for anything else, which is recorded as a problem."""
    if entry.is_dir():
        if follow or not entry.is_symlink():
            return True
        problems.add(root, entry, "is a link to a folder; follow_links=True enters it")
        return None
    try:
        regular = stat.S_ISREG(entry.stat().st_mode)
    except OSError as error:
        problems.add(root, entry, f"cannot be opened ({error.strerror})", error)
        return None
    if not regular:
        problems.add(root, entry, "is neither a file nor a folder")
        return None
    return False


def _classes(
    root: Path, wanted: tuple[str, ...] | None, follow: bool, problems: _Problems
) -> tuple[tuple[str, ...], list[tuple[int, Path]]]:
    """Return the names of the classes, and the folders with their labels, in the labels' order."""
    folders = []
    for entry in _entries(root):
        kind = _is_folder(root, entry, follow, problems)
        if kind:
            folders.append(entry)
        elif kind is False:
            problems.add(root, entry, "is a file beside the class folders")
    if not folders:
        raise ValueError(f"{root}: no folder in it; images must be in one folder for each class")
    names = wanted if wanted is not None else tuple(folder.name for folder in folders)
    for folder in folders:
        if folder.name not in names:
            raise ValueError(f"{folder}: {folder.name!r} is not in class_names {list(names)}")
    return names, sorted((names.index(folder.name), folder) for folder in folders)


def _files(root: Path, folder: Path, follow: bool, problems: _Problems) -> list[Path]:
    """Return the files of a class, including those in folders inside it, sorted by path."""
    found = list(_files_below(root, folder, follow, problems, (os.path.realpath(root),)))
    if not found:
        problems.add(root, folder, "is a class folder without an image")
    return sorted(found, key=lambda file: _below(root, file))


def _files_below(root: Path, folder: Path, follow: bool, problems: _Problems, above: tuple[str, ...]) -> Iterator[Path]:
    """Give the files below a folder; `above` are the folders that contain it, to detect links that lead back."""
    real = os.path.realpath(folder)
    if real in above:
        problems.add(root, folder, "is a link to a folder that contains it")
        return
    for entry in _entries(folder):
        kind = _is_folder(root, entry, follow, problems)
        if kind:
            yield from _files_below(root, entry, follow, problems, (*above, real))
        elif kind is False:
            yield entry


def _read(
    root: Path, found: list[tuple[int, Path]], names: tuple[str, ...], reader: Reader, problems: _Problems
) -> Images:
    """Decode the files into one array."""
    X = np.empty((len(found), *reader.shape), reader.dtype)
    labels: list[int] = []
    files: list[str] = []
    for label, file in found:
        try:
            X[len(files)] = reader.read(file)
        except PictureError as error:
            problems.add(root, file, str(error), error.__cause__ if isinstance(error.__cause__, Exception) else error)
            continue
        labels.append(label)
        files.append(_below(root, file))
    if not files:
        reasons = "".join(f"; {name}: {reason}" for name, reason in problems.found[:_NAMED])
        raise ValueError(f"{root}: no image in it that can be read{reasons}")
    problems.report(level=4)
    kept = X if len(files) == len(found) else X[: len(files)].copy()
    return Images(kept, np.array(labels, np.int64), names, tuple(files), tuple(problems.found))
