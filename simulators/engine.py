"""Where chunks of simulations run: threads of this process, worker processes, or a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from functools import lru_cache
from itertools import islice
from threading import Event
from typing import Any, NamedTuple

import cloudpickle
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from loky import cpu_count

from simulators.base import Simulator
from simulators.black_box import Workers
from simulators.devices import on_gpu
from simulators.store import RowStore

LANES = 64  # rows are computed in multiples of this, so that each is rounded in the same way in every chunk
WIDE_VECTORS = {"xla_cpu_prefer_vector_width": 512}  # 1.4 times the speed on long scans
CONNECT_SECONDS = 10  # until a scheduler must have answered
POLL_SECONDS = 0.2  # how often a waiting caller hears that nothing has finished yet
TASKS_PER_THREAD = 2  # chunks that a cluster is given at a time: enough to be busy, few enough to stop soon


class Chunk(NamedTuple):
    """Rows that are simulated together.

    Attributes:
        first: index of the first row.
        theta: parameter rows (num, dim).
        size: rows to compute, at least num: all chunks of a batch have one compiled shape.
    """

    first: int
    theta: np.ndarray
    size: int


class Job(NamedTuple):
    """What the chunks of a batch have in common.

    Attributes:
        simulator: a JAX model, or a black box.
        key: one key for the batch; row i uses ``fold_in(key, i)``.
        store: where whoever computes a chunk keeps it; None: nowhere.
    """

    simulator: Simulator
    key: Array
    store: RowStore | None


Finished = tuple[Chunk, np.ndarray]


def run_chunks(job: Job, chunks: list[Chunk], *, client: Any = None) -> Iterator[Finished | None]:
    """Yield (chunk, x of shape (num, num_features)) as chunks finish, in any order.

    Yields None about five times a second while nothing finishes, so that a caller can show life or stop;
    closing the iterator abandons the chunks that have not begun.

    Args:
        job: what to run (a JAX model in threads, one per core; a black box in processes).
        chunks: which rows.
        client: a ``distributed.Client`` to run the chunks on instead, or the address of its scheduler.
    """
    if not chunks:
        return
    if client is not None:
        yield from _on_cluster(job, chunks, client)
        return
    is_jax = job.simulator.function is None
    stop = Event()
    pool = ThreadPoolExecutor(1 if is_jax and on_gpu() else cpu_count(), thread_name_prefix="simulate")
    try:
        yield from _as_completed({pool.submit(run_chunk, job, chunk, stop=stop): chunk for chunk in chunks})
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)


def run_chunk(job: Job, chunk: Chunk, *, stop: Event | None = None) -> np.ndarray:
    """Features x of one chunk, shape (num, num_features), computed here and kept where the job says.

    Args:
        job: what to run.
        chunk: which rows.
        stop: when set, a black box is abandoned; nothing is kept then.
    """
    stop, simulator = stop or Event(), job.simulator
    if simulator.function is not None:
        workers = _workers(cloudpickle.dumps((simulator.function, simulator.prior.names)), simulator.timeout)
        x = workers.rows(chunk.theta, _seeds(job.key, chunk), simulator.num_features, stop=stop)
    else:
        size = -(-chunk.size // LANES) * LANES
        padded = np.pad(chunk.theta, ((0, size - len(chunk.theta)), (0, 0)), mode="edge")
        x = np.asarray(_compiled(simulator)(job.key, chunk.first, padded))[: len(chunk.theta)]
    if job.store is not None and not stop.is_set():
        job.store.write(chunk.first, chunk.theta, x)
    return x


@lru_cache(maxsize=32)
def _compiled(simulator: Simulator) -> Callable[[Array, int, np.ndarray], Array]:
    def rows(key: Array, start: int | Array, theta: Array) -> Array:
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(start + jnp.arange(theta.shape[0]))
        return jax.vmap(simulator)(keys, theta)

    return jax.jit(rows, compiler_options=None if on_gpu() else WIDE_VECTORS)


@lru_cache(maxsize=2)
def _workers(pickled: bytes, timeout: float | None) -> Workers:
    """Worker processes by content, so that the next batch finds them running."""
    return Workers(pickled, timeout)


def _seeds(key: Array, chunk: Chunk) -> list[int]:
    """The seeds that ``Simulator.from_numpy`` derives from the row keys."""
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(chunk.first + np.arange(len(chunk.theta)))
    return jax.vmap(lambda k: jax.random.bits(k, dtype=jnp.uint32))(keys).tolist()


def _as_completed(futures: dict[Future, Chunk]) -> Iterator[Finished | None]:
    waiting = set(futures)
    while waiting:
        finished, waiting = wait(waiting, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        if not finished:
            yield None
        for future in finished:
            yield futures.pop(future), future.result()


def _on_cluster(job: Job, chunks: list[Chunk], client: Any) -> Iterator[Finished | None]:
    """A few chunks at a time; a worker that dies loses those it was at, which others do again.

    With a store, workers keep what they compute and answer with a receipt.
    """
    from distributed import wait as wait_for  # here: it takes a second to import

    pickled, key_data = cloudpickle.dumps(job.simulator), np.asarray(jax.random.key_data(job.key))
    remaining, waiting = iter(chunks), {}
    with ExitStack() as opened:
        if isinstance(client, str):
            client = opened.enter_context(_connected(client))
        try:
            while True:
                room = TASKS_PER_THREAD * max(1, sum(client.nthreads().values())) - len(waiting)
                for chunk in islice(remaining, max(0, room)):
                    task = client.submit(_cluster_task, pickled, key_data, chunk, job.store, pure=False)
                    waiting[task] = chunk
                if not waiting:
                    return
                finished: Any = None
                with suppress(TimeoutError), client.as_current():
                    finished = wait_for(list(waiting), timeout=POLL_SECONDS, return_when="FIRST_COMPLETED")
                if finished is None:
                    yield None
                    continue
                for task in finished.done:
                    chunk = waiting.pop(task)
                    yield chunk, _received(job, chunk, task.result())
        finally:
            client.cancel(list(waiting))


def _connected(address: str) -> Any:
    """A client of the scheduler at an address."""
    from distributed import Client

    try:
        return Client(address, set_as_default=False, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"No Dask scheduler answers at '{address}' (an address looks like tcp://host:8786): start one, "
            "or leave it out to simulate on this machine."
        ) from error


def _received(job: Job, chunk: Chunk, answer: np.ndarray | None) -> np.ndarray:
    if answer is not None:
        return answer
    assert job.store is not None
    try:
        return job.store.read_chunk(chunk.first, len(chunk.theta))
    except FileNotFoundError as error:
        raise OSError(
            f"A worker has written simulations to '{job.store.folder}', but they cannot be seen from here; "
            "the workers of a cluster need a folder that is shared with this machine."
        ) from error


def _cluster_task(
    pickled: bytes, key_data: np.ndarray, chunk: Chunk, store: RowStore | None
) -> np.ndarray | None:
    """Features x of a chunk; None, the receipt, when they are in the store. Doing it twice does no harm."""
    if store is not None and store.has_chunk(chunk.first, chunk.theta):
        return None
    job = Job(_unpickled(pickled), jax.random.wrap_key_data(jnp.asarray(key_data)), store)
    x = run_chunk(job, chunk)
    return x if store is None else None


@lru_cache(maxsize=4)
def _unpickled(pickled: bytes) -> Simulator:
    """One simulator object per content, so that a worker compiles it once."""
    return cloudpickle.loads(pickled)
