"""The ancestor's schema: each field, and each behaviour that its clients know; and where this server differs on purpose."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from graphql import build_schema, find_breaking_changes

from cqrs_todo.web.schema import sdl
from tests.conftest import Todo
from tests.web.conftest import Server, serving, shared_data

NEW = """mutation($text: String!, $time: DateTimeUtc) {
  newTodo(text: $text, reminderTime: $time) { id description reminder completed version }
}"""
EVENTS = """query($id: ID!, $before: Int, $maxCount: Int) { todo(id: $id) { events(before: $before, maxCount: $maxCount) {
  sequence metadata { initiatedBy } event { __typename
    ... on Created { initialDescription }
    ... on DescriptionUpdated { newDescription }
    ... on ReminderUpdated { newReminder }
    ... on Completed { isComplete }
    ... on Uncompleted { isComplete }
} } } }"""
LATER = "2099-12-31T23:00:00+00:00"


def new(server: Server, text: str = "Buy milk", time: str | None = None) -> Any:
    return server(NEW, text=text, time=time)["newTodo"]


def change(server: Server, id: str, mutation: str) -> Any:
    return server(f'mutation {{ todo(id: "{id}") {{ changed: {mutation} {{ version description reminder completed }} }} }}')[
        "todo"
    ]["changed"]


def refused(server: Server, id: str, mutation: str) -> tuple[str, str]:
    return server.error(f'mutation {{ todo(id: "{id}") {{ {mutation} {{ version }} }} }}')


def test_every_query_that_the_ancestor_accepts_is_accepted() -> None:
    ancestor = build_schema((shared_data() / "ancestor.graphql").read_text())
    changes = find_breaking_changes(ancestor, build_schema(sdl()))
    assert not changes, changes


def test_the_version_of_the_interface(server: Server) -> None:
    assert server("{ apiVersion }") == {"apiVersion": "1.0"}


# new todos


def test_a_new_todo_has_version_1(server: Server) -> None:
    created = new(server)
    assert {**created, "id": ""} == {
        "id": "",
        "description": "Buy milk",
        "reminder": None,
        "completed": False,
        "version": 1,
    }
    assert server("query($id: ID!) { todo(id: $id) { id description reminder completed version } }", id=created["id"]) == {
        "todo": created
    }


def test_a_new_todo_with_a_reminder_has_version_2_and_is_one_commit(server: Server) -> None:
    created = new(server, time="2100-01-01T00:00:00+01:00")
    assert (created["version"], created["reminder"]) == (2, LATER)
    events = server(EVENTS, id=created["id"])["todo"]["events"]
    assert [(each["sequence"], each["event"]["__typename"]) for each in events] == [(2, "ReminderUpdated"), (1, "Created")]
    assert len(server.todo.log()[-1]["events"]) == 2


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
def test_a_new_todo_needs_a_description_also_a_blank_one_is_refused(server: Server, text: str) -> None:
    assert server.error(NEW, text=text) == ("REJECTED", "description cannot be empty")


def test_a_new_todo_takes_no_reminder_in_the_past(server: Server) -> None:
    assert server.error(NEW, text="x", time="2020-01-01T00:00:00Z") == ("REJECTED", "reminder time cannot be in the past")


# changes


def test_set_description(server: Server) -> None:
    id = new(server)["id"]
    changed = change(server, id, 'setDescription(text: "Buy oat milk", expectedVersion: 1)')
    assert (changed["description"], changed["version"]) == ("Buy oat milk", 2)


def test_set_and_cancel_the_reminder(server: Server) -> None:
    id = new(server)["id"]
    changed = change(server, id, 'setReminder(time: "2099-12-31T23:00:00Z", expectedVersion: 1)')
    assert (changed["reminder"], changed["version"]) == (LATER, 2)
    changed = change(server, id, "cancelReminder(expectedVersion: 2)")
    assert (changed["reminder"], changed["version"]) == (None, 3)


def test_complete_reset_and_toggle(server: Server) -> None:
    id = new(server)["id"]
    for place, (mutation, completed) in enumerate(
        [("complete", True), ("reset", False), ("toggle", True), ("toggle", False)], 2
    ):
        changed = change(server, id, f"{mutation}(expectedVersion: {place - 1})")
        assert (changed["completed"], changed["version"]) == (completed, place)


@pytest.mark.parametrize(
    "mutation", ['setDescription(text: "Buy milk")', "cancelReminder", "reset", "reset(expectedVersion: 1)"]
)
def test_a_change_to_what_it_is_already_records_nothing(server: Server, mutation: str) -> None:
    id = new(server)["id"]
    recorded = server.todo.log()
    assert change(server, id, mutation)["version"] == 1
    assert server.todo.log() == recorded


MUTATIONS = (
    'setDescription(text: "x", expectedVersion: 7)',
    f'setReminder(time: "{LATER}", expectedVersion: 7)',
    "cancelReminder(expectedVersion: 7)",
    "toggle(expectedVersion: 7)",
    "reset(expectedVersion: 7)",
    "complete(expectedVersion: 7)",
)


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_another_version_than_expected_is_refused(server: Server, mutation: str) -> None:
    id = new(server)["id"]
    recorded = server.todo.log()
    assert refused(server, id, mutation) == (
        "WRONG_EXPECTED_VERSION",
        "entity error, precondition failed: expect aggregate to exist with version 7",
    )
    assert server.todo.log() == recorded


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_change_of_an_unknown_todo_is_an_error_which_the_ancestor_hides(server: Server, mutation: str) -> None:
    for each in (mutation, mutation.replace(", expectedVersion: 7", "").replace("(expectedVersion: 7)", "")):
        code, message = refused(server, "nobody", each)
        assert (code, message) == ("NOT_FOUND", "entity error, not found: there is no todo nobody")


def test_the_values_are_checked_before_the_todo_is_looked_for(server: Server) -> None:
    assert refused(server, "nobody", 'setDescription(text: "")') == ("REJECTED", "description cannot be empty")
    assert refused(server, "nobody", 'setReminder(time: "1970-01-01T00:01:01Z")') == (
        "REJECTED",
        "reminder time cannot be in the past",
    )


def test_a_removed_todo_is_not_there(server: Server) -> None:
    id = new(server)["id"]
    server("mutation($id: ID!) { remove(ids: [$id]) { commits } }", id=id)
    assert server("query($id: ID!) { todo(id: $id) { id } }", id=id) == {"todo": None}
    assert refused(server, id, "toggle")[0] == "NOT_FOUND"


# instants


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2099-12-31T23:00:00Z", LATER),
        ("2099-12-31t23:00:00z", LATER),
        ("2100-01-01T00:00:00+01:00", LATER),
        ("2099-12-31T13:15:00-09:45", LATER),
        ("2099-12-31 23:00:00+00:00", LATER),
        ("2099-12-31T23:00:00.500Z", "2099-12-31T23:00:00.500+00:00"),
        ("2099-12-31T23:00:00.123456789Z", "2099-12-31T23:00:00.123456+00:00"),
    ],
)
def test_any_offset_of_rfc_3339_is_read_and_utc_is_written(server: Server, given: str, shown: str) -> None:
    assert new(server, time=given)["reminder"] == shown


@pytest.mark.parametrize("given", ["tomorrow", "2099-12-31", "2099-12-31T23:00:00", "2099-13-31T23:00:00Z", "", "9" * 500])
def test_what_is_no_instant_is_refused_before_anything_is_executed(server: Server, given: str) -> None:
    reply = server.post({"query": NEW, "variables": {"text": "x", "time": given}})
    assert reply.status == 400
    assert "T" in reply.json["errors"][0]["message"]


# events


@pytest.fixture(scope="module")
def lived(server: Server) -> str:
    """The id of a todo with seven events, of which one is of a kind that the ancestor did not know."""
    id: str = new(server, "one")["id"]
    change(server, id, 'setDescription(text: "two")')
    change(server, id, f'setReminder(time: "{LATER}")')
    change(server, id, "cancelReminder")
    server.todo("tag", id, "+home")
    change(server, id, "complete")
    change(server, id, "reset")
    return id


def events(server: Server, id: str, **arguments: int | None) -> list[int]:
    return [each["sequence"] for each in server(EVENTS, id=id, **arguments)["todo"]["events"]]


def test_the_events_newest_first_without_those_that_the_ancestor_did_not_know(server: Server, lived: str) -> None:
    found = server(EVENTS, id=lived)["todo"]["events"]
    assert [(each["sequence"], each["event"]) for each in found] == [
        (7, {"__typename": "Uncompleted", "isComplete": False}),
        (6, {"__typename": "Completed", "isComplete": True}),
        (4, {"__typename": "ReminderUpdated", "newReminder": None}),
        (3, {"__typename": "ReminderUpdated", "newReminder": LATER}),
        (2, {"__typename": "DescriptionUpdated", "newDescription": "two"}),
        (1, {"__typename": "Created", "initialDescription": "one"}),
    ]
    assert all(each["metadata"]["initiatedBy"].startswith("me") for each in found)


def test_events_before_a_version(server: Server, lived: str) -> None:
    assert events(server, lived, before=3) == [2, 1]
    assert events(server, lived, before=8) == events(server, lived, before=2**31 - 1) == [7, 6, 4, 3, 2, 1]
    assert events(server, lived, before=0) == events(server, lived, before=1) == []
    assert server.error(EVENTS, id=lived, before=-1) == (
        "INVALID",
        "Invalid before version; must be a positive number",
    )


def test_at_most_so_many_events(server: Server, lived: str) -> None:
    assert events(server, lived, maxCount=2) == [7, 6]
    assert events(server, lived, maxCount=0) == []
    assert events(server, lived, maxCount=5000) == [7, 6, 4, 3, 2, 1]
    assert server.error(EVENTS, id=lived, maxCount=-1) == ("INVALID", "Invalid max_count; must be a positive integer")


def test_null_events_are_a_hundred_where_the_ancestor_failed(server: Server, lived: str) -> None:
    assert events(server, lived, maxCount=None) == [7, 6, 4, 3, 2, 1]


# pages


PAGE = """query($first: Int, $after: Cursor) { allTodos(first: $first, after: $after) {
  totalCount edges { id cursor node { id description completed } } pageInfo { hasNextPage endCursor }
} }"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server with 1,005 todos, of which one is done and one more was removed."""
    todo = Todo(tmp_path_factory.mktemp("many") / "home")
    todo("add", "-", stdin="".join(f"todo {number}\n" for number in range(1, 1007)))
    todo("done", "2")
    todo("rm", "3")
    with serving(todo) as started:
        yield started


def cursor(offset: int) -> str:
    return base64.b64encode(str(offset).encode()).decode()


@pytest.mark.parametrize(("first", "count"), [(None, 100), (0, 100), (-5, 100), (7, 7), (1000, 1000), (5000, 1000)])
def test_the_size_of_a_page(many: Server, first: int | None, count: int) -> None:
    page = many(PAGE, first=first)["allTodos"]
    assert (page["totalCount"], len(page["edges"]), page["pageInfo"]["hasNextPage"]) == (1005, count, True)
    assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"] == cursor(count - 1)


def test_the_order_is_that_of_the_creation_with_done_todos_and_without_removed_ones(many: Server) -> None:
    edges = many(PAGE, first=3)["allTodos"]["edges"]
    assert [edge["node"]["description"] for edge in edges] == ["todo 1", "todo 2", "todo 4"]
    assert [edge["node"]["completed"] for edge in edges] == [False, True, False]
    assert [edge["id"] for edge in edges] == [edge["node"]["id"] for edge in edges]


def test_the_pages_have_every_todo_once(many: Server) -> None:
    seen: list[str] = []
    after = None
    while True:
        page = many(PAGE, first=400, after=after)["allTodos"]
        seen += [edge["node"]["description"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [f"todo {number}" for number in range(1, 1007) if number != 3]


def test_a_cursor_is_the_base64_of_an_offset_and_a_page_begins_after_it(many: Server) -> None:
    page = many(PAGE, first=2, after=cursor(1003))["allTodos"]
    assert [edge["node"]["description"] for edge in page["edges"]] == ["todo 1006"]
    assert page["pageInfo"] == {"hasNextPage": False, "endCursor": cursor(1004)}
    beyond = many(PAGE, after=cursor(9999))["allTodos"]
    assert (beyond["edges"], beyond["pageInfo"]) == ([], {"hasNextPage": False, "endCursor": None})


@pytest.mark.parametrize("after", ["", "x", "!!", cursor(-1), base64.b64encode(b'"a"').decode(), "MQ=", "TRUE"])
def test_what_is_no_cursor_is_refused(many: Server, after: str) -> None:
    assert many.error(PAGE, after=after)[0] == "INVALID"


# the transport


def test_errors_of_fields_answer_200_and_errors_of_queries_400(server: Server) -> None:
    assert server.post({"query": NEW, "variables": {"text": ""}}).status == 200
    for query in ("{", "{ nothing }", "{ todo { id } }", ""):
        assert server.post({"query": query}).status == 400, query


def test_mutations_and_queries_need_post_and_json_which_the_ancestor_does_not_ask_for(server: Server) -> None:
    recorded = server.todo.log()
    query = "/graphql?query=mutation%7BnewTodo(text:%22x%22)%7Bid%7D%7D"
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
        headers = {**server.authorization, "Content-Type": "application/json"}
        assert server.request(method, query, headers).status == 405
        assert server.request(method, "/graphql?query=%7BapiVersion%7D", headers).status == 405
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        headers = {**server.authorization, "Content-Type": kind}
        body = b'{"query": "mutation { newTodo(text: \\"x\\") { id } }"}'
        assert server.request("POST", "/graphql", headers, body).status == 415
    assert server.todo.log() == recorded


def test_a_client_needs_the_token_which_the_ancestor_does_not_have(server: Server) -> None:
    headers = {"Content-Type": "application/json"}
    assert server.request("POST", "/graphql", headers, b'{"query": "{ apiVersion }"}').status == 401


def test_a_reminder_is_compared_with_the_clock_of_the_server(server: Server) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=30)
    assert new(server, time=soon.isoformat())["version"] == 2
