"""What the page fetches in bulk: plain JSON, from which it can compute the list at every moment."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.web.conftest import Server

PAGE = Path(__file__).parents[2] / "cqrs_todo/web/page"


def get(server: Server, path: str, **arguments: Any) -> Any:
    reply = server.request("GET", f"{path}?{urlencode(arguments)}" if arguments else path, server.authorization)
    assert reply.headers["content-type"] == "application/json"
    return reply.status, reply.json


def answer(server: Server, path: str, **arguments: Any) -> Any:
    status, document = get(server, path, **arguments)
    assert status == 200, document
    return document


def test_a_list_comes_whole_and_its_events_come_in_parts_newest_first(server: Server, page_list: str) -> None:
    server.todo("-L", page_list, "edit", "2", "+x", "due:2030-01-01")
    state = answer(server, "/state", list=page_list)
    assert (state["list"], state["position"], state["damage"]) == (page_list, 5, None)
    assert [(number, version) for number, _, version, _ in state["todos"]] == [(1, 1), (2, 3), (3, 1)]
    shown = dict(zip(state["attributes"], state["todos"][1][3], strict=True))
    assert (shown["text"], shown["due"], shown["tags"]) == ("two", "2030-01-01", ["x"])
    part = answer(server, "/deltas", list=page_list)
    assert (part["log"], part["more"]) == (state["log"], False)
    assert [commit[0] for commit in part["commits"]] == [4, 1]
    [position, last, _, by, _, because, events] = part["commits"][0]
    assert (position, last, because) == (4, 5, None)
    assert by.startswith("me@")
    assert [(type, data) for _, type, data in events] == [
        ("todo_due_changed", {"old": None, "new": "2030-01-01"}),
        ("todo_tag_added", {"tag": "x"}),
    ]
    assert [commit[0] for commit in answer(server, "/deltas", list=page_list, before=4)["commits"]] == [1]
    later = answer(server, "/deltas", list=page_list, after=2)
    assert [commit[0] for commit in later["commits"]] == [4], "not the rest of a commit that is known already"
    first = answer(server, "/deltas", list=page_list, after=0)
    assert sorted(first["numbers"].values()) == [1, 2, 3]


def test_a_log_that_was_rewritten_is_noticed_by_its_digest(server: Server, page_list: str) -> None:
    state = answer(server, "/state", list=page_list)
    same = answer(server, "/deltas", list=page_list, after=3, sum=state["sum"])
    assert (same["commits"], same["sum"]) == ([], state["sum"])
    server.todo("-L", page_list, "add", "four")
    assert len(answer(server, "/deltas", list=page_list, after=3, sum=state["sum"])["commits"]) == 1
    server.todo("-L", page_list, "forget", "1", "--yes")
    status, document = get(server, "/deltas", list=page_list, after=3, sum=state["sum"])
    assert (status, document["error"]["code"]) == (409, "CONFLICT")


def test_parts_follow_one_another_without_a_gap(server: Server) -> None:
    server.todo("-L", "parts", "add", "-", stdin="".join(f"todo {number}\n" for number in range(9_000)))
    for _ in range(3):
        server.todo("-L", "parts", "undo")
        server.todo("-L", "parts", "redo")
    seen: list[int] = []
    before, parts = None, 0
    while before != 1:
        part = answer(server, "/deltas", list="parts", **({} if before is None else {"before": before}))
        seen += [commit[0] for commit in part["commits"]]
        before = part["commits"][-1][0]
        parts += 1
        assert part["more"] or before == 1
    assert (sorted(seen), parts > 3) == ([line["position"] for line in server.todo.log("parts")], True)
    before = answer(server, "/deltas", list="parts")["commits"][-1][0]
    server.todo("-L", "parts", "forget", "1", "--yes")
    while before != 1:
        part = answer(server, "/deltas", list="parts", before=before)
        assert '"todo 0"' not in json.dumps(part), "what was forgotten meanwhile is not sent"
        before = part["commits"][-1][0]


def test_a_query_gives_the_numbers_of_the_todos_at_a_moment(server: Server, page_list: str) -> None:
    server.todo("-L", page_list, "edit", "2", "+x")
    assert answer(server, "/matching", list=page_list, query="+x") == {"position": 4, "numbers": [2]}
    assert answer(server, "/matching", list=page_list, query="+x", at=3) == {"position": 3, "numbers": []}


@pytest.mark.parametrize(
    ("path", "arguments", "status", "code"),
    [
        ("/state", {"list": "nowhere"}, 404, "NOT_FOUND"),
        ("/state", {"list": "a/b"}, 400, "INVALID"),
        ("/deltas", {"list": "nowhere"}, 404, "NOT_FOUND"),
        ("/deltas", {"before": "-1"}, 400, "INVALID"),
        ("/deltas", {"after": "x"}, 400, "INVALID"),
        ("/deltas", {"after": "9" * 30}, 400, "INVALID"),
        ("/matching", {"query": "colour:red"}, 400, "INVALID"),
        ("/matching", {"query": "x", "at": "999"}, 404, "NOT_FOUND"),
    ],
)
def test_what_cannot_be_answered_gets_a_clear_error(
    server: Server, path: str, arguments: dict[str, str], status: int, code: str
) -> None:
    server.todo("add", "x")
    found, document = get(server, path, **arguments)
    assert (found, document["error"]["code"]) == (status, code)
    assert document["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"note": 1}', b"\xff", b"[" * 100_000])
def test_a_note_that_is_none_is_refused(server: Server, body: bytes) -> None:
    own = {**server.authorization, "Content-Type": "application/json"}
    reply = server.request("POST", "/note", own, body)
    assert (reply.status, reply.json["error"]["code"]) == (400, "INVALID")


def test_a_note_becomes_html_that_can_do_nothing(server: Server) -> None:
    own = {**server.authorization, "Content-Type": "application/json"}
    reply = server.request("POST", "/note", own, json.dumps({"note": "**x** <script>y</script>"}).encode())
    assert reply.json == {"html": "<p><strong>x</strong> &lt;script&gt;y&lt;/script&gt;</p>\n"}
    assert server.request("POST", "/note", own, json.dumps({"note": "x" * 300_000}).encode()).status == 400


def test_the_page_and_everything_in_it_needs_the_token_and_allows_nothing_from_elsewhere(server: Server) -> None:
    paths = ["/", *(f"/page/{file.name}" for file in PAGE.iterdir() if file.name != "index.html")]
    for path in paths:
        reply = server.request("GET", path, server.authorization)
        assert reply.status == 200, path
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert "http" not in policy
    for path in [*paths, "/state", "/deltas", "/fields", "/matching"]:
        assert server.request("GET", path).status == 401, path
        assert server.request("GET", path, {**server.authorization, "Origin": "http://evil.example"}).status == 403, path
    for path in ("/page/", "/page/index.html", "/page/../guard.py", "/page/%2e%2e/guard.py", "/page/nothing.js"):
        assert server.request("GET", path, server.authorization).status == 404, path


def test_a_line_adds_as_the_command_line_does(server: Server, page_list: str) -> None:
    document = "mutation($lines: [String!]!, $list: String) { addLines(lines: $lines, list: $list) { todos { number } } }"
    added = server(document, list=page_list, lines=["Buy milk +home due:2030-01-02 pri:high", "-- +literal", "x due:none"])
    assert [todo["number"] for todo in added["addLines"]["todos"]] == [4, 5, 6]
    todos = server.todo.todos("-L", page_list)
    assert (todos[3]["text"], todos[3]["tags"], todos[3]["due"], todos[3]["priority"]) == (
        "Buy milk",
        ["home"],
        "2030-01-02",
        "H",
    )
    assert (todos[4]["text"], todos[5]["due"]) == ("+literal", None)
    for lines in ([], ["+home"], [" "], ["x due:someday"], ["x"] * 1_001, ["x", ""]):
        assert server.error(document, list=page_list, lines=lines)[0] in ("INVALID", "TOO_LARGE", "REJECTED"), lines
    assert len(server.todo.todos("-L", page_list)) == 6, "all lines or none"
