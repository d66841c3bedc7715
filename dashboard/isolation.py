"""Reading files of unknown origin in a process that can be killed: a damaged HDF5 file may hang.

It has no more memory than it may need, because a small file may unpack to any size.
"""

import resource
from collections.abc import Callable
from concurrent.futures import TimeoutError as TookTooLong
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from typing import Any

from loky import ProcessPoolExecutor

IDLE_SECONDS = 120
MOST_BYTES = 4 * 2**30  # of memory


def in_own_process(function: Callable[..., Any], *arguments: Any, seconds: float = 30.0) -> Any:
    """The result of ``function(*arguments)``, computed in another process.

    Args:
        function: importable by name, like its arguments and result.
        arguments: for the function.
        seconds: it is killed after these.

    Raises:
        ValueError: it took too long, or its process died. Whatever the function raises is raised here.
    """
    pool = _pool()
    try:
        return pool.submit(function, *arguments).result(timeout=seconds)
    except TookTooLong as error:
        _give_up(pool)
        raise ValueError(
            f"Reading the file took longer than {seconds:g} s and was given up: it is probably damaged."
        ) from error
    except BrokenProcessPool as error:
        _give_up(pool)
        raise ValueError(
            "Reading the file ended the process that tried it: it is probably damaged."
        ) from error


@lru_cache(maxsize=1)
def _pool() -> ProcessPoolExecutor:
    # Else loky takes the libraries that a later file needs for a leak, warns, and begins another process.
    patience = {"LOKY_MAX_MEMORY_LEAK_SIZE": str(MOST_BYTES)}
    return ProcessPoolExecutor(1, timeout=IDLE_SECONDS, initializer=_limit_memory, env=patience)


def _limit_memory() -> None:
    most = resource.getrlimit(resource.RLIMIT_DATA)[1]
    limit = MOST_BYTES if most == resource.RLIM_INFINITY else min(MOST_BYTES, most)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, most))


def _give_up(pool: ProcessPoolExecutor) -> None:
    _pool.cache_clear()
    pool.shutdown(wait=False, kill_workers=True)
