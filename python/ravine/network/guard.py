"""Exclusive use of a model by threads, signal handlers, callbacks and forked processes."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Guard"]


def _is_running(call: FrameType | None) -> bool:
    """Whether a call is on this thread's stack: Ctrl-C may have kept it from clearing what it had set."""
    frame: FrameType | None = sys._getframe()
    while call is not None and frame is not None:
        if frame is call:
            return True
        frame = frame.f_back
    return False


class Guard:
    """Lets one call at a time use a model.

    Attributes
    ----------
    lock : RLock
        Held by the thread in the call.
    holder : frame or None
        The call that holds the lock.
    process : int or None
        Its process.
    calls_back : bool
        Whether the call is waiting for a callback.
    fit : frame or None
        The call that fits the model; after Ctrl-C perhaps one that has ended.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.holder: FrameType | None = None
        self.process: int | None = None
        self.calls_back = False
        self.fit: FrameType | None = None

    @property
    def fitting(self) -> bool:
        """Whether a fit is running."""
        return _is_running(self.fit)

    def begin_fit(self, call: FrameType | None = None) -> None:
        """Record that a call fits the model until it returns; by default the one that holds the lock."""
        self.holder = self.fit = call or self.holder

    def end_fit(self) -> None:
        """Let go of the call and of its data."""
        self.fit = None

    @contextmanager
    def exclusive(self, changing: str | None = None) -> Iterator[None]:
        """Lock the model for a call, against other threads, signal handlers in mid-call, and forks during a call.

        `changing` names a method that changes what a running fit depends on: a fit's callbacks may not call it.
        """
        process = os.getpid()
        if self.process not in (None, process):
            raise RuntimeError("this model was in use when the process was forked; make a new one, or load its weights")
        with self.lock:
            outer = (self.holder, self.process, self.calls_back) if _is_running(self.holder) else (None, None, False)
            if outer[0] is not None and not self.calls_back:
                raise RuntimeError(
                    "this model is in the middle of a call, so a signal handler cannot use it; set stop_training "
                    "there, or copy its parameters"
                )
            if changing is not None and self.fitting:
                raise RuntimeError(f"{changing} must not be called from a callback of a running fit")
            try:
                self.holder, self.process, self.calls_back = sys._getframe(2), process, False
                yield
            finally:
                self.holder, self.process, self.calls_back = outer

    @contextmanager
    def calling_back(self) -> Iterator[None]:
        """Let callbacks use the model within the block, where it is in a consistent state."""
        self.calls_back = True
        try:
            yield
        finally:
            self.calls_back = False
