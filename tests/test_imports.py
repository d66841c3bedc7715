"""The layers simulators -> inference -> dashboard, and imports that are quick and touch no device."""

import ast
import json
import subprocess
import sys
from pathlib import PurePosixPath

import pytest

PACKAGES = ("simulators", "inference", "dashboard")
# (modules, what they must not import, why); a prefix stands for itself and all below it.
ARROWS = [
    ("simulators", ("inference", "dashboard"), "data flows simulators -> inference -> dashboard"),
    ("inference", ("dashboard",), "data flows simulators -> inference -> dashboard"),
    ("inference", ("simulators.models",), "a method works for every simulator, so it knows none"),
    ("inference.estimators", ("inference.methods", "inference.execute"), "methods use estimators"),
    (
        "inference.diagnostics",
        ("inference.methods", "inference.execute"),
        "diagnostics know posteriors and arrays",
    ),
    ("inference.result", ("inference.methods", "inference.execute"), "methods make results"),
    ("dashboard.views", ("dashboard.pages",), "pages assemble views"),
    ("dashboard.pages", ("dashboard.pages",), "pages know each other by their links"),
]
SECONDS_BEYOND_JAX = 1.0
SECONDS_OF_JAX = 0.45  # that importing JAX takes on the machine for which the limit is meant
# A clean import is one without a warning from our own files. The layers below stay loaded: they know nothing
# above themselves, so no module's import depends on which of them came first.
IMPORT_EACH_ALONE = """
import importlib, json, sys, warnings
import jax
package, names = sys.argv[1], json.loads(sys.argv[2])
layers = ("simulators", "inference", "dashboard")
warnings.filterwarnings("error", module="simulators|inference|dashboard")
failures = {}
for name in names:
    for loaded in [key for key in sys.modules if key.partition(".")[0] == package]:
        del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except Exception as error:
        failures[name] = repr(error)
    if jax.live_arrays():
        failures.setdefault(name, "holds a device array after import")
        break
above = layers[layers.index(package) + 1:]
loaded = sorted(key for key in sys.modules if key.partition(".")[0] in above)
sys.stdout.write(json.dumps({"failures": failures, "loaded from above": loaded}))
"""
# CPU time, as an import runs in one thread: on a quiet machine it is the time one waits, and beside other
# processes it grows less than the time on the wall. JAX itself tells how slow the machine is now.
TIME_BOTH = """
import sys, time
start = time.process_time()
import jax
middle = time.process_time()
__import__(sys.argv[1])
sys.stdout.write(f"{middle - start} {time.process_time() - middle}")
"""


def module_name(path):
    parts = PurePosixPath(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def module_files(root):
    """Dotted name -> file of every module of the three packages."""
    files = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    return {module_name(path.relative_to(root).as_posix()): path for path in files}


def imports_of(name, source, *, is_package):
    """The dotted names that a module imports anywhere, `from a import b` counted as a and as a.b."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = name.split(".")
            keep = len(parts) - node.level + is_package if node.level else 0
            base = ".".join([*parts[:keep], *([node.module] if node.module else [])])
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def is_within(name, prefix):
    return name == prefix or name.startswith(prefix + ".")


def is_view(name, source):
    """Whether a module of dashboard.views draws: it defines a Viewer. State and helpers beside it do not."""
    classes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)]
    bases = [ast.unparse(base) for node in classes for base in node.bases]
    return is_within(name, "dashboard.views") and any(base.endswith("Viewer") for base in bases)


def broken_arrows(name, imports, views=()):
    """What this module imports against the table above, and the views that it knows though it should not.

    The package dashboard.views itself may import its views, to offer them.
    """
    foreign = {target for target in imports if not is_within(target, name)}
    broken = []
    for layer, forbidden, reason in ARROWS:
        if is_within(name, layer):
            hits = [target for target in foreign if any(is_within(target, prefix) for prefix in forbidden)]
            broken += [f"{name} imports {target}: {reason}" for target in hits]
    if name.startswith("dashboard.views."):
        known = [
            view for view in views if view != name and any(is_within(target, view) for target in foreign)
        ]
        broken += [f"{name} imports {view}: a view knows no other view; pages assemble" for view in known]
    return sorted(broken)


def run_python(code, *arguments):
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def test_no_arrow_points_backwards(root):
    sources = {name: path.read_text() for name, path in module_files(root).items()}
    views = [name for name, source in sources.items() if is_view(name, source)]
    broken = []
    for name, path in module_files(root).items():
        imports = imports_of(name, sources[name], is_package=path.name == "__init__.py")
        broken += broken_arrows(name, imports, views)
    assert "\n".join(broken) == ""


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("simulators.models.a", "from inference import run"),
        ("simulators.a", "def f():\n    import dashboard.views"),
        ("inference.a", "from dashboard import theme"),
        ("inference.methods.a", "from simulators.models.two_moons import two_moons"),
        ("inference.methods.a", "from simulators import models"),
        ("inference.estimators.a", "from ..methods import snpe"),
        ("dashboard.views.a", "from . import b"),
        ("dashboard.views.a", "from dashboard.views.b import B"),
        ("dashboard.views.a", "from dashboard.pages import home"),
        ("dashboard.pages.a", "from .b import layout"),
    ],
)
def test_a_backward_arrow_is_found(name, source):
    imports = imports_of(name, source, is_package=False)
    assert broken_arrows(name, imports, views=["dashboard.views.a", "dashboard.views.b"]) != []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("inference.methods.a", "from simulators import Prior\nfrom ..estimators.flows import maf"),
        (
            "dashboard.views.a",
            "from .state import State\nfrom dashboard.theme import PALETTE\nimport inference",
        ),
        ("dashboard.pages.a", "from dashboard.views.b import B"),
        ("dashboard.views", "from dashboard.views.b import B"),
    ],
)
def test_a_forward_arrow_is_allowed(name, source):
    imports = imports_of(name, source, is_package=name == "dashboard.views")
    assert broken_arrows(name, imports, views=["dashboard.views.a", "dashboard.views.b"]) == []


def test_a_view_is_told_from_its_helpers():
    assert is_view("dashboard.views.a", "class A(pn.viewable.Viewer):\n    pass")
    assert not is_view("dashboard.views.state", "class State(param.Parameterized):\n    pass")


@pytest.mark.parametrize(
    "package", ["simulators", *(pytest.param(name, marks=pytest.mark.long) for name in PACKAGES[1:])]
)
def test_every_module_imports_alone_without_a_device_array(root, package):
    names = [name for name in module_files(root) if is_within(name, package)]
    told = json.loads(run_python(IMPORT_EACH_ALONE, package, json.dumps(names)))
    assert told == {"failures": {}, "loaded from above": []}


@pytest.mark.parametrize("package", PACKAGES)
def test_package_imports_within_a_second_beyond_jax(package):
    # The least of at most three: the first may find cold files, and noise only ever adds.
    seconds = []
    while len(seconds) < 3 and not any(taken < SECONDS_BEYOND_JAX for taken in seconds):
        of_jax, beyond = map(float, run_python(TIME_BOTH, package).split())
        seconds.append(beyond / max(1.0, of_jax / SECONDS_OF_JAX))
    assert min(seconds) < SECONDS_BEYOND_JAX, f"import {package} took {min(seconds):.2f} s of CPU beyond JAX"
