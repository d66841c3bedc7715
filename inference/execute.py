"""Running a method: `run` for people and programs, `perform` for the runs of a store."""

import errno
import json
import os
import re
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Key

from inference.files import read_json, write_atomically, write_json
from inference.findings import find
from inference.goals import EmergentProperty, Goal, Observation, as_goal, check_property
from inference.methods import METHODS
from inference.methods.base import Method, RunContext
from inference.progress import Progress, Stopped, as_callback
from inference.provenance import array_hash, fingerprint, provenance
from inference.recorder import Recorder, Stopwatch, heartbeat
from inference.requests import resolve
from inference.result import Result, holds_result, load_result
from inference.runfolder import Run
from inference.tree import build_tree
from simulators import Simulations, Simulator

Listener = Callable[[Progress], None] | Literal[False] | None
SETTINGS = "settings.json"  # what a folder's run was started with
RESERVE = 65_536  # bytes for the state and the log of a run that has filled the disk
_CUT_SHORT = re.compile(r"\d+ requested and \d+ written")  # what NumPy says of a full disk


def run(
    config: Any,
    simulator: Simulator,
    goal: Goal | ArrayLike = None,
    *,
    key: Key[Array, ""],
    on_progress: Listener = None,
    simulations: Simulations | None = None,
    folder: str | Path | None = None,
    client: Any = None,
) -> Result:
    """Infer the parameters of a simulator: the one entry above all methods.

    Args:
        config: settings of a method, e.g. `SNPE(num_simulations=10_000)`; its type chooses the method.
        simulator: the model, with its prior.
        goal: features (num_features,), an `Observation` or an `EmergentProperty`; None with one round gives
            an amortised posterior.
        key: the only source of randomness.
        on_progress: None shows a progress bar, False is silent, a function hears `Progress` events and may
            raise `Stopped` to end the run, which can be resumed from `folder`.
        simulations: used in place of simulating.
        folder: what is finished is kept there, and the result stored; an unfinished run of the same settings,
            data and key is resumed, a finished one is loaded.
        client: a `distributed.Client`, or the address of its scheduler: its workers simulate, and must see
            `folder` under the same path. The numbers are those of this machine.

    Raises:
        ValueError: settings or data are wrong, or the folder holds a run with others.
        Stopped: raised by `on_progress`.
    """
    goal, listener, method = as_goal(goal), Stopwatch(as_callback(on_progress)), _method_of(config)
    _check_goal(goal, simulator)
    if folder is not None:
        folder = Path(folder)
        _check_folder(folder, fingerprint(config, simulator, goal, key=key) | _given(simulations))
        if holds_result(folder):
            return load_result(folder, simulator=simulator)
    method_key, findings_key = jax.random.split(key)
    output = method.run(
        config, simulator, goal, RunContext(method_key, listener, folder, simulations, client)
    )
    findings = find(findings_key, simulator, goal, output, listener)
    seconds = {stage: round(spent, 2) for stage, spent in listener.seconds.items()}
    attrs = {"method": method.name, **provenance(config, simulator, goal, key=key), **_given(simulations)}
    attrs["seconds"] = json.dumps(seconds)  # of this call: what was resumed took no time
    result = Result(output.posterior, build_tree(simulator, findings, attrs))
    if folder is not None:
        result.save(folder)
    return result


def perform(
    run: Run,
    on_progress: Listener = None,
    *,
    client: Any = None,
    ends_process: bool = False,
    ticket: str | None = None,
) -> None:
    """Do what a run folder asks for, from where it was left; what comes of it is in the folder.

    Ends in state done, stopped (also by Ctrl-C) or failed, with one sentence; a traceback is in `error.log`.

    Args:
        run: queued, or ended without a result. A run that is done stays as it is.
        on_progress: as in `inference.run`.
        client: as in `inference.run`.
        ends_process: whether this process, which does nothing else, is ended where the run has not stopped a
            while after it was asked to (`inference.hard_stop`).
        ticket: by which whoever gave out the work knows who performs the run.

    Raises:
        RunBusy: somebody else performs it.
    """
    with run.claim():
        if run.state == "done":
            return
        if run.stop_requested:
            if run.record["state"] != "stopped":  # else it says why
                run.set_state("stopped", "Stopped before it began; it can be resumed.")
            return
        now, host = time.time(), socket.gethostname()
        performer = {"host": host, "pid": os.getpid(), "since": now, "ticket": ticket}
        begun = run.record.get("begun", 0) + 1  # times since it was queued
        run.update(state="running", message="", performer=performer, begun=begun, heartbeat=now)
        run.set_state(*_outcome(run, on_progress, client, ends_process=ends_process))


@contextmanager
def _reserved(path: Path) -> Iterator[None]:
    """Some room on the disk, given back afterwards, so that a run which has filled it can say so."""
    try:
        path.write_bytes(bytes(RESERVE))
        yield
    finally:
        path.unlink(missing_ok=True)


def _outcome(run_: Run, on_progress: Listener, client: Any, *, ends_process: bool) -> tuple[str, str]:
    """Final state and message."""
    try:
        recorder = Recorder(run_, as_callback(on_progress))
        with _reserved(run_.folder / "reserve"), heartbeat(run_, recorder, ends_process=ends_process):
            request = run_.request
            config, simulator, goal = resolve(request, run_.folder)
            key = jax.random.key(request.seed)
            run(config, simulator, goal, key=key, on_progress=recorder, folder=run_.folder, client=client)
    except Stopped:
        return "stopped", "Stopped; everything finished is kept and the run can be resumed."
    except KeyboardInterrupt:
        return "stopped", "Interrupted; everything finished is kept and the run can be resumed."
    except Exception as error:  # noqa: BLE001  whatever it was, the run ends in a clear state
        with suppress(OSError):  # a full disk is what went wrong
            write_atomically(run_.folder / "error.log", traceback.format_exc().encode())
        return "failed", in_one_sentence(error)
    return "done", ""


def in_one_sentence(error: Exception) -> str:
    """What went wrong, for people."""
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
        return "The memory of this machine is not enough; ask for fewer simulations or a smaller estimator."
    first_line = next(iter(str(error).strip().splitlines()), "")
    if isinstance(error, ValueError):
        return first_line or "A value is wrong; the details are in error.log."
    if isinstance(error, OSError) and _says_full(error):
        return "The disk is full; make room and resume: what was finished is kept."
    if isinstance(error, OSError):
        return f"A file could not be read or written: {first_line}."
    return f"Unexpected {type(error).__name__}: {first_line or 'without a message'} (details in error.log)."


def _says_full(error: OSError) -> bool:
    is_of_numpy = error.errno is None and _CUT_SHORT.search(str(error)) is not None
    return error.errno in (errno.ENOSPC, errno.EDQUOT) or is_of_numpy


def _method_of(config: Any) -> Method:
    for method in METHODS.values():
        if type(config) is method.config:
            return method
    known = ", ".join(method.config.__name__ for method in METHODS.values())
    raise TypeError(f"The settings of a method are wanted ({known}); got {type(config).__name__}.")


def _check_goal(goal: Goal, simulator: Simulator) -> None:
    if isinstance(goal, EmergentProperty):
        check_property(goal, simulator)
    size = np.size(goal.x) if isinstance(goal, Observation) else simulator.num_features
    if size != simulator.num_features:
        raise ValueError(
            f"The observation has {size} features, but '{simulator.name}' has "
            f"{simulator.num_features}: "
            f"{', '.join(simulator.feature_names)}."
        )


def _given(simulations: Simulations | None) -> dict[str, str]:
    if simulations is None:
        return {}
    return {"simulations_sha256": array_hash(np.asarray(simulations.theta), np.asarray(simulations.x))}


def _check_folder(folder: Path, asked: dict[str, str | int]) -> None:
    """Refuse a folder that holds a run with other settings; else note what this one was started with."""
    try:
        kept = read_json(folder / SETTINGS)
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / SETTINGS, asked)
        return
    for name in [*asked, *kept]:
        if kept.get(name) != asked.get(name):
            raise ValueError(
                f"'{folder}' holds a run with another {name} ({kept.get(name)} instead of {asked.get(name)});"
                " give the same again to resume it, or choose another folder."
            )
