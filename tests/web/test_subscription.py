"""The subscription: every commit once and in order, whoever recorded it, over graphql-transport-ws."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from cqrs_todo.cli.serving import Program
from cqrs_todo.cli.session import Options, Session
from cqrs_todo.cqrs.cursor import Cursor
from cqrs_todo.cqrs.stores.chain import LineBlock
from cqrs_todo.cqrs.stores.jsonl.reader import LogReader
from cqrs_todo.todo.model import Create
from cqrs_todo.web.subscription import Followed, InTurns
from cqrs_todo.web.work import Views, Work
from cqrs_todo.web.worker import Stopping, Worker
from tests.web.conftest import Server, finished

EVENTS = """subscription($after: Int, $list: String) { events(after: $after, list: $list) {
  position last by words events { id type words data } } }"""


class Client:
    """A client of graphql-transport-ws."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.send({"type": "connection_init"})
        assert self.receive() == {"type": "connection_ack"}

    def send(self, message: Any) -> None:
        self._socket.send(json.dumps(message))

    def receive(self) -> Any:
        message = self._socket.recv(timeout=20)
        assert isinstance(message, str), "browsers read no messages of bytes"
        return json.loads(message)

    def subscribe(self, id: str, query: str = EVENTS, **variables: Any) -> None:
        self.send({"type": "subscribe", "id": id, "payload": {"query": query, "variables": variables}})

    def commit(self) -> Any:
        message = self.receive()
        assert message["type"] == "next", message
        assert not message["payload"].get("errors"), message
        return message["payload"]["data"]["events"]

    def error(self) -> Any:
        message = self.receive()
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        return errors[0]["extensions"]["code"], errors[0]["message"]


@contextmanager
def client(server: Server) -> Iterator[Client]:
    socket = connect(
        f"ws://{server.host}/graphql",
        subprotocols=[Subprotocol("graphql-transport-ws")],
        origin=Origin(f"http://{server.host}"),
        additional_headers=server.authorization,
        proxy=None,
        open_timeout=20,
    )
    with socket:
        yield Client(socket)


def add(server: Server, name: str, text: str) -> int:
    document = "mutation($list: String, $text: String!) { add(list: $list, todos: [{text: $text}]) { position } }"
    position: int = server(document, list=name, text=text)["add"]["position"]
    return position


def test_commits_of_the_server_and_of_other_processes_come_once_and_in_order(server: Server) -> None:
    add(server, "live", "one")
    add(server, "live", "two")
    with client(server) as each:
        each.subscribe("all", after=0, list="live")
        assert [each.commit()["position"] for _ in range(2)] == [1, 2]
        server.todo("-L", "live", "done", "1")
        commit = each.commit()
        assert (commit["position"], [event["type"] for event in commit["events"]]) == (3, ["todo_completed"])
        assert commit["events"][0]["words"] == "done"
        add(server, "live", "three")
        assert each.commit()["position"] == 4
        each.send({"type": "complete", "id": "all"})
        each.send({"type": "ping"})
        assert each.receive() == {"type": "pong"}


def test_without_a_position_only_what_is_recorded_from_now_on(server: Server) -> None:
    add(server, "now", "one")
    with client(server) as each:
        each.subscribe("new", list="now")
        each.subscribe("old", after=0, list="now")
        assert each.commit()["position"] == 1  # now both have begun
        for _ in range(3):
            server("{ apiVersion }")
        add(server, "now", "two")
        assert [each.commit()["position"] for _ in range(2)] == [2, 2]


def test_a_long_history_comes_whole(server: Server) -> None:
    adding = " ".join(f'a{number}: add(list: "long", todos: [{{text: "x"}}]) {{ position }}' for number in range(46))
    positions = [each["position"] for _ in range(5) for each in server(f"mutation {{ {adding} }}").values()]
    with client(server) as each:
        each.subscribe("x", after=0, list="long")
        assert [each.commit()["position"] for _ in range(230)] == positions
        each.subscribe("y", after=225, list="long")
        assert [each.commit()["position"] for _ in range(5)] == [226, 227, 228, 229, 230]


def test_a_list_that_is_renamed_or_replaced_ends_the_subscription_with_an_error(server: Server) -> None:
    add(server, "gone", "one")
    with client(server) as each:
        each.subscribe("x", after=0, list="gone")
        assert each.commit()["position"] == 1
        server('mutation { renameList(name: "gone", to: "gone2") }')
        assert each.error()[0] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"list": "nowhere"}, "NOT_FOUND"),
        ({"after": -1}, "INVALID"),
        ({"list": "a/b"}, "INVALID"),
        ({"after": "x"}, "INVALID"),
    ],
)
def test_what_cannot_be_followed_is_an_error(server: Server, variables: dict[str, Any], code: str) -> None:
    with client(server) as each:
        each.subscribe("x", **variables)
        assert each.error()[0] == code


def test_a_socket_has_a_limited_number_of_subscriptions(server: Server) -> None:
    add(server, "many", "one")
    with client(server) as each:
        for number in range(17):
            each.subscribe(f"{number}", list="many")
        message = each.receive()
        assert (message["type"], message["id"]) == ("error", "16")
    with client(server) as each:  # the others have ended with their socket
        each.subscribe("again", after=0, list="many")
        assert each.commit()["position"] == 1


def test_other_protocols_and_a_silent_start_are_refused(server: Server) -> None:
    with client(server) as each:
        each.send({"type": "connection_init"})
        with pytest.raises(Exception, match="4429"):
            each.receive()


def test_a_long_history_is_read_once_and_not_again_for_each_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    options = Options()
    options.store = f"jsonl:{tmp_path / 'lists'}"
    session = Session(options)
    for number in range(330):
        session.list.add([Create(f"todo {number}", datetime.now(UTC))])
    work = Work(Program(session), Worker(), Views())
    for after, missing in ((0, range(1, 331)), (200, range(201, 331)), (None, range(0))):
        followed = Followed("inbox", after)
        work.desk.visit("inbox").todos.repository.fold()
        read = 0
        blocks = LogReader.blocks

        def counted(self: LogReader, since: Cursor, versions: Any = None, blocks: Any = blocks) -> Iterator[LineBlock]:
            nonlocal read
            for block in blocks(self, since, versions):
                read += len(block.commits)
                yield block

        with monkeypatch.context() as patched:
            patched.setattr(LogReader, "blocks", counted)
            parts = []
            while commits := followed.new(work):
                parts.append([commit.position for commit in commits])
        assert [position for part in parts for position in part] == list(missing)
        assert read == len(missing)


def test_a_commit_of_any_size_does_not_hold_up_the_end_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    options = Options()
    options.store = f"jsonl:{tmp_path / 'lists'}"
    session = Session(options)
    session.list.add([Create(f"todo {number}", datetime.now(UTC)) for number in range(100)])
    worker = Worker()
    [commit] = Followed("inbox", 0).new(Work(Program(session), worker, Views()))
    assert isinstance(commit.events, InTurns)
    events = aiter(commit.events)

    async def taken() -> None:
        assert (await anext(events)).position == 1
        worker.refuse()
        await anext(events)

    with pytest.raises(Stopping):
        finished(taken())


REFUSED: tuple[tuple[Any, str], ...] = (
    ({"query": "subscription {"}, "INVALID"),
    ({"query": "subscription { nothing }"}, "INVALID"),
    ({"query": "subscription a { events { position } } subscription b { events { position } }"}, "INVALID"),
    ({"query": "subscription { events { position " + "by " * 3000 + "} }"}, "INVALID"),
    ({"query": "subscription { events { " + " ".join(f"a{n}: by" for n in range(60)) + "} }"}, "INVALID"),
    ({"query": 5}, "INVALID"),
    ({"query": ["a"]}, "INVALID"),
    ({"query": ""}, "INVALID"),
    ({"query": None}, "INVALID"),
    ({}, "INVALID"),
    ({"query": EVENTS, "variables": 5}, "INVALID"),
    ({"query": EVENTS, "operationName": 5}, "INVALID"),
    (None, "INVALID"),
    ("x", "INVALID"),
    ([], "INVALID"),
    (5, "INVALID"),
)


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_is_no_subscription_is_refused_and_the_others_go_on(server: Server, number: int) -> None:
    payload, code = REFUSED[number]
    add(server, f"strange{number}", "one")
    with client(server) as each:
        each.subscribe("good", list=f"strange{number}", after=0)
        assert each.commit()["position"] == 1
        each.send({"type": "subscribe", "id": "bad", "payload": payload})
        assert each.error()[0] == code
        add(server, f"strange{number}", "two")
        assert each.commit()["position"] == 2


def test_a_position_that_the_list_has_not_reached_is_a_conflict(server: Server) -> None:
    add(server, "short", "one")
    with client(server) as each:
        each.subscribe("late", list="short", after=99)
        assert each.error() == ("CONFLICT", "there is no event @99 in short: it ends at @1")


def test_a_socket_has_a_limit_of_subscriptions(server: Server) -> None:
    add(server, "many", "one")
    with client(server) as each:
        for number in range(17):
            each.subscribe(f"{number}", list="many")
        assert each.error() == ("TOO_MANY", "a WebSocket has at most 16 subscriptions")


def test_a_list_that_is_archived_meanwhile_is_called_archived(server: Server) -> None:
    add(server, "left", "one")
    with client(server) as each:
        each.subscribe("left", list="left", after=0)
        assert each.commit()["position"] == 1
        server.todo("lists", "archive", "left")
        assert each.error() == ("NOT_FOUND", "the list 'left' is archived")
