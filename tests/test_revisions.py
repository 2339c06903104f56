"""Two todo.txt files, revision by revision: each is played into a log through the service and read back by the program."""

import difflib
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo import fields
from cqrs_todo.todo.compare import compare
from cqrs_todo.todo.fields import DUE, PRIORITY, TAGS, TEXT, State
from cqrs_todo.todo.model import Add, Change, Complete, Create, Drop, Remove, Reopen, TodoCommand
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from cqrs_todo.todo.values import day_or_instant
from cqrs_todo.todo.views import Item
from tests.conftest import Todo
from tests.revisions import GEOMANDEL, Revision, Row, geomandel, household, row_of

absent = pytest.mark.skipif(not GEOMANDEL.is_dir(), reason=f"geomandel's todo.txt is not there: {GEOMANDEL}")


class Played(NamedTuple):
    """A history, and the home in which it was played."""

    revisions: list[Revision]
    todo: Todo

    def list_at(self, revision: Revision) -> dict[int, dict[str, Any]]:
        """What the program lists as of a revision, by number."""
        return {todo["number"]: todo for todo in self.todo("--at", instant(revision), "ls", "--all", "--json").json["todos"]}


def instant(revision: Revision) -> str:
    return f"{revision.at:%Y-%m-%dT%H:%M:%SZ}"


def last_instant(revision: Revision) -> str:
    """The end of the second in which a revision was made: a second that is typed is shown as it was at its end."""
    return f"{revision.at:%Y-%m-%dT%H:%M:%S}.999999Z"


def row_of_todo(todo: fields.Todo) -> Row:
    return Row(todo.text, todo.done, todo.priority, todo.tags, todo.due)


def row_of_json(todo: dict[str, Any]) -> Row:
    return Row(todo["text"], todo["done"], todo["priority"], tuple(todo["tags"]), todo["due"])


def rows_of_state(todo: State) -> list[Row]:
    return [] if todo is None or todo.removed else [row_of_todo(todo)]


# playing a history


def matched(items: list[Item], rows: list[Row]) -> Iterator[tuple[Item | None, Row]]:
    """Pair each line with the todo that it was before: the same in all, else of the same text, else of the most similar.

    A line that was not there before is paired with None.
    """
    left, unmatched = list(items), list(rows)

    def pair(found: Callable[[Row], Item | None]) -> Iterator[tuple[Item | None, Row]]:
        for row in list(unmatched):
            if (item := found(row)) is not None:
                left.remove(item)
                unmatched.remove(row)
                yield item, row

    def similar(row: Row) -> Item | None:
        near = difflib.get_close_matches(row.text, [item.todo.text for item in left], n=1, cutoff=0.6)
        return next((item for item in left if [item.todo.text] == near), None)

    yield from pair(lambda row: next((item for item in left if row_of_todo(item.todo) == row), None))
    yield from pair(lambda row: next((item for item in left if item.todo.text == row.text), None))
    yield from pair(similar)
    yield from ((None, row) for row in unmatched)


def changes(item: Item, row: Row, now: datetime) -> Iterator[TodoCommand]:
    yield Change(TEXT, row.text)
    yield Change(PRIORITY, row.priority)
    yield Change(DUE, row.due)
    yield from (Drop(TAGS, tag) for tag in item.todo.tags if tag not in row.tags)
    yield from (Add(TAGS, tag) for tag in row.tags)
    yield Complete(day_or_instant(now), now) if row.done else Reopen()


def play(todos: TodoList, rows: list[Row], now: datetime) -> None:
    """Make the list what the lines say."""
    present = [item for item in todos.view().items if not item.todo.removed]
    pairs = list(matched(present, rows))
    kept = {item.id: row for item, row in pairs if item is not None}
    new = [row for item, row in pairs if item is None]
    todos.change([item for item in present if item.id not in kept], lambda _: [Remove()])
    todos.change([item for item in present if item.id in kept], lambda item: list(changes(item, kept[item.id], now)))
    if new:
        drafts = [Create(text=row.text, created=now, priority=row.priority, tags=row.tags) for row in new]
        added = dict(zip([item.id for item in todos.add(drafts).items], new, strict=True))
        created = [item for item in todos.view().items if item.id in added]
        todos.change(created, lambda item: list(changes(item, added[item.id], now)))


@pytest.fixture(scope="module", params=[household, pytest.param(geomandel, marks=absent)], ids=lambda made: made.__name__)
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
    history = Played(request.param(), Todo(tmp_path_factory.mktemp("revisions") / "home"))
    store = open_store(f"jsonl:{history.todo.data}", TYPES)
    for revision in history.revisions:
        now = revision.at
        play(TodoList(store, "inbox", "somebody", default=True, clock=lambda now=now: now), revision.rows, now)  # type: ignore[misc]  # mypy infers no lambda with a default
    return history


# reading it back


def test_the_list_at_each_moment_is_the_file_of_that_moment(played: Played) -> None:
    for revision in played.revisions:
        document = played.todo("--at", instant(revision), "ls", "--all", "--json").json
        assert Counter(map(row_of_json, document["todos"])) == Counter(revision.rows), instant(revision)
        assert document["as_of"] == last_instant(revision)


def test_before_the_first_moment_the_list_is_empty(played: Played) -> None:
    before = played.revisions[0].at - timedelta(seconds=1)
    result = played.todo("--at", f"{before:%Y-%m-%dT%H:%M:%SZ}", "ls", "--all")
    assert result.out == ""
    assert "before the first event" in result.err


def test_commits_have_no_gap_and_happen_when_a_line_changed(played: Played) -> None:
    commits = played.todo.log()
    positions = [commit["position"] + n for commit in commits for n in range(len(commit["events"]))]
    assert positions == list(range(1, len(positions) + 1))
    files = [[], *(revision.rows for revision in played.revisions)]
    changed = [Counter(before) != Counter(after) for before, after in pairwise(files)]
    moments = {instant(revision) for revision, differs in zip(played.revisions, changed, strict=True) if differs}
    assert {commit["at"] for commit in commits} == moments


def test_the_difference_of_any_two_moments_is_that_of_the_files(played: Played) -> None:
    todos = TodoList(open_store(f"jsonl:{played.todo.data}", TYPES), "inbox", "me")
    files = [(todos.view(revision.at).items, Counter(revision.rows)) for revision in played.revisions]
    for old_items, old in files:
        for new_items, new in files:
            differences = compare(old_items, new_items)
            before = Counter(row for difference in differences for row in rows_of_state(difference.old))
            after = Counter(row for difference in differences for row in rows_of_state(difference.new))
            assert (before - after, after - before) == (old - new, new - old)


FIELDS = ("text", "priority", "due", "tags", "completed")


def fields_of(todos: dict[int, dict[str, Any]]) -> dict[int, list[Any]]:
    return {number: [todo[name] for name in FIELDS] for number, todo in todos.items()}


def test_the_difference_that_the_program_shows_turns_one_list_into_the_other(played: Played) -> None:
    count = len(played.revisions)
    for first, second in [(0, count - 1), (3, 4), (4, 5), (5, 6), (7, 12)]:
        old, new = played.revisions[first], played.revisions[second]
        found = played.todo("diff", instant(old), instant(new), "--json").json
        assert (found["from"]["as_of"], found["to"]["as_of"]) == (last_instant(old), last_instant(new))
        todos = played.list_at(old)
        for removed in found["removed"]:
            del todos[removed["number"]]
        for added in found["added"]:
            assert added["number"] not in todos
            todos[added["number"]] = dict.fromkeys(FIELDS) | {"tags": []}
        for changed in [*found["added"], *found["changed"]]:
            if "removed" in changed["fields"]:  # created and removed again in between
                assert changed["number"] not in todos
            else:
                todos[changed["number"]] |= {name: change["new"] for name, change in changed["fields"].items()}
        assert fields_of(todos) == fields_of(played.list_at(new))


@pytest.mark.parametrize("count", [1, 3, 5, 7])
def test_when_names_the_first_revision_with_so_many_done(played: Played, count: int) -> None:
    expected = next(revision for revision in played.revisions if sum(row.done for row in revision.rows) >= count)
    found = played.todo("when", f"done>={count}", "--json").json
    assert found["at"] == instant(expected)
    at = played.todo("at", f"@{found['position']}", "ls", "--done", "--json").json
    assert len(at["todos"]) >= count


def kinds_of_changes(played: Played) -> dict[str, int]:
    """Count the changes by kind: events of the log, and between two files what leaves no event."""
    events = Counter(event["type"] for commit in played.todo.log() for event in commit["events"])
    files = [revision.rows for revision in played.revisions]
    return {
        "created": events["todo_created"],
        "completed": events["todo_completed"],
        "reopened": events["todo_reopened"],
        "removed": events["todo_removed"],
        "text": events["todo_text_changed"],
        "priority": events["todo_priority_changed"],
        "tags": events["todo_tag_added"] + events["todo_tag_removed"],
        "due": events["todo_due_changed"],
        "reordered": sum(old != new and Counter(old) == Counter(new) for old, new in pairwise(files)),
        "duplicates": sum(len(rows) > len({row.text for row in rows}) for rows in files),
    }


@pytest.mark.parametrize("played", [household], ids=["household"], indirect=True)
def test_the_made_up_history_has_changes_of_every_kind(played: Played) -> None:
    seen = kinds_of_changes(played)
    assert len(played.revisions) >= 40
    assert {kind: count for kind, count in seen.items() if count < 4} == {}, seen
    least = {"created": 20, "completed": 11, "text": 4, "priority": 12, "tags": 12}  # as many as geomandel's
    assert {kind: count for kind, count in least.items() if seen[kind] < count} == {}, seen
    assert {word[0] for revision in played.revisions for line in revision.lines for word in line.split()} >= {"@", "+"}


# geomandel's alone


@absent
def test_geomandels_history_is_complete() -> None:
    assert len(geomandel()) == 17


@absent
@pytest.mark.parametrize("played", [geomandel], ids=["geomandel"], indirect=True)
def test_the_program_shows_what_changed_on_one_day(played: Played) -> None:
    first, second = map(instant, played.revisions[4:6])
    found = played.todo("diff", first, second, "--json").json
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


# the made-up history itself


def test_the_made_up_history_is_the_same_in_every_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.revisions", str(tmp_path)]
    subprocess.run(command, cwd=Path(__file__).parent.parent, env={"PYTHONHASHSEED": "1"}, check=True)
    written = [file.read_text(encoding="utf-8").splitlines() for file in sorted(tmp_path.iterdir())]
    assert written == [list(revision.lines) for revision in household()]


def test_a_line_without_a_creation_date_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not a line of todo\.txt with a creation date: 'Buy milk'"):
        row_of("Buy milk")
