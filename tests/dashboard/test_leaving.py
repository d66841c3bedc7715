"""What one leaves a run with: words, a notebook, a report, files from the command line."""

import io
import json
import re
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import xarray as xr

from dashboard import rights, settings, taking
from dashboard.citations import OF_METHOD
from dashboard.methods_paragraph import methods_paragraph
from dashboard.notebook_file import notebook
from dashboard.report import report
from dashboard.results import tree_of
from dashboard.views.bring_in import BringIn
from dashboard.views.take_home import TakeHome
from inference.archive import pack
from inference.execute import perform
from inference.methods import METHODS
from inference.requests import Request
from inference.runs import RunStore

STORED = Path(__file__).parents[1] / "data" / "result_format_1"
EXACTLY = """import numpy as np
from inference import load_result
from inference.tree import parameter_rows

first = load_result({folder!r})
for name in ("posterior", "prior"):
    for variable, values in first.tree[name].data_vars.items():
        assert values.values.tobytes() == result.tree[name][variable].values.tobytes(), (name, variable)
theta = parameter_rows(first.tree["posterior"].to_dataset()[list(then.index)])
log_probs = [np.asarray(one.posterior.log_prob(theta)).tobytes() for one in (first, result)]
assert log_probs[0] == log_probs[1]"""
ODD = "<script>alert(1)</script>"


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.delenv(settings.USERS_VARIABLE, raising=False)
    monkeypatch.setenv(settings.ROOT_VARIABLE, str(tmp_path))
    return rights.store()


@pytest.fixture
def run(store):
    run = store.create(Request("two_moons", seed=3))
    shutil.copytree(STORED, run.folder, dirs_exist_ok=True)
    run.set_state("done")
    return run


def with_attrs(tree, **attrs):
    other = tree.copy()
    other.attrs.update(attrs)
    return other


def code_of(file):
    return [cell["source"] for cell in json.loads(file)["cells"] if cell["cell_type"] == "code"]


class TestMethodsParagraph:
    def test_it_tells_what_was_done(self, run):
        tree = tree_of(run)
        told = methods_paragraph(tree)
        numbers = (f"seed was {tree.attrs['seed']}", json.loads(tree.attrs["versions"])["jax"])
        names = ("Two moons (two_moons) [1]", "(SNPE) [2, 3]", "[3] Gonçalves")
        for part in (*names, *numbers, str(tree.attrs["data_sha256"])):
            assert part in told, part
        assert told.count("\n\n") == 1

    def test_budget_settings_and_verdict(self, make_tree, toy_checks, toy_rounds):
        config = json.dumps({"config": "SNPE", "num_simulations": 1000, "num_rounds": 3, "estimator": "nsf"})
        told = methods_paragraph(with_attrs(make_tree(toy_checks | toy_rounds), config=config))
        assert "simulated 3 000 times in 3 rounds, of which 2 990 simulations could be used" in told
        assert "Settings other than the defaults were: simulations 1 000, rounds 3." in told
        assert (
            "Checks of it said: Do not use this posterior." in told or "said: Use this posterior with" in told
        )
        assert "The 3 parameters of the model toy were inferred from 2 features" in told

    def test_chains(self, chain_tree):
        assert "1 600 draws in 4 chains" in methods_paragraph(chain_tree)

    def test_a_property_and_an_amortised_run(self, toy_tree):
        wanted = json.dumps({"mean": {"top": 3.0}, "sd": {"top": 0.5}})
        assert "an emergent property (top" in methods_paragraph(
            with_attrs(toy_tree, emergent_property=wanted)
        )
        bare = xr.DataTree.from_dict({"/prior": toy_tree["prior"].to_dataset()})
        bare.attrs.update(toy_tree.attrs)
        assert "for any observation" in methods_paragraph(bare)

    @pytest.mark.parametrize("attrs", [{"versions": "x", "seed": ODD}, {"versions": "[1]"}, {"method": ODD}])
    def test_odd_attributes_are_no_error(self, toy_tree, attrs):
        assert methods_paragraph(with_attrs(toy_tree, **attrs))

    def test_every_method_is_cited(self):
        assert set(OF_METHOD) == set(METHODS)


class TestNotebook:
    def test_it_is_a_valid_notebook_that_asks_for_the_same(self, run):
        file = notebook(run.request, tree_of(run), run.id)
        nbformat.validate(nbformat.reads(file.decode(), as_version=4))
        told = "\n".join(code_of(file))
        assert "get_simulator('two_moons')" in told
        assert "key=jax.random.key(3)" in told
        assert "'theta[0]': (" in told

    def test_names_cannot_become_code(self, run):
        odd = "'); import os; os.abort(); ('"
        asked = Request(
            odd, odd, {odd: [odd, None, True]}, {"kind": "default", "label": odd}, 0, (f"/secret/{odd}",)
        )
        for source in code_of(notebook(asked, tree_of(run), run.id)):
            names = {}
            exec(compile("def f():\n " + source.replace("\n", "\n "), "cell", "exec"), names)  # compiles only
            assert not {"os", "abort"} & set(names["f"].__code__.co_names)
            assert "/secret" not in source

    def test_markup_in_words_is_words(self, run):
        odd = with_attrs(tree_of(run), platform=f"{ODD} [x](javascript:alert(1))")
        cells = json.loads(notebook(run.request, odd, run.id))["cells"]
        text = "".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")
        assert ODD not in text
        assert "[x](" not in text

    @pytest.mark.long
    def test_run_again_it_gives_the_same_numbers(self, store):
        import nbclient

        small = {"num_simulations": 150, "num_members": 1, "max_epochs": 3, "estimator": "gaussian"}
        run = store.create(Request("two_moons", "snpe", small, seed=8))
        perform(run, on_progress=False)
        assert run.state == "done", run.message
        book = nbformat.reads(notebook(run.request, tree_of(run), run.id).decode(), as_version=4)
        book.cells.append(nbformat.v4.new_code_cell("assert (now == then).all().all(), compared"))
        book.cells.append(nbformat.v4.new_code_cell(EXACTLY.format(folder=str(run.folder))))
        book.cells.append(nbformat.v4.new_code_cell("result.tree.attrs['data_sha256']"))
        nbclient.NotebookClient(book, timeout=300, kernel_name="python3").execute()
        assert tree_of(run).attrs["data_sha256"] in book.cells[-1].outputs[0]["data"]["text/plain"]


class TestReport:
    def test_everything_is_in_it_and_nothing_outside_is_needed(self, run):
        page = report(run, tree_of(run)).getvalue().decode()
        parts = ("<h1>Two moons on its built-in observation</h1>", "default-src 'none'", "parameter-table")
        for part in (*parts, 'class="checks"', "Gonçalves", str(tree_of(run).attrs["simulator_sha256"])):
            assert part in page, part
        assert page.count("data:image/svg+xml;base64,") == 2
        assert not re.search(r"""(src|href)\s*=\s*["'](?!data:)""", page)
        assert "http:" not in re.sub(r"base64,[^\"]*", "", page)
        assert "https:" not in page
        assert "<script" not in page

    def test_words_of_others_are_escaped(self, run):
        request = run.request.to_json() | {
            "observation": {"kind": "default", "label": ODD},
            "config": {ODD: ODD},
        }
        run.update(note=ODD, request=request)
        page = report(run, with_attrs(tree_of(run), platform=ODD, method=ODD)).getvalue().decode()
        assert "<script" not in page
        assert page.count("&lt;script&gt;") >= 4

    def test_without_draws(self, run):
        tree = tree_of(run)
        bare = xr.DataTree.from_dict({"/prior": tree["prior"].to_dataset()})
        bare.attrs.update(tree.attrs)
        assert "svg" not in report(run, bare).getvalue().decode()


class TestPages:
    def test_files_are_for_who_may_see_the_run(self, run, monkeypatch):
        shown = taking.take_home(run, tree_of(run))
        assert isinstance(shown, TakeHome)
        assert zipfile.ZipFile(shown.files["Run folder as .zip"][1]()).testzip() is None
        name, make = shown.files["Report"]
        assert name == f"{run.id}-report.html"
        monkeypatch.setattr(rights, "person", lambda: "bob")
        with pytest.raises(ValueError, match="There is no run"):
            make()

    def test_a_run_is_brought_in(self, store, run):
        came = []
        view = BringIn(rights.bringing, came.append, limit=10**6)
        view.box.value = {"run.zip": pack(run).getvalue()}
        assert came[0].result().tree.equals(tree_of(run))
        assert len(store.list()) == 2
        view.box.value = {"run.zip": pack(run).getvalue(), "no.zip": b"no"}  # replaced by it
        assert view.error.text == "This is no .zip file."
        view.box.value = {"no.zip": b"no"}
        assert len(came) == 1
        view.box.value = {}
        view.box.value = {"run.zip": pack(run).getvalue()}
        assert len(came) == 2

    def test_nobody_brings_nothing(self, run):
        def nobody():
            raise rights.NotAllowed("Your login has ended.")

        view = BringIn(nobody, lambda run: None, limit=10**6)
        view.box.value = {"run.zip": pack(run).getvalue()}
        assert view.error.text == "Your login has ended."

    def test_what_nobody_thought_of_is_a_sentence(self):
        def fail(file):
            raise MemoryError("inside")

        view = BringIn(lambda: fail, lambda run: None, limit=10**6)
        view.box.value = {"run.zip": "text"}
        assert view.error.text == "This file cannot be read as a run."


class TestCommands:
    @pytest.fixture
    def call(self, monkeypatch, tmp_path, capsys):
        from dashboard import cli

        monkeypatch.chdir(tmp_path)

        def call(*arguments):
            monkeypatch.setattr("sys.argv", ["posterior-lab", *map(str, arguments)])
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                cli.main()
            written = capsys.readouterr()
            return SimpleNamespace(code=ended.value.code or 0, out=written.out, err=written.err)

        return call

    def test_export_and_import(self, call, run, store):
        for kind, start in (("zip", b"PK"), ("html", b"<!DOCTYPE"), ("methods", b"The 2 parameters"),
                            ("notebook", b"{"), ("csv", b"theta[0]"), ("netcdf", b"\x89HDF")):  # fmt: skip
            assert call("export", run.id, "--format", kind, "--to", f"x.{kind}").code == 0
            assert Path(f"x.{kind}").read_bytes().startswith(start), kind
        assert call("export", run.id).code == 0
        assert Path(f"{run.id}.zip").exists()
        assert call("import", "x.zip").code == 0
        assert len(store.list()) == 2
        assert np.unique([one.state for one in store.list()]) == ["done"]
        assert "written as one of" in call("export", run.id, "--format", "exe").err
        refused = call("import", "x.html")
        assert (refused.code, refused.err.strip()) == (2, "Error: This is no .zip file.")

    def test_delete_and_undelete(self, call, run):
        assert "Bring it back with" in call("delete", run.id).out
        assert RunStore(settings.root()).list() == []
        assert call("delete", run.id).code == 2
        assert "is back, done" in call("undelete", run.id).out
        assert "There is no run" in call("undelete", run.id).err

    def test_the_trash_and_removing_for_good(self, call, run):
        assert "No deleted runs" in call("trash").out
        assert "There is no run" in call("remove", run.id).err  # only what is deleted already
        call("delete", run.id)
        assert run.id in call("trash").out
        assert "is gone for good" in call("remove", run.id).out
        assert "No deleted runs" in call("trash").out

    def test_the_priority_of_a_queued_run(self, call, store):
        run = store.create(Request("two_moons"))
        assert "has high priority" in call("priority", run.id, "high").out
        assert "high priority" in call("list").out
        assert "one of high, normal, low" in call("priority", run.id, "urgent").err


def test_a_brought_in_run_belongs_to_who_brought_it(run, tmp_path, monkeypatch):
    monkeypatch.setattr(rights, "person", lambda: "bob")
    again = rights.bringing()(io.BytesIO(pack(run).getvalue()))
    assert again.owner == "bob"
    monkeypatch.setenv(settings.QUOTA_VARIABLE, "0.000001")
    with pytest.raises(rights.NotAllowed, match="delete some"):
        rights.bringing()(io.BytesIO(pack(run).getvalue()))
