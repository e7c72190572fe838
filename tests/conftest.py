"""What all tests have in common: how signals are set, and that measurements have the machine for themselves."""

import fcntl
import os
import signal
import tempfile
from contextlib import contextmanager

import pytest


def pytest_configure(config):
    """Take signals as a program finds them that a terminal has started: shells start others with some ignored.

    Children inherit what is ignored or blocked, but not a handler.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    if "locks" in getattr(config, "workerinput", {}):
        config.turns = Turns(config.workerinput["locks"])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Tell a worker of pytest-xdist where the locks are that all of them take."""
    if not hasattr(node.config, "locks"):
        node.config.locks = tempfile.TemporaryDirectory(prefix="ravine-tests-")
    node.workerinput["locks"] = node.config.locks.name


def pytest_unconfigure(config):
    if hasattr(config, "locks"):
        config.locks.cleanup()


class Turns:
    """Whose turn it is: many workers', each with a test, or one worker's with a test that is marked `alone`.

    Who waits to be alone keeps the gate, so that the others do not begin another test before.
    """

    def __init__(self, folder):
        self.gate, self.turn = (os.open(f"{folder}/{name}", os.O_RDWR | os.O_CREAT, 0o600) for name in ("gate", "turn"))

    @contextmanager
    def taken(self, alone):
        fcntl.flock(self.gate, fcntl.LOCK_EX)
        fcntl.flock(self.turn, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(self.gate, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self.turn, fcntl.LOCK_UN)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    """Begin when it is the test's turn, before its limit of time begins."""
    if not hasattr(item.config, "turns"):
        return (yield)
    with item.config.turns.taken(item.get_closest_marker("alone") is not None):
        return (yield)
