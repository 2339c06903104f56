"""Clients that a standard tool generates from the schemas, the ancestor's and ours, work against the server."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cqrs_todo.web.schema import sdl
from tests.web.conftest import Server, shared_data
from tests.web.tools import installed

TOOL = "ariadne-codegen[subscriptions]>=0.19,<0.20"
ANCESTOR = """
query ApiVersion { apiVersion }
query AllTodos($first: Int, $after: Cursor) { allTodos(first: $first, after: $after) {
  totalCount edges { id cursor node { ...Fields } } pageInfo { hasNextPage endCursor } } }
query TodoById($id: ID!) { todo(id: $id) { ...Fields } }
query EventsOf($id: ID!, $before: Int, $maxCount: Int) { todo(id: $id) { events(before: $before, maxCount: $maxCount) {
  sequence metadata { initiatedBy } event { __typename
    ... on Created { initialDescription }
    ... on DescriptionUpdated { newDescription }
    ... on ReminderUpdated { newReminder }
    ... on Completed { completed: isComplete }
    ... on Uncompleted { completed: isComplete } } } } }
mutation CreateTodo($text: String!, $time: DateTimeUtc) { newTodo(text: $text, reminderTime: $time) { ...Fields } }
mutation ChangeTodo($id: ID!, $text: String!, $time: DateTimeUtc!, $version: Int) { todo(id: $id) {
  setDescription(text: $text, expectedVersion: $version) { ...Fields } setReminder(time: $time) { ...Fields }
  cancelReminder { ...Fields } toggle { ...Fields } reset { ...Fields } complete { ...Fields } } }
fragment Fields on TodoQL { id description reminder completed version }
"""
USE_ANCESTOR = """
    assert (await client.api_version()).api_version == "1.0"
    made = (await client.create_todo("Buy milk", "2099-01-01T00:00:00Z")).new_todo
    assert (made.description, made.completed, made.version) == ("Buy milk", False, 2)
    changed = (await client.change_todo(made.id, "Buy oats", "2099-02-01T00:00:00Z", 2)).todo
    assert changed.set_description.description == "Buy oats"
    assert changed.set_reminder.reminder == "2099-02-01T00:00:00+00:00"
    assert changed.cancel_reminder.reminder is None
    assert (changed.toggle.completed, changed.reset.completed, changed.complete.completed) == (True, False, True)
    assert (await client.todo_by_id(made.id)).todo.version == changed.complete.version == 8
    assert (await client.todo_by_id("unknown")).todo is None
    events = (await client.events_of(made.id, max_count=10)).todo.events
    assert [each.sequence for each in events] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert events[-1].event.initial_description == "Buy milk"
    assert events[0].event.completed is True
    await client.create_todo("Second")
    first = (await client.all_todos(first=1)).all_todos
    rest = (await client.all_todos(after=first.page_info.end_cursor)).all_todos
    assert (first.page_info.has_next_page, rest.page_info.has_next_page) == (True, False)
    assert {edge.id for edge in first.edges + rest.edges} >= {made.id}
    try:
        await client.change_todo(made.id, "x", "2099-02-01T00:00:00Z", 2)
    except GraphQLClientGraphQLMultiError as error:
        assert "expect aggregate to exist with version 2" in error.errors[0].message
    else:
        raise AssertionError("another version than expected was accepted")
"""
OURS = """
query Page($query: String, $sort: [String!], $first: Int, $after: Cursor) { list(name: "generated") { position
  todos(query: $query, sort: $sort, first: $first, after: $after) { totalCount
    edges { cursor node { number id text due tags attributes { key value } every { rule words } children { number } } }
    pageInfo { hasNextPage endCursor } } } }
query Past($id: ID!) { list(name: "generated") { todo(id: $id) { blame { field value at by } history { words } } }
  lists { name error } search(query: "+home") { text } }
mutation AddTodos($todos: [NewTodo!]!, $command: CommandInput) { add(list: "generated", todos: $todos, command: $command) {
  position commits todos { number id version } commit { words events { type data } } } }
mutation EditTodos($edits: [Edit!]!) { edit(list: "generated", edits: $edits) { position commits } }
mutation UndoLast { undo(list: "generated") { position } }
subscription Live($after: Int) { events(after: $after, list: "generated") { position by at words } }
"""
USE_OURS = """
    todos = [NewTodo(text="Buy milk", due="2099-03-04", tags=["home"]), NewTodo(text="Pay", every="month")]
    added = (await client.add_todos(todos, CommandInput(command_id="once", because="a test"))).add
    assert ([each.number for each in added.todos], added.commits) == ([1, 2], 1)
    again = (await client.add_todos(todos, CommandInput(command_id="once", because="a test"))).add
    assert again.position == added.position
    await client.edit_todos([Edit(id="1", changes=Changes(priority="high", due=None), expectedVersion=1)])
    page = (await client.page(query="+home", sort=["-priority"])).list_.todos
    assert [(edge.node.text, edge.node.due, edge.node.tags) for edge in page.edges] == [("Buy milk", None, ["home"])]
    past = await client.past("1")
    assert {each.field for each in past.list_.todo.blame} >= {"text", "priority", "due"}
    await client.undo_last()
    seen = []
    async for commit in client.live(after=0):
        seen.append(commit.events.position)
        if len(seen) == 3:
            break
    assert seen == sorted(seen)
"""
PROGRAM = """
import asyncio, json, sys
from generated import *
from generated.exceptions import GraphQLClientGraphQLMultiError

async def main():
    server = json.load(sys.stdin)
    headers = {{"Authorization": f"Bearer {{server['token']}}"}}
    origin = server["graphql"].removesuffix("/graphql")
    client = Client(url=server["graphql"], headers=headers, ws_url=server["graphql"].replace("http", "ws", 1),
                    ws_headers=headers, ws_origin=origin)
    {use}
    print("all of it works")

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment in which the tool is installed."""
    return installed(tmp_path_factory.mktemp("codegen"), TOOL)


def works(tool: Path, folder: Path, server: dict[str, Any], schema: str, operations: str, use: str) -> None:
    settings = 'schema_path = "schema.graphql"\nqueries_path = "queries.graphql"\ntarget_package_name = "generated"\n'
    (folder / "pyproject.toml").write_text(f"[tool.ariadne-codegen]\n{settings}")
    (folder / "schema.graphql").write_text(schema)
    (folder / "queries.graphql").write_text(operations)
    (folder / "use.py").write_text(PROGRAM.format(use=use))
    path = {"PATH": f"{tool}:/usr/bin:/bin"}  # it looks for a formatter there
    made = subprocess.run([tool / "ariadne-codegen"], cwd=folder, env=path, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    used = subprocess.run(
        [tool / "python", "use.py"], cwd=folder, input=json.dumps(server), capture_output=True, text=True, check=False
    )
    assert used.stdout == "all of it works\n", used.stderr


@pytest.mark.long
def test_a_client_generated_from_the_ancestors_schema_works(tool: Path, tmp_path: Path, server: Server) -> None:
    works(tool, tmp_path, server.document, (shared_data() / "ancestor.graphql").read_text(), ANCESTOR, USE_ANCESTOR)


@pytest.mark.long
def test_a_client_generated_from_our_schema_works(tool: Path, tmp_path: Path, server: Server) -> None:
    works(tool, tmp_path, server.document, sdl(), OURS, USE_OURS)
