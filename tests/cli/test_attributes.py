"""Attributes: values without a field, which config.toml declares or an import brings."""

import json

import pytest

from tests.conftest import Result, Todo

CONFIG = """
[attributes]
estimate = "number"
started = "date"
place = "text"
"Größe" = "text"
"""


@pytest.fixture
def declared(todo: Todo) -> Todo:
    configure(todo, CONFIG)
    return todo


def configure(todo: Todo, text: str) -> None:
    file = todo.home / ".config/cqrs-todo/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def attributes(todo: Todo, number: int = 1) -> object:
    return todo.todos()[number - 1]["attributes"]


def refused(todo: Todo, *args: str) -> Result:
    result = todo.run(*args)
    assert result.code == 2, result
    return result


def test_an_attribute_is_set_by_its_marker_and_by_the_option(declared: Todo) -> None:
    added = declared("add", "Paint", "estimate:2.5", "started:2026-03-01", "place:Room 5", "GRÖSSE:L", "Größe:L")
    assert added.out.startswith("Added 1: Paint GRÖSSE:L (")
    assert attributes(declared) == {"estimate": "2.5", "started": "2026-03-01", "place": "Room 5", "Größe": "L"}
    declared("edit", "1", "--attribute", "Place:Attic", "--attribute", "estimate:3")
    assert attributes(declared) == {"estimate": "3", "started": "2026-03-01", "place": "Attic", "Größe": "L"}
    assert [event["type"] for event in declared.log()[-1]["events"]] == ["todo_attribute_changed"] * 2


def test_lines_of_stdin_may_have_attributes(declared: Todo) -> None:
    declared("add", "-", 'place:"Room 5"', stdin='Paint estimate:2\nWash place:"the yard"\n')
    assert [row["attributes"] for row in declared.todos()] == [
        {"estimate": "2", "place": '"Room 5"'},
        {"place": "the yard"},
    ]


@pytest.mark.parametrize(
    ("line", "text", "expected"),
    [
        ('two my-place:"Room 5"', "two", {"my-place": "Room 5"}),
        ("two room2:'a b' x", "two x", {"room2": "a b"}),
        ('two Größe:"sehr groß"', "two", {"Größe": "sehr groß"}),
        ('two "place:Room 5"', "two", {"place": "Room 5"}),
        ("six -- estimate:3", "six estimate:3", {}),
        ('say "hi there" now', 'say "hi there" now', {}),
    ],
)
def test_a_line_of_stdin_may_have_quoted_values(todo: Todo, line: str, text: str, expected: dict[str, str]) -> None:
    configure(todo, CONFIG + 'my-place = "text"\nroom2 = "text"\n')
    todo("add", "-", stdin=line + "\n")
    (row,) = todo.todos()
    assert (row["text"], row["attributes"]) == (text, expected)


def test_an_attribute_inside_a_text_is_pointed_out(declared: Todo) -> None:
    assert "estimate:3 is a part of the text" in declared("add", "Paint it estimate:3").err


def test_setting_and_clearing_an_attribute_is_explained(declared: Todo) -> None:
    declared("add", "Paint", "place:x")
    for words in (["place:y"], ["place:none"], ["--clear", "attributes"]):
        assert "todo_attribute_changed" in declared("explain", "edit", "1", *words).out
    assert declared("explain", "edit", "1", "place:y", "--json").json


def test_attributes_have_a_history_and_are_undone_blamed_compared_and_restored(declared: Todo) -> None:
    declared("add", "Paint", "estimate:2")
    declared("edit", "1", "estimate:3", "place:Attic")
    declared("edit", "1", "estimate:none")
    assert "estimate: 2 → 3" in declared("history").out
    assert "place set to Attic" in declared("history").out
    assert "estimate cleared, was 3" in declared("history", "-n", "1").out
    blamed = [line.split() for line in declared("blame", "1").out.splitlines()]
    assert [line[:2] for line in blamed if line[0].startswith("attribute")] == [
        ["attribute:estimate", "@5"],
        ["attribute:place", "@3"],
    ]
    assert "attribute:place none → Attic" in declared("diff", "@1").out
    declared("undo")
    assert attributes(declared) == {"estimate": "3", "place": "Attic"}
    declared("restore", "--to", "@1")
    assert attributes(declared) == {"estimate": "2"}


def test_attributes_go_out_and_come_in_also_where_they_are_not_declared(declared: Todo) -> None:
    declared("add", "Paint", "place:Room 5", "estimate:2")
    exported = declared("export").out
    configure(declared, "")
    declared("-L", "copy", "import", "-", stdin=exported)
    assert declared.todos("-L", "copy")[0]["attributes"] == {"place": "Room 5", "estimate": "2"}
    assert "Paint" in declared("-L", "copy", "ls", "place:room").out
    assert "Paint" in declared("-L", "copy", "ls", "has:estimate", "--sort", "-estimate").out
    assert declared("-L", "copy", "ls", "--columns", "text,place").out == "Paint  Room 5\n"
    declared("-L", "copy", "edit", "1", "place:Attic")
    assert declared.todos("-L", "copy")[0]["attributes"] == {"place": "Attic", "estimate": "2"}
    for words in (["place:none"], ["--clear", "place"], ["--attribute", "place:none"]):
        declared("-L", "copy", "edit", "1", *words)
        assert declared.todos("-L", "copy")[0]["attributes"] == {"estimate": "2"}
        declared("-L", "copy", "undo")
    declared("-L", "copy", "edit", "1", "attributes:none")
    assert declared.todos("-L", "copy")[0]["attributes"] == {}


def test_one_attribute_or_all_are_cleared(declared: Todo) -> None:
    given = ["estimate:2", "place:Attic", "started:2026-03-01"]
    declared("add", "Paint", *given)
    for words in (["place:none"], ["--clear", "place"], ["--attribute", "place:none"]):
        declared("edit", "1", *words)
        assert attributes(declared) == {"estimate": "2", "started": "2026-03-01"}
        declared("undo")
    for words in (["attributes:none"], ["--clear", "attributes"]):
        declared("edit", "1", *words)
        assert attributes(declared) == {}
        declared("undo")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["estimate:many"], "'many' is not a number"),
        (["estimate:nan"], "'nan' is not a number"),
        (["estimate:"], "estimate: has no value"),
        (["started:someday"], "'someday' is not a word that is known"),
        (["started:friday", "17:00"], "does not include '17:00'"),
        (["--attribute", "colour:red"], "there is no attribute 'colour'"),
        (["--attribute", "estimate"], "'estimate' is not an attribute and its value"),
        (["estimate:1", "estimate:2"], "the attribute estimate is given twice"),
        (["attributes:x"], "is not how the field attributes is set"),
    ],
)
def test_an_attribute_that_cannot_be_set_is_refused(declared: Todo, words: list[str], said: str) -> None:
    result = refused(declared, "add", "Paint", *words)
    assert said in result.err
    assert declared.content() == ""


def test_an_attribute_that_is_not_declared_does_not_become_the_text_of_a_todo(todo: Todo) -> None:
    todo("add", "Call the bank")
    result = refused(todo, "edit", "1", "estimate:2")
    assert "there is no field or attribute 'estimate'" in result.err
    assert todo.todos()[0]["text"] == "Call the bank"
    todo("edit", "1", "--", "re:invent")
    todo("edit", "1", "https://example.org")
    todo("edit", "1", "Call", "at:noon")
    assert todo.todos()[0]["text"] == "Call at:noon"


def test_what_is_not_declared_is_text(declared: Todo) -> None:
    declared("add", "Meet", "at:noon", "place://x", "Place:", "here")
    assert declared.todos()[0]["text"] == "Meet at:noon place://x Place: here"


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("estimate:2", [1]),
        ("estimate:2.0", [1]),
        ("estimate:2..5", [1, 2]),
        ("estimate:..2", [1]),
        ("estimate:3..", [2, 3]),
        ("estimate:2,10", [1, 3]),
        ("-estimate:2", [2, 3, 4]),
        ("no:estimate", [4]),
        ("has:Estimate", [1, 2, 3]),
        ("estimate:none", [4]),
        ("started:2026-03", [1]),
        ("started:2026-03-01..2026-04-30", [1, 2]),
        ("place:ROOM", [2]),
        ('place:"room 5"', [2]),
        ("größe:l", [4]),
        ("attributes:room", [2]),
        ("no:attributes", []),
    ],
)
def test_a_query_finds_attributes_by_their_kind(declared: Todo, query: str, numbers: list[int]) -> None:
    lines = (
        "a estimate:2 started:2026-03-01",
        'b estimate:4 started:2026-04-01 place:"Room 5"',
        "c estimate:10",
        "d Größe:L",
    )
    declared("add", "-", stdin="\n".join(lines))
    assert [row["number"] for row in declared("ls", "--json", query).json["todos"]] == numbers


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("estimate:few", "column 10 of the query: estimate:few is not a number"),
        ("estimate:5..2", "ends before it begins"),
        ("estimate:", "estimate: has no value"),
        ("colour:red", "there is no key 'colour'"),
        ("no:estimat", "did you mean estimate?"),
    ],
)
def test_a_query_about_attributes_that_cannot_be_parsed_is_refused(declared: Todo, query: str, said: str) -> None:
    declared("add", "a", "estimate:2")
    assert said in refused(declared, "ls", query).err


def test_todos_are_sorted_by_numbers_and_those_without_come_last(declared: Todo) -> None:
    for text, estimate in (("a", "10"), ("b", "9"), ("c", None), ("d", "2.5")):
        declared("add", text, *([] if estimate is None else [f"estimate:{estimate}"]))
    shown = declared("ls", "--sort", "estimate", "--columns", "estimate,text").out
    assert [line.split() for line in shown.splitlines()] == [["2.5", "d"], ["9", "b"], ["10", "a"], ["c"]]
    assert "'colour' is not a sort key" in refused(declared, "ls", "--sort", "colour").err
    assert "'colour' is not a column" in refused(declared, "ls", "--columns", "colour").err


def test_the_editor_has_a_line_for_attributes(declared: Todo) -> None:
    declared("add", "Paint", 'place:the "big" room', "estimate:2")
    script = declared.home / "edit.sh"
    script.write_text(
        '#!/bin/sh\ncp "$1" "$HOME/seen"\n'
        'sed -i \'s/^attributes: .*/attributes: started:2026-03-01 place:"a\\\\"b c"/\' "$1"\n'
    )
    script.chmod(0o755)
    declared("edit", "1", env={"EDITOR": str(script)})
    seen = (declared.home / "seen").read_text(encoding="utf-8")
    assert 'attributes: estimate:2 place:"the \\"big\\" room"\n' in seen
    assert attributes(declared) == {"started": "2026-03-01", "place": 'a"b c'}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "'nonsense' is not an attribute and its value"),
        ("colour:red", "there is no attribute 'colour'"),
        ("estimate:x", "'x' is not a number"),
        ("place:a place:b", "the attribute place is there twice"),
    ],
)
def test_a_wrong_line_of_attributes_in_the_editor_is_refused(declared: Todo, line: str, said: str) -> None:
    declared("add", "Paint", "place:Attic")
    script = declared.home / "edit.sh"
    script.write_text(f"#!/bin/sh\nsed -i 's/^attributes: .*/attributes: {line}/' \"$1\"\n")
    script.chmod(0o755)
    result = declared.run("edit", "1", env={"EDITOR": str(script)})
    assert (result.code, said in result.err) == (2, True), result.err
    assert attributes(declared) == {"place": "Attic"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("attributes = 3", "attributes must be a table"),
        ("attributes = ['estimate']", "attributes must be a table"),
        ("[attributes]\nestimate = 'hours'", 'the attribute \'estimate\' must be "text" or "number" or "date"'),
        ("[attributes]\nestimate = ['a']", 'the attribute \'estimate\' must be "text" or "number" or "date"'),
        ("[attributes]\ndue = 'date'", "an attribute cannot be named 'due'"),
        ("[attributes]\nIs = 'text'", "an attribute cannot be named 'Is'"),
        ("[attributes]\n'a b' = 'text'", "'a b' is not the name of an attribute"),
        ("[attributes]\nx = 'text'\nX = 'text'", "two attributes differ only in their case"),
    ],
)
def test_a_wrong_declaration_is_refused_with_the_file_and_the_name(todo: Todo, text: str, said: str) -> None:
    configure(todo, text)
    result = refused(todo, "ls")
    assert said in result.err
    assert "config.toml" in result.err


def test_attributes_are_completed(declared: Todo) -> None:
    declared("add", "Paint", "place:Attic", "estimate:2")
    proposed = declared("__complete", "zsh", "ls", "pla").out
    assert "place:Attic\t" in proposed
    assert "place:none\t" in proposed
    assert "estimate" in declared("__complete", "zsh", "edit", "1", "--clear", "est").out


def test_a_todo_with_attributes_is_shown_with_them(declared: Todo) -> None:
    declared("add", "Paint", "place:Room 5", "estimate:2")
    assert "  estimate 2\n  place    Room 5\n" in declared("show", "1").out
    assert json.loads(declared("show", "1", "--json").out)["todos"][0]["attributes"] == {"estimate": "2", "place": "Room 5"}


NEW_YORK = {"TZ": "America/New_York"}


def test_an_attribute_that_is_a_time_is_shown_in_local_time_wherever_it_is_shown(declared: Todo) -> None:
    added = declared("add", "Paint", "started:2026-11-24 21:00", env=NEW_YORK)
    assert attributes(declared) == {"started": "2026-11-25T02:00:00Z"}
    assert "(started 2026-11-24 21:00)" in added.out
    declared("edit", "1", "started:2026-11-25 09:30", env=NEW_YORK)
    shown = [
        declared(*words.split(), env={**NEW_YORK, "COLUMNS": "200"}).out
        for words in (
            "blame 1",
            "diff @1",
            "history",
            "history 1",
            "show @3",
            "show 1",
            "ls --columns started",
            "ls --columns attributes",
            "ls --plain --columns started",
        )
    ]
    assert all("2026-11-25 09:30" in each for each in shown), shown
    assert not any("2026-11-25T" in each for each in shown), shown
    assert "started:2026-11-25T14:30:00Z" in declared("show", "1", "--plain", env=NEW_YORK).out


def test_the_editor_shows_local_times_and_keeps_those_that_are_not_edited(declared: Todo) -> None:
    declared("add", "Paint", "started:2026-11-24 21:00:30", "place:Attic", env=NEW_YORK)
    before = attributes(declared)
    declared("edit", "1", env={**NEW_YORK, "EDITOR": "sed -i s/Attic/Cellar/"})
    assert attributes(declared) == {**dict(before), "place": "Cellar"}  # type: ignore[call-overload]  # it is a dict
    declared("edit", "1", env={**NEW_YORK, "EDITOR": "sed -i 's/2026-11-24 21:00/2026-11-24 22:00/'"})
    assert attributes(declared) == {"started": "2026-11-25T03:00:00Z", "place": "Cellar"}


def test_attributes_that_are_times_are_sorted_as_due_dates_are(declared: Todo) -> None:
    for value in ("2026-11-25", "2026-11-24 21:00", "2026-11-24", "2026-11-25 01:00"):
        declared("add", value, f"started:{value}", f"due:{value}", env=NEW_YORK)
    by_started = declared("ls", "--sort", "started", "--columns", "text", env=NEW_YORK).out.split("\n")
    assert by_started == ["2026-11-24 21:00", "2026-11-24", "2026-11-25 01:00", "2026-11-25", ""]
    assert declared("ls", "--sort", "due", "--columns", "text", env=NEW_YORK).out.split("\n") == by_started


def edit_lines(todo: Todo, script: str) -> Result:
    return todo.run("edit", "1", env={"EDITOR": f"sed -i '{script}'"})


def test_none_clears_a_field_in_the_editor_as_it_does_on_the_command_line(declared: Todo) -> None:
    declared("add", "other")
    declared("add", "Paint", "due:2026-12-01", "pri:H", "+home", "project:a", "place:Attic", "estimate:2", "depends:1")
    file = {"EDITOR": "sed -i -E 's/^(due|priority|tags|project|depends):.*/\\1: none/; s/place:Attic/place:None/'"}
    declared("edit", "2", env=file)
    [_, row] = declared.todos()
    assert [row[name] for name in ("due", "priority", "tags", "project", "depends")] == [None, None, [], None, []]
    assert row["attributes"] == {"estimate": "2"}
    declared("edit", "2", env={"EDITOR": "sed -i s/^attributes:.*/attributes:none/"})
    assert attributes(declared, 2) == {}
    declared("edit", "2", env={"EDITOR": "sed -i s/^text:.*/text:none/"})
    assert declared.todos()[1]["text"] == "none"


def test_case_makes_no_difference_to_names_in_the_editor(declared: Todo) -> None:
    declared("add", "Paint", "estimate:2")
    assert edit_lines(declared, "s/estimate:2/Estimate:4 Place:Attic/; s/^due:/Due: 2026-12-01/").code == 0
    assert attributes(declared) == {"estimate": "4", "place": "Attic"}
    assert declared.todos()[0]["due"] == "2026-12-01"


def test_new_values_replace_the_old_ones_of_fields_that_are_cleared(declared: Todo) -> None:
    declared("add", "-", stdin="one\ntwo\n")
    declared("add", "three", "depends:1", "place:Attic", "estimate:1", "+a")
    declared("edit", "3", "depends:none", "depends:2", "attributes:none", "place:Cellar", "tags:none", "+b")
    row = declared.todos()[2]
    assert (row["depends"], row["attributes"], row["tags"]) == ([declared.todos()[1]["id"]], {"place": "Cellar"}, ["b"])
    assert "the field due is both set and cleared" in refused(declared, "edit", "3", "due:none", "due:today").err


@pytest.mark.parametrize(
    ("word", "advised"),
    [
        ("attributes:x", "KEY:x"),
        ("attribute:x", "KEY:x"),
        ("attribute:place:x", "place:x"),
        ("Attributes:place:x", "place:x"),
    ],
)
def test_the_name_of_the_field_of_attributes_sets_none_and_what_is_advised_works(
    declared: Todo, word: str, advised: str
) -> None:
    assert f"write --attribute {advised};" in refused(declared, "add", "Paint", word).err
    declared("add", "Paint", "--attribute", advised.replace("KEY", "place"))
    assert attributes(declared) == {"place": "x"}


@pytest.mark.parametrize("value", ["1_0", "\u0663", "\uff13", "1,5", "nan", "inf"])
def test_a_number_has_ordinary_digits_only(declared: Todo, value: str) -> None:
    assert "is not a number" in refused(declared, "add", "Paint", f"estimate:{value}").err


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a" * 65, "the name of an attribute has at most 64 characters, and 'aaaaaaaaaaaaaaaaaaaa'… has 65"),
        ("2nd", "it does not begin with a letter"),
        ("a b", "' ' is none of letters, digits and . _ -"),
    ],
)
def test_what_is_wrong_with_the_name_of_an_attribute_is_said(todo: Todo, name: str, why: str) -> None:
    configure(todo, f'[attributes]\n"{name}" = "text"\n')
    assert why in refused(todo, "ls").err


def test_forms_of_unicode_make_no_difference_to_names(todo: Todo) -> None:
    configure(todo, '[attributes]\n"Gro\u0308\u00dfe" = "text"\n')
    todo("add", "Paint", "Gro\u0308\u00dfe:L")
    todo("add", "Wash", "gr\u00f6\u00dfe:M")
    assert [attributes(todo, number) for number in (1, 2)] == [{"Gr\u00f6\u00dfe": "L"}, {"Gr\u00f6\u00dfe": "M"}]
    assert todo("ls", "gro\u0308\u00dfe:M", "--columns", "number").out == "2\n"


def test_an_attribute_of_an_import_is_found_beside_a_declared_one_in_another_case(declared: Todo) -> None:
    declared("add", "Paint", "estimate:2")
    exported = declared("export").out.replace('"estimate"', '"Estimate"')
    declared("-L", "copy", "import", "-", stdin=exported)
    declared("-L", "copy", "add", "Wash", "estimate:2")
    declared("-L", "copy", "add", "Dry")
    assert declared("-L", "copy", "ls", "estimate:1..2", "--columns", "number").out == "1\n2\n"
    assert declared("-L", "copy", "ls", "has:Estimate", "--columns", "number").out == "1\n2\n"
    assert declared("-L", "copy", "ls", "no:estimate", "--columns", "number").out == "3\n"


def test_removing_a_todo_that_was_moved_says_where_it_is(todo: Todo) -> None:
    todo("add", "-", stdin="one\ntwo\n")
    todo("lists", "new", "work")
    todo("-L", "work", "add", "x")
    todo("move", "1", "work")
    todo("rm", "2")
    answer = todo("rm", "1-2").err
    assert "1 was moved to work; there it is 2: todo -L work rm 2\n" in answer
    assert "2 was moved" not in answer
    assert "1 was moved to work" in todo("-L", "work", "rm", "inbox/1").err


def test_a_key_that_an_export_does_not_have_leaves_the_field_as_it_is(declared: Todo) -> None:
    declared("add", "Paint", "due:2026-12-01", "pri:H", "+home", "project:a", "wait:2026-11-30", "every:week", "place:Attic")
    before = declared.todos()[0]
    document = declared("export").json
    [row] = document["todos"]
    old = {key: row[key] for key in ("id", "text", "created", "due")} | {"due": "2026-12-02", "priority": None}
    declared("import", "-", stdin=json.dumps({**document, "todos": [old]}))
    changed = {"due": "2026-12-02", "priority": None}
    assert declared.todos()[0] == {**before, **changed, "version": before["version"] + 2}
    declared("-L", "copy", "import", "-", stdin=json.dumps({**document, "todos": [old]}))
    assert declared.todos("-L", "copy")[0]["tags"] == []
