"""Ending the process of a run that does not stop when asked to: a simulator that never returns.

A stop is heard between chunks, epochs and blocks. What is under way then cannot be interrupted from within:
after a time of grace, the process that performs the run records the stop and ends itself, with its children.
Whatever was finished is in the run folder, and the run can be resumed.
"""

import os
import signal
import threading
import time
from contextlib import suppress

import psutil

from inference.environment import positive

GRACE_VARIABLE = "POSTERIOR_LAB_GRACE_SECONDS"
GRACE_SECONDS = 30.0
EXIT_CODE = 130  # as after Ctrl-C
SIMULATING = "simulate"  # how the threads that simulate are called
POLL_SECONDS = 0.05


def grace() -> float:
    """Seconds from the request of a stop until the process is ended; 30 unless the variable says otherwise.

    Raises:
        ValueError: the variable is not a positive number.
    """
    return positive(GRACE_VARIABLE, GRACE_SECONDS, "seconds")


def end_process() -> None:
    """End this process at once, and all that it has started."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            child.send_signal(signal.SIGKILL)
    os._exit(EXIT_CODE)


def end_what_is_stuck() -> None:
    """After a run that was stopped: end this process if threads still simulate when the grace is over."""
    deadline = time.monotonic() + grace()
    while any(thread.name.startswith(SIMULATING) for thread in threading.enumerate()):
        if time.monotonic() >= deadline:
            end_process()
        time.sleep(POLL_SECONDS)
