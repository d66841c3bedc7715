"""The house rules that no linter checks: sizes, banned calls, nothing of the machine it was made on."""

import ast
import re
import statistics
import subprocess

import pytest

PACKAGES = ("simulators", "inference", "dashboard")
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
MOST_PARAMETERS = 8  # the rule is 6, else a config; run() and simulate_batch() of the contract have 7 and 8
MEDIAN_FILE = 150
MEDIAN_FUNCTION = 12  # lines of code, docstring and signature not counted
# Functions longer, or of more parameters, than that -> why they are one piece all the same.
MANY_PARAMETERS = {"dashboard/cli.py:run": "each option of the command is a parameter"}
BANNED_CALLS = {"print": "use logging or a callback", "hasattr": "say the type or an interface"}
BANNED_IMPORTS = {
    "pickle": "nothing is pickled to disk",
    "dill": "nothing is pickled to disk",
    "joblib": "nothing is pickled to disk",
    "random": "randomness comes from a key",
}
BANNED_TEXT = {
    r"np\.random\.seed|numpy\.random\.seed": "no global seed",
    r"allow_pickle\s*=\s*True": "nothing pickled is read or written",
}
# Of the workshop: machine paths, package indexes. The brackets keep this file from finding itself.
LEAKS = re.compile(
    r"/[w]ork/|/[r]oot/|/[h]ome/[a-z]|[f]iles\.pythonhosted|[p]ypi\.org/simple|--(?:extra-)?[i]ndex-url|--[f]ind-links"
    r"|[r]egistry\.npmjs"
)


def package_files(root):
    return [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]


def functions_of(path):
    return [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def lines_of_code(function):
    """Lines from the first statement to the last, the docstring not counted."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def num_parameters(function):
    arguments = function.args
    named = [item.arg for item in arguments.posonlyargs + arguments.args + arguments.kwonlyargs]
    return len([name for name in named if name not in ("self", "cls")])


def violations(source):
    """(line, reason) for each banned call, import or text in this source."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BANNED_CALLS:
            found.append((node.lineno, f"{node.func.id}: {BANNED_CALLS[node.func.id]}"))
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        found += [
            (node.lineno, f"{name}: {BANNED_IMPORTS[top]}")
            for name in names
            if (top := name.partition(".")[0]) in BANNED_IMPORTS
        ]
    for number, line in enumerate(source.splitlines(), 1):
        found += [(number, reason) for pattern, reason in BANNED_TEXT.items() if re.search(pattern, line)]
    return found


def test_files_and_functions_are_short(root):
    too_long = []
    for path in package_files(root):
        place = path.relative_to(root).as_posix()
        if (lines := len(path.read_text().splitlines())) > LONGEST_FILE:
            too_long.append(f"{place}: {lines} lines, at most {LONGEST_FILE}")
        for function in functions_of(path):
            name = f"{place}:{function.name}"
            if (lines := function.end_lineno - function.lineno + 1) > LONGEST_FUNCTION:
                too_long.append(f"{name}: {lines} lines, at most {LONGEST_FUNCTION}")
            if (count := num_parameters(function)) > MOST_PARAMETERS and name not in MANY_PARAMETERS:
                too_long.append(f"{name}: {count} parameters, at most {MOST_PARAMETERS}")
    assert too_long == []


def test_typical_files_and_functions_are_short(root):
    # __init__ files of a docstring or a few names are no measure.
    files = [lines for path in package_files(root) if (lines := len(path.read_text().splitlines())) > 5]
    functions = [lines_of_code(function) for path in package_files(root) for function in functions_of(path)]
    assert statistics.median(files) <= MEDIAN_FILE
    assert statistics.median(functions) <= MEDIAN_FUNCTION


def test_nothing_banned_in_the_packages(root):
    found = [
        f"{path.relative_to(root)}:{line} {reason}"
        for path in package_files(root)
        for line, reason in violations(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "print(1)",
        "hasattr(a, 'b')",
        "import pickle",
        "from pickle import loads",
        "def f():\n    import random",
        "np.random.seed(1)",
        "np.load(path, allow_pickle=True)",
    ],
)
def test_what_is_banned_is_found(source):
    assert violations(source) != []


def test_no_trace_of_the_workshop(root):
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=True
    )
    found = []
    for name in listed.stdout.splitlines():
        path = root / name
        if path.suffix in {".png", ".npz", ".nc", ".gz"} or not path.is_file():
            continue
        lines = path.read_text(errors="ignore").splitlines()
        found += [
            f"{name}:{number}: {line[:120]}" for number, line in enumerate(lines, 1) if LEAKS.search(line)
        ]
    assert found == []
