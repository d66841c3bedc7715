"""Kill -9 at random moments, and what becomes of the runs: `python -m tests.faults.kills --help`.

A generator draws whom to kill and when: the web server, the scheduler, the worker, or the process that
performs a run (the writer). Small runs are asked for all the while; lost ones are resumed, as somebody would
with the button, and a finished one is compared with an undisturbed run of the same request: every number of
every group must be equal (but the seconds of epochs) and the weights the same file. Each event is a line of
JSON, so that a campaign which is cut off keeps its figures; `--summary FILE ...` adds them up.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import jax
import numpy as np

from inference import checkpoint
from inference.execute import perform
from inference.requests import Request
from inference.result import holds_result
from inference.runs import RunStore
from inference.simulation_store import read_simulations
from tests.faults.services import COMPILED, Lab, kill_process
from tests.faults.watched import NOTES

VICTIMS = {"single": ("web", "writer"), "shared": ("web", "scheduler", "worker", "writer")}
WATCHED = Path(__file__).with_name("watched.py")
SETTINGS = {"num_simulations": 600, "num_rounds": 2, "max_epochs": 30, "estimator": "mdn"}
ACTIVE_RUNS = 2
LOST_SECONDS = 30.0  # within which a run that nobody performs must be marked so, by a server that answers
STUCK_SECONDS = 300.0  # without any sign of life of a run: minutes, because a busy machine starts slowly
STAGES = ("start", "simulate", "train", "sample", "diagnose", "any", "any")  # "any": whatever is going on
STAGE_SECONDS = 30.0  # that a stage is waited for
MOST_DELAY = 1.5  # s after it was seen, about as long as a stage takes
BURSTS = (1, 1, 1, 2, 3)  # kills, one shortly after the other
TICK = 0.25
DIED_TWICE = "The worker process died twice"


@dataclass(frozen=True)
class Plan:
    """How often, where, and from which seed."""

    kills: int
    mode: str
    seed: int
    minutes: float = 60.0


@dataclass
class Watched:
    """A run under way, and since when something about it has been as it is (monotonic seconds)."""

    run: object
    kills: int = 0
    orphaned: float | None = None
    seen: str = ""
    changed: float = field(default_factory=time.monotonic)


class Campaign:
    """Runs, kills, and what is found wrong."""

    def __init__(self, plan, folder, into):
        self.plan, self.into = plan, into
        self.lab = Lab(folder, plan.mode, WATCHED)
        self.store, self.references = RunStore(self.lab.root), RunStore(folder / "references")
        self.random = np.random.default_rng([plan.seed, len(plan.mode)])
        self.active, self.num_made, self.num_kills = [], 0, 0
        self.listening_since = None
        self.violations = []
        self.comparing, self.comparer = [], ThreadPoolExecutor(1)  # of finished runs with undisturbed ones

    def tell(self, event, **more):
        line = {"event": event, "mode": self.plan.mode, "seed": self.plan.seed, **more}
        self.into.write(json.dumps(line | {"load": round(os.getloadavg()[0], 1)}) + "\n")
        self.into.flush()

    def wrong(self, what, **more):
        self.violations.append(what)
        self.tell("violation", what=what, **more)

    def go_on(self):
        """Kill as often as planned, then let all runs end."""
        deadline = time.monotonic() + 60 * self.plan.minutes
        while self.num_kills < self.plan.kills and time.monotonic() < deadline:
            if self._until(self._somebody_is_at_work, seconds=STUCK_SECONDS):
                stage = str(self.random.choice(STAGES))
                self._until(lambda stage=stage: self._is_seen(stage), seconds=STAGE_SECONDS)
                for _ in range(self.random.choice(BURSTS)):
                    moment = time.monotonic() + self.random.uniform(0, MOST_DELAY)
                    self._until(lambda moment=moment: time.monotonic() >= moment, seconds=MOST_DELAY + 1)
                    self._kill()
            else:
                self.wrong("nobody performs anything", states=[run.run.state for run in self.active])
        if not self._until(lambda: not self.active, seconds=2 * STUCK_SECONDS, is_ending=True):
            self.wrong("runs that do not end", runs=[run.run.id for run in self.active])
        for compared in self.comparing:
            compared.result()

    def _until(self, condition, *, seconds, is_ending=False):
        """Look after everything until something is so; whether it came to be."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.lab.keep()
            if not is_ending:
                self._ask_for_more()
            self._look()
            time.sleep(TICK)
        return True

    def _somebody_is_at_work(self):
        if self.listening_since is None or any(s.process is None for s in self.lab.services.values()):
            return False
        return any(watched.run.state == "running" and watched.run.is_claimed for watched in self.active)

    def _is_seen(self, stage):
        """Whether a run is in this stage."""
        at_work = [watched.run for watched in self.active if watched.run.is_claimed]
        return stage == "any" or stage in map(stage_of, at_work)

    def _ask_for_more(self):
        if len(self.active) < ACTIVE_RUNS and self.listening_since is not None:
            seed = 10_000 * self.plan.seed + self.num_made
            run = self.store.create(Request("watched", "snpe", SETTINGS, seed=seed))
            self.num_made += 1
            self.lab.submit(run.id)
            self.active.append(Watched(run))

    def _look(self):
        now = time.monotonic()
        is_listening = self.lab.is_listening()
        if is_listening != (self.listening_since is not None):
            self.listening_since = now if is_listening else None
        for note in self.store.scan()[1]:
            self.wrong("unreadable", note=note)
        for watched in list(self.active):
            self._look_at(watched, now)

    def _look_at(self, watched, now):
        run = watched.run
        state, latest = run.state, run.latest() or {}
        seen = f"{state} {latest.get('time')}"
        if seen != watched.seen:
            watched.seen, watched.changed = seen, now
        is_orphaned = state in ("running", "stopping") and not run.is_claimed and run.state == state
        watched.orphaned = (watched.orphaned or now) if is_orphaned else watched.orphaned
        if state == "done":
            self.active.remove(watched)
            self.comparing.append(self.comparer.submit(self._compare, watched))
        elif state in ("lost", "failed", "stopped"):
            self._resume(watched, state, now)
        elif is_orphaned and self.listening_since is not None:
            waited = now - max(watched.orphaned, self.listening_since)
            if waited > LOST_SECONDS + 1:
                self.wrong("not marked as lost", run=run.id, seconds=round(waited, 1))
                watched.orphaned = now
        elif not is_orphaned:
            watched.orphaned = None
        if now - watched.changed > STUCK_SECONDS:
            self.wrong("stuck", run=run.id, state=state, record=run.record)
            watched.changed = now

    def _resume(self, watched, state, now):
        """As somebody would who sees it."""
        if (self.lab.root / "inlet" / watched.run.id).exists():
            return  # asked for already
        if self.listening_since is None:
            return  # nobody to ask
        waited = None
        if watched.orphaned is not None:
            waited = round(now - max(watched.orphaned, self.listening_since), 1)
        message = watched.run.message
        if state == "failed" and not (watched.kills > 1 and message.startswith(DIED_TWICE)):
            self.wrong("failed", run=watched.run.id, message=message, kills=watched.kills)
        self.tell("ended", run=watched.run.id, state=state, seconds=waited, message=message)
        watched.orphaned, watched.changed = None, now
        self._open_stores(watched.run)
        self.lab.submit(watched.run.id)

    def _kill(self):
        at_work = [w for w in self.active if w.run.state == "running" and w.run.is_claimed]
        name = str(self.random.choice(VICTIMS[self.plan.mode]))
        who = self.random.integers(max(len(at_work), 1))
        if name == "writer":
            if not at_work:
                return  # it has just ended: draw anew
            at_work = [at_work[who]]
            if not kill_process(at_work[0].run.record["performer"]["pid"]):
                return
        else:
            self.lab.kill(name)
        self.num_kills += 1
        if name == "web":
            self.listening_since = None
        is_meant = name in ("writer", "worker") or (name == "web") == (self.plan.mode == "single")
        runs = []
        for watched in at_work:
            runs.append({"run": watched.run.id, "stage": stage_of(watched.run)})
            watched.kills += is_meant
        self.tell("kill", number=self.num_kills, victim=name, performed=runs)
        for watched in self.active:
            self._open_stores(watched.run)

    def _open_stores(self, run):
        """Everything that is published opens: simulations, checkpoints, the result."""
        try:
            for store in (run.folder / "simulations").glob("round-*.zarr"):
                read_simulations(store)
            for file in (run.folder / "checkpoint").glob("*.npz"):
                checkpoint.read_checkpoint(file, None)
            if holds_result(run.folder) and run.state == "done":
                run.result()
        except (ValueError, OSError, KeyError) as error:
            self.wrong("corrupt", run=run.id, error=str(error))

    def _compare(self, watched):
        run = watched.run
        reference = self.references.create(run.request)
        perform(reference, False)
        mine, whole = run.result(), reference.result()
        differs = differences(mine, whole)
        if differs or _weights(run) != _weights(reference):
            self.wrong("another result", run=run.id, groups=differs, kills=watched.kills)
        twice = [note for note in _performers(run) if note.get("others")]
        if twice:
            self.wrong("performed twice at a time", run=run.id, notes=twice)
        begun = sum(note["what"] == "begin" for note in _performers(run))
        self.tell("done", run=run.id, kills=watched.kills, begun=begun, same=not differs)


def stage_of(run):
    """What whoever performs the run is at; "start" before the first event."""
    begun = [note["time"] for note in _performers(run) if note["what"] == "begin"]
    latest = run.latest()
    if not begun or latest is None or latest["time"] < begun[-1] or not _is_by_performer(run):
        return "start"
    return latest["stage"]


def _is_by_performer(run):
    """Whether the last note is by whoever performs the run now."""
    return _performers(run)[-1]["pid"] == (run.record.get("performer") or {}).get("pid")


def differences(a, b):
    """Paths of the groups whose numbers, but those of seconds, are not all equal."""
    groups = {group.path for group in a.tree.subtree} | {group.path for group in b.tree.subtree}
    return [path for path in sorted(groups) if not _equal(a, b, path)]


def _equal(a, b, path):
    try:
        mine, other = (
            tree[path].to_dataset().drop_vars("seconds", errors="ignore") for tree in (a.tree, b.tree)
        )
        return mine.equals(other)
    except KeyError:
        return False


def _weights(run):
    return json.loads((run.folder / "manifest.json").read_text())["files"]["weights.eqx"]["sha256"]


def _performers(run):
    file = run.folder / NOTES
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def campaign(plan, folder, into):
    """Carry out a plan; returns what was found wrong."""
    os.environ["POSTERIOR_LAB_SIMULATORS"] = str(WATCHED)  # of the undisturbed runs, here
    kills = Campaign(plan, Path(folder), into)
    try:
        kills.go_on()
    finally:
        kills.lab.end()
        endings = {name: Counter(service.endings) for name, service in kills.lab.services.items()}
        kills.tell("over", kills=kills.num_kills, runs=kills.num_made, endings=endings)
    return kills.violations


def summary(lines):
    """What the lines of one or several campaigns tell."""
    events = [json.loads(line) for line in lines]
    of = {name: [e for e in events if e["event"] == name] for name in ("kill", "ended", "done", "violation")}
    seconds = [event["seconds"] for event in of["ended"] if event["seconds"] is not None]
    return {
        "kills": dict(Counter(f"{event['mode']} {event['victim']}" for event in of["kill"])),
        "stages": dict(Counter(run["stage"] for e in of["kill"] for run in e["performed"])),
        "resumed": dict(Counter(event["state"] for event in of["ended"])),
        "longest until marked": max(seconds, default=None),
        "done": len(of["done"]),
        "with the result of an undisturbed run": sum(event["same"] for event in of["done"]),
        "begun per finished run": dict(Counter(event["begun"] for event in of["done"])),
        "violations": [event["what"] for event in of["violation"]],
    }


def main():
    parser = argparse.ArgumentParser(description="Kill -9 at random moments.")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--mode", choices=VICTIMS, default="shared")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60.0, help="no kill after these")
    parser.add_argument("--folder", type=Path, required=True, help="a new one, for everything that is made")
    parser.add_argument("--summary", type=Path, nargs="*", help="add these files up instead")
    asked = parser.parse_args()
    if asked.summary:
        lines = [line for file in asked.summary for line in file.read_text().splitlines()]
        sys.stdout.write(json.dumps(summary(lines), indent=1) + "\n")
        return
    asked.folder.mkdir(parents=True)
    jax.config.update("jax_compilation_cache_dir", COMPILED)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    with (asked.folder / "kills.jsonl").open("w") as into:
        found = campaign(Plan(asked.kills, asked.mode, asked.seed, asked.minutes), asked.folder, into)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
