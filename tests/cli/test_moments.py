"""Moments as people type them: times of several words without quotation marks, and positions."""

import json
import re
import shlex
from datetime import UTC, datetime, timedelta

import pytest

from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.model import Create
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from tests.conftest import Pasts, Todo


@pytest.fixture
def lived(todo: Todo, pasts: Pasts) -> Todo:
    """A list with three commits: @1 and @2, @3, @4 and @5."""
    return pasts.give(todo, _live)


def _live(todo: Todo) -> None:
    todo("add", "-", stdin="buy milk\nbuy bread\n")
    todo("add", "three", "milk", "shakes")
    todo("done", "1,3")


@pytest.mark.parametrize(
    ("unquoted", "quoted"),
    [
        ("ls --at 5 minutes ago", "ls --at '5 minutes ago'"),
        ("ls --at now milk", "ls milk --at now"),
        ("ls --at=5 minutes ago milk", "ls milk '--at=5 minutes ago'"),
        ("--at 2 hours ago ls --all", "--at '2 hours ago' ls --all"),
        ("--at start of week", "--at 'start of week'"),
        ("--at yesterday 17:00 ls", "--at 'yesterday 17:00' ls"),
        ("show --at now 2", "show 2 --at now"),
        ("history --since 1 hour ago", "history --since '1 hour ago'"),
        ("history --since 3 days ago 1-2 -n 1", "history 1-2 -n 1 --since '3 days ago'"),
        ("history --since last monday 9:00 --until now 3", "history 3 --until now --since 'last monday 9:00'"),
        ("history --until 1 minute ago", "history --until '1 minute ago'"),
        ("stats --plain --since 3 months ago --until today", "stats --plain --since '3 months ago' --until today"),
        ("diff 1 hour ago", "diff '1 hour ago'"),
        ("diff 1 hour ago 3", "diff '1 hour ago' now 3"),
        ("diff 1 hour ago now 1 3", "diff '1 hour ago' now 1 3"),
        ("diff last friday 17:00 1 minute ago", "diff 'last friday 17:00' '1 minute ago'"),
        ("diff --stat 2 days ago today", "diff '2 days ago' today --stat"),
        ("diff 2 days ago --stat today", "diff '2 days ago' today --stat"),
        ("diff -3d --stat", "diff '3 days ago' --stat"),
        ("diff @2 3", "diff @2 now 3"),
        ("diff @2 @-1 3", "diff @2 @3 3"),
        ("diff --stat -- 1 hour ago", "diff --stat '1 hour ago'"),
        ("export --at 1 hour ago --format json", "export --format json --at '1 hour ago'"),
        ("blame --at now 1", "blame 1 --at now"),
    ],
)
def test_words_of_a_time_need_no_quotation_marks(lived: Todo, unquoted: str, quoted: str) -> None:
    one, other = (lived(*shlex.split(line)) for line in (unquoted, quoted))
    for result in (one, other):
        result.out, result.err = (_without_varying(text) for text in (result.out, result.err))
    assert (one.out, one.err) == (other.out, other.err)
    assert one.out or one.err


def _without_varying(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d[ T][0-9:.]+Z?|\d\d:\d\d:[0-9.]+", "TIME", text)


def test_writing_verbs_take_times_of_several_words(lived: Todo) -> None:
    lived("add", "Call", "--due", "24", "dec", "2030", "17:00", "Jo", "--remind", "in", "3", "days")
    added = lived.todos()[-1]
    assert (added["text"], added["due"]) == ("Call Jo", "2030-12-24T17:00:00Z")
    assert added["reminder"] is not None
    lived("edit", "4", "--due", "31", "may", "2030", "Ring", "Jo")
    assert (lived.todos()[-1]["text"], lived.todos()[-1]["due"]) == ("Ring Jo", "2030-05-31")
    lived("done", "--on", "2", "days", "ago", "4")
    lived("remind", "2", "tomorrow", "9:00")
    assert lived.todos()[1]["reminder"].endswith("T09:00:00Z")
    assert lived("restore", "4", "--to", "1", "hour", "ago").out == "Went back to @0: removed 4: Ring Jo. Undo: todo undo\n"
    lived("restore", "--to", "5", "minutes", "ago")
    assert lived("ls", "--all").out == "The list is empty.\n" or lived("ls", "--json").json["todos"] == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ls --at 5 minuts ago milk", "'5 minuts ago' has a word that is not known: 'minuts'"),
        ("ls --at friday 17", "put '17' before --at"),
        ("history --since friday noonish", "noonish"),
        ("stats --since friday 17", "put '17' before --since"),
        ("--at friday 17 ls", "put '17' before --at"),
        ("ls --at tomorrow", "has not come yet"),
        ("diff last friday tomorrow", "'tomorrow' has not come yet"),
        ("diff 5 minuts ago", "'5 minuts ago'"),
        ("diff yesterday @2x", "'@2x' is not a position"),
        ("diff", "missing argument 'FROM'"),
        ("restore --to 5 minuts ago", "'5 minuts ago'"),
        ("ls --at", "requires an argument"),
    ],
)
def test_a_time_that_cannot_be_read_is_refused_as_a_whole(lived: Todo, line: str, said: str) -> None:
    before = lived.content()
    result = lived.run(*line.split())
    assert result.code in (2, 3)
    assert said in result.err
    assert lived.content() == before


@pytest.mark.parametrize(
    ("written", "position"),
    [
        ("@-1", 3),
        ("@-2", 2),
        ("@-3", 0),
        ("@-1~1", 2),
        ("@5~1", 3),
        ("@4~1", 3),
        ("@5~", 3),
        ("@5~2", 2),
        ("@3~1", 2),
        ("@2~1", 0),
        ("@3~0", 3),
        ("start", 0),
        ("START", 0),
        ("now", 5),
        ("@0", 0),
    ],
)
def test_positions_count_back_from_the_end_or_from_a_position(lived: Todo, written: str, position: int) -> None:
    assert lived("at", written, "ls", "--json").json["position"] == position
    assert lived("ls", "--json", "--at", written).json["position"] == position
    assert lived("diff", written, "--json").json["from"]["position"] == position


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("@-4", "@-4 is before the first commit: inbox has 3 commits"),
        ("@3~3", "@3~3 is before the first commit: inbox has 2 commits up to @3"),
        ("@0~1", "@0~1 is before the first commit"),
        ("@6", "there is no event @6 in inbox: it ends at @5"),
        ("@6~1", "there is no event @6 in inbox: it ends at @5"),
    ],
)
def test_a_position_that_the_list_does_not_have_is_not_found_by_any_verb(lived: Todo, written: str, said: str) -> None:
    before = lived.content()
    for line in (
        "at POSITION",
        "ls --at POSITION",
        "show --at POSITION 1",
        "show POSITION",
        "diff POSITION",
        "diff @1 POSITION",
        "history --since POSITION",
        "history --until POSITION",
        "history --since @1 --until POSITION",
        "replay POSITION",
        "replay @1 POSITION",
        "restore --to POSITION",
        "export --at POSITION",
        "view changes --at POSITION",
        "blame --at POSITION 1",
        "stats --at POSITION",
        "stats --since POSITION",
    ):
        result = lived.run(*line.replace("POSITION", written).split(), "--json")
        assert (result.code, result.out) == (3, ""), line
        assert result.error["code"] == "not-found"
        assert said in result.error["message"], line
        assert result.error["hint"] in ("see the positions: todo history", "the empty list before it is: start")
    assert lived.content() == before


@pytest.mark.parametrize("written", ["@-0", "@x", "@", "@1~x", "@--1"])
def test_a_word_that_has_not_the_form_of_a_position_is_a_wrong_command_line(lived: Todo, written: str) -> None:
    for line in (["at", written], ["ls", "--at", written], ["diff", written]):
        result = lived.run(*line)
        assert result.code == 2
        assert "is not a position" in result.err


@pytest.mark.parametrize(
    ("first", "second"),
    [("today", "yesterday"), ("yesterday", "3 days ago"), ("1 hour ago", "2 hours ago"), ("last week", "last month")],
)
def test_two_times_in_the_wrong_order_are_refused(lived: Todo, first: str, second: str) -> None:
    for line in (["diff", first, second], ["history", "--since", first, "--until", second]):
        refused = lived.run(*line)
        assert (refused.code, refused.out) == (2, "")
        assert re.search(f"'{first}' [(].*[)] (comes|ends) after '{second}' [(]", refused.err)
    assert f"todo diff {second} {first}" in lived.run("diff", *first.split(), *second.split()).err
    lived("diff", second, first)
    lived("diff", "today", "now")
    assert lived("diff", "@3", "@2").out == "Removed\n- 3 three milk shakes\n\n1 removed\n"


@pytest.mark.parametrize(
    "line",
    [
        "at @3 --at @4",
        "--at @4 --at @3 ls",
        "ls --at @3 --at @4",
        "--at @3 ls --at @4",
        "at @3 ls --at=@4",
        "--at @3 at @4",
        "at @3 at @4",
        "history --since @1 --since @3",
        "history --until today --until @3",
        "restore --to @1 --to @3",
        "replay --from @1 --from @3",
        "replay @1 --from @3",
        "stats --since today --since @3",
        "done 2 --on yesterday --on today",
        "add x -d friday --due monday",
    ],
)
def test_a_moment_that_is_given_twice_is_refused(lived: Todo, line: str) -> None:
    before = lived.content()
    refused = lived.run(*line.split())
    assert (refused.code, refused.out) == (2, "")
    assert "twice" in refused.err
    assert lived.content() == before


def test_a_hyphen_and_a_digit_begin_a_time_and_not_an_option(lived: Todo) -> None:
    for line, count in (("at -1h", 0), ("at -2h ls --all", 0), ("--json at -3d ls -n 1", 0), ("at --plain -2h ls", 0)):
        document = lived("--json", *line.replace("--plain ", "").split()).json
        assert (document["todos"] if "ls" in line else document["lists"][0]["todos"]) == [None] * count, line
        assert lived(*line.split()).code == 0
    for line in ("diff -2h", "history --since -2h", "replay -2h", "ls --at -2h", "stats --since -2h", "view statement -2h"):
        assert lived(*line.split(), "--json").out, line
    past = lived.run("remind", "2", "-2h")
    assert "the reminder is in the past" in past.err
    assert "todo at -2h" in lived.run("-2h").err
    assert "Usage: todo at" in lived("at", "-h").out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["replay", "5", "minuts", "ago"], 2, '"5 minutes ago"'),
        (["replay", "foo"], 2, "'foo' is not a word that is known"),
        (["at", "last", "friday", "evening"], 2, '"last friday 18:00"'),
        (["at", "yesterday", "evening", "ls"], 2, '"yesterday 18:00"'),
        (["at", "last", "friday", "milk"], 2, "todo at last friday ls milk"),
        (["at", "last", "friday", "sl"], 2, "todo at last friday ls?"),
        (["-L", "inbox", "at", "@4", "2"], 2, "todo -L inbox at @4 show 2?"),
        (["at @5"], 2, "todo at @5?"),
        (["at", "3 days ago ls --all"], 2, "leave them out: todo at 3 days ago ls --all"),
        (["at", "@5 ls"], 2, "leave them out: todo at @5 ls"),
        (["at", "ls"], 2, "for instance: todo at yesterday ls"),
        (["at", "ls", "milk", "3", "days", "ago"], 2, "for instance: todo at 3 days ago ls milk"),
        (["at", "3", "day", "ago", "-n", "1", "ls"], 2, "write: todo at 3 day ago ls -n 1"),
        (["at", "3", "oclock"], 2, "3:00, 15:00"),
        (["at", "beginning"], 2, "start"),
        (["diff", "beginning"], 2, "start"),
        (["history", "@3"], 2, "todo show @3"),
        (["done", "@2"], 2, "@2 is a position in the history, not a todo"),
        (["restore", "to", "@1"], 2, "todo restore --to @1"),
        (["show", "@2-@4"], 2, "todo history --since @2 --until @4"),
        (["diff", "@5", "yesturday"], 3, "did you mean: yesterday?"),
    ],
)
def test_a_command_line_that_names_a_moment_wrongly_gets_a_hint_that_fits(
    lived: Todo, words: list[str], code: int, said: str
) -> None:
    before = lived.content()
    refused = lived.run(*words)
    assert (refused.code, refused.out) == (code, "")
    assert said in refused.err
    assert lived.content() == before


def test_stats_take_positions(lived: Todo) -> None:
    by_day = lived("stats", "--json").json["days"]
    for line in ("--since @1", "--until @-1", "--since start --until @5", "--since @2 --until now"):
        assert lived("stats", "--json", *line.split()).json["days"] == by_day
    for line, code in (("--since @5 --until @1", 2), ("--until start", 2), ("--since @9", 3), ("--until @9", 3)):
        assert lived.run("stats", *line.split()).code == code


def test_positions_restore_and_filter(lived: Todo) -> None:
    assert [each["position"] for each in lived("history", "--json", "--since", "@4").json["commits"]] == [4]
    assert [each["position"] for each in lived("history", "--json", "--until", "@-1").json["commits"]] == [3, 1]
    assert lived("restore", "--to", "@-1").out.startswith("Went back to @3")
    assert lived.run("history", "--all-lists", "--at", "@-1").code == 2


def test_show_with_a_position_shows_the_commit(lived: Todo) -> None:
    lines = lived("show", "@5").out.splitlines()
    assert lines[0].startswith("@4 to @5  20")
    assert lines[1::2][:2] == ["  1 done", "  3 done"]
    assert lines[2].startswith("    completed none → 20")
    assert lines[-1].startswith("  command   ")
    document = lived("show", "@4", "@-1", "--json").json
    assert [commit["position"] for commit in document["commits"]] == [4, 3]
    assert lived("show", "@3", "--plain").out == lived("history", "--since", "@3", "--until", "@3", "--plain").out
    for line, code in (("show @0", 3), ("show @9", 3), ("show 1 @3", 2), ("at @3 show @4", 2), ("show @1~1", 3)):
        assert lived.run(*line.split()).code == code, line
    assert lived("at", "@3", "show", "@3").out == lived("show", "@3").out


def test_replay_begins_at_a_position_and_ends_at_another(lived: Todo) -> None:
    def played(line: str) -> list[int]:
        return [json.loads(frame)["commit"]["position"] for frame in lived(*line.split()).out.splitlines()]

    assert played("replay") == [1, 3, 4]
    assert played("at @3 replay") == [1, 3]
    assert played("replay @3") == [3, 4]
    assert played("replay @3 @3") == [3]
    assert played("replay --from @3 --to @-1") == [3]
    assert played("replay --from 1 hour ago --to 1 minute ago --speed 2") == []
    assert played("replay 1 hour ago now") == [1, 3, 4]
    assert played("replay start @-1") == [1, 3]
    assert "the end is given twice" in lived.run("at", "@3", "replay", "--to", "@4").err


def test_history_shows_seconds(lived: Todo) -> None:
    for line in (["history", "--seconds"], ["log", "--seconds", "--patch"]):
        assert re.match(r"@4  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  \S+  1 done\n", lived(*line).out)


def test_a_time_that_a_clock_ahead_recorded_can_be_typed_back(todo: Todo) -> None:
    """Given a commit of tomorrow and then one of now, the list can be shown at the time that history prints."""
    ahead = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    store = open_store(f"jsonl:{todo.data}", TYPES)
    TodoList(store, "inbox", "me", default=True, clock=lambda: ahead).add([Create("milk", ahead)])
    printed = f"{ahead:%Y-%m-%d %H:%M}"
    assert printed in todo("history").out
    for last in ("milk", "bread"):
        for words in (printed.split(), [printed]):
            assert last in todo("at", *words, "ls").out
            assert last in todo("diff", "start", *words).out
            assert todo("history", "--until", *words, "--json").json
        todo("add", "bread")
    later = f"{ahead + timedelta(days=1):%Y-%m-%d %H:%M}"
    refused = todo.run("at", *later.split(), "ls")
    assert refused.code == 2
    assert f"'{later}' has not come yet" in refused.err
