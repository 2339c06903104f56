"""Searching all that todos ever said is equal to a scan of the whole log with the same tokenizer."""

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from cqrs_todo.cqrs.errors import Rejected
from cqrs_todo.cqrs.projections import ReadModel
from cqrs_todo.cqrs.projections.sqlite import SqliteTables
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.compare import transitions
from cqrs_todo.todo.errors import CannotUndo
from cqrs_todo.todo.fields import NOTE, TAGS, TEXT, Todo
from cqrs_todo.todo.model import Add, Change, Complete, Create, Drop, Remove, Restore, TodoCommand
from cqrs_todo.todo.read_models.search import PROJECTION, TOKENIZER, Version, phrases, search
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from cqrs_todo.todo.values import searchable
from tests.strategies import NOW
from tests.todo.histories import a_list

WORDS = (
    "milk",
    "Milch",
    "Äpfel",
    "apfel",
    "Straße",
    "ﬁsh",
    "İstanbul",
    "c++",
    "e-mail",
    "12",
    "हिन्दी",
    "Ελλάδα",
    "OR",
    "near(",
)
said = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
tag = st.sampled_from(["home", "später", "milk"])
command = st.one_of(
    said.map(lambda text: Change(TEXT, text)),
    (st.none() | said).map(lambda note: Change(NOTE, note)),
    tag.map(lambda tag: Add(TAGS, tag)),
    tag.map(lambda tag: Drop(TAGS, tag)),
    st.sampled_from([Remove(), Restore(), Complete("2026-11-20", NOW)]),
)
Step = tuple[int, list[TodoCommand]] | str
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(said, st.tuples(st.integers(0, 4), st.lists(command, min_size=1, max_size=3)), st.just("undo")),
    min_size=1,
    max_size=25,
)
phrase = st.tuples(st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(" ".join), st.booleans())
queries = st.lists(st.lists(phrase, min_size=1, max_size=3), min_size=4, max_size=4)


class Tokenizer:
    """SQLite's tokenizer, asked for the words of one text."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:")
        self._connection.execute(f"CREATE VIRTUAL TABLE one USING fts5 (text, tokenize = '{TOKENIZER}')")
        self._connection.execute("CREATE VIRTUAL TABLE word USING fts5vocab (one, instance)")

    def words(self, text: str) -> list[str]:
        self._connection.execute("DELETE FROM one")
        self._connection.execute("INSERT INTO one VALUES (?)", (searchable(text),))
        return [term for (term,) in self._connection.execute("SELECT term FROM word ORDER BY offset")]

    def says(self, todo: Todo, phrase: str, *, begins: bool) -> bool:
        wanted = self.words(phrase)
        return any(_holds(self.words(text), wanted, begins) for text in (todo.text, todo.note or "", " ".join(todo.tags)))


def _holds(words: Sequence[str], wanted: Sequence[str], begins: bool) -> bool:
    parts = (words[place : place + len(wanted)] for place in range(len(words) - len(wanted) + 1))
    return any(
        part[:-1] == wanted[:-1] and (part[-1].startswith(wanted[-1]) if begins else part[-1] == wanted[-1])
        for part in map(list, parts)
    )


def lived(steps: Sequence[Step]) -> TodoList:
    """Return a list with a history, in which a minute passes before each step."""
    minutes = iter(range(1000))
    todos = a_list(open_store("memory:", TYPES), clock=lambda: NOW + timedelta(minutes=next(minutes)))
    for step in steps:
        with suppress(CannotUndo, Rejected):  # such a step changes nothing
            if step == "undo":
                todos.undo()
            elif isinstance(step, str):
                todos.add([Create(step, NOW)])
            elif chosen := todos.view().items[step[0] : step[0] + 1]:
                todos.change(chosen, lambda _, step=step: step[1])  # type: ignore[misc]  # a lambda with a default
    return todos


def versions_in(todos: TodoList) -> Iterator[tuple[str, int, datetime, datetime | None, Todo]]:
    """Scan the log: yield the stream, the position, the times and the state of each version of each todo."""
    latest: dict[str, tuple[int, str, datetime, Todo]] = {}
    for commit, event, before, after in transitions(todos.log.commits()):
        same = before is not None and after is not None and _said(before) == _said(after)
        if after is None or same:
            continue
        known = latest.get(event.stream)
        if known is not None and known[1] == commit.metadata.command:
            latest[event.stream] = (*known[:3], after)
            continue
        if known is not None:
            yield event.stream, known[0], known[2], commit.at, known[3]
        latest[event.stream] = event.position, commit.metadata.command, commit.at, after
    for stream, (position, _, since, todo) in latest.items():
        yield stream, position, since, None, todo


def _said(todo: Todo) -> tuple[str, str | None, tuple[str, ...]]:
    return todo.text, todo.note, todo.tags


def check_search(steps: Sequence[Step], queries: Sequence[Sequence[tuple[str, bool]]]) -> None:
    todos = lived(steps)
    tokenizer = Tokenizer()
    with tempfile.TemporaryDirectory() as folder:
        tables = SqliteTables(folder)
        model = ReadModel(todos.store, PROJECTION, tables)
        model.catch_up()
        for query in queries:
            words = [f'"{text}"{"*" if begins else ""}' for text, begins in query]
            found = search(model, [todos.log.id], words, None)
            expected = {
                (stream, Version(position, since, until, todo.text, todo.note, todo.tags))
                for stream, position, since, until, todo in versions_in(todos)
                if all(tokenizer.says(todo, text, begins=begins) for text, begins in query)
            }
            assert {(match.stream, version) for match in found.matches for version in match.versions} == expected
            few = search(model, [todos.log.id], words, 1)
            assert few.matches == found.matches[:1]
            assert few.more == (len(found.matches) > 1)
        tables.close()


@settings(max_examples=25)
@for_all(steps, queries)
def test_law_a_search_is_equal_to_a_scan_of_the_whole_log(steps: list[Step], queries: list[list[tuple[str, bool]]]) -> None:
    check_search(steps, queries)


@pytest.mark.long
@settings(max_examples=500)
@for_all(steps, queries)
def test_law_a_search_is_equal_to_a_scan_of_the_whole_log_for_very_many_queries(
    steps: list[Step], queries: list[list[tuple[str, bool]]]
) -> None:
    check_search(steps, queries)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["milk"], ['"milk"']),
        (["oat milk"], ['"oat milk"']),
        (['"oat milk" bread'], ['"oat milk"', '"bread"']),
        (['say "oat'], ['"say"', '"oat"']),
        (["dent*"], ['"dent" *']),
        (['"oat mi"*'], ['"oat mi" *']),
        (["OR", "NOT", "NEAR(a", "text:b", "-c", "^d"], ['"or"', '"not"', '"near(a"', '"text:b"', '"-c"', '"^d"']),
        (["Straße", "CAFÉ"], ['"strasse"', '"cafe"']),
        (["+", "**", '"', '""', "\0"], []),
    ],
)
def test_words_are_words_and_never_syntax(words: list[str], expected: list[str]) -> None:
    assert phrases(words) == expected


def test_a_forgotten_todo_is_not_found_after_its_log_was_rewritten(tmp_path: Path) -> None:
    store = open_store(f"jsonl:{tmp_path}/data", TYPES)
    todos = a_list(store)
    todos.add([Create("secret plan", NOW), Create("open plan", NOW)])
    model = ReadModel(store, PROJECTION, SqliteTables(f"{tmp_path}/cache"))
    model.catch_up()
    log = store.open("inbox")
    assert len(search(model, [log.id], ["plan"], None).matches) == 2
    store.forget("inbox", [todos.view().items[0].stream])
    model.catch_up()
    assert [match.versions[0].text for match in search(model, [log.id], ["plan"], None).matches] == ["open plan"]
    model.close()


def test_the_best_match_comes_first_and_a_text_weighs_more_than_a_note() -> None:
    todos = a_list(open_store("memory:", TYPES))
    long = "a text in which milk is one of many words"
    todos.add([Create(long, NOW), Create("x", NOW, note="milk"), Create("milk", NOW)])
    with tempfile.TemporaryDirectory() as folder:
        model = ReadModel(todos.store, PROJECTION, SqliteTables(folder))
        model.catch_up()
        found = search(model, [todos.log.id], ["milk"], None)
        model.close()
    assert [match.versions[0].text for match in found.matches] == ["milk", long, "x"]


def test_of_very_many_todos_with_the_same_word_the_newest_come_first() -> None:
    todos = a_list(open_store("memory:", TYPES))
    # the first is the best match; every third one has a word that a few have
    texts = ["milk", *(f"buy milk and {'an apple' if number % 3 == 0 else 'a pear'} {number}" for number in range(1_100))]
    todos.add([Create(text, NOW) for text in texts])
    with tempfile.TemporaryDirectory() as folder:
        model = ReadModel(todos.store, PROJECTION, SqliteTables(folder))
        model.catch_up()
        newest = search(model, [todos.log.id], ["milk"], 250)
        every = search(model, [todos.log.id], ["milk"], None)
        best = search(model, [todos.log.id], ["milk", "apple"], 3)
        model.close()
    assert [match.versions[0].text for match in newest.matches] == texts[:-251:-1]
    assert [match.versions[0].text for match in every.matches] == texts[::-1]
    assert (newest.more, every.more, best.more) == (True, False, True)
    assert [match.versions[0].text[-4:] for match in best.matches] == ["1098", "1095", "1092"]
