"""The rows of `posterior-lab doctor`."""

import os
import platform
import shutil
import tempfile
import time
from pathlib import Path

import psutil

from inference.provenance import versions


def checkup(root: Path) -> list[list[str]]:
    """Name and value of everything that is worth a look.

    Args:
        root: the folder of runs.
    """
    rows = [["Python", platform.python_version()], ["system", platform.platform()]]
    rows += [[name, number] for name, number in versions().items()]
    rows += [["cores", _cores()], ["memory", _memory()], ["JAX devices", _devices()]]
    return [*rows, ["runs", _folder(root)], ["compiled programs", _cache()], ["to compile", _compile_times()]]


def _cores() -> str:
    usable = len(os.sched_getaffinity(0))
    return f"{usable} of {os.cpu_count()} usable, load {os.getloadavg()[0]:.1f}"


def _memory() -> str:
    memory = psutil.virtual_memory()
    return f"{_size(memory.available)} free of {_size(memory.total)}"


def _devices() -> str:
    import jax

    return ", ".join(str(device) for device in jax.devices())


def _folder(root: Path) -> str:
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    can_write = os.access(existing, os.W_OK)
    free = _size(shutil.disk_usage(existing).free)
    return f"{root}, {free} free, {'writable' if can_write else 'NOT WRITABLE: choose another with --root'}"


def _cache() -> str:
    folder = Path(os.environ.get("JAX_COMPILATION_CACHE_DIR", ""))
    if not folder.name or not folder.is_dir():
        return "none kept yet"
    files = [path for path in folder.iterdir() if path.is_file()]
    return f"{folder}, {len(files)} files, {_size(sum(path.stat().st_size for path in files))}"


def _compile_times() -> str:
    """How long a first training waits for the compiler: anew, and with the programs kept from before."""
    import jax
    from jax.experimental.compilation_cache.compilation_cache import reset_cache

    from inference.estimators import EstimatorSpec, make_estimator
    from inference.train import TrainConfig, compile_ahead

    estimator, seconds = make_estimator(jax.random.key(0), EstimatorSpec("nsf", 2, 2)), []
    folder = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
    with tempfile.TemporaryDirectory() as empty:
        jax.config.update("jax_compilation_cache_dir", empty)
        try:
            for _ in range(2):
                jax.clear_caches()
                reset_cache()
                began = time.perf_counter()
                compile_ahead(estimator, (900, 100), TrainConfig())
                seconds.append(time.perf_counter() - began)
        finally:
            jax.config.update("jax_compilation_cache_dir", folder)
            reset_cache()
    return f"{seconds[0]:.1f} s for the training of a spline flow, {seconds[1]:.1f} s once it is kept"


def _size(num_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if num_bytes < 1000:
            return f"{num_bytes:.0f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.1f} GB"
