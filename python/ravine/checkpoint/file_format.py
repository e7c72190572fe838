"""The layout of checkpoints: safetensors', with checksums in the header's metadata.

A file is 8 bytes (the header's length n, little-endian), n bytes of JSON, and the tensors' bytes with no gap. In the
JSON, "__metadata__" comes first and holds strings alone:

    checksum        of the length and the header, with zeros for the checksum itself
    format          "ravine"
    format_version  "1"
    tensors         JSON: a checksum for each tensor
    content         JSON: everything that is not a tensor

Checksums are BLAKE2b of 128 bits, in hexadecimal. For any bytes, reading ends with the content or with a
CheckpointFormatError, and no size in a file is trusted before it is compared with the file's length.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import IO, Any, NoReturn

import numpy as np

from ..errors import CheckpointFormatError, CheckpointVersionError
from ..inputs.arrays import Array

__all__ = ["FORMAT_VERSION", "Stored", "pack", "parse", "read"]

FORMAT_VERSION = 1

_LARGEST_HEADER = 100_000_000
_START = b'{"__metadata__":{"checksum":"'
_DIGITS = 32
_DTYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}
_OTHERS = (
    (b"\x80", "a pickle, which is never loaded"),
    (b"PK\x03\x04", "a zip archive, as PyTorch, Keras and NumPy's npz write"),
    (b"\x89HDF", "an HDF5 file, as Keras wrote"),
    (b"\x89PNG", "a PNG image"),
    (b"\x93NUMPY", "NumPy's npy"),
    (b"\x1f\x8b", "a gzip archive"),
)


@dataclass
class Stored:
    """What a file holds.

    Attributes
    ----------
    content : Any
        The content that was passed to `pack`; None for a file of tensors that was not written by ravine.
    tensors : dict of str to ndarray
        The tensors by name.
    """

    content: Any
    tensors: dict[str, Array]


def _checksum(*parts: bytes | memoryview) -> str:
    state = blake2b(digest_size=_DIGITS // 2)
    for part in parts:
        state.update(part)
    return state.hexdigest()


def _bytes_of(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def pack(content: Any, tensors: Mapping[str, Array]) -> Iterator[bytes | memoryview]:
    """Return the pieces of a file: `content` is JSON data; tensors have a dtype of the layout."""
    arrays = {name: np.require(array, array.dtype.newbyteorder("<"), ["C"]) for name, array in tensors.items()}
    # Wide elements first, so that all are aligned.
    names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    entries, end = {}, 0
    for name in names:
        array, begin = arrays[name], end
        end += array.nbytes
        entries[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [begin, end]}
    metadata = {
        "checksum": "0" * _DIGITS,
        "format": "ravine",
        "format_version": str(FORMAT_VERSION),
        "tensors": _dump({name: _checksum(_bytes_of(arrays[name])) for name in names}),
        "content": _dump(content),
    }
    header = _dump({"__metadata__": metadata, **entries}).encode()
    header += b" " * (-len(header) % 8)
    if len(header) > _LARGEST_HEADER:
        raise ValueError(f"the description takes {len(header)} bytes, a checkpoint has room for {_LARGEST_HEADER}")
    length = len(header).to_bytes(8, "little")
    first, last = len(_START), len(_START) + _DIGITS
    yield length + header[:first] + _checksum(length, header).encode() + header[last:]
    for name in names:
        yield _bytes_of(arrays[name])


def read(path: str | os.PathLike[str]) -> Stored:
    """Return what the file holds.

    Raises
    ------
    CheckpointFormatError
        If it is not such a file, or damaged; CheckpointVersionError for a newer format.
    OSError
        If it cannot be read.
    """
    with open(path, "rb") as file:
        return parse(file, os.fstat(file.fileno()).st_size, os.fspath(path))


def parse(file: IO[bytes], size: int, name: str = "checkpoint") -> Stored:
    """Return the content of `size` bytes; `name` is their name in messages."""
    try:
        return _parse(file, size)
    except CheckpointFormatError as error:
        raise type(error)(f"{name}: {error}") from None


def _parse(file: IO[bytes], size: int) -> Stored:
    raw, header = _header(file, size)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        _refuse("invalid JSON in header: __metadata__ must hold strings")
    entries = _entries(header, size - 8 - len(raw))
    ours = raw.startswith(_START) or metadata.get("format") == "ravine" or "format_version" in metadata
    if ours:
        _check_header(raw, metadata)
    tensors = {}
    for name, (dtype, shape, nbytes) in entries.items():
        array: Array = np.empty(nbytes, np.uint8)
        if file.readinto(array.data) != nbytes:  # type: ignore[attr-defined]
            _refuse(f"truncated while tensor {name!r} was read")
        tensors[name] = array.view(dtype).reshape(shape)
        if dtype == np.bool_ and (array > 1).any():
            _refuse(f"tensor {name!r} has bytes that are no bools")
    if not ours:
        return Stored(None, tensors)
    sums = _loads(metadata.get("tensors", ""))
    if not isinstance(sums, dict) or sums.keys() != tensors.keys():
        _refuse("the header does not have a checksum for each tensor")
    for name, array in tensors.items():
        if sums[name] != _checksum(_bytes_of(array)):
            _refuse(f"tensor {name!r} is damaged: its checksum does not match")
    return Stored(_loads(metadata.get("content", "")), tensors)


def _refuse(message: str) -> NoReturn:
    raise CheckpointFormatError(message)


def _header(file: IO[bytes], size: int) -> tuple[bytes, dict[str, Any]]:
    """Return the header, as bytes and as JSON."""
    start = file.read(8)
    kind = next((f"not a ravine checkpoint; looks like {kind}" for mark, kind in _OTHERS if start.startswith(mark)), "")
    if size == 0:
        _refuse("empty file: truncated to 0 bytes")
    if size < 8 or len(start) < 8:
        _refuse(f"header too small: truncated to {size} bytes, the header's length alone takes 8. {kind}".rstrip(". "))
    length = int.from_bytes(start, "little")
    if length > _LARGEST_HEADER:
        _refuse(kind or f"header too large: {length} bytes, at most {_LARGEST_HEADER} are allowed")
    if length > size - 8:
        _refuse(kind or f"invalid header length {length}: the file has {size} bytes, it is truncated or damaged")
    raw = file.read(length)
    if len(raw) != length:
        _refuse("truncated while the header was read")
    if kind and not raw.startswith(b"{"):
        _refuse(kind)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        _refuse(f"invalid UTF-8 in header: {error.reason} at byte {error.start}")
    header = _loads(text)
    if not isinstance(header, dict):
        _refuse("invalid JSON in header: it must be an object")
    return raw, header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError("an integer has more than 20 digits")
    return int(digits)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _loads(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_int=_integer, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        _refuse(f"invalid JSON in header: {error}")


def _sizes(value: Any) -> list[int]:
    """Return a list of ints >= 0; anything else is refused."""
    if not isinstance(value, list) or not all(type(size) is int and size >= 0 for size in value):
        _refuse(f"invalid shape, data type, or offset: {value!r:.60} must be a list of ints >= 0")
    return value


def _entries(header: dict[str, Any], available: int) -> dict[str, tuple[np.dtype[Any], list[int], int]]:
    """Return dtype, shape and bytes of the tensors in their order in the file, which they must cover."""
    found = []
    for name, entry in header.items():
        if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
            _refuse(f"invalid JSON in header: tensor {name!r} must have dtype, shape and data_offsets")
        code = _DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
        if code is None:
            _refuse(f"unknown dtype {entry['dtype']!r:.60} of tensor {name!r}; known are {', '.join(_DTYPES)}")
        dtype, shape, offsets = np.dtype(code), _sizes(entry["shape"]), _sizes(entry["data_offsets"])
        if len(offsets) != 2 or offsets[0] > offsets[1]:
            _refuse(f"invalid offset for tensor {name!r}: {offsets}")
        if len(shape) > 32 or math.prod(shape) * dtype.itemsize != offsets[1] - offsets[0]:
            _refuse(
                f"invalid shape, data type, or offset for tensor {name!r}: {shape} of {entry['dtype']} at {offsets}"
            )
        found.append((offsets[0], offsets[1], name, dtype, shape))
    found.sort(key=lambda tensor: tensor[:2])
    covered = 0
    for begin, end, name, *_ in found:
        if begin < covered:
            _refuse(f"invalid offset for tensor {name!r}: it begins at {begin}, the one before ends at {covered}")
        if begin > covered:
            _refuse(f"not fully covered: there is a hole of {begin - covered} bytes before tensor {name!r}")
        covered = end
    if covered > available:
        _refuse(f"truncated: the tensors take {covered} bytes, the file has {available} for them")
    if covered < available:
        _refuse(f"not fully covered: {available - covered} bytes follow the last tensor")
    return {name: (dtype, shape, end - begin) for begin, end, name, dtype, shape in found}


def _check_header(raw: bytes, metadata: dict[str, str]) -> None:
    first, last = len(_START), len(_START) + _DIGITS
    blank = raw[:first] + b"0" * _DIGITS + raw[last:]
    if not raw.startswith(_START) or raw[first:last] != _checksum(len(raw).to_bytes(8, "little"), blank).encode():
        _refuse("the header is damaged: its checksum does not match")
    version = metadata.get("format_version", "")
    if metadata.get("format") != "ravine" or not (version.isascii() and version.isdigit()):
        _refuse("not a ravine checkpoint: the header names no format")
    if int(version[:9]) > FORMAT_VERSION:
        raise CheckpointVersionError(f"written by format {version}, this build reads up to {FORMAT_VERSION}")
