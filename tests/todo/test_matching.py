"""Matching the lines of two revisions: what holds for all texts, and which edits a person would call the same todo."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrs_todo.todo.formats.matching import match

SAME = [
    ("Buy mlik", "Buy milk"),
    ("Groceries", "Grocerys"),
    ("milk", "oat milk"),
    ("Paint", "Paint the kitchen door"),
    ("Buy milk", "Buy oat milk"),
    ("write report", "Write the report"),
    ("Write report", "Write quarterly report for Anna"),
    ("Call the plumber", "Call the plumber about the kitchen sink, ask for Tuesday"),
    ("Call the plumber on Monday", "Call the plumber on Friday"),
    ("Fix bug in parser", "Fix the bug in the parser when a line is empty"),
    ("Draft of the letter to the landlord", "Letter to the landlord"),
    ("Book flights to Rome", "Book flights and hotel to Rome"),
    ("Paint the kitchen", "Paint kitchen and hallway"),
    ("Implement `--json` output", "Implement `--json` output for ls"),
    ("Refactor store: split into modules", "Refactor the store (split it into modules)"),
    ("Investigate why the tests fail on windows", "Find out why tests fail on Windows"),
    ("Müller anrufen", "Mueller anrufen"),
    ("牛乳を買う", "牛乳とパンを買う"),
    ("!!!", "!!"),
]
DIFFERENT = [
    ("Buy milk", "Buy bread"),
    ("Buy milk", "Call mum"),
    ("Call Anna", "Call Bob"),
    ("Add tests", "Add docs"),
    ("Fix login", "Fix logout page"),
    ("Write report", "Read a book"),
    ("Water the plants", "Pay the rent"),
    ("Clean the kitchen", "Paint the fence"),
    ("Book dentist", "Book flights to Rome"),
    ("Buy", "Buy some milk and bread"),
    ("Learn Rust", "Learn to play the guitar"),
    ("Implement export to CSV", "Implement undo"),
    ("牛乳を買う", "母に電話する"),
    ("a", "b"),
    ("…", "Buy milk"),
    ("", "Buy milk"),
]

WORDS = ("buy", "call", "milk", "mum", "the", "report", "x", "É", "牛乳", "!", "2026-01-01")
texts = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join) | st.text(max_size=12)
files = st.lists(texts, max_size=8)


@pytest.mark.parametrize(("old", "new"), SAME)
def test_an_edit_of_a_text_is_the_same_todo_in_both_directions(old: str, new: str) -> None:
    assert match(["Something else", old], [new]) == [1]
    assert match(["Something else", new], [old]) == [1]


@pytest.mark.parametrize(("old", "new"), DIFFERENT)
def test_another_text_is_another_todo_in_both_directions(old: str, new: str) -> None:
    assert match([old], [new]) == [None]
    assert match([new], [old]) == [None]


def test_words_that_many_lines_have_do_not_make_two_texts_similar() -> None:
    others = [f"Add support for {name}" for name in ("Rust", "Go", "Zig", "Perl", "Lua", "Ada")]
    assert match([*others, "Add support for CSV"], [*others, "Add support for JSON"]) == [0, 1, 2, 3, 4, 5, None]


def test_the_most_similar_pair_comes_first() -> None:
    old = ["Read chapter 1 of the book", "Read chapter 2 of the book"]
    new = ["Read chapter 2 of the book, again", "Read chapter 1 of the book, twice"]
    assert match(old, new) == [1, 0]


def test_an_identical_text_is_taken_before_a_similar_one() -> None:
    assert match(["Buy milk", "Buy milk!"], ["Buy milk!", "Buy milk!!"]) == [1, 0]


def test_a_text_that_grew_to_a_page_is_a_new_todo() -> None:
    assert match(["call mum"], ["call " + "about everything and anything " * 9 + "mum"]) == [None]


def test_when_everything_in_a_large_file_changes_lines_with_rare_words_are_still_found() -> None:
    old = [f"Ask person{number} about the contract" for number in range(2000)]
    new = [f"Ask person{number} about the new contract" for number in reversed(range(2000))]
    assert match(old, new) == list(reversed(range(2000)))


def test_texts_of_a_megabyte_are_matched() -> None:
    text = "Buy milk " * 100_000
    assert match([text, "Call mum"], ["Call mum!", text + "today"]) == [1, 0]


@given(files, files)
def test_no_old_line_is_taken_twice_and_the_result_is_always_the_same(old: Sequence[str], new: Sequence[str]) -> None:
    found = match(old, new)
    taken = [index for index in found if index is not None]
    assert len(found) == len(new)
    assert len(set(taken)) == len(taken)
    assert set(taken) <= set(range(len(old)))
    assert match(list(old), list(new)) == found


@given(files, files)
def test_as_many_identical_texts_as_possible_are_matched_and_keep_their_order(
    old: Sequence[str], new: Sequence[str]
) -> None:
    same = [
        (index, text) for index, text in zip(match(old, new), new, strict=True) if index is not None and old[index] == text
    ]
    assert Counter(text for _, text in same) == Counter(old) & Counter(new)
    for each in set(new):
        places = [index for index, text in same if text == each]
        assert places == sorted(places)


@given(files)
def test_a_file_that_did_not_change_is_matched_line_by_line(lines: Sequence[str]) -> None:
    assert match(lines, lines) == list(range(len(lines)))


@given(st.lists(texts, max_size=8, unique=True).flatmap(lambda lines: st.tuples(st.just(lines), st.permutations(lines))))
def test_lines_that_only_moved_keep_their_identity(files: tuple[Sequence[str], Sequence[str]]) -> None:
    old, new = files
    assert [old[index] for index in match(old, new) if index is not None] == list(new)


@given(files, texts)
def test_a_line_that_is_added_takes_no_other_line_away(lines: Sequence[str], line: str) -> None:
    assert match(lines, [*lines, line]) == [*range(len(lines)), None]
    assert match([*lines, line], lines) == list(range(len(lines)))
