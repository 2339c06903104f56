"""Queries on the real program: the words of `ls`, and `--where` of the verbs that change todos."""

import shlex

import pytest

from tests.conftest import Todo
from tests.terminals import Terminal


@pytest.fixture
def filled(todo: Todo) -> Todo:
    """A list of four todos."""
    todo("add", "-", stdin="Buy milk +home pri:H\nPlan the trip +out +home\nCall the bank due:2026-01-01\nRead\n")
    return todo


def numbers(text: str) -> list[int]:
    return [int(line.split()[0]) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["-home"], [3, 4]),
        (["-home", "-n", "1"], [3]),
        (["--limit=1", "-home"], [3]),
        (["+home", "-out"], [1]),
        (["-t", "home", "not", "+out"], [1]),
        (["+home -out or overdue"], [1, 3]),
        (["+home", "-out or", "overdue"], [1, 3]),
        (["'plan the'"], []),
        (['"plan the"'], [2]),
        (["-project:x", "-a"], [1, 2, 3, 4]),
        (["--", "-home"], [3, 4]),
        (["-home", "--sort", "text", "-L", "inbox"], [3, 4]),
    ],
)
def test_however_the_shell_splits_a_query_it_is_read_once(filled: Todo, line: list[str], expected: list[int]) -> None:
    assert numbers(filled("ls", *line).out) == expected


@pytest.mark.parametrize("line", [[], ["+home"], ["--sort", "text"], ["--summary", "--by", "tag"]])
def test_a_limit_of_no_todos_prints_nothing_and_does_not_say_that_nothing_is_open(filled: Todo, line: list[str]) -> None:
    assert filled("ls", *line, "--limit", "0").out == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-x", "there is no option -x\n      to leave out the tag: not +x"),
        ("list:nope", "there is no list 'nope'"),
        ("due:friday 17:00", "write: due:friday-17:00"),
        ("duw:friday", "did you mean due?"),
        ("--nope", "no such option: --nope"),
        ("-n", "requires an argument"),
    ],
)
def test_what_is_no_query_is_refused(filled: Todo, line: str, said: str) -> None:
    refused = filled.run("ls", *line.split())
    assert (refused.code, said in refused.err) == (2, True), refused.err


def test_every_verb_that_changes_todos_takes_a_query(filled: Todo) -> None:
    filled("lists", "new", "work")
    for line, answer, shown in (
        (["done", "--where", "+home -out"], "Done 1: Buy milk", [1]),
        (["reopen", "--where=is:done"], "Reopened 1: Buy milk", [1]),
        (["toggle", "--where", "pri:H"], "done 1: Buy milk", [1]),
        (["undo"], "Undid", []),
        (["edit", "--where", "+out or overdue", "pri:L"], "Changed 2-3 (2 todos): priority set to L", [2, 3]),
        (["tag", "+x", "--where", "pri:L", "-out"], "Tagged 2-3 (2 todos): +x, -out", [2, 3]),
        (["note", "--where", "read", "By", "Thursday"], "4: Read", [4]),
        (["remind", "--where", "read", "tomorrow", "9:00"], "", [4]),
        (["move", "--where", "milk", "work"], "Moved 1", [1]),
        (["rm", "--where", "+x"], "Removed 2-3", [2, 3]),
        (["restore", "--where", "is:removed +x"], "Restored 2-3", [2, 3]),
    ):
        done = filled(*line)
        assert answer in done.out, done.out
        assert numbers(done.err) == shown
    assert [todo["number"] for todo in filled.todos()] == [2, 3, 4]
    asked = filled.run("forget", "--where", "read")
    assert (asked.code, "there is no terminal to ask on" in asked.err) == (2, True)


def test_nothing_that_matches_is_no_error(filled: Todo) -> None:
    before = filled.content()
    nothing = filled("done", "--where", "nothing")
    assert (nothing.out, nothing.err) == ("", "Nothing matches, so nothing was changed.\n")
    assert filled("done", "--where", "nothing", "--json").json["todos"] == []
    wrong = filled.run("done", "--where", "is:opn")
    assert (wrong.code, "did you mean open?" in wrong.err) == (2, True)
    past = filled.run("--at", "@1", "done", "--where", "nothing")
    assert (past.code, past.out) == (2, "")
    script = filled.run("done", "--where", "milk", "--command-id", "c1")
    assert (script.code, "contradict each other" in script.err) == (2, True)
    assert filled.content() == before


def test_a_verb_that_changes_todos_refuses_an_empty_query(filled: Todo) -> None:
    before = filled.content()
    for words in (
        ["rm", "--where", ""],
        ["forget", "--where", "  ", "-y"],
        ["edit", "--where=", "pri:H"],
        ["done", "--where", '""'],
    ):
        result = filled.run(*words)
        assert (result.code, result.out, "empty" in result.err) == (2, "", True), words
    assert "write: --where is:open" in filled.run("rm", "--where", "").err
    assert filled.content() == before
    assert filled("export", "--where", "", "--format", "csv").out.count("\n") == 5


@pytest.mark.parametrize(("typed", "changed"), [("y\n", 24), ("n\n", 0), ("\n", 0)])
def test_on_a_terminal_it_asks_once_before_many_todos_are_changed(todo: Todo, typed: str, changed: int) -> None:
    todo("add", "-", stdin="".join(f"Todo {number} +many\n" for number in range(24)))
    terminal = Terminal(todo, "done", "--where", "+many")
    terminal.wait_for("and 14 more\r\nChange these 24 todos? [y/N] ")
    terminal.type(typed)
    assert terminal.end() == 0
    assert len(todo("ls", "is:done", "--json").json["todos"]) == changed
    assert ("Nothing was changed." in terminal.shown) is (changed == 0)


def test_without_a_terminal_nobody_is_asked(todo: Todo) -> None:
    todo("add", "-", stdin="".join(f"Todo {number} +many\n" for number in range(24)))
    done = todo("done", "--where", "+many")
    assert (done.out.startswith("Done 1-24 (24 todos)"), "and 14 more" in done.err) == (True, True)


def test_todos_are_grouped_with_their_counts(filled: Todo) -> None:
    titles = [line for line in filled("ls", "--by", "tag").out.splitlines() if line.endswith(":")]
    assert titles == ["+home (2):", "+out (1):", "no tag (2):"]
    assert filled("ls", "--by", "tag", "--summary").out == "2  +home\n1  +out\n2  no tag\n"
    assert filled("ls", "--by", "tag", "--summary", "--plain").out == "home\t2\nout\t1\n\t2\n"
    document = filled("ls", "--by", "due", "--json").json
    assert (document["by"], document["groups"][0]) == ("due", {"name": "2026-01-01", "count": 1, "numbers": [3]})
    assert numbers(filled("ls", "--sort", "-text").out) == [4, 2, 3, 1]
    assert numbers(filled("ls", "--sort", "priority,-number").out) == [1, 4, 3, 2]
    assert filled("ls", "nothing", "--by", "tag", "--summary").err == "Nothing matches.\n"
    for line, said in (
        ("--by x", "todos cannot be grouped by 'x'\n      the keys are project, list, due, tag"),
        ("--summary", "--summary counts groups, and needs --by"),
        ("--sort due,x", "'x' is not a sort key"),
    ):
        refused = filled.run("ls", *line.split())
        assert (refused.code, said in refused.err) == (2, True), refused.err


@pytest.mark.parametrize(
    "words", [["done", "1"], ["rm", "A"], ["forget", "-y", "1"], ["edit", "1", "pri:H"], ["tag", "1", "+x"]]
)
def test_where_and_ids_together_are_refused(todo: Todo, words: list[str]) -> None:
    todo("add", "A", "+p")
    todo("add", "B", "+q")
    before = todo.content()
    result = todo.run(*words, "--where", "+q")
    assert (result.code, "both name todos" in result.err) == (2, True), result.err
    assert todo.content() == before


def test_a_text_that_looks_like_an_id_can_be_given_beside_where(todo: Todo) -> None:
    todo("add", "A", "+p")
    todo("edit", "--where", "+p", "--", "2 eggs")
    assert todo.todos()[0]["text"] == "2 eggs"


def test_a_tag_that_no_todo_has_can_be_left_out(todo: Todo) -> None:
    todo("add", "A", "+a")
    assert todo("ls", "+a", "-nope").out == "1  A +a\n"


ABOUT_ONE_LIST = (
    ["export", "--where", "filter:one", "--format", "csv"],
    ["export", "--where", "filter:one"],
    ["when", "filter:one", "--at-least", "1"],
    ["stats", "filter:one", "--json"],
    ["tag", "--where", "filter:one", "+y", "--json"],
)
ABOUT_SEVERAL = (["ls", "filter:one"], ["agenda", "filter:one"])


def write_filters(todo: Todo, lists: str) -> None:
    config = todo.home / ".config/cqrs-todo/config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f'[filters.one]\nwhere = "+x"\nlist = {lists}\n[filters.two]\nwhere = "+x"\n')


def test_every_verb_that_takes_a_query_searches_the_lists_of_its_filter(todo: Todo) -> None:
    for name in ("inbox", "play", "work"):
        todo("-L", name, "add", f"of {name}", "+x", "due:today")
    write_filters(todo, '["work"]')
    for line in (*ABOUT_ONE_LIST, *ABOUT_SEVERAL):
        answer = todo(*line).out
        assert "of inbox" not in answer, line
        assert "of play" not in answer, line
        assert "of work" in answer or line[0] in ("when", "stats"), line
        assert "of play" in todo(*line, "-L", "play").out or line[0] in ("when", "stats"), line
    assert todo("stats", "filter:one", "--json").json["list"] == "work"
    assert "of inbox" in todo("ls", "filter:one", "-A").out
    assert "of play" in todo("export", "--where", "filter:one or filter:two", "-A", "--format", "csv").out
    write_filters(todo, '["play", "work"]')
    for line in ABOUT_ONE_LIST:
        refused = todo.run(*line)
        assert (refused.code, "several lists: play, work" in refused.err) == (2, True), line
    for line in ABOUT_SEVERAL:
        answer = todo(*line).out
        assert ("of inbox" in answer, "of play" in answer, "of work" in answer) == (False, True, True), line


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--all is:removed", None),
        ("-a is:any", None),
        ("--all is:open,removed", None),
        ("--done is:any", None),
        ("--done is:waiting", None),
        ("--removed is:any", None),
        ("--all filter:gone", None),
        ("--all is:done", [2]),
        ("--all is:waiting", [4]),
        ("--done done:today", [2]),
        ("--removed is:removed", [3]),
        ("is:removed", [3]),
        ("is:any", [1, 2, 3, 4]),
    ],
)
def test_an_option_overrides_no_state_in_the_query(todo: Todo, line: str, expected: list[int] | None) -> None:
    write_filters(todo, '[]\n[filters.gone]\nwhere = "is:removed"')
    todo("add", "-", stdin="a\nb\nc\nd wait:2099-01-01\n")
    todo("done", "2")
    todo("rm", "3")
    result = todo.run("ls", *line.split())
    if expected is None:
        assert (result.code, result.out, "both say which states" in result.err) == (2, "", True)
    else:
        assert numbers(result.out) == expected


@pytest.mark.parametrize("words", ["+x -x", "-x +y +x", "+caf\u00e9 -cafe\u0301"])
def test_a_tag_cannot_be_added_and_removed_at_once(filled: Todo, words: str) -> None:
    before = filled.content()
    refused = filled.run("tag", "1", *words.split())
    assert (refused.code, "contradict each other" in refused.err) == (2, True)
    assert filled.content() == before


def test_edit_names_the_command_that_removes_a_tag(filled: Todo) -> None:
    hint = filled.run("edit", "1", "-home").err.splitlines()[1].strip()
    assert hint.startswith("to remove a tag: todo tag 1 -home; to use it as text")
    filled(*hint.partition("todo ")[2].partition(";")[0].split())
    assert "home" not in filled.todos()[0]["tags"]
    assert "to remove a tag" not in filled.run("edit", "1", "--nope").err
    assert "to remove a tag" not in filled.run("edit", "1", "-5 degrees").err


@pytest.mark.parametrize("verb", [["undo"], ["search", "milk"], ["done", "1"]])
def test_the_damage_of_a_list_is_said_once(filled: Todo, verb: list[str]) -> None:
    filled("add", "last")
    log = filled.log_file()
    log.write_bytes(log.read_bytes().replace(b"trip", b"trap"))
    refused = filled.run(*verb)
    assert refused.code != 0
    assert refused.err.count("is damaged at line 2") == 1


def test_history_says_once_for_each_commit_what_it_was_for(filled: Todo) -> None:
    filled("edit", "1", "+y", "+z", "due:2031-01-02", "--because", "Jo asked")
    filled("edit", "2-3", "pri:L", "--because", "Ann asked")
    filled("undo")
    for line in (["history"], ["history", "--patch"], ["show", "1"]):
        shown = filled(*line).out
        assert shown.count("because: Jo asked") == 1, line
        assert shown.count("because: Ann asked") == (0 if line[0] == "show" else 1), line
        assert shown.count("undoes @") == (0 if line[0] == "show" else 1), line


def test_the_hint_about_waiting_todos_shows_exactly_those(todo: Todo) -> None:
    todo(
        "-L",
        "work",
        "add",
        "-",
        stdin="a due:2027-12-01 wait:2099-01-01\nb wait:2099-01-01\nc +x\nd +x wait:2099-01-01 due:2099-02-01\n",
    )
    todo("-L", "work", "rm", "2")
    for words, wanted in (
        (["ls", "due:..2028-01-01 or no:due"], [1]),
        (["at", "@1", "ls", "(+x)or", "no:due"], [2, 4]),
        (["at", "@1"], [1, 2, 4]),
    ):
        line = todo("-L", "work", *words).out.splitlines()[-1]
        count, hint = int(line.split()[0]), shlex.split(line.partition("todo ")[2])
        assert (count, numbers(todo("--plain", *hint).out)) == (len(wanted), wanted), line
    gone = todo.run("at", "@1", "-L", "work", "show", "9")
    assert "see the numbers: todo -L work at @1 ls --all" in gone.err
