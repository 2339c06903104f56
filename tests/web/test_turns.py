"""Long work and short work: what takes long is done beside the others, so that they need not wait for it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLError

from cqrs_todo.cli.serving import Program
from cqrs_todo.cli.session import Options, Session
from cqrs_todo.todo.model import Create
from cqrs_todo.todo.views import Item
from cqrs_todo.web import work as module
from cqrs_todo.web.bulk import Bulk
from cqrs_todo.web.schema import Schema
from cqrs_todo.web.subscription import Followed
from cqrs_todo.web.work import Work
from cqrs_todo.web.worker import Worker
from tests.web.conftest import finished

PAGE = "{ list { position todos(first: 50) { edges { node { number text tags blame { field value } } } } } }"
HISTORY = "{ list { history { words events { position words data } } } }"


@pytest.fixture
def schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Schema]:
    """The schema over a list with 200 todos, which were added in one commit.

    No job takes long or waits long, however busy the machine is. A test in which one does sets the time to 0.
    """
    monkeypatch.setattr(module, "SHORT_SECONDS", 600.0)
    monkeypatch.setattr(module, "TURN_SECONDS", 600.0)
    monkeypatch.setenv("HOME", str(tmp_path))
    options = Options()
    options.store = f"jsonl:{tmp_path / 'lists'}"
    session = Session(options)
    session.list.add([Create(f"todo {number}", datetime.now(UTC)) for number in range(200)])
    worker = Worker()
    yield Schema(Program(session), worker)
    worker.stop()


def data(schema: Schema, query: str) -> Any:
    result = finished(schema.execute(query, context_value=schema.work()))
    assert not result.errors
    return result.data


def test_a_long_read_is_begun_again_in_the_second_thread_and_the_first_one_does_other_jobs(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHORT_SECONDS", 0.0)
    short_done = threading.Event()
    threads: list[int] = []

    def long(work: Work) -> str:
        threads.append(threading.get_ident())
        if len(threads) == 1:
            while True:
                work.check_time()
        assert short_done.wait(60), "the short job waits for the long one"
        return "long"

    def short(_work: Work) -> str:
        short_done.set()
        return "short"

    async def both() -> tuple[str, str]:
        first, second = await asyncio.gather(schema.work().do(long), schema.work().do(short))
        return first, second

    assert finished(both()) == ("long", "short")
    assert len(set(threads)) == 2


@pytest.mark.parametrize("query", [PAGE, HISTORY])
def test_the_second_thread_gives_the_same_answer(schema: Schema, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    first = data(schema, query)
    threads: set[int] = set()
    check = Work.check_time

    def checked(work: Work) -> None:
        threads.add(threading.get_ident())
        check(work)

    monkeypatch.setattr(Work, "check_time", checked)
    monkeypatch.setattr(module, "SHORT_SECONDS", 0.0)
    assert data(schema, query) == first
    assert len(threads) == 2


def test_a_change_is_never_begun_again(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHORT_SECONDS", 0.0)
    added = 'mutation { add(todos: [{text: "new"}]) { commits todos { blame { field } } others { id } } }'
    for number in (201, 202):
        assert data(schema, added)["add"]["commits"] == 1
        assert data(schema, "{ list { position } }")["list"]["position"] == number


def test_a_read_does_not_wait_for_a_change_that_waits_for_another_process(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TURN_SECONDS", 0.0)
    held, read = threading.Event(), threading.Event()

    def change(work: Work) -> bool:
        with work.changing():
            held.set()
            return read.wait(60)

    async def both() -> bool:
        changed = asyncio.ensure_future(schema.work().do(change))
        await asyncio.to_thread(held.wait)
        result = await schema.execute(PAGE, context_value=schema.work())
        assert not result.errors
        read.set()
        return await changed

    assert finished(both())


def test_what_the_page_fetches_does_not_wait_for_a_change_that_waits_for_another_process(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TURN_SECONDS", 0.0)
    bulk = Bulk(schema.work)
    held, read = threading.Event(), threading.Event()

    def change(work: Work) -> bool:
        with work.changing():
            held.set()
            return read.wait(60)

    async def fetched(method: str, path: str) -> Any:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"body": b'{"note": "*x*"}'}

        async def send(message: Any) -> None:
            sent.append(message)

        await bulk({"type": "http", "method": method, "path": path, "query_string": b"query=todo"}, receive, send)
        assert sent[0]["status"] == 200, sent
        return json.loads(b"".join(message.get("body", b"") for message in sent))

    async def all_of_them() -> tuple[Any, ...]:
        changed = asyncio.ensure_future(schema.work().do(change))
        await asyncio.to_thread(held.wait)
        state, deltas, matching = [await fetched("GET", path) for path in ("/state", "/deltas", "/matching")]
        fields, note = await fetched("GET", "/fields"), await fetched("POST", "/note")
        read.set()
        assert await changed
        return len(state["todos"]), deltas["position"], len(matching["numbers"]), fields["default"], note["html"].strip()

    assert finished(all_of_them()) == (200, 200, 200, "inbox", "<p><em>x</em></p>")


def test_a_change_that_has_waited_is_made_once_in_the_first_thread(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TURN_SECONDS", 0.0)
    held, waited = threading.Event(), threading.Event()
    added = 'mutation { add(todos: [{text: "new"}]) { commits } }'

    def change(work: Work) -> bool:
        with work.changing():
            held.set()
            return waited.wait(60)

    async def both() -> Any:
        first = asyncio.ensure_future(schema.work().do(change))
        await asyncio.to_thread(held.wait)
        second = asyncio.ensure_future(schema.execute(added, context_value=schema.work()))
        await schema.execute(PAGE, context_value=schema.work())  # behind it, so it was begun in the second thread before
        waited.set()
        return await first, (await second).data

    assert finished(both()) == (True, {"add": {"commits": 1}})
    assert data(schema, "{ list { position } }")["list"]["position"] == 201


def test_a_read_that_waits_is_begun_by_the_thread_that_has_time_first(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TURN_SECONDS", 0.0)
    held, free, ended = threading.Event(), threading.Event(), threading.Event()

    def change(work: Work) -> bool:
        with work.changing():
            held.set()
            return free.wait(60)

    async def all_of_them() -> tuple[bool, bool]:
        work = schema.work()
        long = asyncio.ensure_future(work.worker.run(lambda: ended.wait(60), long=True))
        changed = asyncio.ensure_future(work.do(change))
        await asyncio.to_thread(held.wait)
        read = asyncio.ensure_future(schema.execute(PAGE, context_value=schema.work()))
        for _ in range(10):
            await asyncio.sleep(0)  # it waits for both threads now
        free.set()
        assert not (await read).errors
        ended.set()
        return await changed, await long

    assert finished(all_of_them()) == (True, True), "it waited for neither to time out"


def test_a_query_of_many_terms_is_interrupted_and_ends(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    query = " or ".join(f"z{number}" for number in range(999))
    monkeypatch.setattr(module, "SHORT_SECONDS", 0.0)
    threads: list[int] = []

    def job(work: Work) -> list[Item]:
        threads.append(threading.get_ident())
        return work.matching(work.visit(None).query(query, work.look().view))

    with pytest.raises(GraphQLError, match="takes more than"):
        finished(schema.work().do(job, most=0.0))
    assert len(set(threads)) == 2


def test_all_of_one_answer_is_of_one_position(schema: Schema) -> None:
    def job(work: Work) -> tuple[int, int, int]:
        look = work.look()
        work.desk.other().visit("inbox").todos.add([Create("later", datetime.now(UTC))])
        return look.view.position, sum(len(commit.events) for commit in look.commits), len(list(look.backward()))

    assert finished(schema.work().do(job)) == (200, 200, 1)


def test_a_large_commit_is_sent_whole_and_others_get_their_turn_meanwhile(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHORT_SECONDS", 0.0)

    async def take() -> tuple[int, int]:
        followed = Followed("inbox", 0)
        [commit] = await schema.work().do(followed.new)
        assert await schema.work().do(followed.new) == [], "it is not read twice"
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        taken = [event.position async for event in aiter(commit.events)]  # type: ignore[arg-type]  # it is given in turns
        task.cancel()
        return len(taken), turns

    taken, turns = finished(take())
    assert taken == 200
    assert turns >= 9
