"""Real input: the todo.txt of the project geomandel at 17 moments of 2016, played into one log and read back."""

import difflib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.compare import compare
from cqrs_todo.todo.fields import PRIORITY, TAGS, TEXT, State
from cqrs_todo.todo.model import Add, Change, Complete, Create, Drop, Remove, Reopen, TodoCommand
from cqrs_todo.todo.service import TYPES, TodoList
from cqrs_todo.todo.values import day_or_instant
from cqrs_todo.todo.views import Item
from tests.conftest import Todo
from tests.geomandel import FILES, Row, rows


def moment(file: Path) -> datetime:
    return datetime.strptime(file.stem, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def pairs(items: list[Item], wanted: list[Row]) -> Iterator[tuple[Item | None, Row]]:
    """Each line with the todo that it was before: of the same text, else of the likest; None for a new one."""
    left = {item.todo.text: item for item in items}
    unmatched = []
    for row in wanted:
        if row[0] in left:
            yield left.pop(row[0]), row
        else:
            unmatched.append(row)
    for row in unmatched:
        near = difflib.get_close_matches(row[0], left, n=1, cutoff=0.6)
        yield left.pop(near[0]) if near else None, row


def changes(item: Item, row: Row, now: datetime) -> Iterator[TodoCommand]:
    text, done, priority, tags = row
    yield Change(TEXT, text)
    yield Change(PRIORITY, priority)
    yield from (Drop(TAGS, tag) for tag in item.todo.tags if tag not in tags)
    yield from (Add(TAGS, tag) for tag in tags)
    yield Complete(day_or_instant(now), now) if done else Reopen()


def play(todos: TodoList, wanted: list[Row], now: datetime) -> None:
    present = [item for item in todos.view().items if not item.todo.removed]
    matched = list(pairs(present, wanted))
    kept = {item.id: row for item, row in matched if item is not None}
    new = [row for item, row in matched if item is None]
    todos.change([item for item in present if item.id not in kept], lambda _: [Remove()])
    todos.change([item for item in present if item.id in kept], lambda item: list(changes(item, kept[item.id], now)))
    if new:
        answer = todos.add([Create(text, now, priority=priority, tags=tags) for text, _, priority, tags in new])
        done = {text for text, done, _, _ in new if done}
        completed = [item for item in answer.items if item.todo.text in done]
        todos.change(completed, lambda _: [Complete(day_or_instant(now), now)])


@pytest.fixture(scope="module")
def geomandel(tmp_path_factory: pytest.TempPathFactory) -> Todo:
    todo = Todo(tmp_path_factory.mktemp("geomandel") / "home")
    store = open_store(f"jsonl:{todo.data}", TYPES)
    for file in FILES:
        now = moment(file)
        play(TodoList(store, "inbox", "geomandel", default=True, clock=lambda now=now: now), rows(file), now)  # type: ignore[misc]  # mypy infers no lambda with a default
    return todo


def test_there_are_17_moments() -> None:
    assert len(FILES) == 17


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_list_at_each_moment_is_the_file_of_that_moment(geomandel: Todo, file: Path) -> None:
    document = geomandel("--at", f"{moment(file):%Y-%m-%dT%H:%M:%SZ}", "ls", "--all", "--json").json
    listed = [(todo["text"], todo["done"], todo["priority"], tuple(todo["tags"])) for todo in document["todos"]]
    assert sorted(listed, key=repr) == sorted(rows(file), key=repr)
    assert document["as_of"] == f"{moment(file):%Y-%m-%dT%H:%M:%SZ}"


def test_before_the_first_moment_the_list_is_empty(geomandel: Todo) -> None:
    result = geomandel("--at", "2016-02-05T09:23:50Z", "ls", "--all")
    assert result.out == ""
    assert "before the first event" in result.err


def test_the_log_has_one_commit_for_each_change_and_no_gap(geomandel: Todo) -> None:
    commits = geomandel.log()
    positions = [commit["position"] + n for commit in commits for n in range(len(commit["events"]))]
    assert positions == list(range(1, len(positions) + 1))
    assert {commit["at"] for commit in commits} == {f"{moment(file):%Y-%m-%dT%H:%M:%SZ}" for file in FILES}


def row_of(todo: State) -> list[Row]:
    if todo is None or todo.removed:
        return []
    return [(todo.text, todo.done, todo.priority, todo.tags)]


def test_the_difference_of_any_two_moments_is_that_of_the_files(geomandel: Todo) -> None:
    todos = TodoList(open_store(f"jsonl:{geomandel.data}", TYPES), "inbox", "me")
    views = {file: todos.view(moment(file)).items for file in FILES}
    pairs = [(old, new) for old in FILES for new in FILES]
    assert len(pairs) == 17 * 17
    for old, new in pairs:
        differences = compare(views[old], views[new])
        before = Counter(row for difference in differences for row in row_of(difference.old))
        after = Counter(row for difference in differences for row in row_of(difference.new))
        assert before - after == Counter(rows(old)) - Counter(rows(new)), (old, new)
        assert after - before == Counter(rows(new)) - Counter(rows(old)), (old, new)


def test_the_program_tells_the_difference(geomandel: Todo) -> None:
    first, second = (f"{moment(file):%Y-%m-%dT%H:%M:%SZ}" for file in FILES[4:6])
    found = geomandel("diff", first, second, "--json").json
    assert (found["from"]["as_of"], found["to"]["as_of"]) == (first, second)
    texts = [added["fields"]["text"]["new"] for added in found["added"]]
    assert texts == [
        "Unit testing based on the Catch framework",
        "Different algorithms for mandelbrot  computation. Currently only serial is implemented",
    ]
    assert found["removed"] == []
    assert [sorted(changed["fields"]) for changed in found["changed"]] == [
        ["completed", "priority"],
        ["text"],
        ["completed", "priority"],
    ]


@pytest.mark.parametrize("count", [1, 3, 5, 9])
def test_when_names_the_right_revision(geomandel: Todo, count: int) -> None:
    expected = next(file for file in FILES if sum(done for _, done, _, _ in rows(file)) >= count)
    found = geomandel("when", f"done>={count}", "--json").json
    assert found["at"] == f"{moment(expected):%Y-%m-%dT%H:%M:%SZ}"
    at = geomandel("at", f"@{found['position']}", "ls", "--done", "--json").json
    assert len(at["todos"]) >= count
