"""The verb `serve`: how it starts, what it prints, and how it ends."""

import fcntl
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Todo
from tests.web.conftest import Reply, Server


def start(todo: Todo, *args: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "cqrs_todo", "serve", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=todo.env,
        cwd=todo.home,
        text=True,
    )


def test_it_prints_a_url_with_the_token_and_ends_with_ctrl_c(todo: Todo) -> None:
    process = start(todo, "--port", "0")
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert url.startswith("http://127.0.0.1:")
    address, _, token = url.removeprefix("http://").partition("/?token=")
    connection = http.client.HTTPConnection(address, timeout=20)
    connection.request("GET", f"/?token={token}")
    assert connection.getresponse().status == 303
    connection.close()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Authorization: Bearer" in err
    assert "Warning" not in err


@pytest.mark.parametrize("blocked", ["strawberry", "uvicorn", "websockets", "starlette"])
def test_without_the_extra_it_says_what_to_install(todo: Todo, blocked: str) -> None:
    code = f"import sys; sys.modules[{blocked!r}] = None; from cqrs_todo.cli import main; sys.exit(main(['serve']))"
    done = subprocess.run([sys.executable, "-c", code], env=todo.env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "the extra `web`" in done.stderr
    assert "pipx install --force '.[web]'" in done.stderr
    assert done.stdout == ""


def test_what_cannot_be_served_is_refused(todo: Todo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = todo.run("serve", "--port", f"{port}")
        assert (result.code, f"the port {port} is in use" in result.err) == (2, True)
    for args in (
        ("--port", "65536"),
        ("--port", "-1"),
        ("--port", "x"),
        ("--host", "a..b"),
        ("--host", "203.0.113.1"),
        ("--host", ""),
        ("--at", "yesterday"),
    ):
        result = todo.run("serve", *args, "--json")
        assert (result.code, result.error["code"]) == (2, "usage"), args
        assert "while attempting" not in result.error["message"], args
    assert todo.run("-L", "nowhere", "serve").code == 3
    assert todo.run("--store", "nonsense:x", "serve").code == 2


def test_a_host_is_an_explicit_choice_that_keeps_the_token_and_warns(todo: Todo) -> None:
    server = Server(todo, "--host", "0.0.0.0")
    assert server.request("GET", "/").status == 401
    assert server("{ apiVersion }") == {"apiVersion": "1.0"}, "by the name of the machine"
    for name in ("127.0.0.1", "localhost"):
        own = {**server.authorization, "Host": f"{name}:{server.port}"}
        assert server.request("GET", "/", own).status == 200
    for name in ("0.0.0.0", "evil.example"):
        own = {**server.authorization, "Host": f"{name}:{server.port}"}
        assert server.request("GET", "/", own).status == 403
    code, err = server.end()
    assert code == 0
    assert "Warning: this is plain HTTP" in err


def test_it_serves_the_list_and_the_store_that_are_named(todo: Todo) -> None:
    todo("lists", "new", "work")
    todo("-L", "work", "add", "Meet")
    server = Server(todo, "-L", "work")
    assert server("{ allTodos { edges { node { description list } } } }")["allTodos"]["edges"] == [
        {"node": {"description": "Meet", "list": "work"}}
    ]
    assert server.end()[0] == 0


def test_a_list_is_made_for_a_demonstration_and_none_with_todos_is_filled(todo: Todo) -> None:
    todo("add", "one")
    result = todo.run("serve", "--port", "0", "--prefill", "3")
    assert (result.code, "inbox has todos" in result.err, "todo -L demo serve --prefill 3" in result.err) == (2, True, True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert todo.run("-L", "demo", "serve", "--prefill", "3", "--port", f"{taken.getsockname()[1]}").code == 2
    assert not todo.log_file("demo").exists(), "no list is made before the server can start"
    server = Server(todo, "-L", "demo", "--prefill", "30")
    assert server("{ list { todos { totalCount } } }") == {"list": {"todos": {"totalCount": 30}}}
    opened = server.document["url"].partition(server.host)[2]
    assert server.request("GET", opened).status == 303, "the token is in it"
    assert server.end()[0] == 0
    todos = todo.todos("-L", "demo")
    assert [todo["number"] for todo in todos if todo["done"]] == list(range(3, 31, 3))
    assert len(todo.log("demo")) == 40, "a commit for each change, so that the slider has something to show"
    for count in ("30", "0", "1001", "x"):
        result = todo.run("serve", "--port", "0", "--prefill", count)
        assert result.code == 2, count


def test_start_up_of_other_verbs_imports_nothing_of_it(todo: Todo) -> None:
    run = "import sys; from cqrs_todo.cli import main; [main(verb) for verb in (['add', 'x'], ['ls'], ['done', '1'])]"
    code = f"{run}; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], env=todo.env, capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "cqrs_todo.cli.verbs.ls" in loaded
    assert not loaded & {"strawberry", "graphql", "uvicorn", "starlette", "websockets", "cqrs_todo.web", "asyncio"}


def post(server: Server, text: str) -> Any:
    return server.answer("mutation($text: String!) { newTodo(text: $text) { id } }", text=text)


def test_sigterm_ends_it_within_two_seconds_and_loses_no_answered_change(todo: Todo) -> None:
    server = Server(todo)
    answered: list[str] = []

    def write(worker: int) -> None:
        try:
            for number in range(10_000):
                text = f"{worker}/{number}"
                if post(server, text).get("data"):
                    answered.append(text)
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            return  # it ended

    idle = socket.create_connection(("127.0.0.1", server.port))
    idle.sendall(b"GET / HTTP/1.1\r\nHost: ")
    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    while len(answered) < 20:
        time.sleep(0.01)
    begun = time.monotonic()
    code, err = server.end()
    lasted = time.monotonic() - begun
    for thread in threads:
        thread.join()
    idle.close()
    assert code == 0, err
    assert "internal" not in err
    recorded = [event["data"]["text"] for commit in todo.log() for event in commit["events"]]
    assert set(answered) <= set(recorded)
    assert len(recorded) == len(set(recorded))
    assert lasted < 30, "the limit of two seconds is a trial of its own, on a quiet machine"


def open_files(process: int) -> set[str]:
    found = set()
    for each in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            found.add(str(each.readlink()))
    return found


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the files that a process has open are not shown here")
def test_a_change_that_waits_for_a_lock_when_the_server_ends_is_refused(todo: Todo) -> None:
    todo("add", "one")
    server = Server(todo)
    replies: list[Reply] = []

    def write() -> None:
        replies.append(server.post({"query": 'mutation { add(todos: [{text: "two"}]) { commits } }'}))

    with todo.log_file().with_suffix(".lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        thread = threading.Thread(target=write)
        thread.start()
        while lock.name not in open_files(server.process.pid):
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        thread.join()
        server.process.communicate(timeout=60)
    assert server.process.returncode == 0
    [reply] = replies
    [error] = reply.json["errors"]
    assert error["extensions"]["code"] == "CONFLICT"
    assert "this process ends now; nothing was recorded" in error["message"]
    assert [each["text"] for each in todo.todos()] == ["one"]


@pytest.mark.long
def test_killed_at_any_time_it_loses_no_answered_change(tmp_path: Path) -> None:
    for attempt in range(10):
        todo = Todo(tmp_path / f"home{attempt}")
        server = Server(todo)
        answered: list[str] = []

        def write(writer: int, server: Server = server, answered: list[str] = answered) -> None:
            try:
                for text in (f"{writer}/{number}" for number in range(10_000)):
                    answered += [text] if post(server, text).get("data") else []
            except (OSError, http.client.HTTPException):
                return

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
        for thread in threads:
            thread.start()
        while len(answered) <= attempt:
            time.sleep(0.01)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.communicate()
        for thread in threads:
            thread.join()
        assert answered
        assert set(answered) <= {todo["text"] for todo in todo.todos()}
        assert todo.run("verify").code == 0
