"""`make bench`: what is done, what is left out, and that an interrupted campaign goes on."""

import json
from pathlib import Path

import pytest

from tests.benchmarks import all as bench
from tests.benchmarks.report import RECORDS, report, tables

HERE = Path(__file__).resolve().parent


def test_every_program_exists_and_every_benchmark_is_in():
    used = {job.module for job in bench.JOBS.values()}
    assert [name for name in used if not (HERE / f"{name}.py").is_file()] == []
    files = [path for path in HERE.glob("*.py") if not path.name.startswith("test_")]
    programs = {path.stem for path in files if "def main" in path.read_text()}
    # Sides of other programs, which start them; gabor_nuts is part of against_nuts.
    started = {
        "all",
        "speed_ours",
        "speed_sbi",
        "speed_bayesflow",
        "speed_sbijax",
        "speed_hh_peers",
        "gabor_nuts",
    }
    assert programs - used - started == set()


def test_what_needs_a_peer_is_left_out_without_it():
    options = bench.parsed(["--results", "here"])
    assert bench.command_of(bench.JOBS["speed_sbi"], options) is None
    assert bench.command_of(bench.JOBS["accuracy"], options)[-1] == "here/accuracy.jsonl"
    options = bench.parsed(["--results", "here", "--sbi", "/there/python"])
    assert bench.command_of(bench.JOBS["speed_sbi"], options)[-1] == "/there/python"


def test_it_goes_on_where_it_was_interrupted(tmp_path, monkeypatch):
    codes = {"speed_pyloric": 0, "speed_epi": 1}
    asked = []

    def measure(name, command):
        asked.append(name)
        told = {"seconds": 1, "load": 0.5, "processor": "p", "cores": 2, "versions": {"jax": "1"}}
        command = " ".join(["python", *command])
        return told | {"name": name, "command": command, "code": codes[name], "printed": '{"a": 1.23456}\n'}

    monkeypatch.setattr(bench, "measure", measure)
    options = bench.parsed(["--results", str(tmp_path), "--only", *codes])
    assert bench.perform(options) == 1
    assert bench.perform(options) == 1
    assert asked == ["speed_pyloric", "speed_epi", "speed_epi"]  # only what had failed was done again
    text = report(tmp_path)
    assert text.count("### ") == 2
    assert "| 1.235 |" in text
    assert "ended with code 1" in text


def test_tables_are_found_in_what_a_program_printed():
    printed = 'busy\n| a | b |\n|---|---|\n| 1 | 2 |\nword\n{"x": 1, "y": "p|q"}\n{"x": 2, "z": 0.5}\n'
    first, second = tables(printed).split("\n\n", 1)
    assert first.splitlines() == ["| a | b |", "|---|---|", "| 1 | 2 |"]
    assert second.strip().splitlines() == [
        "| x | y | z |",
        "|---|---|---|",
        r"| 1 | p\|q |  |",
        "| 2 |  | 0.5 |",
    ]


def test_nothing_measured_is_said(tmp_path):
    assert "Nothing" in report(tmp_path)


@pytest.mark.long
def test_a_tiny_one_runs_and_leaves_a_line(tmp_path):
    options = bench.parsed(["--results", str(tmp_path), "--quick", "--only", "speed_device"])
    assert bench.perform(options) == 0
    record = json.loads((tmp_path / RECORDS).read_text())
    assert record["versions"]["jax"]
    assert "| `autapse` |" in tables(record["printed"])
