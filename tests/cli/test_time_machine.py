"""The time machine through the real program."""

import re

from tests.conftest import Todo


def test_diff(lived: Todo) -> None:
    lines = lived("diff", "@2").out.splitlines()
    assert lines[0] == "Completed"
    assert re.fullmatch(r"x 2 two  20[-0-9]+ [:0-9]+", lines[1])
    assert lines[2:8] == ["", "Added", "+ 3 three (+x)", "", "Removed", "- 1 one"]
    assert lines[8:] == ["", "1 completed, 1 added, 1 removed"]
    back = lived("diff", "@7", "@2", "--json").json
    assert [row["number"] for row in back["added"]] == [1]
    assert [row["number"] for row in back["removed"]] == [3]
    assert back["changed"][0]["fields"]["completed"]["new"] is None
    assert lived("diff", "@2", "@4", "1", "--plain").out == "1\tchanged\ttext\tone\tuno\n1\tchanged\tpriority\t\tH\n"
    assert lived("diff", "@2", "now", "--stat").out == "1 completed, 1 added, 0 changed, 1 removed\n"
    assert lived("diff", "@7").err == "No difference.\n"
    assert lived.run("diff", "@2", "--exit-code").code == 1
    assert lived.run("diff", "@7", "--exit-code").code == 0
    assert lived.run("diff", "@7", "--exit-code", "--json").json["added"] == []
    for bad in (["diff", "tomorrow"], ["diff", "soon"], ["--at", "@2", "diff", "@1"]):
        assert lived.run(*bad).code == 2, bad
    assert lived.run("diff", "@1", "now", "9").code == lived.run("diff", "@8").code == 3
    assert "\x1b[" in lived("diff", "@2", "--color", "always").out


def test_diff_puts_each_todo_into_the_section_of_what_happened_to_it_last(todo: Todo) -> None:
    todo("add", "-", stdin="kept\nreopened\ndone\nmoved in time\ngone\n")  # @1 to @5
    todo("done", "2")  # @6
    todo("done", "4", "--on", "2026-01-05")  # @7
    todo("edit", "1", "pri:H", "depends:3", "due:2031-01-02")  # @8 to @10
    todo("reopen", "2")  # @11
    todo("done", "3")
    todo("edit", "3", "Done")
    todo("reopen", "4")
    todo("done", "4", "--on", "2026-01-06")
    todo("done", "5")
    todo("rm", "5")
    todo("add", "quick", "+x")
    todo("done", "6")
    shown = re.sub(r"  20[-0-9]+ [:0-9]+", "  TIME", todo("diff", "@7").out)
    assert shown.splitlines() == [
        *("Completed", "x 3 Done  TIME", "    text      done → Done", "x 6 quick (+x)  TIME", ""),
        *("Changed", "~ 1 kept", "    due       none → 2031-01-02", "    priority  none → H", "    depends   none → 3"),
        "~ 2 reopened",
        shown.splitlines()[11],
        *("~ 4 moved in time", "    completed 2026-01-05 → 2026-01-06", ""),
        *("Removed", "- 5 gone", "", "2 completed, 3 changed, 1 removed"),
    ]
    assert re.fullmatch(r"    completed 20[-0-9]+ [:0-9]+ → none", shown.splitlines()[11])


def test_blame(lived: Todo) -> None:
    fields = lived("blame", "1", "--json").json["todos"][0]["fields"]
    assert (fields["text"]["value"], fields["text"]["previous"], fields["text"]["position"]) == ("uno", "one", 3)
    assert (fields["priority"]["value"], fields["priority"]["previous"], fields["priority"]["position"]) == ("H", None, 3)
    assert (fields["removed"]["value"], fields["removed"]["position"]) == (True, 6)
    early = lived("at", "@2", "blame", "1", "--json").json
    assert early["todos"][0]["fields"]["text"]["value"] == "one"
    assert lived("blame", "1-3", "--plain").out.splitlines()[0].split("\t")[:3] == ["1", "text", "3"]
    assert "(was one)" in lived("blame", "1").out
    assert lived.run("blame", "9").code == 3


def test_restore(lived: Todo) -> None:
    assert (
        lived("restore", "--to", "@4").out
        == "Went back to @3: removed 3: three, restored 1: uno, changed 2: two. Undo: todo undo\n"
    )
    assert [(row["text"], row["done"]) for row in lived.todos()] == [("uno", False), ("two", False)]
    assert lived("restore", "--to", "@4").err == "Nothing to restore.\n"
    lived("undo")
    assert [row["text"] for row in lived.todos()] == ["two", "three"]
    assert lived("restore", "1", "--to", "@2").out == "Went back to @1: restored 1: one. Undo: todo undo\n"
    assert [row["text"] for row in lived.todos()] == ["one", "two", "three"]
    assert "(as of @1)" in lived("history", "-n", "1").out
    assert lived("restore", "1", "--to", "@2").err == "Unchanged: 1\n"
    assert lived.run("restore").code == 2
    assert lived.run("restore", "9", "--to", "@2").code == 3
    assert lived.run("restore", "--to", "@99").code == 3
    assert lived.run("--at", "@2", "restore", "--to", "@1").code == 2


def test_when(lived: Todo) -> None:
    assert lived("when", "total>=2", "--json").json["position"] == 1
    assert lived("when", "open=1 and done=1", "--json").json["position"] == 5
    assert lived("when", "open=1", "--last", "--plain").out.split("\t")[0] == "7"
    assert lived("when", "open>99").err == "The condition was never true.\n"
    assert lived("when", "open>99", "--json").json["at"] is None
    assert lived("when", "tag:x>0").out.startswith("@7  ")
    assert lived("at", "@2", "when", "done>0", "--json").json["position"] is None
    assert lived.run("when", "open").code == 2
    for query in ("(created:2-hours-ago..)=0", "(due:..in-3-hours)>=1", "open>0 and (done:..now)>1"):
        refused = lived.run("when", query)
        assert (refused.code, "counts hours or minutes" in refused.err) == (2, True), query
    assert lived.run("when", "+x)>=1 and (open", "--at-least", "1").code == 2
    assert lived("-L", "work", "add", "a", "b").code == 0
    assert lived("when", "total>=1", "-A").out.startswith("inbox @1  ")
    both = lived("when", "(text:a)>=1", "--last", "-A", "--json").json
    assert (both["lists"], both["position"] is None) == (["inbox", "work"], False)
    assert lived("when", "open>99", "-A", "--plain").out == ""
    assert lived.run("--at", "@2", "when", "open>0", "-A").err.startswith("todo: a position belongs to one list")


def test_history_with_patches_and_text_and_lists(lived: Todo) -> None:
    patch = lived("history", "-p", "-n", "5").out
    assert "  text      one → uno\n" in patch
    assert "  tags      none → +x\n" in patch
    assert [commit["position"] for commit in lived("history", "-S", "UNO", "--json").json["commits"]] == [3]
    lived("-L", "work", "add", "one more")
    everywhere = lived("history", "--all-lists", "-S", "one", "--json").json["commits"]
    assert [(commit["list"], commit["position"]) for commit in everywhere] == [
        ("work", 1),
        ("inbox", 5),  # "done"
        ("inbox", 3),
        ("inbox", 1),
    ]
    assert lived("history", "--all-lists", "-n", "1").out.split("  ")[3] == "work 1 created: one more\n"
    assert lived("history", "--all-lists", "-n", "1", "--plain").out.startswith("work\t1\t")
    assert lived("history", "1-2", "--type", "todo_completed", "--json").json["commits"][0]["position"] == 5


def test_stats(lived: Todo) -> None:
    stats = lived("stats", "--json").json
    assert (stats["added"], stats["completed"], stats["reopened"], len(stats["days"])) == (3, 1, 0, 1)
    assert stats["days"][0]["open"] == 1
    assert stats["authors"][0]["events"] == sum(stats["hours"]) == 7
    short = lived("stats").out
    assert len(short.splitlines()) <= 24
    assert "Open todos" in short
    assert "fewer" in short
    drawn = lived("stats", "--full").out
    for words in ("3 added, 1 completed, 1 open", "Open todos", "Completed by day", "hour of the day", "Most active"):
        assert words in drawn
    assert all(len(line) <= 100 for line in drawn.splitlines())
    assert len(lived("stats", "--since", "40 days ago", "--plain").out.splitlines()) == 41
    assert "by week" in lived("stats", "--full", "--since", "40 days ago").out
    assert lived.run("stats", "--since", "today", "--until", "yesterday").code == 2
    assert lived("stats", "-L", "inbox", "--until", "yesterday").code == 0


def test_the_calendar_of_stats_names_each_month_above_the_week_in_which_it_begins(lived: Todo) -> None:
    lines = lived("stats", "--since", "2026-01-15", "--until", "2026-03-17").out.splitlines()
    months = lines[next(place for place, line in enumerate(lines) if "fewer" in line) + 1]
    assert months == "      Jan Feb     Mar"  # February and March 2026 begin on Sundays
    assert "      Mar" in lived("stats", "--since", "2026-03-01", "--until", "2026-03-17").out.splitlines()
    assert "      Mar" in lived("stats", "--since", "2026-03-25", "--until", "2026-03-31").out.splitlines()


def test_the_time_machine_writes_nothing_but_restore(lived: Todo) -> None:
    before = lived.content()
    for args in (["diff", "@1"], ["blame", "1"], ["when", "open>0"], ["stats"], ["replay"], ["history", "-p"], ["at", "@1"]):
        lived(*args)
    assert lived.content() == before


def test_diff_shows_added_todos_as_they_are_then_and_removed_ones_as_they_were(todo: Todo) -> None:
    todo("add", "Call", "due:2027-03-05", "+x")  # @1
    todo("note", "1", "hello")  # @2
    todo("rm", "1")  # @3
    todo("restore", "1")  # @4
    first = "1 Call (+x, due Fri 2027-03-05)"
    with_note = f"{first}\n    note      hello"
    for gone in ("start", "@3"):
        for moment, shown in (("@1", first), ("@2", with_note), ("@4", with_note)):
            assert todo("diff", gone, moment).out == f"Added\n+ {shown}\n\n1 added\n"
            assert todo("diff", moment, gone).out == f"Removed\n- {shown}\n\n1 removed\n"
            names = {"text", "due", "tags"} | ({"note"} if shown is with_note else set())
            (added,) = todo("diff", gone, moment, "--json").json["added"]
            (removed,) = todo("diff", moment, gone, "--json").json["removed"]
            assert set(added["fields"]) == set(removed["fields"]) == names
            assert added["fields"]["text"] == {"old": "", "new": "Call"}
            assert removed["fields"]["text"] == {"old": "Call", "new": ""}


def test_whether_a_todo_is_removed_is_shown_as_yes_or_no(todo: Todo) -> None:
    todo("add", "Call")
    todo("rm", "1")
    assert "removed   no → yes" in todo("show", "@2").out
    todo("undo")
    assert "no  (was yes)" in todo("blame", "1").out
    assert "removed   yes → no" in todo("show", "@3").out


def test_the_heading_the_history_and_restore_name_a_commit_alike(todo: Todo) -> None:
    todo("add", "a")  # @1
    todo("add", "-", stdin="b\nc\nd\n")  # @2 to @4
    todo("edit", "1", "x", "pri:H")  # @5, @6
    named = {commit["position"] for commit in todo("history", "--json").json["commits"]}
    assert named == {1, 2, 5}
    for moment, commit in (("@1", 1), ("@2", 2), ("@3", 2), ("@4", 2), ("@5", 5), ("@6", 5), ("@-1", 2), ("@6~1", 2)):
        assert todo("at", moment).err.endswith(f"(@{commit})\n")
        assert todo("ls", "--at", moment, "--json").json["position"] == {1: 1, 2: 4, 5: 6}[commit]
    assert "(before the first event)" in todo("at", "start").err
    assert "Went back to @2: " in todo("restore", "--to", "@3").out
    assert "(as of @2)" in todo("history", "-n", "1").out
    assert "(@5)" in todo("at", "@-1").err


def test_history_finds_every_text_that_it_prints(todo: Todo) -> None:
    todo("add", "Buy milk", "due:2027-03-05")
    todo("rm", "1", "--because", "Solved Itself")
    todo("undo")
    for text, position in (
        ("solved itself", "@2"),
        ("undoes @2", "@3"),
        ("restored", "@3"),
        ("milk", "@1"),
        ("created", "@1"),
    ):
        out = todo("history", "-S", text).out
        assert [line.split()[0] for line in out.splitlines()] == [position], text
    assert todo("history", "-S", "2027-03-05").out.startswith("@1")
    result = todo.run("history", "-S", "")
    assert (result.code, result.out) == (2, "")
    assert "-S is empty" in result.err


def test_a_condition_needs_no_quotes_around_its_parts(todo: Todo) -> None:
    todo("add", "-", stdin="a +x\nb\n")
    for words in (["open", ">", "1"], ["open>1"], ["open >1", "and", "tag:x", "=", "1"], ["open", ">1", "and", "total=2"]):
        assert todo("when", *words).out.startswith("@1 ")
    assert "did you mean open?" in todo.run("when", "opn", ">", "3").err


def test_blame_and_diff_write_times_for_programs_in_utc(todo: Todo) -> None:
    todo.env["TZ"] = "Europe/Berlin"
    todo("add", "a", "due:2031-01-02-10:00")
    todo("remind", "1", "2031-01-01 09:00")
    todo("done", "1")
    for verb in (["blame", "1"], ["diff", "start", "now"]):
        rows = [line.split("\t") for line in todo(*verb, "--plain").out.splitlines()]
        values = {row[1 if verb[0] == "blame" else 2]: row[-2 if verb[0] == "blame" else -1] for row in rows}
        assert (values["due"], values["reminder"]) == ("2031-01-02T09:00:00Z", "2031-01-01T08:00:00Z"), verb
        assert values["completed"].endswith("Z"), verb
    assert todo("search", "a", "--plain").out.split("\t")[4].endswith("Z")
    assert todo("diff", "-A", "start").out.startswith("inbox\nCompleted\nx 1 a")
    assert "belongs to one list" in todo.run("diff", "-A", "@1").err


def test_the_positions_of_a_todo_are_aligned(todo: Todo) -> None:
    todo("add", "a")
    for number in range(9):
        todo("edit", "1", f"text {number}")
    assert [line[:7] for line in todo("show", "1").out.splitlines()[-2:]] == ["   @9  ", "  @10  "]
