"""A real server for the tests of the web: `todo serve` in a process, in a home of its own."""

import asyncio
import http.client
import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from tests.conftest import Todo

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.web.browsing import Opened

T = TypeVar("T")

pytest.importorskip("strawberry")


class Reply:
    """What the server answered."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = dict(response.getheaders())
        self.body = response.read()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Server:
    """`todo serve` in a process.

    Args:
        todo: the program, in its home.
        options: more options of `serve`.
    """

    def __init__(self, todo: Todo, *options: str) -> None:
        self.todo = todo
        self._ended: str | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cqrs_todo", "--json", "serve", "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=todo.env,
            cwd=todo.home,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()
        self.document = json.loads(line)
        self.token: str = self.document["token"]
        self.host: str = self.document["graphql"].removeprefix("http://").removesuffix("/graphql")
        self.port = int(self.host.rpartition(":")[2])
        self.authorization = {"Authorization": f"Bearer {self.token}"}

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Reply:
        """Send a request with exactly these headers, besides the ones that HTTP needs."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def post(self, document: Any, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a document to GraphQL, with the token."""
        own = {**self.authorization, "Content-Type": "application/json", **(headers or {})}
        return self.request("POST", "/graphql", own, json.dumps(document).encode())

    def answer(self, query: str, /, **variables: Any) -> Any:
        """Send a query, and return the whole answer."""
        return self.post({"query": query, "variables": variables}).json

    def __call__(self, query: str, /, **variables: Any) -> Any:
        """Send a query, and return its data. There must be no errors."""
        answer = self.answer(query, **variables)
        assert "errors" not in answer or not answer["errors"], answer
        return answer["data"]

    def error(self, query: str, /, **variables: Any) -> tuple[str, str]:
        """Send a query that has one error, and return its code and its message."""
        [error] = self.answer(query, **variables)["errors"]
        assert set(error["extensions"]) <= {"code", "hint"}
        return error["extensions"]["code"], error["message"]

    def end(self) -> tuple[int, str]:
        """End it as the system does, and return the exit code and what it wrote on stderr."""
        if self._ended is None:
            self.process.send_signal(signal.SIGTERM)
            self._ended = self.process.communicate(timeout=60)[1].decode()
        return self.process.returncode, self._ended


@contextmanager
def serving(todo: Todo, *options: str) -> Iterator[Server]:
    """A server, which at the end has reported no error and ends with 0."""
    started = Server(todo, *options)
    try:
        yield started
    finally:
        code, err = started.end()
    assert (code, "error" in err or "Traceback" in err) == (0, False), err
    assert not list((todo.home / ".local/state/cqrs-todo").glob("error-*"))


@contextmanager
def serving_estimates(folder: Path) -> Iterator[Server]:
    """A server with an attribute `estimate`, and a home in a folder."""
    todo = Todo(folder / "home")
    config = todo.home / ".config/cqrs-todo/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[attributes]\nestimate = "text"\n')
    with serving(todo) as started:
        yield started


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that most tests share, with an attribute `estimate`. Each test has todos or lists of its own in it."""
    with serving_estimates(tmp_path_factory.mktemp("served")) as started:
        yield started


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """Chromium; tests that need it are skipped where it is not installed."""
    from tests.web.browsing import chromium

    with chromium() as started:
        yield started


@pytest.fixture
def opened(browser: "Browser", server: Server) -> "Iterator[Opened]":
    """The page of the shared server."""
    from tests.web.browsing import browsing

    with browsing(browser, server) as page:
        yield page


_lists = itertools.count(1)


@pytest.fixture
def page_list(server: Server) -> str:
    """A new list with three todos."""
    from tests.web.browsing import add

    name = f"page{next(_lists)}"
    add(server, name, "one", "two", "three")
    return name


def finished(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, in a thread of its own: in the main one, the loop of Playwright may run."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()


def shared_data() -> Path:
    """The folder of data that is shared by several programs; the test is skipped where it is not at hand."""
    for folder in Path(__file__).parents:
        if (folder / "shared/data").is_dir():
            return folder / "shared/data"
    pytest.skip("the shared data are not at hand")
