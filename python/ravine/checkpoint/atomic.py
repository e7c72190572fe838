"""Files that are replaced atomically: after a crash at any moment there is either the old file or the new one."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from typing import IO

__all__ = ["replace_file"]


def replace_file(path: str, chunks: Iterable[bytes | memoryview]) -> None:
    """Write `chunks` to a temporary file in the folder of `path`, then rename it to `path`.

    Data are synced to the disk before the rename, and the rename before this returns. An error leaves `path` unchanged
    and no temporary file. Temporary files of killed processes are removed.
    """
    path = os.path.realpath(path)
    folder, name = os.path.split(path)
    if os.path.isdir(path):
        raise IsADirectoryError(f"{path} is a directory")
    _remove_stale(folder, name)
    while True:
        temporary = os.path.join(folder, f".{name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
        try:
            with open(temporary, "xb") as file:
                if not _lock(file):
                    continue
                with suppress(FileNotFoundError):
                    os.fchmod(file.fileno(), stat.S_IMODE(os.stat(path).st_mode))
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
                os.replace(temporary, path)
                break
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    _sync_folder(folder)


def _lock(file: IO[bytes]) -> bool:
    """Mark the file as in use by a lock, which ends with the process; False if another process has removed it first."""
    with suppress(OSError):  # a file system without locks: stale files are not removed
        fcntl.flock(file, fcntl.LOCK_EX)
    return os.path.exists(file.name)


def _remove_stale(folder: str, name: str) -> None:
    """Remove the temporary files for `name` that no running process has locked."""
    prefix, suffix = f".{name}.", ".tmp"
    with suppress(OSError):
        for found in os.listdir(folder or "."):
            marks = found[len(prefix) : -len(suffix)].split("-")
            ours = found.startswith(prefix) and found.endswith(suffix) and len(marks) == 2
            if not ours or not marks[0].isdigit() or len(marks[1]) != 8:
                continue
            with suppress(OSError), open(os.path.join(folder, found), "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(file.name)


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
