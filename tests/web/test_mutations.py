"""Our mutations: each is one command, recorded once and whole, or refused with nothing recorded."""

import time
from typing import Any

import pytest

from cqrs_todo.todo.fields import ATTRIBUTES, TEXT, SetField
from cqrs_todo.web.inputs import WRITTEN
from tests.web.conftest import Server

ANSWER = "{ list position commits commit { position because events { type } } todos { number id version text completed } "
ANSWER += "others { number text } also }"


_names = iter(range(1, 1000))


@pytest.fixture
def name(server: Server) -> str:
    """A new list with three todos."""
    name = f"list{next(_names)}"
    add(server, name, "one", "two", "three")
    return name


def add(server: Server, name: str, *texts: str) -> Any:
    document = f"mutation($list: String, $todos: [NewTodo!]!) {{ add(list: $list, todos: $todos) {ANSWER} }}"
    return server(document, list=name, todos=[{"text": text} for text in texts])["add"]


def change(server: Server, name: str, mutation: str, **variables: Any) -> Any:
    """Carry out a mutation of a list; `LIST` stands for its name."""
    document = f"mutation{declared(variables)} {{ answer: {in_list(name, mutation)} {ANSWER} }}"
    return server(document, **variables)["answer"]


def refused(server: Server, name: str, mutation: str, **variables: Any) -> tuple[str, str]:
    before = server.todo.content(name)
    document = f"mutation{declared(variables)} {{ {in_list(name, mutation)} {ANSWER} }}"
    error = server.error(document, **variables)
    assert server.todo.content(name) == before, "nothing was recorded"
    return error


def in_list(name: str, mutation: str) -> str:
    return mutation.replace("LIST", f'list: "{name}"')


def declared(variables: dict[str, Any]) -> str:
    types = {"changes": "Changes!", "edits": "[Edit!]!", "todos": "[NewTodo!]!", "command": "CommandInput"}
    return f"({', '.join(f'${each}: {types[each]}' for each in variables)})" if variables else ""


def node(server: Server, name: str, number: int, fields: str = "text completed version") -> Any:
    return server(f'{{ list(name: "{name}") {{ todo(id: {number}) {{ {fields} }} }} }}')["list"]["todo"]


# fields


def test_what_is_null_of_a_new_todo_is_what_it_does_not_have(server: Server, name: str) -> None:
    nulls = {field.name: None for field in WRITTEN if field.name != "text"}
    todos = [{"text": "x", "attributes": [{"key": "estimate", "value": None}]}, {"text": "y", **nulls}]
    added = change(server, name, "add(todos: $todos, LIST)", todos=todos)
    for todo in added["todos"]:
        shown = node(server, name, todo["number"], "attributes { key value } tags due note every { rule }")
        assert shown == {"attributes": [], "tags": [], "due": None, "note": None, "every": None}


def test_todos_are_added_with_all_fields_in_one_commit_and_the_list_is_made(server: Server) -> None:
    todos = [
        {"text": "first"},
        {
            "text": "second +notatag",
            "note": "*soon*",
            "due": "2099-03-04",
            "reminder": "2099-03-04T09:00:00Z",
            "priority": "high",
            "tags": ["b", "a"],
            "project": "home.garage",
            "wait": "2099-03-01",
            "every": "2 weeks",
            "attributes": [{"key": "estimate", "value": "2h"}],
        },
    ]
    document = 'mutation($todos: [NewTodo!]!) { add(list: "full", todos: $todos) { commits position todos { number } } }'
    assert server(document, todos=todos)["add"]["commits"] == 1
    [_, second] = server.todo.todos("-L", "full")
    assert second["text"] == "second +notatag", "text is only text"
    assert (second["note"], second["due"], second["reminder"]) == ("*soon*", "2099-03-04", "2099-03-04T09:00:00Z")
    assert (second["priority"], second["tags"], second["project"]) == ("H", ["a", "b"], "home.garage")
    assert (second["wait"], second["attributes"]) == ("2099-03-01", {"estimate": "2h"})
    assert second["every"]["rule"] == "FREQ=WEEKLY;INTERVAL=2"
    links = [{"text": "third", "depends": ["1"], "parent": "2"}]
    server(document, todos=links)
    ids = [todo["id"] for todo in server.todo.todos("-L", "full")]
    third = node(server, "full", 3, "depends parent")
    assert third == {"depends": [ids[0]], "parent": ids[1]}
    nothing: dict[str, Any] = {"text": "fourth", "depends": [], "tags": [], "attributes": [], "due": None}
    assert server(document, todos=[nothing])["add"]["todos"] == [{"number": 4}]


def test_fields_are_set_and_cleared_and_others_stay(server: Server, name: str) -> None:
    changes: dict[str, Any] = {"text": "uno", "due": "2099-01-01", "tags": ["x", "y"], "priority": "M", "note": "n"}
    changes["attributes"] = [{"key": "estimate", "value": "1h"}]
    answer = change(server, name, "change(LIST, ids: [1], changes: $changes)", changes=changes)
    assert (answer["commits"], answer["todos"][0]["text"]) == (1, "uno")
    change(server, name, "change(LIST, ids: [1], changes: $changes)", changes={"due": None, "tags": ["y", "z"]})
    fields = "text due tags priority note attributes { key value }"
    assert node(server, name, 1, fields) == {
        "text": "uno",
        "due": None,
        "tags": ["y", "z"],
        "priority": "M",
        "note": "n",
        "attributes": [{"key": "estimate", "value": "1h"}],
    }
    cleared = {"tags": [], "priority": None, "note": None, "attributes": [{"key": "estimate", "value": None}]}
    change(server, name, "change(LIST, ids: [1], changes: $changes)", changes=cleared)
    assert node(server, name, 1, fields) == {
        "text": "uno",
        "due": None,
        "tags": [],
        "priority": None,
        "note": None,
        "attributes": [],
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"text": ""},
        {"text": " "},
        *({each.name: [""] if isinstance(each, SetField) else ""} for each in WRITTEN if each not in (TEXT, ATTRIBUTES)),
        {"text": None},
        {"text": "x" * 100_000},
        {"due": "nonsense"},
        {"due": "none"},
        {"priority": "X"},
        {"tags": ["a b"]},
        {"every": "never ever"},
        {"parent": "99"},
        {"depends": ["nobody"]},
        {"reminder": "yesterday"},
        {"attributes": [{"key": "unknown", "value": "1"}]},
        {"attributes": [{"key": "", "value": "1"}]},
        {"attributes": [{"key": "estimate", "value": ""}]},
        {"attributes": [{"key": "estimate:x", "value": "1"}]},
        {"attributes": [{"key": "estimate", "value": "1"}, {"key": "Estimate", "value": "2"}]},
        {},
    ],
)
def test_values_that_a_field_cannot_have_are_refused(server: Server, changes: dict[str, Any]) -> None:
    if not server.todo.log_file("refused").exists():
        add(server, "refused", "one")
    code, message = refused(server, "refused", "change(LIST, ids: [1], changes: $changes)", changes=changes)
    assert code in ("INVALID", "REJECTED", "NOT_FOUND"), message
    if "text" in changes or not changes:
        return
    code, _ = refused(server, "refused", "add(LIST, todos: $todos)", todos=[{"text": "new"}, {"text": "x", **changes}])
    assert code in ("INVALID", "REJECTED", "NOT_FOUND")


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"tags": [""]}, "leave out tags, or give [] to clear it"),
        ({"note": ""}, "leave out note, or give null to clear it"),
        ({"due": "none"}, "leave out due, or give null to clear it"),
        ({"parent": " ", "note": None}, "leave out parent, or give null to clear it"),
        ({"attributes": [{"key": "estimate", "value": " "}]}, "leave it out, or give null to clear it"),
        ({"attributes": [{"key": "", "value": "1"}]}, "give the name of the attribute"),
        ({"every": "never ever"}, "write, for instance: 'day' or '2-weeks' or "),
    ],
    ids=str,
)
def test_hints_say_what_to_send_and_name_no_options(server: Server, name: str, changes: Any, hint: str) -> None:
    for answer in (
        server.answer(
            "mutation($list: String, $changes: Changes!) { change(ids: [1], changes: $changes, list: $list) { position } }",
            list=name,
            changes=changes,
        ),
        server.answer(
            "mutation($list: String, $todo: NewTodo!) { add(todos: [$todo], list: $list) { position } }",
            list=name,
            todo={"text": "x", **changes},
        ),
    ):
        [error] = answer["errors"]
        assert error["extensions"]["hint"].startswith(hint)


def test_attributes_that_are_not_named_stay(server: Server, name: str) -> None:
    def sent(*pairs: tuple[str, str | None]) -> Any:
        changes = {"attributes": [{"key": key, "value": value} for key, value in pairs], "done": False}
        change(server, name, "change(LIST, ids: [1], changes: $changes)", changes=changes)
        return node(server, name, 1, "attributes { key value }")["attributes"]

    assert sent(("Estimate", "2h:30")) == [{"key": "estimate", "value": "2h:30"}]
    assert sent() == [{"key": "estimate", "value": "2h:30"}]
    assert sent(("estimate", None)) == []


# bulk


def test_many_todos_are_changed_in_one_commit(server: Server, name: str) -> None:
    answer = change(server, name, 'complete(LIST, ids: ["1-2", "3"])')
    assert (answer["commits"], [todo["completed"] for todo in answer["todos"]]) == (1, [True, True, True])
    answer = change(server, name, 'reopen(LIST, where: "is:done t")')
    assert (answer["commits"], [todo["text"] for todo in answer["todos"]]) == (1, ["two", "three"])
    answer = change(server, name, "toggle(LIST, ids: [1, 2])")
    assert [todo["completed"] for todo in answer["todos"]] == [False, True]


def test_several_edits_are_one_commit_or_none(server: Server, name: str) -> None:
    edits: list[Any] = [
        {"id": "1", "changes": {"text": "uno"}, "expectedVersion": 1},
        {"id": "2", "changes": {"done": True, "tags": ["x"]}},
        {"id": "3", "changes": {"priority": "H"}, "expectedVersion": 1},
    ]
    answer = change(server, name, "edit(LIST, edits: $edits)", edits=edits)
    assert (answer["commits"], [todo["version"] for todo in answer["todos"]]) == (1, [2, 3, 2])
    assert len(answer["commit"]["events"]) == 4
    code, message = refused(server, name, "edit(LIST, edits: $edits)", edits=edits)
    assert (code, message) == ("WRONG_EXPECTED_VERSION", "todo 1 was changed meanwhile: it has version 2 now")
    twice = [{"id": "1", "changes": {"text": "a"}}, {"id": "1", "changes": {"text": "b"}}]
    assert refused(server, name, "edit(LIST, edits: $edits)", edits=twice)[0] == "INVALID"


def test_todos_under_others_and_series(server: Server, name: str) -> None:
    change(server, name, "change(LIST, ids: [2, 3], changes: $changes)", changes={"parent": "1"})
    assert refused(server, name, "complete(LIST, ids: [1])")[0] == "REJECTED"
    answer = change(server, name, "complete(LIST, ids: [1], withChildren: true)")
    assert [todo["number"] for todo in answer["todos"]] == [1, 2, 3]
    assert all(todo["completed"] for todo in answer["todos"])
    change(server, name, "remove(LIST, ids: [1])")
    assert node(server, name, 3, "removed") == {"removed": True}
    answer = change(server, name, "restore(LIST, ids: [1, 3])")
    assert node(server, name, 3, "removed") == {"removed": False}
    every = [{"text": "pay", "every": "month", "due": "2099-01-31"}]
    change(server, name, "add(LIST, todos: $todos)", todos=every)
    change(server, name, "skip(LIST, ids: [4])")
    assert node(server, name, 4, "due") == {"due": "2099-02-28"}
    answer = change(server, name, "complete(LIST, ids: [4])")
    assert [other["text"] for other in answer["others"]] == ["pay"]


def test_a_reminder_that_came_due_is_acknowledged(server: Server, name: str) -> None:
    change(server, name, 'change(LIST, ids: [1], changes: {reminder: "2099-01-01 10:00"})')
    code, message = refused(server, name, "acknowledge(LIST, ids: [1])")
    assert (code, "its reminder comes later, at 2099-01-01" in message) == ("REJECTED", True)
    change(server, name, 'change(LIST, ids: [1], changes: {reminder: "in 1 second"})')
    time.sleep(1.1)
    change(server, name, "acknowledge(LIST, ids: [1])")
    shown = node(server, name, 1, "reminder acknowledged")
    assert shown["reminder"] == shown["acknowledged"] is not None
    code, message = refused(server, name, "acknowledge(LIST, ids: [2])")
    assert (code, message) == ("REJECTED", "todo 2: it has no reminder; nothing was recorded")


def test_completing_on_an_earlier_day(server: Server, name: str) -> None:
    change(server, name, 'complete(LIST, ids: [1], on: "2026-01-02")')
    assert node(server, name, 1, "completedOn") == {"completedOn": "2026-01-02"}
    assert refused(server, name, 'complete(LIST, ids: [2], on: "2099-01-02")')[0] in ("INVALID", "REJECTED")


@pytest.mark.parametrize(
    ("mutation", "code"),
    [
        ("complete(LIST)", "INVALID"),
        ("complete(LIST, ids: [])", "INVALID"),
        ('complete(LIST, ids: [1], where: "x")', "INVALID"),
        ("complete(LIST, ids: [99])", "NOT_FOUND"),
        ('complete(LIST, ids: ["work/1"])', "NOT_FOUND"),
        ('complete(LIST, ids: ["-1"])', "INVALID"),
        ('complete(LIST, ids: ["3-1"])', "NOT_FOUND"),
        ('complete(LIST, where: "(")', "INVALID"),
        ('change(LIST, where: "", changes: {priority: "H"})', "INVALID"),
        ('remove(LIST, where: "  ")', "INVALID"),
        ('skip(LIST, where: "")', "INVALID"),
        ('acknowledge(LIST, where: "")', "INVALID"),
        ('move(LIST, where: "", to: "inbox")', "INVALID"),
        ("undo(LIST, steps: 0)", "INVALID"),
        ("undo(LIST, position: 99)", "NOT_FOUND"),
        ('restore(LIST, to: "@99")', "NOT_FOUND"),
        ('restore(LIST, to: "2099-01-01")', "INVALID"),
        ('move(LIST, ids: [1], to: "nowhere")', "NOT_FOUND"),
        ("add(LIST, todos: [])", "INVALID"),
    ],
)
def test_what_names_nothing_is_refused(server: Server, mutation: str, code: str) -> None:
    if not server.todo.log_file("refused").exists():
        add(server, "refused", "one")
    found, message = refused(server, "refused", mutation)
    assert found in (code, "INVALID", "NOT_FOUND"), message


# undo, redo, restore


def test_undo_redo_and_back_to_a_moment(server: Server, name: str) -> None:
    position = change(server, name, "complete(LIST, ids: [1])")["position"]
    change(server, name, "change(LIST, ids: [2], changes: $changes)", changes={"text": "dos"})
    assert change(server, name, "undo(LIST)")["todos"][0]["text"] == "two"
    assert change(server, name, "redo(LIST)")["todos"][0]["text"] == "dos"
    assert change(server, name, f"undo(LIST, position: {position})")["todos"][0]["completed"] is False
    answer = change(server, name, 'restore(LIST, to: "@3")')
    assert [todo["text"] for todo in answer["todos"]] == ["two"]
    assert change(server, name, 'restore(LIST, to: "@3")')["commits"] == 0
    assert change(server, name, "undo(LIST)")["todos"][0]["text"] == "dos"
    change(server, name, "complete(LIST, ids: [1])")
    change(server, name, "complete(LIST, ids: [2])")
    assert [todo["completed"] for todo in change(server, name, "undo(LIST, steps: 2)")["todos"]] == [False, False]


def test_moving_and_undoing_the_move(server: Server, name: str) -> None:
    server('mutation { newList(name: "target") }') if not server.todo.log_file("target").exists() else None
    answer = change(server, name, 'move(LIST, ids: [1, 2], to: "target")')
    assert (answer["list"], answer["also"]) == ("target", [name])
    left = server(f'{{ list(name: "{name}") {{ todos {{ totalCount }} }} }}')["list"]["todos"]["totalCount"]
    assert left == 1
    change(server, name, "undo(LIST)")
    assert server(f'{{ list(name: "{name}") {{ todos {{ totalCount }} }} }}')["list"]["todos"]["totalCount"] == 3


# what is asked of a command


def test_a_command_with_an_id_is_recorded_once(server: Server, name: str) -> None:
    command = {"commandId": f"c-{name}", "because": "a test"}
    first = change(server, name, "toggle(LIST, ids: [1], command: $command)", command=command)
    again = change(server, name, "toggle(LIST, ids: [1], command: $command)", command=command)
    assert first == again
    assert first["commit"]["because"] == "a test"
    assert node(server, name, 1) == {"text": "one", "completed": True, "version": 2}
    code, _ = refused(server, name, "toggle(LIST, ids: [2], command: $command)", command=command)
    assert code == "CONFLICT", "the id belongs to another command"
    todos = [{"text": "four"}]
    command = {"commandId": f"d-{name}"}
    for _ in range(3):
        answer = change(server, name, "add(LIST, todos: $todos, command: $command)", todos=todos, command=command)
        assert (answer["commits"], answer["todos"][0]["number"]) == (1, 4)
    edits = [{"id": "4", "changes": {"done": True}, "expectedVersion": 1}]
    command = {"commandId": f"e-{name}"}
    for _ in range(2):
        answer = change(server, name, "edit(LIST, edits: $edits, command: $command)", edits=edits, command=command)
        assert answer["todos"][0]["version"] == 2
    command = {"commandId": f"u-{name}"}
    for _ in range(2):
        change(server, name, "undo(LIST, command: $command)", command=command)
    assert node(server, name, 4, "completed") == {"completed": False}


@pytest.mark.parametrize("lines", [["x" * 10_001], ["x" * 9_000] * 12, ["x " + "+a " * 300_000]])
def test_lines_that_would_take_long_to_read_are_refused(server: Server, name: str, lines: list[str]) -> None:
    document = "mutation($lines: [String!]!, $list: String) { addLines(lines: $lines, list: $list) { commits } }"
    before = server.todo.content(name)
    assert server.error(document, lines=lines, list=name)[0] == "TOO_LARGE"
    assert server.todo.content(name) == before


def test_all_mutations_of_a_request_together_change_at_most_a_thousand_todos(server: Server, name: str) -> None:
    lines = [f"{number}" for number in range(600)]
    parts = (f"{alias}: addLines(list: $list, lines: $lines) {{ commits }}" for alias in "ab")
    found = server.post(
        {
            "query": f"mutation($list: String, $lines: [String!]!) {{ {' '.join(parts)} }}",
            "variables": {"list": name, "lines": lines},
        }
    ).json
    assert found["data"] == {"a": {"commits": 1}, "b": None}
    assert found["errors"][0]["extensions"]["code"] == "TOO_LARGE"
    assert len(server.todo.todos("-L", name)) == 603


def test_an_expected_version_or_position_must_hold(server: Server, name: str) -> None:
    for command in ({"expectedVersion": 2}, {"expectedPosition": 2}, {"expectedVersion": -1}):
        code, _ = refused(server, name, "complete(LIST, ids: [1], command: $command)", command=command)
        assert code == "WRONG_EXPECTED_VERSION"
    good = {"expectedVersion": 1, "expectedPosition": 3}
    assert change(server, name, "complete(LIST, ids: [1], command: $command)", command=good)["commits"] == 1
    assert refused(server, name, "undo(LIST, command: $command)", command={"expectedVersion": 1})[0] == "INVALID"


@pytest.mark.parametrize("command", [{"commandId": ""}, {"commandId": "a.b"}, {"commandId": "x" * 65}, {"because": " "}])
def test_what_cannot_be_asked_is_refused(server: Server, command: dict[str, Any]) -> None:
    if not server.todo.log_file("refused").exists():
        add(server, "refused", "one")
    assert refused(server, "refused", "complete(LIST, ids: [1], command: $command)", command=command)[0] == "INVALID"


def test_a_query_in_place_of_ids_contradicts_a_command_id(server: Server, name: str) -> None:
    mutation = 'complete(LIST, where: "one", command: $command)'
    assert refused(server, name, mutation, command={"commandId": "x"})[0] == "INVALID"


# lists, and other processes


def test_lists_are_made_renamed_archived_and_brought_back(server: Server, name: str) -> None:
    assert server(f'mutation {{ renameList(name: "{name}", to: "{name}b") }}') == {"renameList": f"{name}b"}
    assert server.error(f'{{ list(name: "{name}") {{ position }} }}')[0] == "NOT_FOUND"
    assert server(f'{{ list(name: "{name}b") {{ position }} }}')["list"]["position"] == 3
    server(f'mutation {{ archiveList(name: "{name}b") }}')
    assert f"{name}b" in server("{ archivedLists }")["archivedLists"]
    assert server.error(f'{{ list(name: "{name}b") {{ position }} }}')[0] == "NOT_FOUND"
    server(f'mutation {{ unarchiveList(name: "{name}b") }}')
    assert node(server, f"{name}b", 1)["text"] == "one"
    assert server.error(f'mutation {{ newList(name: "{name}b") }}')[0] == "REJECTED"
    assert server.error('mutation { newList(name: "a/b") }')[0] == "INVALID"


def test_other_processes_may_write_rename_archive_and_forget_beside_the_server(server: Server, name: str) -> None:
    assert node(server, name, 1)["text"] == "one"
    server.todo("-L", name, "edit", "1", "uno")
    assert node(server, name, 1)["text"] == "uno"
    server.todo("lists", "rename", name, f"{name}x")
    assert server.error(f'{{ list(name: "{name}") {{ position }} }}')[0] == "NOT_FOUND"
    server.todo("-L", f"{name}x", "forget", "2", "--yes")
    assert node(server, f"{name}x", 2) is None
    server.todo("lists", "new", name)
    assert server(f'{{ list(name: "{name}") {{ position }} }}')["list"]["position"] == 0
    server.todo("lists", "archive", f"{name}x")
    assert server.error(f'{{ list(name: "{name}x") {{ position }} }}')[0] == "NOT_FOUND"
    assert server.error(f'mutation {{ complete(list: "{name}x", ids: [1]) {{ commits }} }}')[0] == "NOT_FOUND"


def test_a_damaged_log_is_shown_up_to_the_damage_and_not_changed(server: Server, name: str) -> None:
    name = f"{name}d"
    server.todo("lists", "new", name)
    server.todo("-L", name, "add", "-", stdin="one\ntwo\nthree\n")
    server.todo("-L", name, "add", "four")
    file = server.todo.log_file(name)
    before = file.read_text()
    file.write_text(before.replace("four", "fore"))
    data = server(f'{{ list(name: "{name}") {{ damage todos {{ totalCount }} }} }}')["list"]
    assert data["damage"]
    assert data["todos"]["totalCount"] == 3
    assert refused(server, name, "complete(LIST, ids: [1])")[0] == "DAMAGED_LOG"
    file.write_text(before)
    assert node(server, name, 4)["text"] == "four"
    assert change(server, name, "complete(LIST, ids: [1])")["commits"] == 1


def test_a_mutation_that_fails_hides_no_other_of_the_request(server: Server, name: str) -> None:
    answer = server.answer(
        in_list(
            name,
            """mutation {
              first: add(LIST, todos: [{text: "first"}]) { commits }
              bad: add(LIST, todos: [{text: "bad", due: "someday"}]) { commits }
              made: newList(name: "in/valid")
              last: add(LIST, todos: [{text: "last"}]) { commits }
            }""",
        )
    )
    assert answer["data"] == {"first": {"commits": 1}, "bad": None, "made": None, "last": {"commits": 1}}
    assert [(error["path"], error["extensions"]["code"]) for error in answer["errors"]] == [
        (["bad"], "INVALID"),
        (["made"], "INVALID"),
    ]
    assert [todo["text"] for todo in server.todo.todos("-L", name)] == ["one", "two", "three", "first", "last"]


def test_an_error_names_the_line_or_the_todo_that_is_wrong(server: Server, name: str) -> None:
    found = refused(server, name, 'addLines(LIST, lines: ["ok", "+x", "fine"])')
    assert found == ("INVALID", "line 2: there is no text")
    code, message = refused(server, name, 'add(LIST, todos: [{text: "ok"}, {text: "b", due: "foo"}])')
    assert (code, message.partition(":")[0]) == ("INVALID", "todo 2")


def test_an_undo_takes_a_position_or_a_number_of_steps(server: Server, name: str) -> None:
    found = refused(server, name, "undo(LIST, position: 1, steps: 3)")
    assert found == ("INVALID", "steps and position contradict each other")
    assert change(server, name, "undo(LIST, steps: 1)")["commits"] == 1


def test_an_error_is_located_at_its_field(server: Server, name: str) -> None:
    change(server, name, "complete(LIST, ids: [1])")
    change(server, name, "reopen(LIST, ids: [1])")
    document = f'mutation {{\n  undo(list: "{name}", position: 4) {ANSWER} }}'
    [error] = server.answer(document)["errors"]
    assert "cannot be undone" in error["message"]
    assert error["locations"] == [{"line": 2, "column": 3}]
