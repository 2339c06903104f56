"""`todo undo` and the history in a list that two machines sync, through the real program."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import Todo


class Two:
    """Two machines that sync an inbox with one todo, by a hub in a folder or a shared folder."""

    def __init__(self, folder: Path, kind: str = "jsonl") -> None:
        self.url = f"{kind}:{folder / 'there'}"
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
    assert "Undid @3, changed back: 1 note cleared, was with figures (milk). " in two.desktop("undo").out
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


def hint(home: Todo, *args: str) -> str:
    """Return the hint of a refusal, which the person can follow."""
    refused = home.run(*args)
    assert refused.code == 1, refused
    return refused.err.splitlines()[1].strip()


@pytest.mark.parametrize("more", [0, 2])
def test_undo_does_not_pass_over_the_last_change_because_it_lost(two: Two, more: int) -> None:
    two.desktop("add", "important thing")
    two.sync(two.desktop, two.laptop)
    two.desktop("edit", "1", "soy milk")
    two.laptop("edit", "1", "oat milk")
    for number in range(more):
        two.laptop("add", f"more {number}")
    two.sync(two.laptop, two.desktop, two.laptop)
    before = two.desktop("history").out
    edit = f"@{4 + more} (1 text set to soy milk)"
    for count in ([], ["1"], ["2"]):
        refused = two.desktop.run("undo", *count)
        assert refused.err == (
            f"todo: your last change, {edit}, has no effect since the sync\n"
            "      to undo the change before it: todo undo @2\n"
        )
        assert refused.code == 1
    assert two.desktop("history").out == before
    two.desktop("add", "newer")
    assert two.desktop.run("undo", "2").err == (
        f"todo: your change, {edit}, has no effect since the sync\n"
        "      to undo only what came after it: todo undo 1; to undo the change before it: todo undo @2\n"
    )
    assert "created: newer" in two.desktop("undo", "1").out
    assert "has no effect since a merge\n" in two.desktop.run("undo", f"@{4 + more}").err
    assert "created: important thing" in two.desktop("undo", "@2").out
    assert hint(two.desktop, "undo") == "to see what can be undone: todo history"


def test_undo_does_not_pass_over_the_last_change_because_others_have_replaced_it(tmp_path: Path) -> None:
    two = Two(tmp_path, "folder")
    two.desktop("add", "important thing")
    two.desktop("edit", "1", "soy milk", "pri:H")
    two.desktop("edit", "1", "--clear", "priority")
    two.desktop("edit", "1", "rice milk")
    two.laptop("edit", "1", "oat milk")
    two.sync(two.desktop, two.laptop, two.desktop)
    assert two.desktop("history", "-n", "1").out.endswith("1 text: rice milk → oat milk\n")
    assert two.desktop.run("undo").err == (
        "todo: your last change, @6 (1 text: soy milk → rice milk), has no effect since the sync\n"
        "      to undo the change before it: todo undo @5\n"
    )
    assert "priority cleared, was H" in two.desktop("history", "-n", "3").out
    assert "Undid @5" in two.desktop("undo", "@5").out
    two.laptop("add", "so that both have changed")
    two.sync(two.laptop, two.desktop)
    assert two.desktop.run("undo", "@3").err == (
        "todo: @3 (1 text: milk → soy milk, priority set to H) cannot be undone alone: @6, @7 changed the same fields"
        " later\n"
        "      to undo the later change first: todo undo @7\n"
    )


def test_undo_does_not_offer_to_undo_that_another_machine_removed_a_new_todo(two: Two) -> None:
    two.desktop("add", "eggs", "pri:H")
    two.sync(two.desktop, two.laptop)
    two.laptop("rm", "2")
    two.sync(two.laptop, two.desktop)
    refused = two.desktop.run("undo")
    assert "your last change, @2 (2 created: eggs (priority H)), has no effect since the sync\n" in refused.err, refused
    two.laptop("restore", "2")
    two.sync(two.laptop, two.desktop)
    assert (
        " changed that todo later: @3, @4\n      to remove that todo all the same: todo rm 2\n"
        in two.desktop.run("undo").err
    )


def places(home: Todo, *lists: str) -> Sequence[str]:
    """Return in which lists there is milk."""
    return [name for name in ("inbox", *lists) if "milk" in [todo["text"] for todo in home.todos("-L", name)]]


def milk_moved_twice(two: Two) -> None:
    """Move the milk to work on the laptop, and then to home on the desktop, where it is after the syncs."""
    for name in ("work", "home"):
        two.laptop("-L", name, "add", f"What {name} has")
    two.sync(two.laptop, two.desktop)
    two.laptop("move", "1", "work")
    two.desktop("move", "1", "home")
    two.sync(two.laptop, two.desktop, two.laptop)
    assert places(two.desktop, "work", "home") == ["home"]
    assert "1 removed: no effect after the merge (moved from inbox to home)" in two.desktop("history").out


def test_a_move_that_was_undone_in_one_list_is_not_done_again_by_an_undo_in_the_other(two: Two) -> None:
    milk_moved_twice(two)
    two.desktop("-L", "home", "undo")
    refused = two.desktop.run("undo")
    assert "has nothing to undo here" in refused.err, refused
    refused = two.desktop.run("undo", "@3")
    assert "@3 is undone already, by @4\n      to do @3 again: todo redo" in refused.err
    assert places(two.desktop, "work", "home") == ["inbox"]
    two.desktop("redo")
    assert places(two.desktop, "work", "home") == ["home"]
    two.desktop("-L", "home", "undo")
    two.sync(two.desktop, two.laptop)
    assert places(two.laptop, "work", "home") == ["inbox"]


@pytest.mark.parametrize("which", [[], ["@3"]])
def test_a_move_is_undone_in_the_list_in_which_another_move_had_removed_the_todo(two: Two, which: Sequence[str]) -> None:
    milk_moved_twice(two)
    assert "Undid @3: 1 moved from inbox to home (milk), in both inbox and home" in two.desktop("undo", *which).out
    assert places(two.desktop, "work", "home") == ["inbox"]
    assert "has nothing to undo here" in two.desktop.run("-L", "home", "undo").err
    two.sync(two.desktop, two.laptop)
    assert places(two.laptop, "work", "home") == ["inbox"]


def restored_after_a_move(two: Two) -> None:
    """Move the milk to work on the desktop, and then remove and restore it on the laptop, so that it stays in the inbox."""
    two.laptop("-L", "work", "add", "Write")
    two.sync(two.laptop, two.desktop)
    two.desktop("move", "1", "work")
    two.laptop("rm", "1")
    two.laptop("restore", "1")
    two.sync(two.laptop, two.desktop, two.laptop)
    assert "would be in no list" in two.laptop.run("undo").err


def test_a_restoration_can_be_undone_when_the_todo_is_in_the_other_list_again(two: Two) -> None:
    restored_after_a_move(two)
    two.laptop("-L", "work", "restore", "2")
    assert places(two.laptop, "work") == ["inbox", "work"]
    two.laptop("undo")
    assert places(two.laptop, "work") == ["work"]
    two.sync(two.laptop, two.desktop)
    assert places(two.desktop, "work") == ["work"]


def test_a_todo_that_would_be_in_no_list_can_be_moved_to_the_archived_one_as_the_refusal_says(two: Two) -> None:
    restored_after_a_move(two)
    two.laptop("lists", "archive", "work")
    refused = two.laptop.run("undo")
    ways = "to remove it: todo rm 1; to move it there: todo lists unarchive work, and then todo move 1 work\n"
    assert refused.err.endswith(f"\n      {ways}"), refused
    two.laptop("lists", "unarchive", "work")
    two.laptop("move", "1", "work")
    assert places(two.laptop, "work") == ["work"]


def test_a_removal_and_a_restoration_are_undone_together_after_a_move_that_lost(two: Two) -> None:
    restored_after_a_move(two)
    assert "Undid 2 changes: @3: 1 restored (milk); @2: 1 removed (milk)" in two.laptop("undo", "2").out
    assert places(two.laptop, "work") == ["inbox"]
    two.sync(two.laptop, two.desktop)
    assert places(two.desktop, "work") == ["inbox"]


def test_undo_of_a_new_todo_that_others_have_changed_does_not_offer_to_undo_their_change(two: Two) -> None:
    two.desktop("add", "bread")
    two.desktop("add", "eggs")
    two.sync(two.desktop, two.laptop)
    two.laptop("edit", "3", "six eggs")
    two.sync(two.laptop, two.desktop)
    before = two.desktop("history").out
    refused = two.desktop.run("undo")
    said, ways = refused.err.splitlines()
    assert said.startswith("todo: your last change, @3 (3 created: eggs), cannot be undone: laptop@"), refused
    assert said.endswith(" changed that todo later: @4")
    assert ways == "      to undo the change before it: todo undo @2; to remove that todo all the same: todo rm 3"
    assert refused.code == 1
    assert two.desktop.run("undo", "2").err == refused.err
    assert two.desktop("history").out == before
    assert "Undid @2: 2 created: bread" in two.desktop("undo", "@2").out
    two.desktop("rm", "3")
    assert texts(two.desktop) == ["milk"]
    two.desktop("undo")
    assert texts(two.desktop) == ["milk", "six eggs"]
    two.desktop("edit", "1", "soy milk")
    refused = two.desktop.run("undo", "2")
    assert "your change, @3 (3 created: eggs), cannot be undone" in refused.err
    assert "      to undo only what came after it: todo undo 1; to remove that todo" in refused.err
    assert "Undid @4, changed back: 3 text: six eggs → eggs" in two.desktop("undo", "@4").out


def test_undo_of_several_own_changes_is_not_refused_because_others_changed_something_between_them(two: Two) -> None:
    two.desktop("add", "eggs")
    two.sync(two.desktop, two.laptop)
    two.laptop("edit", "1", "soy milk")
    two.sync(two.laptop, two.desktop)
    two.desktop("edit", "1", "oat milk")
    assert "Undid 2 changes: @4: 1 text: soy milk → oat milk; @2: 2 created: eggs" in two.desktop("undo", "2").out
    assert texts(two.desktop) == ["soy milk"]


def test_the_refusal_to_undo_what_others_changed_names_the_last_of_their_changes_to_look_at(two: Two) -> None:
    two.desktop("edit", "1", "soy milk", "pri:H")
    two.sync(two.desktop, two.laptop)
    two.laptop("edit", "1", "oat milk")
    two.sync(two.laptop, two.desktop)
    refused = two.desktop.run("undo")
    assert "(1 text: milk → soy milk, priority set to H), cannot be undone: laptop@" in refused.err
    assert refused.err.endswith(" changed the same fields later: @4\n      to see the later change: todo show @4\n")
    assert "oat milk" in two.desktop("show", "@4").out


def test_the_history_shows_once_that_a_todo_was_moved_to_a_list_in_which_it_was_already(two: Two) -> None:
    restored_after_a_move(two)
    two.laptop("-L", "work", "restore", "2")
    two.laptop("add", "eggs")
    two.laptop("move", "1", "2", "work")
    assert [todo["text"] for todo in two.laptop.todos("-L", "work")] == ["Write", "milk", "eggs"]
    newest = [
        line.partition("  laptop@")[2].partition("  ")[2].strip()
        for line in two.laptop("-L", "work", "history").out.splitlines()
    ]
    assert newest[:3] == ["3 created: eggs (moved from inbox to work)", "2 was here already", "2 restored"]
    shown = two.laptop("-L", "work", "show", "2").out
    assert shown.endswith("was here already (moved from inbox to work)\n"), shown
    assert "removed   yes → no" not in two.laptop("-L", "work", "history", "-n", "1", "-p").out
    position = shown.splitlines()[-1].split()[0]
    shown = two.laptop("-L", "work", "show", position).out
    assert "  moved from inbox to work\n  3 created: eggs\n" in shown
    assert "\n  2 was here already\n" in shown
    events = two.laptop("-L", "work", "history", "-n", "1", "--json").json["commits"][0]["events"]
    types = [event["type"] for event in events]
    assert types == ["todo_created", "todo_removed", "todo_restored"], "programs read what is recorded"


@pytest.mark.parametrize("undone_by_the_other", [True, False])
def test_plain_undo_takes_back_the_redo_of_a_change_of_another_machine(two: Two, *, undone_by_the_other: bool) -> None:
    two.laptop("edit", "1", "oat milk")
    if undone_by_the_other:
        two.laptop("undo")
    two.sync(two.laptop, two.desktop)
    if not undone_by_the_other:
        two.desktop("undo", "@2")
    redone = two.desktop("redo")
    assert redone.out.startswith("Redid @2: 1 text: milk → oat milk. "), redone
    assert "todo undo" in redone.err + redone.out
    assert two.desktop("undo").out.startswith("Undid @2, changed back: 1 text: oat milk → milk. ")
    assert texts(two.desktop) == ["milk"]
    two.desktop("redo")
    two.sync(two.desktop, two.laptop)
    # what the desktop has redone is a change of the desktop
    refused = two.laptop.run("undo")
    assert "(1 created: milk), cannot be undone: desktop@" in refused.err, refused
    assert texts(two.laptop) == ["oat milk"]
    two.desktop("undo")
    two.sync(two.desktop, two.laptop)
    assert texts(two.laptop) == texts(two.desktop) == ["milk"]


def test_the_refusal_to_undo_a_move_that_lost_says_where_the_todo_is_and_how_to_bring_it_back(two: Two) -> None:
    milk_moved_twice(two)
    refused = two.laptop.run("undo")
    assert "@2 cannot be undone: todo 1: it is in home now, as 2, where desktop@" in refused.err, refused
    assert " moved it\n      to move it to inbox: todo -L home move 2 inbox; an earlier command can be" in refused.err
    two.laptop("-L", "home", "move", "2", "inbox")
    assert places(two.laptop, "work", "home") == ["inbox"]


@pytest.mark.parametrize(
    ("change", "more"),
    [
        (("note", "2", "oat"), True),
        (("rm", "2"), False),
        pytest.param(("rm", "2"), True, marks=pytest.mark.long),
        pytest.param(("note", "2", "oat"), False, marks=pytest.mark.long),
    ],
)
def test_the_refusal_to_undo_a_move_names_the_later_change_and_how_to_undo_it(
    two: Two, change: Sequence[str], *, more: bool
) -> None:
    two.laptop("-L", "work", "add", "Write")
    two.laptop("move", "1", "work")
    two.sync(two.laptop, two.desktop)
    two.desktop("-L", "work", *change)
    if more:  # so that the changes of the desktop get other positions
        two.laptop("-L", "work", "add", "Read")
        two.laptop("-L", "work", "history")
    two.sync(two.desktop, two.laptop)
    refused = two.laptop.run("undo")
    what = "changed in work, where it is 2" if change[0] == "note" else "removed from work"
    assert f"@2 cannot be undone: todo 1: it was {what}, by desktop@" in refused.err, refused
    said, ways = refused.err.splitlines()
    assert said.endswith(": @3")
    assert ways.startswith(
        "      to undo the later change first: todo -L work undo @3; an earlier command can be undone alone"
    )
    two.laptop("-L", "work", "undo", "@3")
    assert "Undid @2: 1 moved from inbox to work (milk), in both inbox and work" in two.laptop("undo").out
    assert places(two.laptop, "work") == ["inbox"]
