# `make demo` and `make test` need python3 (3.11 or later) and make. They install the rest into an environment of their own.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo compiled browser test test-all trials mutants bench lint docs dist clean

$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "cqrs-todo needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: $(VENV)/installed  ## Show the main commands in a temporary home.
	PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/demo.sh

# The programs that the tests start write no bytecode. Without any they compile the package anew, which doubles their time.
compiled: $(VENV)/installed
	$(BIN)/python -m compileall -q cqrs_todo tests

# The tests of the page need Chromium. Where this may install Debian's package it does; elsewhere they are skipped.
APT := apt-get -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=10
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && timeout 60 $(APT) update && \
	    DEBIAN_FRONTEND=noninteractive $(APT) install -y --no-install-recommends chromium; } >/dev/null 2>&1 || \
	  echo "The tests of the page are skipped: they need Chromium, for example: apt-get install chromium"

test: lint compiled browser  ## Check style and types, and run all tests.
	$(BIN)/python -m pytest -n 2 --cov --cov-config=tests/pure.coveragerc --cov-report=term $(OPTIONS)

trials: compiled  ## Try to lose data: faults in every system call, power cuts, crashes, hostile input.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,trials]'
	$(BIN)/python -m tests.trials
	$(BIN)/python -m pytest -n 2 --hypothesis-profile=trials -m 'hypothesis or long'

mutants: $(VENV)/installed  ## Alter the pure modules, one place at a time, and count the alterations that the tests notice.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,mutants]'
	$(BIN)/mutmut run --max-children 2
	$(BIN)/mutmut results

bench: $(VENV)/installed  ## Count the instructions of start-up, and time everything, also in other programs if they are installed.
	$(BIN)/python -m benchmarks --out benchmarks/last.json
	$(BIN)/python -m benchmarks.document benchmarks/last.json docs/performance.md

test-all:  ## Run all tests on every CPython from 3.11 on that is installed.
	PYTHON="$(PYTHON)" sh tests/every_python.sh

lint: $(VENV)/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(VENV)/installed  ## Generate the documentation and print where it is; `make docs OPEN=1` opens it in the browser.
	$(BIN)/python -m docs.generate $(if $(OPEN),--open)

dist: $(VENV)/installed  ## Build the wheel and the source distribution into dist/.
	rm -rf dist
	$(BIN)/python -m build

clean:
	rm -rf .venv* build mutants .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
