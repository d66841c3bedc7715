# make serve   the dashboard in a browser, at localhost:5006
# make test    the quick tests, some minutes        make check   formatting, lint, types
# make test-long   those of two seconds or more each, notebooks among them
# make format  mends formatting and what lint can mend
# make setup   what both run first: .venv with the versions of requirements.lock
# make docs    the documentation, into site/; open site/index.html
# make bench   all benchmarks, one after another; days: see docs/benchmarks.md
# make lock    newest versions into requirements.lock (needs the oldest Python of pyproject.toml)

# A Python of your choice: make setup PYTHON=/path/to/python3. Else the first of these that is new enough.
PYTHON ?=
CANDIDATES := $(PYTHON) python3.13 python3.12 python3.11 python3 python
PORT ?= 5006
# Processes that share the tests; each takes up to 3 GB.
JOBS ?= 2
# Further options of the command or of pytest: make serve ARGS="--root /data/lab", make test ARGS="-k prior".
ARGS ?=

BIN := .venv/bin
STAMP := .venv/.installed
RUNS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
.PHONY: help setup serve test test-long check check-format check-lint check-types format docs bench lock

help:
	@sed -n 's/^# make/make/p' Makefile

setup: $(STAMP)

# The stamp is written last: an interrupted set-up is taken up again, a finished one costs nothing.
$(STAMP): pyproject.toml requirements.lock | $(BIN)/python
	@echo "Installing the packages of requirements.lock into .venv (once, some minutes) ..."
	@$(BIN)/python tools/install.py requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(BIN)/python:
	@for python in $(CANDIDATES); do \
	    if $$python -c '$(RUNS)' >/dev/null 2>&1; then \
	        echo "Creating .venv with $$($$python --version)"; exec $$python -m venv .venv; \
	    fi; \
	done; \
	echo "No Python 3.11 or newer with the venv module was found: install one (on Debian: apt install python3-venv)" \
	     "or name it with make setup PYTHON=/path/to/python3." >&2; exit 1

serve: setup
	@$(BIN)/posterior-lab serve --open --port $(PORT) $(ARGS)

test: setup
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

test-long: setup
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m long $(ARGS)

check: check-format check-lint check-types
check-format: setup
	$(BIN)/ruff format --check --quiet .
check-lint: setup
	$(BIN)/ruff check --quiet .
check-types: setup
	$(BIN)/pyright

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Warnings are errors. What has not changed since the last time is not read again.
docs: setup
	@$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -b html -d build/doctrees docs site
	@echo "The documentation is in site/: open site/index.html in a browser."

# Resumable, and days on two cores: make bench ARGS="--only speed_pyloric", ARGS="--quick" (see docs/benchmarks.md).
bench: setup
	@$(BIN)/python -m tests.benchmarks.all $(ARGS)

lock:
	@$(or $(PYTHON),python3.11) tools/lock.py
