"""A hash of everything that decides a simulator's numbers: simulations are reused only where it is the same.

Stricter than `provenance.simulator_hash`, which names a model in a result: this one sees the arguments bound
to its functions, what they close over, all source files of our package, and those beside a user's own file.
Two equal models may get different hashes (then they are simulated again).
"""

import dataclasses
import functools
import hashlib
import inspect
import json
import marshal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cloudpickle
import jax
import numpy as np
from jaxtyping import Array, Key

import simulators
from inference.provenance import simulator_hash, versions
from simulators import Simulator

_OURS = Path(simulators.__file__).parent


def campaign(simulator: Simulator, key: Key[Array, ""]) -> dict[str, Any]:
    """What decides the simulations of draws from the prior, row by row: plain JSON values."""
    return {
        "simulator": simulator.name,
        "content_sha256": content_hash(simulator),
        "key": np.asarray(jax.random.key_data(key)).tolist(),
        "device": jax.default_backend(),
        "versions": {name: version for name, version in versions().items() if name in ("jax", "numpyro")},
    }


def content_hash(simulator: Simulator) -> str:
    """SHA-256 of a simulator's prior, functions and what these depend on; what was observed changes none."""
    functions = (simulator.simulate, simulator.features, simulator.simulate_features, simulator.function)
    digest = hashlib.sha256(simulator_hash(dataclasses.replace(simulator, observed=None)).encode())
    digest.update(_sources(_OURS).encode())
    for part in _parts([*functions, simulator.timeout], set()):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def _parts(value: Any, seen: set[int]) -> Iterator[bytes]:
    """The content of a value, piece by piece; a function that closes over itself is followed once."""
    yield type(value).__qualname__.encode()
    if isinstance(value, np.ndarray | jax.Array):
        array = np.asarray(value)
        yield from (f"{array.dtype} {array.shape}".encode(), array.tobytes())
    elif isinstance(value, functools.partial):
        yield from _parts([value.func, *value.args, sorted(value.keywords.items())], seen)
    elif inspect.ismethod(value):
        yield from _parts([value.__func__, value.__self__], seen)
    elif inspect.isfunction(value):
        if id(value) not in seen:
            yield from _function_parts(value, seen | {id(value)})
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from _parts([getattr(value, item.name) for item in dataclasses.fields(value)], seen)
    elif isinstance(value, Mapping):
        yield from _parts([*value.items()], seen)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _parts(item, seen)
    elif isinstance(value, str | int | float | bool | np.generic) or value is None:
        yield repr(value).encode()
    else:
        yield cloudpickle.dumps(value)


def _function_parts(function: Any, seen: set[int]) -> Iterator[bytes]:
    function = inspect.unwrap(function)
    yield f"{function.__module__}.{function.__qualname__}".encode()
    yield marshal.dumps(function.__code__, 2)  # of this version the same in every process
    module = inspect.getmodule(function)
    file = getattr(module, "__file__", None)
    if file is not None and not Path(file).is_relative_to(_OURS):
        yield _sources(Path(file).parent).encode()
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    yield from _parts([*(function.__defaults__ or ()), function.__kwdefaults__ or {}, *cells], seen)


@functools.lru_cache
def _sources(folder: Path) -> str:
    """SHA-256 of the Python files in a folder, and below it where it is ours."""
    files = folder.rglob("*.py") if folder == _OURS else folder.glob("*.py")
    contents = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(contents.items())}
    return hashlib.sha256(json.dumps(hashes).encode()).hexdigest()
