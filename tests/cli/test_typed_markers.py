"""What the words after `add`, `edit`, `note` and the lines of `add -` mean: markers, text, todos, or a mistake."""

from typing import Any

import pytest

from tests.conftest import Todo

NOTHING: dict[str, object] = {"text": "x", "due": None, "reminder": None, "priority": None, "tags": [], "project": None}


def fields(todo: Todo, number: int = 1) -> dict[str, object]:
    """Return the fields of a todo that markers set."""
    row = next(row for row in todo.todos() if row["number"] == number)
    return {name: row[name] for name in NOTHING}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["x", "due:2031-01-02 14:00"], {"due": "2031-01-02T14:00:00Z"}),
        (["x", "due: 2031-01-02"], {"due": "2031-01-02"}),
        (["due:2 jan 2031", "x"], {"due": "2031-01-02"}),
        (["x", "due:2031-01-02-14:00"], {"due": "2031-01-02T14:00:00Z"}),
        (["x", "due:2-jan-2031"], {"due": "2031-01-02"}),
        (["x", "due:NONE"], {}),
        (["x", "due:none", "note:none", "tags:none"], {}),
        (["x", "pri: high"], {"priority": "H"}),
        (["x", "priority:low"], {"priority": "L"}),
        (["x", "project: home.garden "], {"project": "home.garden"}),
        (["x", "remind:2031-01-02 9:00"], {"reminder": "2031-01-02T09:00:00Z"}),
        (["x", "reminder:2031-01-02"], {"reminder": "2031-01-02T09:00:00Z"}),
        (["x", "+home ", "+a"], {"tags": ["a", "home"]}),
        (["x", "+none"], {"tags": ["none"]}),
        (["x", "DUE:2031-01-02", "Pri:h"], {"due": "2031-01-02", "priority": "H"}),
        (["x", "Due:2 jan 2031", "Due:2031-01-02"], {"due": "2031-01-02"}),
        (["x", "Due:None", "REMINDER:none"], {}),
        (["Due: in May"], {"text": "Due: in May"}),
        (["x", "due:2031-01-02", "5", "apples"], {"text": "x 5 apples", "due": "2031-01-02"}),
        (["x", "due:2031-01-02", "17:00 meeting"], {"text": "x 17:00 meeting", "due": "2031-01-02"}),
        (["Milk", "+", "eggs"], {"text": "Milk + eggs"}),
        (["+ 5 degrees"], {"text": "+ 5 degrees"}),
        (["project://server"], {"text": "project://server"}),
        (["The rent is due: soon"], {"text": "The rent is due: soon"}),
        (["note: call Bob"], {"text": "note: call Bob"}),
        (["--", "due:soon", "+a,b", "-5"], {"text": "due:soon +a,b -5"}),
        (["+a", "--", "+b"], {"text": "+b", "tags": ["a"]}),
    ],
)
def test_a_word_that_begins_with_a_marker_and_can_be_read_is_that_marker(
    todo: Todo, words: list[str], expected: dict[str, object]
) -> None:
    todo("add", *words)
    assert fields(todo) == {**NOTHING, **expected}


REFUSED = [
    (["due:soon"], "'soon' ", "-- due:soon"),
    (["due: process for Bob"], "'process for Bob' ", "-- 'due: process for Bob'"),
    (["due:"], "due: has no value", "due:none"),
    (["due: "], "due: has no value", "due:none"),
    (["due:", "tomorrow"], "due: has no value", "write due:tomorrow, or due:none"),
    (["pri:"], "pri: has no value", "pri:none"),
    (["project:"], "project: has no value", "project:none"),
    (["pri:Z"], "'Z' is not a priority", "-- pri:Z"),
    (["project:a b"], "the project 'a b'", "-- 'project:a b'"),
    (["+a,b"], "the tag 'a,b'", "-- +a,b"),
    (["+1 for this"], "the tag '1 for this'", "-- '+1 for this'"),
    (["due:next", "tuesday", "14:00"], "'next' is not a date", 'due:"next tuesday 14:00"'),
    (["due:friday", "17:00"], "does not include '17:00'", "due:friday-17:00"),
    (["due:dec", "24"], "does not include '24'", 'due:"dec 24"'),
    (["due:24", "dec", "2031"], "'24' is not a date", 'due:"24 dec 2031"'),
    (["due:2031-01-02", "due:2031-01-03"], "given twice", "once"),
    (["due:none", "due:2031-01-03"], "both set and cleared", "one of the two"),
    (["note:hello"], "not how the field note is set", "--note hello"),
    (["tags:home"], "not how the field tags is set", "+home"),
    (["tag:home"], "not how the field tags is set", "+home"),
    (["Tag:home"], "not how the field tags is set", "+home"),
    (["DUE:soon"], "'soon' ", "-- DUE:soon"),
    (["-P", "a b"], "the project 'a b'", "value"),
    (["-t", "a b"], "the tag 'a b'", "value"),
    (["-p", "Z"], "'Z' is not a priority", "H, M and L"),
]
"""Words, what the message says of them, and what the hint says."""


@pytest.mark.parametrize("verb", [["add", "x"], ["edit", "1", "x"]])
def test_a_marker_that_cannot_be_read_is_refused_and_the_message_says_how_to_write_it(todo: Todo, verb: list[str]) -> None:
    todo("add", "there", "+home", "due:2030-01-01")
    before = todo.content()
    for words, message, hint in REFUSED:
        refused = todo.run(*verb, *words)
        assert (refused.code, refused.out) == (2, ""), words
        first, second = refused.err.splitlines()
        assert message in first
        assert hint in second
    assert todo.content() == before


@pytest.mark.parametrize("text", [[""], ["  "], ["+a"], []])
def test_a_todo_without_text_is_a_wrong_command_line(todo: Todo, text: list[str]) -> None:
    assert todo.run("add", *text).code == 2
    assert todo.content() == ""


@pytest.mark.parametrize("marker", ["due:2031-01-02 14:00", "due: 2031-01-02", "priority:H", "remind:2031-01-02 9:00"])
def test_edit_with_a_quoted_marker_keeps_the_text(todo: Todo, marker: str) -> None:
    todo("add", "x")
    todo("edit", "1", marker)
    assert fields(todo)["text"] == "x"
    assert fields(todo) != NOTHING


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("add x -d none", "leave out --due"),
        ("add x --due=", "leave out --due"),
        ("edit 1 -d none", "due:none, or --clear due"),
        ("edit 1 --due=", "due:none, or --clear due"),
        ("edit 1 -d friday 2 x", "begin the text\n      for the text: todo edit 1 --due friday -- 2 x"),
        ("edit 1 1", "could name a todo, or begin the text\n      for the text: todo edit 1 -- 1\n"),
        ("remind 1 2 tomorrow", "todo remind 1,2 tomorrow"),
        ("remind 2 none", "todo edit 2 reminder:none"),
        ("add x remind:yesterday", "give a time in the future"),
        ("add x --prio H", "did you mean --priority or --project?"),
        ("add Buy -home", "no such option: -home"),
        ("tag 2 home", "did you mean: todo tag 2 +home?"),
    ],
)
def test_a_value_in_the_wrong_place_gets_a_hint_that_works(todo: Todo, line: str, said: str) -> None:
    todo("add", "-", stdin="a\nb\n")
    before = todo.content()
    refused = todo.run(*line.split())
    assert refused.code in (1, 2)
    assert said in refused.err
    assert "--version" not in refused.err
    assert todo.content() == before


@pytest.mark.parametrize("verb", ["edit", "note"])
def test_ids_with_spaces_between_them_are_not_taken_for_a_text(todo: Todo, verb: str) -> None:
    todo("add", "-", stdin="a\nb\nc\n")
    before = todo.content()
    for words in (["2", "x"], ["2"], ["1-2", "x"], ["@", "x"], ["2,3", "+home"], ["2,", "3", "x"]):
        refused = todo.run(verb, "1", *words)
        assert refused.code == 2
        several = f"for several todos: todo {verb} 1,{words[0].rstrip(',')}" in refused.err
        assert several == (verb == "note" or "x" not in words), words  # several todos cannot get one text
        assert f"todo {verb} 1 -- {words[0]}" in refused.err
    same = todo.run(verb, "1", "1", "x")
    assert f"todo {verb} 1,1" not in same.err
    assert todo.content() == before


@pytest.mark.parametrize("words", [["2 eggs"], ["--", "2", "eggs"], ["--", "2 eggs"]])
def test_a_text_may_begin_with_a_number_if_it_is_quoted_or_follows_two_hyphens(todo: Todo, words: list[str]) -> None:
    todo("add", "x")
    todo("edit", "1", *words)
    assert fields(todo)["text"] == "2 eggs"


def test_several_todos_never_get_the_same_text(todo: Todo) -> None:
    todo("add", "-", stdin="a\nb\nc\n")
    before = todo.content()
    for ids in ("1-3", "1,2", "@"):
        for words in (["Same", "text"], ["--", "Same"], ["Same", "+home"]):
            refused = todo.run("edit", ids, *words)
            assert refused.code == 2
            assert "cannot get the same text" in refused.err
    assert todo.content() == before


@pytest.mark.parametrize(
    "words", [["-5 degrees"], ["-5", "degrees"], ["--foo bar"], ["-dinner with Bob"], ["-totally new"], ["-q is a letter"]]
)
@pytest.mark.parametrize("verb", [["add"], ["edit", "1"], ["note", "1"]])
def test_a_text_that_begins_like_an_option_is_refused_with_two_hyphens_as_the_hint(
    todo: Todo, verb: list[str], words: list[str]
) -> None:
    todo("add", "x")
    refused = todo.run(*verb, *words)
    assert refused.code == 2
    assert "-- " in refused.err
    todo(*verb, "--", *words)
    row = todo.todos()[-1]
    assert " ".join(words) in (row["text"], row["note"])


def test_lines_of_stdin_have_the_markers_of_add(todo: Todo) -> None:
    lines = [
        "Buy milk +home due:2031-01-02",
        'Dentist due:"2031-01-02 14:00" pri:H',
        'it\'s  "fine"',
        "Dentist 'due:2 jan 2031'",
        "due:'2 jan 2031' it's me",
        "-- due:soon +a",
        "say -- due:soon",
        "Tea -- the good one",
        "Milk + eggs",
        "http://example.org/x",
        "own pri:L due:none",
    ]
    todo("add", "-", "+all", "pri:M", stdin="\n".join(lines))
    assert [fields(todo, number) for number in range(1, 12)] == [
        {**NOTHING, "text": "Buy milk", "tags": ["all", "home"], "due": "2031-01-02", "priority": "M"},
        {**NOTHING, "text": "Dentist", "tags": ["all"], "due": "2031-01-02T14:00:00Z", "priority": "H"},
        {**NOTHING, "text": 'it\'s  "fine"', "tags": ["all"], "priority": "M"},
        {**NOTHING, "text": "Dentist", "tags": ["all"], "due": "2031-01-02", "priority": "M"},
        {**NOTHING, "text": "it's me", "tags": ["all"], "due": "2031-01-02", "priority": "M"},
        {**NOTHING, "text": "due:soon +a", "tags": ["all"], "priority": "M"},
        {**NOTHING, "text": "say due:soon", "tags": ["all"], "priority": "M"},
        {**NOTHING, "text": "Tea -- the good one", "tags": ["all"], "priority": "M"},
        {**NOTHING, "text": "Milk + eggs", "tags": ["all"], "priority": "M"},
        {**NOTHING, "text": "http://example.org/x", "tags": ["all"], "priority": "M"},
        {**NOTHING, "text": "own", "tags": ["all"], "priority": "L"},
    ]


def test_a_wrong_marker_in_a_line_of_stdin_is_named_with_its_line_and_nothing_is_recorded(todo: Todo) -> None:
    for line in ("x due:soon", "x due:", "x due:friday 17:00", "x +a,b", "+home", "x pri:Z"):
        refused = todo.run("add", "-", stdin=f"first\n{line}\nlast\n")
        assert refused.code == 2
        assert "line 2: " in refused.err
    assert todo.content() == ""


def test_a_marker_inside_a_quoted_text_is_text_and_the_answer_says_so(todo: Todo) -> None:
    answer = todo("add", "Buy milk +home due:friday")
    assert answer.out == "Added 1: Buy milk +home due:friday. Undo: todo undo\n"
    assert [line.split()[0] for line in answer.err.splitlines()] == ["+home", "due:friday"]
    quoted = todo("add", 'Buy due:"next friday" x')
    assert quoted.err.startswith("due:next friday is a part of the text.")
    assert todo("add", "Note: 5 + 3", "--", "is due:friday").err == ""


def test_a_malformed_range_is_a_wrong_command_line(todo: Todo) -> None:
    todo("add", "-", stdin="a\nb\nc\n")
    before = todo.content()
    for verb in ("done", "show", "rm"):
        for word in ("3-1", "1-", "1..3", "#3", "3A", "1–3", "1,2-", "1:3"):
            refused = todo.run(verb, word, "--json")
            assert (refused.code, refused.out) == (2, ""), word
            assert refused.error["code"] == "usage"
            assert "range" in refused.error["message"]
    assert todo.content() == before


@pytest.mark.parametrize("words", [["tag", "1", "+a,b"], ["edit", "1", ""], ["edit", "1", "-t", "a b"]])
def test_a_value_that_no_field_can_have_is_a_wrong_command_line(todo: Todo, words: list[str]) -> None:
    todo("add", "x")
    before = todo.content()
    assert todo.run(*words).code == 2
    assert todo.content() == before


@pytest.mark.parametrize(
    ("line", "commands", "named"),
    [
        ("edit 1 2 +x", ["todo edit 1,2 +x"], {"inbox/1", "inbox/2"}),
        ("edit 1 2 3 +x pri:H", ["todo edit 1,2,3 +x pri:H"], {"inbox/1", "inbox/2", "inbox/3"}),
        ("edit 1 2 --due friday", ["todo edit 1,2 --due friday"], {"inbox/1", "inbox/2"}),
        ("edit 1, 2", ["todo edit 1,2 \N{HORIZONTAL ELLIPSIS}"], {"inbox/1", "inbox/2"}),
        ("edit @ 1 +x", ["todo edit @,1 +x"], {"inbox/1", "inbox/2", "inbox/3"}),
        ("edit 1 work/1 +x", ["todo edit 1 +x", "todo edit work/1 +x"], {"inbox/1", "work/1"}),
        ("edit work/1 1 +y", ["todo edit work/1 +y", "todo edit 1 +y"], {"inbox/1", "work/1"}),
        ("edit work/1 work/2 1 +y", ["todo edit work/1,2 +y", "todo edit 1 +y"], {"inbox/1", "work/1", "work/2"}),
        ("edit /a/ 2 +x", ["todo edit /a/ +x", "todo edit 2 +x"], {"inbox/1", "inbox/2"}),
        ("edit +x 1 2", ["todo edit 1,2 +x"], {"inbox/1", "inbox/2"}),
        ("edit +x work/1", ["todo edit work/1 +x"], {"work/1"}),
        (
            "note 1 work/1",
            ["todo note 1 \N{HORIZONTAL ELLIPSIS}", "todo note work/1 \N{HORIZONTAL ELLIPSIS}"],
            {"inbox/1", "work/1"},
        ),
        ("note 1 2 bring -- it", ["todo note 1,2 bring -- it"], {"inbox/1", "inbox/2"}),
        ("remind work/1 1 tomorrow", ["todo remind work/1 tomorrow", "todo remind 1 tomorrow"], {"inbox/1", "work/1"}),
        ("remind 1 2 tomorrow", ["todo remind 1,2 tomorrow"], {"inbox/1", "inbox/2"}),
    ],
)
def test_the_commands_that_a_hint_names_change_the_named_todos(
    todo: Todo, line: str, commands: list[str], named: set[str]
) -> None:
    for name in ("inbox", "work"):
        todo("-L", name, "add", "-", stdin="a\nb\nc\n")
    refused = todo.run(*line.split())
    assert refused.code == 2
    assert f"{'; '.join(commands)}" in refused.err.replace("for the text: ", "\n").replace("; \n", "\n")
    before = labels(todo)
    for command in commands:
        todo(*command.replace("\N{HORIZONTAL ELLIPSIS}", "pri:H").split()[1:])
    after = labels(todo)
    changed = {label for label in after if after[label] != before[label]}
    assert changed == named


def labels(todo: Todo) -> dict[str, Any]:
    """Each todo of the two lists, by what a person calls it."""
    return {f"{name}/{each['number']}": each for name in ("inbox", "work") for each in todo.todos("-L", name)}
