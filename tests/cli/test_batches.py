"""Commands with more events than one commit holds: a batch of commits, which one undo reverts."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import pytest

from cqrs_todo.todo.batches import COMMIT_LIMIT
from tests.conftest import Todo

MANY = COMMIT_LIMIT + 5


def lines(count: int) -> str:
    return "".join(f"todo {number}\n" for number in range(1, count + 1))


def test_as_many_lines_as_one_commit_holds_are_one_commit(todo: Todo) -> None:
    todo("add", "-", stdin=lines(COMMIT_LIMIT))
    assert len(todo.log()) == 1


def test_more_lines_are_a_batch_that_one_undo_takes_back(todo: Todo) -> None:
    todo("add", "before")
    added = todo("add", "-", "+x", stdin=lines(MANY))
    assert added.out == f"Added {MANY:,} todos in 2 commits. Undo: todo undo\n"
    commits = todo.log()
    assert [len(commit["events"]) for commit in commits] == [1, COMMIT_LIMIT, 5]
    batches = [commit["meta"]["batch"] for commit in commits[1:]]
    assert [batch["part"] for batch in batches] == [1, 2]
    assert len({batch["id"] for batch in batches}) == 1
    assert len({commit["command"] for commit in commits}) == 3
    todos = todo.todos()
    assert [row["text"] for row in todos] == ["before", *lines(MANY).splitlines()]
    assert (todos[-1]["number"], todos[-1]["tags"]) == (MANY + 1, ["x"])
    assert todo("undo").out.startswith(f"Undid @2: 2-{MANY + 1} created ({MANY:,} todos). Redo: todo redo")
    assert [row["text"] for row in todo.todos()] == ["before"]
    assert todo("redo").out.startswith("Redid @2: ")
    assert len(todo.todos()) == MANY + 1
    todo("undo")
    todo("undo")
    assert todo.todos() == []


@pytest.mark.parametrize(
    ("verb", "still_open"),
    [(["done", f"1-{MANY}"], 0)],
    ids=["done"],
)
def test_a_change_of_many_todos_is_a_batch_too(todo: Todo, verb: list[str], still_open: int) -> None:
    todo("add", "-", stdin=lines(MANY))
    before = todo.todos()
    todo(*verb)
    assert [len(commit["events"]) for commit in todo.log()[2:]] == [COMMIT_LIMIT, 5]
    assert len(todo("ls", "--json").json["todos"]) == still_open
    todo("undo")
    versions = dict.fromkeys(("version",))
    assert [{**row, **versions} for row in todo.todos()] == [{**row, **versions} for row in before]


@pytest.mark.long
def test_a_move_of_many_todos_is_a_batch_in_both_lists(todo: Todo) -> None:
    todo("add", "-", stdin=lines(MANY))
    todo("lists", "new", "work")
    todo("move", f"1-{MANY}", "work")
    assert (len(todo.todos()), len(todo.todos("-L", "work"))) == (0, MANY)
    undone = f"1-{MANY} moved from inbox to work ({MANY:,} todos), in both work and inbox. Redo: todo -L work redo\n"
    assert todo("-L", "work", "undo").out.endswith(undone)
    assert (len(todo.todos()), len(todo.todos("-L", "work"))) == (MANY, 0)
    todo("redo")
    assert (len(todo.todos()), len(todo.todos("-L", "work"))) == (0, MANY)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (b"caf\xe9\n", "is not UTF-8"),
        (b"x" * 70_000 + b"\n", "has more than 65,536 bytes"),
        (b"x" * 65_537 + b"\n", "65,537 bytes, more than 65,536"),
    ],
    ids=["not UTF-8", "too long a line", "too long a text"],
)
def test_a_wrong_line_is_refused_before_anything_is_recorded(todo: Todo, wrong: bytes, words: str) -> None:
    refused = todo.run("add", "-", stdin=lines(MANY).encode() + wrong)
    assert refused.code in (1, 2)
    assert f"line {MANY + 1:,}" in refused.err
    assert words in refused.err
    assert "; nothing was recorded\n" in refused.err
    assert todo.content() == ""


def test_a_commit_that_came_in_between_stays_when_the_batch_is_undone(todo: Todo) -> None:
    """Other writers may record something between two commits of a batch."""
    from cqrs_todo.cqrs.store import no_progress
    from cqrs_todo.cqrs.stores import open_store
    from cqrs_todo.todo.model import Create
    from cqrs_todo.todo.recorder import TYPES
    from cqrs_todo.todo.service import TodoList
    from tests.strategies import NOW

    def write_between(done: int, _total: int) -> None:
        if done == COMMIT_LIMIT:
            other.add([Create("between", NOW)])

    store = open_store(f"jsonl:{todo.data}", TYPES)
    mine, other = (
        TodoList(store, "inbox", "me", default=True, clock=lambda: NOW, progress=progress)
        for progress in (write_between, no_progress)
    )
    mine.add_batch((Create(f"{number}", NOW) for number in range(MANY)), MANY)
    assert [len(commit["events"]) for commit in todo.log()] == [COMMIT_LIMIT, 1, 5]
    todo("undo")
    assert [row["text"] for row in todo.todos()] == ["between"]
    todo("redo")
    assert len(todo.todos()) == MANY + 1


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
@pytest.mark.parametrize("before", [0, pytest.param(1, marks=pytest.mark.long)])
def test_a_batch_that_a_signal_ends_says_how_much_was_recorded(todo: Todo, number: signal.Signals, before: int) -> None:
    """The signal comes once the log has a commit, or only the lines that were there before."""
    if before:
        todo("add", "before")
    count = 20 * COMMIT_LIMIT
    command = [sys.executable, "-m", "cqrs_todo", "add", "-"]
    with subprocess.Popen(
        command, env=todo.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdin is not None
        run.stdin.write(lines(count).encode())
        run.stdin.close()
        run.stdin = None
        while len(todo.log()) <= before:
            assert run.poll() is None
            time.sleep(0.01)
        run.send_signal(number)
        out, err = run.communicate(timeout=60)
    assert (run.returncode, out) == (130 if number == signal.SIGINT else -number, b"")
    commits = todo.log()
    recorded = len(commits) - before
    assert 0 < recorded < 20
    message = f"Interrupted: {recorded * COMMIT_LIMIT:,} of {count:,} todos were recorded. To remove them: todo undo\n"
    assert message in err.decode()
    assert "Traceback" not in err.decode()
    todo("undo")
    assert [row["text"] for row in todo.todos()] == ["before"][:before]


@pytest.mark.parametrize("when", ["before the commit", "after the commit", "between the commits"])
def test_an_interruption_is_told_what_a_batch_had_recorded(todo: Todo, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """Whether it comes while a commit is made, once it is there, or while the next one is prepared."""
    from cqrs_todo.cqrs.events import Commit, Metadata
    from cqrs_todo.cqrs.store import Append, Log
    from cqrs_todo.cqrs.stores import open_store
    from cqrs_todo.todo import batches
    from cqrs_todo.todo.model import Create
    from cqrs_todo.todo.recorder import TYPES
    from cqrs_todo.todo.service import TodoList
    from tests.strategies import NOW

    monkeypatch.setattr(batches, "COMMIT_LIMIT", 3)
    store = open_store(f"jsonl:{todo.data}", TYPES)
    todos = TodoList(store, "inbox", "me", default=True, clock=lambda: NOW)
    todos.make_if_missing()
    kind = type(todos.log)
    append = kind.append

    def interrupted(log: Log, appends: Sequence[Append], metadata: Metadata) -> Commit:
        if when == "before the commit" and metadata.command.endswith(".2"):
            raise KeyboardInterrupt
        commit = append(log, appends, metadata)
        if when == "after the commit" and metadata.command.endswith(".2"):
            raise KeyboardInterrupt
        return commit

    def drafts() -> Iterator[Create]:
        for number in range(10):
            if when == "between the commits" and number == 8:
                raise KeyboardInterrupt
            yield Create(f"{number}", NOW)

    monkeypatch.setattr(kind, "append", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        todos.add_batch(drafts(), 10)
    recorded = 3 if when == "before the commit" else 6
    assert caught.value.__notes__ == [f"{recorded} of 10 todos were recorded"]
    assert len(todo.todos()) == recorded
    todo("undo")
    assert todo.todos() == []
