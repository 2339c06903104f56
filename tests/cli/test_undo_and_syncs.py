"""`todo undo` and the history in a list that two machines sync, through the real program."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import Todo


class Two:
    """Two machines that sync an inbox with one todo, by a hub in a folder."""

    def __init__(self, folder: Path) -> None:
        self.url = f"jsonl:{folder / 'hub'}"
        self.laptop, self.desktop = self._home(folder, "laptop"), self._home(folder, "desktop")
        self.laptop("add", "milk")
        self.sync(self.laptop, self.desktop)

    @staticmethod
    def _home(folder: Path, name: str) -> Todo:
        home = Todo(folder / name)
        home.env["USER"] = name
        return home

    def sync(self, *homes: Todo) -> None:
        for home in homes:
            home("sync", self.url)


@pytest.fixture
def two(tmp_path: Path) -> Two:
    return Two(tmp_path)


def texts(home: Todo) -> Sequence[str]:
    return [todo["text"] for todo in home.todos()]


def note_on_a_removed_todo(two: Two) -> None:
    """Remove a todo on the laptop and set its note on the desktop, which syncs second."""
    two.laptop("rm", "1")
    two.desktop("note", "1", "with figures")
    two.sync(two.laptop, two.desktop, two.laptop)
    assert texts(two.laptop) == texts(two.desktop) == []


def test_the_removal_of_a_todo_whose_note_was_set_elsewhere_can_be_undone(two: Two) -> None:
    note_on_a_removed_todo(two)
    assert two.laptop("undo").out.startswith("Undid @2: 1 removed (milk). ")
    assert [(todo["text"], todo["note"]) for todo in two.laptop.todos()] == [("milk", "with figures")]
    assert two.laptop("redo").out.startswith("Redid @2: 1 removed (milk). ")
    two.laptop("undo")
    two.sync(two.laptop, two.desktop)
    assert "changed back: 1 note cleared, was with figures (milk). " in two.desktop("undo").out
    assert [(todo["text"], todo["note"]) for todo in two.desktop.todos()] == [("milk", None)]


def test_a_note_on_a_removed_todo_that_was_undone_is_no_conflict(two: Two) -> None:
    note_on_a_removed_todo(two)
    assert "note set to with figures" in two.laptop("history", "--conflicts").out
    assert "removed (laptop@" in two.laptop("history", "--conflicts").out
    undone = two.desktop("undo").out
    assert "changed back: 1 note cleared, was with figures (milk). " in undone
    assert texts(two.desktop) == []
    two.sync(two.desktop, two.laptop)
    for home in (two.desktop, two.laptop):
        assert home("history", "--conflicts").err == "No change has lost a conflict.\n"
    two.laptop("restore", "1")
    assert two.laptop.todos()[0]["note"] is None


def test_the_history_marks_what_a_merge_added(two: Two) -> None:
    note_on_a_removed_todo(two)
    words = [line.split("  ")[-1] for line in two.laptop("history", "-n", "1").out.splitlines()]
    assert words[0].startswith("1 restored (added by the merge)")
    assert words[1:] == ["1 note set to with figures", "1 removed (added by the merge)"]
    assert two.laptop("show", "@3").out.count("(added by the merge)") == 2
    assert two.laptop("show", "1").out.count("(added by the merge)") == 2
    assert "added by the merge" not in two.laptop("history", "--type", "todo_created").out


@pytest.mark.parametrize("options", [["--conflicts"], ["--type", "removed"], []])
def test_a_history_without_changes_says_nothing_of_what_there_is(two: Two, options: Sequence[str]) -> None:
    note_on_a_removed_todo(two)
    shown = two.laptop("history", "-n", "0", *options)
    assert (shown.out, shown.err) == ("", "")
