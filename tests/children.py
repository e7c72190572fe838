"""Processes that tests start, and that end with the test, whatever happens."""

import subprocess
from contextlib import contextmanager


@contextmanager
def child(command, **options):
    """A process that is killed where it still runs at the end of the block."""
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.kill()  # nothing where it has ended
        process.wait(timeout=60)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
