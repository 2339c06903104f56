# `make demo` and `make test` need python3 (3.11 or later) and make, nothing else: they make their own environment.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test test-all trials mutants bench lint docs clean

$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "cqrs-todo needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: $(VENV)/installed  ## Play the main job in a temporary home.
	PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/demo.sh

test: lint  ## Lint, types, and the whole suite.
	$(BIN)/python -m pytest -n 2 --cov --cov-config=tests/purerooms.coveragerc --cov-report=term

trials: $(VENV)/installed  ## Try to lose something: faults at every system call, power cuts, crash states, hostile input.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,trials]'
	$(BIN)/python -m tests.trials

mutants: $(VENV)/installed  ## Alter the pure rooms, a bit at a time, and count what the tests notice.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,mutants]'
	$(BIN)/mutmut run --max-children 2
	$(BIN)/mutmut results

bench: $(VENV)/installed  ## Count start-up, and time everything beside the peers that are installed.
	$(BIN)/python -m benchmarks --out benchmarks/last.json
	$(BIN)/python -m benchmarks.document benchmarks/last.json docs/performance.md

test-all:  ## The suite on every CPython from 3.11 on that this machine has.
	PYTHON="$(PYTHON)" sh tests/every_python.sh

lint: $(VENV)/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(VENV)/installed  ## Make again what is generated, and the API's pages, in which a warning is an error.
	$(BIN)/python -m docs.generate

clean:
	rm -rf .venv* build mutants .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
