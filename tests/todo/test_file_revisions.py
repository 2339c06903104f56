"""The revisions of a file: sections give what the whole file gives, and the todos are always what the file says."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo.fields import Todo
from cqrs_todo.todo.formats import Context, Entry, Loss, markdown, org, todotxt
from cqrs_todo.todo.formats.reading import WHOLE, Cut, Read, by_section, cut_markdown, cut_org, cut_todotxt
from cqrs_todo.todo.formats.revisions import UNKNOWN, FileState
from cqrs_todo.todo.model import events_between, evolve


def to_local(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


CONTEXT = Context(now=UNKNOWN, to_local=to_local, zone="UTC", lenient=True)
START = datetime(2024, 4, 1, 8, tzinfo=UTC)

TODOTXT = (
    "Buy milk",
    "x 2024-02-01 2024-01-01 Buy milk",
    "(A) Call +home @phone",
    "",
    "Pay id:1",
    "Wait p:1",
    "x",
    "a:b",
    " ",
)
MARKDOWN = (
    *("# Home", "## Garden", "###", "- [ ] Paint", "- [x] Paint #home", "  - [ ] Buy colour", "    1. [ ] Deep", "- plain"),
    *("  # Heading", "- # Heading", "```", "text", "", "===", "---", "<!-- x", "-->", "> - [ ] Quoted", "> # Quoted"),
    *(
        "1. [ ] Number",
        "  more",
        "- [ ] A [id*:: 3]",
        "- [ ] B [under*:: 3]",
        "  ```",
        "# [ ] x",
        "- [ ] #5 x",
        "#",
        "* [ ] S",
    ),
)
ORG = (
    *("* Home", "** TODO Paint", "*** TODO Buy", "** DONE Call :home:", "* TODO Top", "- [ ] Box", "  - [X] Under", "text"),
    *(
        "#+TODO: OPEN | SHUT",
        "** OPEN Odd",
        "*** SHUT Odd",
        ":PROPERTIES:",
        ":PROJECT: x",
        ":END:",
        ":ID: 7",
        "",
        "#+begin_src",
    ),
    *("#+end_src", "  DEADLINE: <2024-05-06 Mon>", "***** TODO Deep", "* Tagged :a:b:", "*** [#A] x", "* "),
)


def lists_of(lines: Sequence[str], most: int = 14) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(lines).map(lambda line: f"{line}\n"), max_size=most)


@pytest.mark.parametrize(
    ("read", "cut", "lines"),
    [(todotxt.read, cut_todotxt, TODOTXT), (markdown.read, cut_markdown, MARKDOWN), (org.read, cut_org, ORG)],
    ids=["todotxt", "markdown", "org"],
)
@settings(max_examples=150)
@given(data=st.data())
def test_revisions_that_are_read_by_sections_are_read_as_whole_files_are(
    read: Read, cut: Cut, lines: Sequence[str], data: st.DataObject
) -> None:
    read_revision = by_section(read, CONTEXT, cut)
    cuttable = [line for line in lines if cut(line) != WHOLE]
    revisions = st.lists(lists_of(cuttable, 20) | lists_of(lines), min_size=1, max_size=3)
    for revision in data.draw(revisions):
        losses: list[Loss] = []
        entries = list(read(revision, CONTEXT, losses.append))
        found, lost = read_revision(revision)
        assert found == entries
        assert Counter(lost) == Counter(losses)


def test_a_keyword_that_is_declared_later_does_not_count_for_the_headlines_before() -> None:
    lines = ["** OPEN Odd\n", "*** TODO Buy\n", "#+TODO: OPEN | SHUT\n", "*** TODO Call\n"]
    found, _ = by_section(org.read, CONTEXT, cut_org)(lines)
    assert [(each.todo.text, each.todo.parent) for each in found] == [("Buy", None), ("Call", None)]


POOL = (
    "Buy milk",
    "Buy oat milk",
    "Call Ann",
    "x Call Ann",
    "(A) Call Ann",
    "Water the plants",
    "x 2024-01-02 Water",
    "Pay",
)
histories = st.lists(lists_of(POOL, 7), min_size=1, max_size=6)


def shown(todo: Todo) -> tuple[str, bool, str | None]:
    return todo.text, todo.done, todo.priority


def entries_of(lines: Sequence[str]) -> list[Entry]:
    return list(todotxt.read(lines, CONTEXT, lambda _: None))


@given(histories)
def test_after_each_revision_the_todos_are_those_of_the_file(history: Sequence[Sequence[str]]) -> None:
    state = FileState(to_local)
    replayed: dict[str, Todo] = {}
    for number, lines in enumerate(history):
        entries = entries_of(lines)
        changes = state.follow(entries, START + timedelta(hours=number), f"r{number}")
        for id, change in changes.items():
            present: Todo | None = replayed.get(id)
            assert present == change.before
            for event in events_between(present, change.applied_to(present)):
                present = evolve(present, event)
            assert present is not None
            replayed[id] = present
        assert replayed == state.todos
        there = Counter(shown(todo) for todo in state.todos.values() if not todo.removed)
        assert there == Counter(shown(entry.todo) for entry in entries)
        assert not state.follow(entries, START + timedelta(days=9), "again"), "the same file changes nothing"


@given(histories)
def test_an_import_that_is_resumed_goes_on_with_the_same_todos(history: Sequence[Sequence[str]]) -> None:
    state = FileState(to_local)
    for number, lines in enumerate(history):
        entries = entries_of(lines)
        state.follow(entries, START + timedelta(hours=number), f"r{number}")
        resumed = FileState(to_local)
        resumed.resume(state.todos, entries)
        assert resumed.todos == state.todos
        assert not resumed.follow(entries, START + timedelta(days=9), "again")


@given(histories, st.sampled_from(("Note", "(B) Buy milk", "Bread")))
def test_what_was_changed_in_the_list_survives_what_a_revision_changes(history: Sequence[Sequence[str]], text: str) -> None:
    state = FileState(to_local)
    for number, lines in enumerate(history):
        for change in state.follow(entries_of(lines), START + timedelta(hours=number), f"r{number}").values():
            if change.before is not None:
                local = replace(change.before, note=text, tags=("mine",))
                after = change.applied_to(local)
                assert (after.note, after.tags) == (text, ("mine",))
                assert shown(after) == shown(change.after)


def test_a_restored_line_is_the_todo_that_it_was_and_an_edited_one_too() -> None:
    state = FileState(to_local)
    (milk, ann) = state.follow(entries_of(["Buy milk", "Call Ann"]), START, "1")
    assert list(state.follow(entries_of(["Call Ann"]), START, "2")) == [milk]
    assert list(state.follow(entries_of(["Call Ann and Bob", "Buy milk"]), START, "3")) == [ann, milk]
    assert [todo.text for todo in state.todos.values()] == ["Buy milk", "Call Ann and Bob"]


def test_the_ids_follow_from_the_revision_and_the_place() -> None:
    ids = [list(FileState(to_local).follow(entries_of(["Buy milk", "Buy milk"]), START, origin)) for origin in "aab"]
    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])
    assert len(set(ids[0])) == 2
