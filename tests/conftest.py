"""Fixtures for all tests. Nothing of ours is imported here: jaxtyping has to hook our packages first."""

import gc
import os
import secrets
import tempfile
import zlib
from pathlib import Path

# Compiled programs are kept between runs; in the environment, so that processes which tests start share them.
# Only what takes a while to compile is kept, which keeps the folder small.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(tempfile.gettempdir()) / "posterior-lab-tests-jax")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")

import jax
import pytest

ROOT = Path(__file__).resolve().parent.parent
SEED_VARIABLE = "POSTERIOR_LAB_TEST_SEED"
SEED = pytest.StashKey[int]()
MOST_MAPS = 20_000


def pytest_configure(config):
    config.stash[SEED] = int(os.environ.get(SEED_VARIABLE) or secrets.randbits(31))


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
