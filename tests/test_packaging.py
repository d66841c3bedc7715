"""pyproject.toml, environment.yml, requirements.lock and the imports tell the same story."""

import ast
import re
import runpy
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGES = ("simulators", "inference", "dashboard")
# Names on conda-forge where they differ from those on PyPI.
CONDA_NAMES = {"playwright": "playwright-python"}
# Declared, but imported by none of our files; why they are needed all the same.
NOT_IMPORTED = {
    "beartype": "jaxtyping calls it to check shapes in tests",
    "furo": "the look of the documentation",
    "h5netcdf": "xarray reads and writes netCDF with it",
    "hatchling": "builds the package without fetching a builder",
    "holoviews": "a notebook user overlays our arrays with it",
    "ipykernel": "makes .venv a kernel of JupyterLab",
    "ipywidgets": "tqdm draws its bars in notebooks with it",
    "jupyterlab": "a test explores a result in it",
    "myst-parser": "Sphinx reads Markdown with it",
    "pre-commit": "runs the hooks",
    "pyright": "checks types",
    "pytest-xdist": "runs the tests in several processes",
    "ruff": "formats and lints",
    "zarr": "xarray reads and writes results with it",
}


def names_and_ranges(requirements):
    """Canonical name -> version range, of lines such as jax>=0.10."""
    parsed = [Requirement(line) for line in requirements]
    return {canonicalize_name(item.name): item.specifier for item in parsed}


# Of the benchmarks: scripts that run in the environment of the tool to be compared with.
PEERS = {"sbi", "torch", "speed_data", "brian2", "neuron"}
PEERS |= {"bayesflow", "keras", "sbijax", "tensorflow_probability"}
EXTENSIONS = {"pictures"}  # of docs/_ext, found there by Sphinx


def imported(folder):
    """The top-level names of all modules that the Python files below a folder import, at whatever depth."""
    names = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add(node.module.partition(".")[0])
    return names


def distributions_of(modules):
    """The third-party distributions that these modules come from."""
    provided_by = packages_distributions()
    foreign = modules - set(sys.stdlib_module_names) - set(PACKAGES) - {"tests"} - PEERS - EXTENSIONS
    unknown = foreign - set(provided_by)
    assert not unknown, f"imported, but no installed package has them: {sorted(unknown)}"
    return {name: {canonicalize_name(item) for item in provided_by[name]} for name in foreign}


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def runtime(project):
    """Name -> range of what the three packages may import, the extras that the interface offers included."""
    extras = project["optional-dependencies"]
    return names_and_ranges(project["dependencies"] + extras["nwb"] + extras["eeg"] + extras["cluster"])


@pytest.fixture(scope="module")
def declared(project, runtime):
    """Name -> range of everything that is to be in the lock."""
    extras = project["optional-dependencies"]
    return runtime | names_and_ranges(extras["jupyter"] + extras["docs"] + extras["dev"])


@pytest.fixture(scope="module")
def lock_lines(root):
    lines = (root / "requirements.lock").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_lock_pins_every_package_exactly_and_names_no_index(lock_lines):
    pin = re.compile(r"[a-z0-9-]+==[A-Za-z0-9.+!]+( ; python_version [<>=]+ \"3\.\d+\")?")
    assert lock_lines
    assert [line for line in lock_lines if not pin.fullmatch(line)] == []


def test_lock_has_what_the_project_declares_in_the_declared_range(lock_lines, declared):
    locked = {name: version for name, version in (line.split(" ; ")[0].split("==") for line in lock_lines)}
    assert sorted(set(declared) - set(locked)) == []
    wrong = {name: locked[name] for name, allowed in declared.items() if locked[name] not in allowed}
    assert wrong == {}


def test_conda_environment_declares_the_same(root, project, declared):
    environment = yaml.safe_load((root / "environment.yml").read_text())
    assert environment["name"] == project["name"]
    assert environment["channels"] == ["conda-forge"]
    found = names_and_ranges(line for line in environment["dependencies"] if line != "pip")
    assert str(found.pop("python")) == project["requires-python"]
    assert found == {CONDA_NAMES.get(name, name): allowed for name, allowed in declared.items()}


def test_packages_import_only_what_is_declared(root, runtime):
    modules = set().union(*(imported(root / package) for package in PACKAGES))
    undeclared = {
        name: found for name, found in distributions_of(modules).items() if not found & set(runtime)
    }
    assert undeclared == {}


def test_everything_declared_is_imported_or_has_a_reason(root, declared):
    modules = set().union(*(imported(root / folder) for folder in (*PACKAGES, "tests", "docs")))
    used = set().union(*distributions_of(modules).values())
    assert sorted(set(declared) - used - set(NOT_IMPORTED)) == []
    stale = set(NOT_IMPORTED) & used | set(NOT_IMPORTED) - set(declared)
    assert not stale, f"imported by now or no longer declared: take it off NOT_IMPORTED: {sorted(stale)}"


def test_wheel_holds_every_tracked_file_of_the_packages(root, tmp_path, project):
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    command = ["git", "-c", "core.quotepath=off", "ls-files", *PACKAGES]
    tracked = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split("\n")
    missing = {name for name in tracked if name and (root / name).is_file()} - names
    assert missing == set()
    entry_points = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).read(
        next(name for name in names if name.endswith("entry_points.txt"))
    )
    assert b"posterior-lab = dashboard.cli:main" in entry_points


PIP = """\
Collecting absl-py==2.5.1 (from -r requirements.lock (line 3))
  Obtaining dependency information for absl-py==2.5.1 from https://files.example/absl_py.whl.metadata
  Downloading absl_py-2.5.1-py3-none-any.whl.metadata (3.2 kB)
Requirement already satisfied: jax[extra]==0.10 in ./.venv (from -r requirements.lock (line 4)) (0.10)
Processing /opt/wheels/made_here-1.0-py3-none-any.whl (from -r requirements.lock (line 5))
Downloading absl_py-2.5.1-py3-none-any.whl (137 kB)
Installing collected packages: absl-py, made-here
Successfully installed absl-py-2.5.1 made-here-1.0
"""


def test_setting_up_tells_in_short_what_pip_does(root):
    in_short = runpy.run_path(str(root / "tools" / "install.py"))["in_short"]
    told = list(in_short(PIP.splitlines(), 3, is_terminal=True))
    assert told == [
        "look up 1 of 3: absl-py",
        "look up 2 of 3: jax",
        "fetch 1 of 3: made_here-1.0-py3-none-any.whl",
        "fetch 2 of 3: absl_py-2.5.1-py3-none-any.whl (137 kB)",
        "unpack 2 packages, which takes a minute or two ...",
    ]
    many = [f"Collecting package-{k}" for k in range(220)]
    assert len(list(in_short(many, 220, is_terminal=False))) == 6


def test_setting_up_fails_where_pip_does(root, tmp_path):
    (tmp_path / "lock").write_text("no such requirement\n")
    done = subprocess.run(
        [sys.executable, root / "tools" / "install.py", tmp_path / "lock"], capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "no such requirement" in done.stderr
