"""Choosing todos without their numbers: in a list on the terminal, or by a text between slashes."""

import re
import time

import pytest

from tests.cli.test_player import CONTROL, Screen
from tests.conftest import Todo

DOWN = "\x1b[B"


@pytest.fixture
def three(todo: Todo) -> Todo:
    todo("add", "Buy milk")
    todo("add", "Call Jo")
    todo("add", "Buy bread \x1b[31m")
    return todo


class Picker(Screen):
    """A run that shows the list."""

    def wait_for_text(self, words: str) -> None:
        deadline = time.monotonic() + 30
        while words not in CONTROL.sub("", self.shown):
            assert time.monotonic() < deadline, self.shown[-2000:]
            before = len(self.shown)
            self.read()
            if "\x1b[6n" in self.shown[before:]:  # where is the cursor?
                self.type("\x1b[1;1R")

    def confirm(self) -> str:
        self.type("\r")
        assert self.end() in (0, 130)
        return CONTROL.sub("", self.shown)


def test_todos_are_chosen_by_typing_and_marking(three: Todo) -> None:
    picker = Picker(three, "done")
    picker.wait_for_text("Call Jo")
    assert "\x1b[31m" not in picker.shown.replace("\x1b[0m", "")
    picker.type("buy")
    picker.wait_for_text("buy...")
    picker.type(f"\t{DOWN}\x00")
    assert "Done 1, 3 (2 todos)" in picker.confirm()


@pytest.mark.parametrize("keys", ["", "\t", "\x00", "\x01", f"{DOWN}{DOWN}"])
def test_a_search_that_matches_nothing_chooses_nothing(three: Todo, keys: str) -> None:
    picker = Picker(three, "rm")
    picker.wait_for_text("Buy bread")
    picker.type("zzzz")
    picker.wait_for_text("zzzz...")
    picker.type(keys)
    assert "Nothing was chosen." in picker.confirm()
    assert not any(todo["removed"] for todo in three.todos())


@pytest.mark.parametrize(
    ("search", "keys"), [("item 5", ""), ("item 5", "\t"), ("m 5 g", "\x01"), ("grün 5", ""), ("X\x7fm 5", "")]
)
def test_a_space_is_part_of_a_search_and_marks_nothing(todo: Todo, search: str, keys: str) -> None:
    todo("add", "-", stdin="".join(f"item {number} grün {number}\n" for number in range(8)))
    picker = Picker(todo, "rm")
    picker.wait_for_text("item 7")
    picker.type(search)
    picker.wait_for_text(f"{search.partition(chr(127))[2] or search}...")
    picker.type(keys)
    assert "Removed 6: item 5" in picker.confirm()


def test_marks_stay_when_the_search_changes(three: Todo) -> None:
    picker = Picker(three, "rm")
    picker.wait_for_text("Buy bread")
    picker.type("jo")
    picker.wait_for_text("jo...")
    picker.type("\x01\x7f\x7f")
    picker.wait_for_text("Buy milk")
    picker.type("milk\x01\x01\x01")
    assert "Removed 1-2 (2 todos)" in picker.confirm()


def test_other_verbs_offer_the_todos_that_they_are_about(three: Todo) -> None:
    three("done", "2")
    picker = Picker(three, "reopen")
    picker.wait_for_text("Call Jo")
    assert "milk" not in picker.shown
    picker.type(" ")
    assert "Reopened 2: Call Jo" in picker.confirm()
    three("lists", "new", "work")
    picker = Picker(three, "move", "work")
    picker.wait_for_text("Buy bread")
    picker.type(" ")
    assert "Moved 1: Buy milk to work" in picker.confirm()


def test_nothing_changes_if_nothing_is_chosen_or_the_choice_is_interrupted(three: Todo) -> None:
    picker = Picker(three, "rm")
    picker.wait_for_text("Call Jo")
    picker.type("\x1b")
    assert picker.end() == 0
    assert "Nothing was chosen." in CONTROL.sub("", picker.shown)
    picker = Picker(three, "rm")
    picker.wait_for_text("Call Jo")
    picker.type("\x03")
    assert picker.end() == 130
    assert len(three.todos()) == 3


def test_enter_takes_the_todo_at_the_arrow_if_none_is_marked(three: Todo) -> None:
    picker = Picker(three, "done")
    picker.wait_for_text("Buy bread")
    picker.type(DOWN)
    assert "Done 2: Call Jo" in picker.confirm()


@pytest.mark.parametrize(
    ("words", "answer"),
    [(["edit", "pri:H"], "Changed 1: Buy milk (priority set to H)"), (["tag", "+x"], "Tagged 1: Buy milk (+x)")],
)
def test_a_change_without_todos_opens_the_picker(three: Todo, words: list[str], answer: str) -> None:
    picker = Picker(three, *words)
    picker.wait_for_text("Buy bread")
    picker.type(" ")
    assert answer in picker.confirm()


def test_restore_offers_what_was_removed(three: Todo) -> None:
    three("rm", "2")
    picker = Picker(three, "restore")
    picker.wait_for_text("Call Jo")
    assert "milk" not in picker.shown
    assert "Restored 2: Call Jo" in picker.confirm()


def test_restore_offers_no_todo_that_was_moved_to_another_list(three: Todo) -> None:
    three("lists", "new", "work")
    three("move", "1", "work")
    three("rm", "2")
    assert three("__complete", "fish", "restore", "").out.split("\n")[:2] == ["2\tCall Jo", "work/\tanother list"]
    picker = Picker(three, "restore")
    picker.wait_for_text("Call Jo")
    assert "milk" not in picker.shown
    assert "Restored 2: Call Jo" in picker.confirm()
    three("move", "2", "work")
    picker = Picker(three, "restore")
    assert picker.end() == 0
    assert "There is no todo to choose." in picker.shown


def test_skip_offers_todos_that_recur(three: Todo) -> None:
    three("edit", "2", "every:week", "due:2099-01-01")
    picker = Picker(three, "skip")
    picker.wait_for_text("Call Jo")
    assert "milk" not in picker.shown
    assert "Skipped 2: Call Jo" in picker.confirm()


def test_without_a_terminal_a_change_without_todos_is_refused(three: Todo) -> None:
    for words in (["edit", "pri:H"], ["edit", "+x", "due:none"], ["edit", "--clear", "due", "pri:H"]):
        result = three.run(*words)
        assert (result.code, result.err.split("\n")[0]) == (2, "todo: the todos are missing"), words
    result = three.run("edit", "pri:H", "3")
    assert (result.code, "todo edit 3 pri:H" in result.err) == (2, True)
    assert three.run("edit", "--", "pri:H").code == 3
    assert three.run("tag", "+x").code == 2
    assert three.run("restore").code == 2
    assert [todo["priority"] for todo in three.todos()] == [None] * 3


def test_without_a_terminal_or_the_extra_the_todos_must_be_named(three: Todo) -> None:
    for verb in ("done", "rm", "edit", "show", "skip"):
        result = three.run(verb)
        assert (result.code, result.out) == (2, "")
        assert re.fullmatch(rf"todo: the todos are missing\n +name them, for instance: todo {verb} 3.*\n", result.err)
    assert three.run("done", "--on", "yesterday").code == 2
    assert three.run("done", "--command-id", "x").code == 2
    hide = "import sys; sys.modules['questionary'] = None; from cqrs_todo.cli import run; run()"
    picker = Picker(three, "done", code=hide)
    assert picker.end() == 2
    assert "the extra `picker` must be installed" in CONTROL.sub("", picker.shown)


def test_a_list_without_such_todos_has_nothing_to_choose(three: Todo) -> None:
    picker = Picker(three, "reopen")
    assert picker.end() == 0
    assert "There is no todo to choose." in picker.shown


@pytest.mark.parametrize(
    ("words", "code", "shown"),
    [
        (["done", "/milk/"], 0, "Done 1: Buy milk"),
        (["done", "/MILK/"], 0, "Done 1: Buy milk"),
        (["done", "/buy", "milk/"], 0, "Done 1: Buy milk"),
        (["done", "/call jo/", "1"], 0, "Done 1-2 (2 todos)"),
        (["edit", "/jo/", "pri:H"], 0, "Changed 2: Call Jo"),
        (["edit", "1", "depends:/jo/"], 0, "now depends on 2"),
        (["show", "/jo/"], 0, "2 Call Jo"),
        (["done", "/buy/"], 2, "2 open todos contain 'buy': 1 Buy milk; 3 Buy bread \\e[31m"),
        (["done", "/tea/"], 3, "no open todo contains 'tea'"),
        (["done", "//"], 2, "there is no text between the slashes"),
        (["done", "/milk/", "--command-id", "x"], 2, "contradict each other"),
    ],
)
def test_a_text_between_slashes_names_the_one_open_todo_that_contains_it(
    three: Todo, words: list[str], code: int, shown: str
) -> None:
    result = three.run(*words)
    assert result.code == code, result.err
    assert shown in result.out + result.err
