"""What `undo` and `redo` say that they undid and redid, and the hints that lead back."""

import re
from collections.abc import Sequence

import pytest

from tests.conftest import Todo


def hint(line: str) -> list[str]:
    """Return the words of the command that an answer names."""
    return line.rstrip("\n").rpartition(": todo ")[2].split()


@pytest.mark.parametrize(
    ("change", "words", "back"),
    [
        (["add", "c", "+x", "due:2031-01-02"], "3 created: c (+x, due Thu 2031-01-02)", ""),
        (
            ["edit", "1", "due:2031-01-02", "+x"],
            "1 due set to 2031-01-02, tagged +x (a)",
            "1 untagged -x, due cleared, was 2031-01-02 (a)",
        ),
        (["edit", "2", "due:none"], "2 due cleared, was 2031-03-04 (b)", "2 due set to 2031-03-04 (b)"),
        (
            ["edit", "2", "due:2031-01-02 09:00"],
            "2 due: 2031-03-04 → 2031-01-02 09:00 (b)",
            "2 due: 2031-01-02 09:00 → 2031-03-04 (b)",
        ),
        (["edit", "1", "New text"], "1 text: a → New text", "1 text: New text → a"),
        (["done", "1"], "1 done (a)", ""),
        (["done", "1-2"], "1-2 done (a, b)", ""),
        (["rm", "2"], "2 removed (b)", ""),
        (["restore", "--to", "@1"], "2 removed (b)", ""),
        (
            ["edit", "1-2", "due:2031-01-02"],
            "1 due set to 2031-01-02 (a); 2 due: 2031-03-04 → 2031-01-02 (b)",
            "1 due cleared, was 2031-01-02 (a); 2 due: 2031-01-02 → 2031-03-04 (b)",
        ),
        (["move", "1", "work"], "1 moved from inbox to work (a), in both inbox and work", ""),
        (
            ["edit", "2", "depends:1", "under:1"],
            "2 now depends on 1, parent set to 1 (b)",
            "2 parent cleared, was 1, no longer depends on 1 (b)",
        ),
    ],
)
def test_undo_says_what_it_undid_or_what_changed_back(todo: Todo, change: list[str], words: str, back: str) -> None:
    todo("add", "a")
    todo("add", "b", "due:2031-03-04")
    todo("lists", "new", "work")
    todo(*change)
    undone = todo("undo").out
    assert undone == f"Undid @3{f', changed back: {back}' if back else f': {words}'}. Redo: todo redo\n"
    assert todo(*hint(undone)).out == f"Redid @3: {words}. Undo: todo undo\n"


@pytest.mark.parametrize(("asked", "done"), [(1, 1), (2, 2), (3, 3), (7, 7), (8, 7), (99, 7)])
def test_the_hint_after_undoing_several_changes_leads_back_and_forth(todo: Todo, asked: int, done: int) -> None:
    todo("add", "-", stdin="a\nb\nc\n")
    for change in (["done", "1"], ["tag", "2-3", "+x"], ["rm", "1,3"], ["edit", "2", "B"], ["edit", "2", "pri:H"]):
        todo(*change)
    todo("note", "2", "n")
    full = todo.todos()
    undone = todo("undo", str(asked)).out
    assert undone.startswith("Undid @" if asked == 1 else f"Undid {done} changes")
    assert ("because there were no others" in undone) == (asked > done)
    assert len(re.findall(r"@\d+(?:: |, changed back: )", undone)) == min(done, 5)
    assert f"; and {done - 5} more" in undone or done <= 5
    assert hint(undone) == (["redo"] if done == 1 else ["redo", str(done)])
    before = todo.todos()
    redone = todo(*hint(undone)).out
    assert [{**row, "version": 0} for row in todo.todos()] == [{**row, "version": 0} for row in full]
    assert hint(redone) == (["undo"] if done == 1 else ["undo", str(done)])
    todo(*hint(redone))
    assert [{**row, "version": 0} for row in todo.todos()] == [{**row, "version": 0} for row in before]


def test_one_change_is_all_that_can_be_undone(todo: Todo) -> None:
    todo("add", "a")
    assert todo("undo", "5").out == "Undid 1 change, because there were no others: @1: 1 created: a. Redo: todo redo\n"
    assert todo("redo", "5").out == "Redid 1 change, because there were no others: @1: 1 created: a. Undo: todo undo\n"


def test_edit_says_what_it_changed(todo: Todo) -> None:
    todo("add", "-", stdin="a\nb\n")
    assert todo("edit", "1", "due:2 jan 2031").out == "Changed 1: a (due set to 2031-01-02). Undo: todo undo\n"
    assert (
        todo("edit", "1", "A", "due:none").out
        == "Changed 1: A (text: a → A, due cleared, was 2031-01-02). Undo: todo undo\n"
    )
    assert todo("edit", "1-2", "pri:H").out == "Changed 1-2 (2 todos): priority set to H. Undo: todo undo\n"
    todo("add", "-", stdin="c\nd\ne\n")
    todo("edit", "2", "pri:L")
    assert (
        "Changed 1-3 (3 todos): 1 priority: H → M; 2 priority: L → M; 3 priority set to M."
        in todo("edit", "1-3", "pri:M").out
    )
    assert "Changed 3: c (now depends on 2, parent set to 1)." in todo("edit", "3", "depends:2", "under:1").out
    assert "Changed 3: c (no longer depends on 2, parent: 1 → 2)." in todo("edit", "3", "depends:none", "under:2").out
    assert ", every set to week). Undo" in todo("edit", "1", "every:week").out
    todo("edit", "3", "due:2031-01-01", "+x")
    todo("edit", "4", "due:2031-01-03")
    todo("edit", "5", "+y")
    different = todo("edit", "1-5", "due:2031-01-02", "+y").out
    assert different == "Changed 1-5 (5 todos): due, tags. Undo: todo undo\n"


def test_the_different_changes_of_one_command_are_told_apart(todo: Todo) -> None:
    todo("add", "-", stdin="a\nb\nc\n")
    todo("edit", "2", "due:2031-01-02", "every:week")
    todo("done", "1-3")
    assert todo("undo").out.startswith("Undid @6: 1-3 done (a, b, c); 4 created: b (due Thu 2031-01-09), ")


def test_undoing_a_position_that_is_not_in_force_says_why_and_what_to_do(todo: Todo) -> None:
    todo("add", "-", stdin="a\nb\n")  # @1, @2
    todo("done", "1-2")  # @3, @4
    todo("undo")  # @5, @6
    for position, belongs in (("@3", "@3"), ("@4", "@4 belongs to @3, which")):
        refused = todo.run("undo", position)
        assert (refused.code, f"{belongs} is undone already, by @5" in refused.err) == (1, True), refused.err
    for position, belongs in (("@5", "@5 is"), ("@6", "@6 belongs to @5, which is")):
        refused = todo.run("undo", position)
        assert f"{belongs} an undo of @3" in refused.err
        assert "todo redo" in refused.err
    todo("redo")  # @7, @8
    assert "@7 is a redo of @3" in todo.run("undo", "@7").err
    assert "to undo the redo: todo undo @3" in todo.run("undo", "@7").err
    todo("undo")  # @9, @10
    refused = todo.run("undo", "@7")
    assert "@7 is a redo of @3, which is undone already, by @9" in refused.err
    assert "to do @3 again: todo redo" in refused.err
    todo("redo")
    hint = todo.run("redo", "@3").err.splitlines()[1]
    assert "todo redo 3" in hint
    assert "undo 3" not in hint


def test_the_lists_of_a_move_are_named_at_the_move(todo: Todo) -> None:
    todo("add", "-", stdin="a\nb\n")
    todo("lists", "new", "work")
    todo("move", "1", "work")
    todo("done", "2")
    out = todo("undo", "2").out
    assert "moved from inbox to work (a), in both inbox and work" in out
    assert out.count("in both") == 1


def test_undoing_a_change_of_very_many_todos_says_what_it_was(todo: Todo) -> None:
    todo("add", "-", stdin="".join(f"{number}\n" for number in range(1200)))
    assert todo("rm", "1-1200").out.startswith("Removed 1-1200 (1,200 todos)")
    assert "1-1200 removed (1,200 todos)" in todo("undo").out
    todo("done", "1-1100")
    assert "1-1100 done (1,100 todos)" in todo("undo").out


def test_a_change_of_a_moved_todo_names_the_command_for_its_list(todo: Todo) -> None:
    todo("-L", "house", "add", "x")
    todo("add", "-", stdin="a\nb\nc\n")
    todo("move", "2", "house")
    for verb, words, hint in (
        ("done", [], "there it is 2: todo -L house done 2"),
        ("edit", ["pri:H"], "there it is 2: todo -L house edit 2 …"),
        ("restore", [], "there it is 2; to bring it back: todo -L house move 2 inbox"),
    ):
        refused = todo.run(verb, "2", *words)
        assert refused.err == f"todo: todo 2 was moved to house; nothing was recorded\n      {hint}\n"
    todo("rm", "1,3")
    assert "todos 1, 3 were removed; nothing was recorded" in todo.run("done", "1,3").err
    assert "todo 3 was removed; nothing was recorded" in todo.run("done", "3").err


@pytest.mark.parametrize("count", [4, 1200])
def test_the_undo_of_new_todos_with_fields_says_that_they_were_created(todo: Todo, count: int) -> None:
    todo("add", "-", stdin="".join(f"t{number} +x{number} due:2031-01-02\n" for number in range(count)))
    assert todo("undo").out.startswith(f"Undid @1: 1-{count} created ({count:,} todos). ")


@pytest.mark.parametrize(
    ("lines", "named", "hint"),
    [
        (("done 1", "undo"), "@2", "to do @2 again: todo redo; to see what can be undone: todo history"),
        (("done 1", "undo", "add b"), "@2", "to see what @2 changed: todo show @2"),
        (("done 1", "undo", "add b"), "@3", "no redo does @2 again, because of later changes; to see what it changed: todo"),
        (("done 1", "undo", "redo", "undo", "add b"), "@4", "to see what @2 changed: todo show @2"),
        (("done 1", "undo", "add b", "done 2", "undo"), "@2", "to see what @2 changed: todo show @2"),
        (("done 1", "edit 1 b", "undo 2"), "@3", "to do @3 again, and first what was undone after it: todo redo 2"),
        (("done 1", "undo"), "@3", "to do @2 again: todo redo; to see what can be undone: todo history"),
        (("done 1", "undo", "redo"), "@3", "to undo @2 again: todo undo @2"),
        (("done 1", "undo", "redo"), "@4", "to undo the redo: todo undo @2"),
        (("done 1", "undo", "redo", "undo"), "@4", "to do @2 again: todo redo; to see what can be undone: todo history"),
    ],
)
def test_the_hint_about_what_cannot_be_undone_names_the_way_that_is_open(
    todo: Todo, lines: Sequence[str], named: str, hint: str
) -> None:
    for line in ("add a", *lines):
        todo(*line.split())
    before = todo("export").out
    refused = todo.run("undo", named)
    assert refused.err.splitlines()[1].strip().startswith(hint)
    ways = re.findall(r"todo (redo(?: \d+)?|undo @\d+)", refused.err)
    for way in ways:  # the way does what it says
        todo(*way.split())
        assert todo("export").out != before
