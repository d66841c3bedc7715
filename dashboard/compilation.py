"""Compiled programs are kept on disk, so that only the first run of a kind has to wait for the compiler."""

import os
from pathlib import Path

MAX_BYTES = 2**30


def cache_variables() -> dict[str, str]:
    """JAX's environment variables for a persistent compilation cache; set ones are left as they are.

    They have effect in processes that have not yet imported JAX.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    wanted = {
        "JAX_COMPILATION_CACHE_DIR": str(home / "posterior-lab" / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    return {name: os.environ.get(name, value) for name, value in wanted.items()}


def keep_compiled_programs() -> None:
    """Set the variables in this process; call it before JAX is imported."""
    os.environ.update(cache_variables())


def prune(*, max_bytes: int = MAX_BYTES) -> None:
    """Drop the oldest programs until the folder holds no more than `max_bytes`.

    JAX can do this itself, but not for a folder that another program has written to as well.
    """
    folder = Path(cache_variables()["JAX_COMPILATION_CACHE_DIR"])
    files = [(path.stat(), path) for path in folder.glob("*") if path.is_file()] if folder.is_dir() else []
    total = sum(status.st_size for status, _ in files)
    for status, path in sorted(files, key=lambda item: item[0].st_mtime):
        if total <= max_bytes:
            return
        path.unlink(missing_ok=True)
        total -= status.st_size
