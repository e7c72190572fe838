"""What all tests have in common."""

import signal


def pytest_configure():
    """Take signals as a program finds them that a terminal has started: shells start others with some ignored.

    Children inherit what is ignored or blocked, but not a handler.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
