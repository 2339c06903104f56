"""Our queries: every moment, every list, every field, pages that stay stable, and what is computed from the history."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, build_schema, parse, validate

from cqrs_todo.todo.fields import FIELDS
from cqrs_todo.web.queries import MOST_KEYS
from cqrs_todo.web.schema import sdl
from tests.cli.test_view import install
from tests.conftest import Todo
from tests.web.conftest import Server, serving

ROOT = Path(__file__).parents[2]
FIELDS_OF_A_TODO = """{ number id version text done: completed removed note due reminder priority tags created completedOn
  project wait depends parent every { rule anchor time zone after words } attributes { key value } overdue waiting list }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    todo = Todo(tmp_path_factory.mktemp("lived") / "home")
    config = todo.home / ".config/cqrs-todo/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[attributes]\nestimate = "text"\n')
    todo("add", "Buy milk", "+home", "due:2026-03-01", "pri:H", "estimate:2h")  # @1
    todo("add", "Write report", "project:work", "every:month", "due:2026-03-31", "--note", "*soon*")
    todo("add", "Call Anna", "under:1", "depends:2", "wait:2099-01-01", "remind:2099-01-01T09:00Z")
    todo("add", "Old thing")
    todo("edit", "1", "Buy oat milk", "pri:L")
    todo("done", "4")
    todo("add", "Removed")
    todo("rm", "5")
    todo("lists", "new", "work")
    todo("-L", "work", "add", "Meet")
    shutil.copy(todo.log_file(), todo.log_file("inbox.sync-conflict-20261122-093000-ABC"))
    with serving(todo) as started:
        yield started


def todos(server: Server, query: str | None = None, at: str | None = None, **more: Any) -> list[int]:
    document = """query($query: String, $at: String, $sort: [String!], $name: String) { list(name: $name, at: $at) {
      todos(query: $query, sort: $sort) { edges { node { number } } } } }"""
    edges = server(document, query=query, at=at, **more)["list"]["todos"]["edges"]
    return [edge["node"]["number"] for edge in edges]


# the schema


def test_the_documentation_has_the_schema() -> None:
    assert (ROOT / "docs/schema.graphql").read_text() == f"{sdl()}\n", "run `make docs`"


def test_the_examples_of_the_documentation_are_valid() -> None:
    schema = build_schema(sdl())
    examples = re.findall(r"^```graphql\n(.*?)^```", (ROOT / "docs/web.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(examples) >= 5
    for example in examples:
        assert validate(schema, parse(example)) == []


def test_every_declared_field_can_be_read_and_written() -> None:
    types = build_schema(sdl()).type_map
    shown, new, changes = (types[name] for name in ("TodoQL", "NewTodo", "Changes"))
    assert isinstance(shown, GraphQLObjectType)
    assert isinstance(new, GraphQLInputObjectType)
    assert isinstance(changes, GraphQLInputObjectType)
    for field in FIELDS:
        assert field.name in shown.fields
        written = field.name == "text" or bool(field.options)  # other fields are set by verbs of their own
        assert (field.name in new.fields, field.name in changes.fields) == (written, written)
        assert shown.fields[field.name].description == field.help


def test_every_type_and_field_of_ours_is_described() -> None:
    own = [type for name, type in build_schema(sdl()).type_map.items() if not name.startswith("__")]
    for type in own:
        if isinstance(type, GraphQLObjectType):
            assert type.description, type.name
            assert not [name for name, field in type.fields.items() if field.resolve and not field.description]


# fields


def test_each_field_is_as_in_the_json_of_the_command_line(server: Server) -> None:
    edges = server(f"{{ list {{ todos {{ edges {{ node {FIELDS_OF_A_TODO} }} }} }} }}")["list"]["todos"]["edges"]
    printed = [todo for todo in server.todo.todos() if not todo["removed"]]
    assert len(edges) == len(printed) == 4
    for edge, todo in zip(edges, printed, strict=True):
        node = edge["node"]
        for same in ("number", "id", "version", "text", "done", "removed", "note", "due", "priority", "tags", "project"):
            assert node[same] == todo[same], same
        for same in ("wait", "depends", "parent"):
            assert node[same] == todo[same], same
        assert node["completedOn"] == todo["completed"]
        assert {each["key"]: each["value"] for each in node["attributes"]} == todo["attributes"]
        assert (node["every"] and node["every"]["rule"]) == (todo["every"] and todo["every"]["rule"])
        assert node["list"] == "inbox"
    first, second, third, _ = (edge["node"] for edge in edges)
    assert (first["overdue"], first["waiting"], third["waiting"]) == (True, False, True)
    assert (second["every"]["words"], second["note"]) == ("month", "*soon*")
    assert third["reminder"] == "2099-01-01T09:00:00+00:00"


def test_links(server: Server) -> None:
    data = server("{ list { a: todo(id: 1) { children { number } } b: todo(id: 3) { blockedBy { number } } } }")["list"]
    assert data == {"a": {"children": [{"number": 3}]}, "b": {"blockedBy": [{"number": 2}]}}


def test_a_todo_by_number_and_by_id_also_a_removed_one(server: Server) -> None:
    found = server("{ list { todo(id: 5) { id removed } } todo(id: 5) { id } }")
    assert found["list"]["todo"]["removed"] is True
    assert found["todo"] is None
    again = server("query($id: ID!) { list { todo(id: $id) { number } } }", id=found["list"]["todo"]["id"])
    assert again["list"]["todo"]["number"] == 5
    assert server("{ list { todo(id: 99) { id } } }")["list"]["todo"] is None


# the query language


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (None, [1, 2, 3, 4]),
        ("", [1, 2]),
        ("milk", [1]),
        ("+home", [1]),
        ("pri:L or project:work", [1, 2]),
        ("is:done", [4]),
        ("is:waiting", [3]),
        ("is:removed", [5]),
        ("overdue", [1, 2]),
        ("estimate:2h", [1]),
    ],
)
def test_the_query_language_is_that_of_ls(server: Server, query: str | None, numbers: list[int]) -> None:
    assert todos(server, query) == numbers
    if query:
        printed = server.todo("ls", "--json", *query.split()).json["todos"]
        assert sorted(todo["number"] for todo in printed) == numbers


@pytest.mark.parametrize("query", ["(", "is:nothing", "nokey:1", '"', "due:never", "x" * 20_000, "(" * 200])
def test_what_is_no_query_is_refused_with_a_hint(server: Server, query: str) -> None:
    answer = server.answer("query($q: String) { list { todos(query: $q) { totalCount } } }", q=query)
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "INVALID"
    assert error["extensions"]["hint"]


def test_search_looks_in_all_lists(server: Server) -> None:
    found = server('{ search(query: "e") { list text } }')["search"]
    assert {"list": "work", "text": "Meet"} in found
    assert {"list": "inbox", "text": "Write report"} in found
    assert len(server('{ search(query: "e", first: 1) { text } }')["search"]) == 1


def test_sorting(server: Server) -> None:
    assert todos(server, sort=["text"]) == [1, 3, 4, 2]
    assert todos(server, sort=["-number"]) == [4, 3, 2, 1]
    assert todos(server, sort=["priority", "-due"]) == [1, 2, 3, 4]
    assert todos(server, sort=["estimate"]) == [1, 2, 3, 4]
    document = "query($sort: [String!]) { list { todos(sort: $sort) { totalCount } } }"
    for unknown in ("", "-", "foo", "-foo", "--due"):
        assert server.error(document, sort=["due", unknown])[0] == "INVALID", unknown
    assert server.error(document, sort=["foo"])[1] == "'foo' is not a key to sort by"


@pytest.mark.parametrize("first", [0, -1, 1001])
def test_the_size_of_a_page_that_no_page_has_is_refused(server: Server, first: int) -> None:
    for read in ("todos(first: $first) { totalCount }", "history(first: $first) { position }"):
        assert server.error(f"query($first: Int) {{ list {{ {read} }} }}", first=first)[0] == "INVALID", read
    assert server.error('query($first: Int) { search(query: "e", first: $first) { text } }', first=first)[0] == "INVALID"


# moments


def test_no_more_keys_to_sort_by_than_anybody_needs(server: Server) -> None:
    document = "query($sort: [String!]) { list { todos(sort: $sort) { totalCount } } }"
    assert server(document, sort=["due"] * MOST_KEYS)["list"]["todos"]["totalCount"]
    assert server.error(document, sort=["due"] * (MOST_KEYS + 1))[0] == "TOO_LARGE"


def test_every_query_takes_a_moment(server: Server) -> None:
    assert todos(server, at="@1") == [1]
    assert todos(server, at="start") == []
    data = server(
        """{ list(at: "@1") { position todo(id: 1) { text priority version } } todo(id: 1, at: "@1") { text }
             allTodos(at: "@1") { totalCount } search(query: "milk", at: "now") { number }
             lists(at: "now") { name list { position } } }"""
    )
    assert data["list"]["todo"]["text"] == "Buy milk"
    assert data["list"]["todo"]["priority"] == "H"
    assert data["todo"] == {"text": "Buy milk"}
    assert data["allTodos"] == {"totalCount": 1}
    assert data["search"] == [{"number": 1}]


@pytest.mark.parametrize(
    ("at", "code"), [("@999999", "NOT_FOUND"), ("2099-01-01", "INVALID"), ("nonsense", "INVALID"), ("", "INVALID")]
)
def test_a_moment_that_is_none_is_refused(server: Server, at: str, code: str) -> None:
    assert server.error("query($at: String) { list(at: $at) { position } }", at=at)[0] == code
    answer = server.answer("query($at: String) { lists(at: $at) { name error } }", at=at)
    if code == "INVALID":
        assert (answer["data"], answer["errors"][0]["extensions"]["code"]) == ({"lists": None}, code)
    else:  # another list may have the position
        assert [each["name"] for each in answer["data"]["lists"] if at in each["error"]] == ["inbox", "work"]


# lists


def test_the_lists(server: Server) -> None:
    data = server("{ lists { name error list { name position } } archivedLists }")
    assert [(each["name"], each["error"]) for each in data["lists"]] == [("inbox", None), ("work", None)]
    assert data["archivedLists"] == []
    assert todos(server, name="work") == [1]
    code, message = server.error('{ list(name: "wrok") { position } }')
    assert (code, message) == ("NOT_FOUND", "no list named 'wrok'")
    assert server.error('{ list(name: "../x") { position } }')[0] == "INVALID"


def test_a_copy_of_a_list_does_not_count_with_the_lists_and_can_be_read(server: Server) -> None:
    found = server('{ search(query: "milk") { list number } }')["search"]
    assert found == [{"list": "inbox", "number": 1}]
    assert todos(server, name="inbox.sync-conflict-20261122-093000-ABC") == todos(server)


# pages by key


def page(server: Server, name: str, after: str | None, sort: list[str]) -> Any:
    document = """query($name: String, $after: Cursor, $sort: [String!]) { list(name: $name) {
      todos(sort: $sort, first: 3, after: $after) { edges { node { text } } pageInfo { hasNextPage endCursor } } } }"""
    found = server(document, name=name, after=after, sort=sort)["list"]["todos"]
    return [edge["node"]["text"] for edge in found["edges"]], found["pageInfo"]


@pytest.mark.parametrize("sort", [[], ["text"], ["-text"], ["due", "-text"], ["-created"], ["estimate"]])
def test_a_page_neither_repeats_nor_leaves_out_a_todo_when_others_come_and_go(server: Server, sort: list[str]) -> None:
    name = f"pages{abs(hash(tuple(sort)))}"
    add = "mutation($name: String, $todos: [NewTodo!]!) { add(list: $name, todos: $todos) { commits } }"
    todos = [{"text": letter, "due": f"2026-03-0{place % 3 + 1}"} for place, letter in enumerate("hbjdfacige")]
    server(add, name=name, todos=todos)
    before = {edge["node"]["text"] for edge in everything(server, name)}
    seen, info = page(server, name, None, sort)
    more = [{"text": "aa", "due": "2026-03-01"}, {"text": "zz"}, {"text": "ee", "due": "2026-03-02"}]
    server(add, name=name, todos=more)
    server("mutation($name: String) { remove(list: $name, ids: [1]) { commits } }", name=name)  # h
    while info["hasNextPage"]:
        texts, info = page(server, name, info["endCursor"], sort)
        seen += texts
    assert len(seen) == len(set(seen))
    assert before - set(seen) <= {"h"}
    assert set(seen) - before <= {"aa", "zz", "ee"}


def everything(server: Server, name: str) -> Any:
    return server("query($name: String) { list(name: $name) { todos { edges { node { text } } } } }", name=name)["list"][
        "todos"
    ]["edges"]


@pytest.mark.parametrize(
    "after",
    [
        "",
        "MA==",
        "e30=",
        "WzEse31d",
        "WzEseyJ0ZXh0IjpbXX1d",
        "WzMseyJ0ZXh0IjpudWxsfV0=",
        "WyJ4Iix7InRleHQiOiJ4In1d",
        "x" * 1000,
    ],
)
def test_a_cursor_of_another_order_or_made_by_hand_is_refused(server: Server, after: str) -> None:
    document = 'query($after: Cursor) { list { todos(sort: ["text"], after: $after) { totalCount } } }'
    assert server.error(document, after=after)[0] == "INVALID"


# history


def test_the_history_of_a_list_is_that_of_the_command_line(server: Server) -> None:
    document = """query($before: Int) { list { history(first: 4, before: $before) {
      position last by command words undoes events { position id sequence type data words } } } }"""
    found: list[Any] = []
    before = None
    while True:
        commits = server(document, before=before)["list"]["history"]
        found += commits
        if not commits:
            break
        before = commits[-1]["position"]
    printed = server.todo("history", "--json").json["commits"]
    assert [(each["position"], each["by"], each["command"]) for each in found] == [
        (each["position"], each["by"], each["command"]) for each in printed
    ]
    for commit, other in zip(found, printed, strict=True):
        assert [(event["type"], event["data"]) for event in commit["events"]] == [
            (event["type"], event["data"]) for event in other["events"]
        ]
        assert all(event["words"] for event in commit["events"])


def test_the_history_of_a_todo_has_only_its_events(server: Server) -> None:
    commits = server("{ list { todo(id: 1) { id history { position events { id words } } } } }")["list"]["todo"]
    assert {event["id"] for commit in commits["history"] for event in commit["events"]} == {commits["id"]}
    words = [event["words"] for event in commits["history"][0]["events"]]
    assert words == ["text: Buy milk → Buy oat milk", "priority: H → L"]
    first = server("{ list { todo(id: 1) { history(first: 1) { position } } } }")["list"]["todo"]["history"]
    assert len(first) == 1


def test_blame(server: Server) -> None:
    origins = server("{ list { todo(id: 1) { blame { field value previous position by } } } }")["list"]["todo"]["blame"]
    printed = server.todo("blame", "1", "--json").json["todos"][0]["fields"]
    assert {each["field"]: (each["value"], each["previous"], each["position"]) for each in origins} == {
        name: (each["value"], each["previous"], each["position"]) for name, each in printed.items()
    }


def test_diff(server: Server) -> None:
    found = server('{ list { diff(from: "@1") { number id kind fields { field old new } } } }')["list"]["diff"]
    printed = server.todo("diff", "@1", "--json").json
    changed = {each["number"]: each["fields"] for each in printed["changed"]}
    assert {each["number"] for each in found if each["kind"] == "added"} == {each["number"] for each in printed["added"]}
    for each in found:
        if each["kind"] == "changed":
            fields = {field["field"]: {"old": field["old"], "new": field["new"]} for field in each["fields"]}
            assert fields == changed[each["number"]]
    assert server('{ list { diff(from: "now") { number } } }')["list"]["diff"] == []


def test_stats(server: Server) -> None:
    numbers = server(
        "{ list { stats { added completed reopened reopenRate hours days { day open events } authors { by events } } } }"
    )
    printed = server.todo("stats", "--json").json
    stats = numbers["list"]["stats"]
    for same in ("added", "completed", "reopened", "hours", "authors"):
        assert stats[same] == printed[same], same
    assert [day["events"] for day in stats["days"]] == [day["events"] for day in printed["days"]]
    document = "query($since: DayOrInstant, $until: DayOrInstant) { list { stats(since: $since, until: $until) { added } } }"
    assert server(document, since="2026-01-01", until="2026-01-02")["list"]["stats"]["added"] == 0
    for day in ("tomorrow", "", "20260101", "2026-W01-1", "2026-01-01T10:00:00Z"):
        assert server.error(document, since=day) == ("INVALID", f"{day!r} is not a day")
    assert server.error(document, since="2026-02-30") == ("INVALID", "the calendar has no day 2026-02-30")
    assert server.error(document, since="0001-01-01")[0] == "TOO_LARGE"
    assert server.error(document, until="9999-12-31")[0] == "TOO_LARGE"
    assert server.error(document, since="2026-01-03", until="2026-01-02")[0] == "INVALID"


VIEW = """query($view: String!, $period: String, $per: String, $at: String) { list(at: $at) {
  view(name: $view, period: $period, per: $per) { view period columns rows } } }"""


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("authors",), {}),
        (("changes", "--per", "minute"), {"per": "minute"}),
        (("statement",), {}),
        (("statement", "yesterday"), {"period": "yesterday"}),
        (("authors", "--at", "@3"), {"at": "@3"}),
        (("statement", "--at", "@3"), {"at": "@3"}),
        (("statement", "--at", "start"), {"at": "start"}),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_a_view_is_as_on_the_command_line(server: Server, words: tuple[str, ...], asked: dict[str, str]) -> None:
    printed = server.todo("view", *words, "--json").json
    table = server(VIEW, view=words[0], **asked)["list"]["view"]
    assert table == {same: printed[same] for same in ("view", "period", "columns", "rows")}
    assert table["rows"]


def test_the_views_are_those_of_the_command_line(server: Server) -> None:
    assert server("{ views { name help package } }")["views"] == server.todo("view", "--json").json["views"]


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        ({"view": "nope"}, "NOT_FOUND", "no view named 'nope'"),
        ({"view": ""}, "NOT_FOUND", "no view named ''"),
        ({"view": "authors", "period": "last month"}, "INVALID", "takes no words: last month"),
        ({"view": "statement", "period": "last year"}, "INVALID", "reaches from 2025-01 to 2025-12"),
        ({"view": "statement", "period": "sometime"}, "INVALID", "sometime"),
        ({"view": "changes", "per": "week"}, "INVALID", "one of minute, hour, day"),
        ({"view": "authors", "per": "day"}, "INVALID", "has no per"),
    ],
    ids=str,
)
def test_a_view_that_cannot_be_shown(server: Server, asked: dict[str, str], code: str, message: str) -> None:
    [error] = server.answer(VIEW, **asked)["errors"]
    assert error["extensions"]["code"] == code
    assert message in error["message"]
    assert "--" not in json.dumps(error)


def test_a_client_cannot_run_a_file_as_a_view(server: Server) -> None:
    file = server.todo.home / "mine.py"
    file.write_text("open('ran', 'w')\n")
    for name in (str(file), "./mine.py", "mine.py"):
        assert server.error(VIEW, view=name)[0] == "NOT_FOUND"
    assert not (server.todo.home / "ran").exists()


OFFERED = """
class View:
    name, initial = "count", 0
    def evolve(self, state, event):
        return state + 1
    def rows(self, state):
        return [{"events": state, "share": float("nan"), "at": None}]

class Failing(View):
    def evolve(self, state, event):
        raise RuntimeError("the secret text")

class Odd(View):
    def rows(self, state):
        return [{"value": object()}]

count, failing, odd = View(), Failing(), Odd()
"""


def test_a_view_of_a_package_is_shown_and_its_failures_only_on_the_terminal(todo: Todo) -> None:
    names = ("count", "failing", "odd", "missing")
    todo.env |= install(todo, "my_views", {"my_views": OFFERED}, *(f"{name} = my_views:{name}" for name in names))
    todo("add", "Buy milk")
    started = Server(todo)
    try:
        assert started(VIEW, view="count")["list"]["view"]["rows"] == [{"events": 1, "share": None, "at": None}]
        packages = {each["name"]: each["package"] for each in started("{ views { name package } }")["views"]}
        assert (packages["count"], "missing" in packages) == ("my_views", False)
        for name in ("failing", "odd", "missing"):
            expected = ("VIEW_FAILED", f"the view {name} failed; the terminal of the server says how")
            assert started.error(VIEW, view=name) == expected
    finally:
        code, err = started.end()
    assert (code, "Traceback" in err) == (0, False)
    for line in ("the view count failed in evolve, with @1 of inbox: RuntimeError: the secret text", "the view missing"):
        assert line in err
    assert not list((todo.home / ".local/state/cqrs-todo").glob("error-*"))


def test_a_request_looks_at_ten_moments_and_no_more(server: Server) -> None:
    moments = [f'm{position}: list(at: "@{position}") {{ position }}' for position in range(1, 12)]
    answer = server(f"{{ {' '.join(moments[:10])} }}")
    assert len(answer) == 10
    assert server.error(f"{{ {' '.join(moments)} }}")[0] == "TOO_LARGE"


def test_introspection_needs_the_token(server: Server) -> None:
    assert server("{ __schema { queryType { name } } }")["__schema"]["queryType"]["name"] == "Query"
    body = b'{"query": "{ __schema { queryType { name } } }"}'
    assert server.request("POST", "/graphql", {"Content-Type": "application/json"}, body).status == 401


def test_a_list_that_takes_the_name_of_another_one_is_read_at_once(server: Server) -> None:
    for name in ("was", "becomes"):
        server.todo("-L", name, "add", name)
    read = '{ list(name: "was") { todos { edges { node { text } } } } }'
    assert server(read)["list"]["todos"]["edges"] == [{"node": {"text": "was"}}]
    server.todo("lists", "rename", "was", "other")
    server.todo("lists", "rename", "becomes", "was")
    assert server(read)["list"]["todos"]["edges"] == [{"node": {"text": "becomes"}}]


def test_a_query_that_fails_hides_no_other_of_the_request(server: Server) -> None:
    answer = server.answer('{ bad: list(name: "nope") { position } found: search(query: "due:(") { text } archivedLists }')
    assert answer["data"] == {"bad": None, "found": None, "archivedLists": []}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["NOT_FOUND", "INVALID"]


def test_a_saved_filter_is_about_its_own_lists(todo: Todo) -> None:
    config = todo.home / ".config/cqrs-todo/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        '[filters.u]\nwhere = "pri:H"\nlist = ["work"]\n[filters.v]\nwhere = "pri:H"\nlist = ["work", "inbox", "Work"]\n'
        '[filters.gone]\nwhere = "pri:H"\nlist = ["work", "gone"]\n'
    )
    todo("add", "inbox a", "pri:H")
    todo("-L", "work", "add", "work a", "pri:H")
    todo("-L", "other", "add", "other a", "pri:H")
    query = "query($f: String!, $l: String) { list(name: $l) { todos(query: $f) { edges { node { text } } } } }"
    complete = "mutation($f: String!, $l: String) { complete(where: $f, list: $l) { list todos { text } } }"
    with serving(todo) as server:
        assert [each["text"] for each in server('{ search(query: "filter:u") { text } }')["search"]] == ["work a"]
        assert [each["text"] for each in server('{ search(query: "filter:v") { text } }')["search"]] == ["work a", "inbox a"]
        refused = ("INVALID", "this filter is not about inbox, but about work")
        assert server.error(query, f="filter:u") == server.error(complete, f="filter:u", l="inbox") == refused
        assert server(query, f="filter:u", l="work")["list"]["todos"]["edges"] == [{"node": {"text": "work a"}}]
        assert server(complete, f="filter:u")["complete"] == {"list": "work", "todos": [{"text": "work a"}]}
        code, message = server.error(complete, f="filter:v")
        assert (code, message) == ("INVALID", "this filter is about several lists: work, inbox")
        assert server(complete, f="filter:v", l="inbox")["complete"]["todos"] == [{"text": "inbox a"}]
        code, message = server.error('{ search(query: "filter:gone") { text } }')
        assert (code, "no list named 'gone'; this is `list` of the saved filter" in message) == ("NOT_FOUND", True)
