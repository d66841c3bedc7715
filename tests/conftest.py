"""Fixtures for all tests. Nothing of ours is imported here: jaxtyping has to hook our packages first."""

import gc
import itertools
import os
import secrets
import tempfile
import zlib
from pathlib import Path

# Compiled programs are kept between runs; in the environment, so that processes which tests start share them.
# Only what takes a while to compile is kept, which keeps the folder small. Each worker of pytest-xdist has a
# folder of its own, because JAX does not write these files atomically.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR",
    f"{tempfile.gettempdir()}/posterior-lab-tests-jax{os.environ.get('PYTEST_XDIST_WORKER', '')}",
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")

import jax
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
SEED_VARIABLE = "POSTERIOR_LAB_TEST_SEED"
SEED = pytest.StashKey[int]()
MOST_MAPS = 35_000


def pytest_configure(config):
    config.stash[SEED] = int(os.environ.get(SEED_VARIABLE) or secrets.randbits(31))
    os.environ[SEED_VARIABLE] = str(config.stash[SEED])  # for the workers of pytest-xdist


def pytest_report_header(config):
    return f"keys from seed {config.stash[SEED]} (the same again: {SEED_VARIABLE}={config.stash[SEED]})"


@pytest.fixture
def key(request):
    """A JAX key of this test's own: new in every run, told on failure, repeated by setting the variable."""
    seed = request.config.stash[SEED]
    request.node.add_report_section("setup", "key", f"seed of this run: {SEED_VARIABLE}={seed}")
    # By the test's name, so that a test run alone gets the key that it had among all.
    return jax.random.fold_in(jax.random.key(seed), zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture(scope="module", autouse=True)
def forget_programs():
    """Between modules let compiled programs go: each maps memory, and Linux ends a process of 65 530 maps."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_text().count("\n") > MOST_MAPS:
        jax.clear_caches()
        gc.collect()


@pytest.fixture(scope="session")
def rhythm():
    """Spike times in ms of AB/PD, LP, PY: 12 cycles of 1000 ms, bursts of 8 spikes; LP misses the last 3."""
    bursts = ((40.0, 200.0), (390.0, 224.0), (640.0, 301.0))  # start and length
    trains = [np.add.outer(1000.0 * np.arange(12), a + np.linspace(0, b, 8)).ravel() for a, b in bursts]
    return trains[0], trains[1][:-3], trains[2]


@pytest.fixture(scope="session")
def voltage(rhythm):
    """Voltages of the same cells in mV every 0.1 ms for 12 s, shape (3, T): spikes of 70 mV on -60 mV."""
    rows = np.full((3, 120_000), -60.0)
    shape = 70 * np.exp(-0.5 * np.square(np.arange(-60, 61) * 0.1))
    for row, train in zip(rows, rhythm, strict=True):
        for spike in np.round(train * 10).astype(int):
            row[spike - 60 : spike + 61] += shape
    return rows


@pytest.fixture
def write_spikes(tmp_path):
    """write(trains) -> path of a CSV file with a column for each cell; of ms by ``factor`` into its unit."""

    def write(trains, *, header="AB/PD [s], LP [s], PY [s]", factor=1e-3, name="cells.csv"):
        columns = [[f"{factor * time:.6f}" for time in train] for train in trains]
        rows = [",".join(row) for row in itertools.zip_longest(*columns, fillvalue="")]
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


@pytest.fixture(scope="session")
def root():
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared():
    """The folder of recordings and reference values that lies beside the repository."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the folder shared/ with recordings and reference values is not beside this checkout")
    return folder
