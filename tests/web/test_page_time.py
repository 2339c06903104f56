"""The time slider in a real browser: what it shows at each moment is what `todo at` prints."""

import random
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cqrs_todo.todo.model import EVENTS
from tests.web.browsing import Opened, add
from tests.web.conftest import Server

MOVED = """async ([list, positions]) => {
  const [{ get }, { Fields }, { History }] = await Promise.all(
    ['api', 'fields', 'history'].map(name => import(`/page/${name}.js`)));
  const history = new History(new Fields((await get('/fields')).fields), await get('/state', { list }));
  while (await history.older());
  const numbered = (state, slot) => state && !state.removed && { ...state, number: history.numbers[slot] };
  const shown = () => history.states.map(numbered).filter(Boolean).sort((one, two) => one.number - two.number);
  return positions.map(position => { history.move(history.placeOf(position)); return shown(); });
}"""
"""Computes the list at positions with the page's own modules, jumping from one to the other."""

FIELDS = ("text", "note", "due", "reminder", "priority", "created", "completed", "project", "wait", "parent", "every")
ROWS = """() => [...document.querySelectorAll('.row:not(.group):not([hidden])')].sort((one, two) => one.place - two.place)
  .map(row => [Number(row.querySelector('.number').textContent), row.querySelector('.text').textContent,
    row.classList.contains('done')])"""

IN_ORDER = """() => {
  const rows = [...document.querySelectorAll('.row:not([hidden])')];
  const ids = [...document.querySelectorAll('[id]')].map(each => each.id);
  return new Set(ids).size === ids.length && rows.every((row, place) => !place || rows[place - 1].place < row.place);
}"""
"""Whether the rows are read in the order in which they are seen, and no two elements have one id."""


def live_through(server: Server, name: str, changes: int) -> list[int]:
    """Record changes of every kind in a list, and return the positions of the commits."""
    some = random.Random(25)
    words = ("milk", "bread", "letters", "the bicycle", "ünïcode 🎉")
    fields: dict[str, Sequence[Any]] = {
        "text": words,
        "note": ("*x*", None),
        "due": ("2026-12-01", "2031-01-05 17:00", None),
        "reminder": ("2031-02-03 9:00", None),
        "priority": ("H", "L", None),
        "tags": (["home"], ["post", "home"], []),
        "project": ("work.a", None),
        "wait": ("2031-01-01", None),
        "every": ("month", "2 weeks", None),
        "attributes": ([{"key": "estimate", "value": "2h"}], [{"key": "estimate", "value": None}]),
    }
    lines = (
        "+home",
        "due:2026-12-01",
        "every:month pri:H",
        "remind:2031-02-03-9:00 estimate:2h",
        "project:a.b wait:2031-01-01",
    )
    positions = [0]

    types = {"ids": "[ID!]", "lines": "[String!]!", "changes": "Changes!", "to": "String"}

    def send(mutation: str, **variables: Any) -> None:
        given = ", ".join(f"${each}: {types[each]}" for each in variables)
        answer = server.answer(
            f"mutation{f'({given})' if given else ''} {{ answer: {mutation} {{ position }} }}", **variables
        )
        if not answer.get("errors"):
            positions.append(answer["data"]["answer"]["position"])
        else:
            assert answer["errors"][0]["extensions"]["code"] in ("REJECTED", "NOT_FOUND", "INVALID"), answer
        assert "argument" not in str(answer), answer

    in_list = f'list: "{name}"'
    send(f"addLines(lines: $lines, {in_list})", lines=["first", "second", "third"])
    for id, values in (
        ("2", {"parent": "1", "tags": ["home"], "depends": ["3"]}),
        ("2", {"parent": None, "tags": [], "depends": []}),
    ):
        send(f"change(ids: $ids, changes: $changes, {in_list})", ids=[id], changes=values)
    for _ in range(2 * changes):
        id = str(some.randint(1, 12))
        if some.random() < 0.25:
            new = [f"{some.choice(words)} {some.choice(lines)}" for _ in range(some.randint(1, 3))]
            send(f"addLines(lines: $lines, {in_list})", lines=new)
            continue
        kind = some.choice(
            ("change", "change", "change", "complete", "reopen", "remove", "restore", "undo", "redo", "to", "links")
        )
        if kind == "change":
            values = {name: some.choice(fields[name]) for name in some.sample(sorted(fields), 2)}
            send(f"change(ids: $ids, changes: $changes, {in_list})", ids=[id], changes=values)
        elif kind in ("undo", "redo"):
            send(f"{kind}({in_list})")
        elif kind == "to":
            send(f"restore(to: $to, {in_list})", to=f"@{some.choice(positions[-5:])}")
        elif kind in ("note", "links"):
            links = {"parent": str(some.randint(1, 12)), "depends": [str(some.randint(1, 12))]}
            send(
                f"change(ids: $ids, changes: $changes, {in_list})",
                ids=[id],
                changes={"note": "*x*"} if kind == "note" else links,
            )
        else:
            send(f"{kind}(ids: $ids, {in_list})", ids=[id])
    return sorted(set(positions) - {0})


def then(server: Server, name: str, position: int) -> list[Any]:
    """The todos that `todo at` prints, by number."""
    todos = server.todo("-L", name, "at", f"@{position}", "ls", "--all", "--json").json["todos"]
    return sorted((todo for todo in todos if not todo["removed"]), key=lambda todo: int(todo["number"]))


def test_at_50_positions_every_field_is_what_todo_at_prints(opened: Opened, server: Server) -> None:
    positions = live_through(server, "moments", 60)
    recorded = {event["type"] for commit in server.todo.log("moments") for event in commit["events"]}
    assert EVENTS.keys() - recorded <= {"todo_reminder_acknowledged"}, "every kind of change is among them"
    opened.page.set_viewport_size({"width": 1200, "height": 4000})  # so that every row is there
    opened.open("moments")
    opened.page.click("[data-view=all]")
    opened.page.focus("#slider")
    chosen = random.Random(1).sample(positions, 50)
    computed = opened.page.evaluate(MOVED, ["moments", chosen])
    expected = {position: then(server, "moments", position) for position in chosen}
    for position, todos in zip(chosen, computed, strict=True):
        assert [todo["number"] for todo in todos] == [todo["number"] for todo in expected[position]], position
        for todo, other in zip(todos, expected[position], strict=True):
            assert {field: todo[field] for field in FIELDS} == {field: other[field] for field in FIELDS}, position
            assert (todo["tags"], todo["depends"]) == (other["tags"], other["depends"]), position
            assert dict(todo["attributes"]) == other["attributes"], position
    commits = [commit["position"] for commit in server.todo("-L", "moments", "history", "--json").json["commits"]]
    for position in chosen[:10]:  # and the same through the page itself
        opened.page.evaluate("at => { location.hash = `#list=moments&at=@${at}`; }", position)
        opened.until(
            "at => document.getElementById('moment').textContent.endsWith(`(@${at})`)",
            max(each for each in commits if each <= position),
        )
        opened.until(
            f"wanted => JSON.stringify(({ROWS})().sort((one, two) => one[0] - two[0])) === JSON.stringify(wanted)",
            [[todo["number"], todo["text"], todo["completed"] is not None] for todo in expected[position]],
        )
        opened.until(IN_ORDER)


def test_it_is_moved_by_mouse_and_keyboard_and_played_in_both_directions(
    opened: Opened, server: Server, page_list: str
) -> None:
    for line in ("four", "five", "six"):
        add(server, page_list, line)
    opened.open(page_list)
    box = opened.page.locator("#slider").bounding_box()
    assert box is not None
    opened.page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20)
    opened.page.mouse.down()
    opened.page.mouse.move(box["x"], box["y"] + 20, steps=3)
    opened.shows("one", "two", "three")
    opened.page.mouse.up()
    assert opened.page.get_attribute("#slider", "aria-valuenow") == "1"
    opened.page.keyboard.press("ArrowRight")
    opened.shows("one", "two", "three", "four")
    opened.page.keyboard.press("Home")
    opened.shows()
    opened.page.keyboard.press("End")
    opened.shows("one", "two", "three", "four", "five", "six")
    assert opened.page.get_attribute("#slider", "aria-valuetext") == "now"
    opened.page.keyboard.press("PageDown")
    opened.shows()
    opened.page.keyboard.press("p")
    opened.shows("one", "two", "three", "four", "five", "six")
    opened.page.keyboard.press("P")
    opened.shows()


def test_what_differs_is_marked_and_blame_and_the_link_name_the_moment(
    opened: Opened, server: Server, page_list: str
) -> None:
    server.todo("-L", page_list, "edit", "1", "first", "+a")
    server.todo("-L", page_list, "done", "2")
    server.todo("-L", page_list, "rm", "3")
    opened.open(page_list, "@3")
    opened.shows("one", "two", "three")
    opened.page.wait_for_function("() => document.getElementById('past-text').textContent.includes('3 todos differ')")
    chips = opened.page.locator(".row.differs .chip.since").all_inner_texts()
    assert sorted(chips) == ["done now", "now: first", "removed since"]
    assert opened.page.is_disabled(".row:not(.group) input"), "the past cannot be changed"
    opened.page.hover(".row:not(.group) .text")
    opened.page.wait_for_selector("#blame:not([hidden])")
    assert "(@1)" in opened.page.inner_text("#blame")
    assert opened.page.url.endswith(f"#list={page_list}&at=@3")
    opened.page.keyboard.press("Escape")
    opened.page.keyboard.press("n")
    opened.shows("first")
    opened.page.hover(".row:not(.group) .text")
    opened.page.wait_for_selector("#blame:not([hidden])")
    assert "tags" in opened.page.inner_text("#blame")
    opened.page.evaluate("list => { location.hash = `#list=${list}&at=2020-01-01`; }", page_list)
    opened.shows()
    for text in ("someday", "2026-02-30"):
        opened.page.evaluate("([list, at]) => { location.hash = `#list=${list}&at=${at}`; }", [page_list, text])
        opened.says(f"names no moment: {text}")
    for moment, why in (("@999", "The list ends at @"), ("2999-01-01T10:00", "2999-01-01T10:00 is in the future")):
        opened.page.evaluate("([list, at]) => { location.hash = `#list=${list}&at=${at}`; }", [page_list, moment])
        opened.says(why)
        opened.shows("first")


def test_a_minute_in_the_address_is_its_end_as_on_the_command_line(opened: Opened, server: Server, page_list: str) -> None:
    [commit] = server.todo.log(page_list)
    at = datetime.fromisoformat(commit["at"])
    opened.open(page_list)
    for form in ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%SZ"):
        opened.page.evaluate("list => { location.hash = `#list=${list}&at=2020-01-01`; }", page_list)
        opened.shows()
        go_to = "([list, at]) => { location.hash = `#list=${list}&at=${at}`; }"
        opened.page.evaluate(go_to, [page_list, at.strftime(form)])
        opened.shows("one", "two", "three")


RECORDED = """
import sys
from datetime import UTC, datetime, timedelta
from cqrs_todo.cli.session import Options, Session
from cqrs_todo.todo.model import Create
options = Options()
options.list = "clocks"
todos = Session(options).list
for hours in map(int, sys.argv[1:]):
    at = datetime.now(UTC) - timedelta(hours=hours)
    todos.clock = lambda: at
    todos.add([Create(f"{hours} hours ago", at)])
"""
"""Adds todos at hours before now."""


def test_a_clock_that_was_set_back_is_read_as_by_todo_at(opened: Opened, server: Server) -> None:
    def record(*hours: str) -> None:
        command = [sys.executable, "-c", RECORDED, *hours]
        subprocess.run(command, env=server.todo.env, cwd=server.todo.home, check=True)

    record("10")
    opened.open("clocks")
    record("5", "8", "3")
    opened.shows("10 hours ago", "5 hours ago", "8 hours ago", "3 hours ago")
    at = (datetime.now(UTC) - timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M")
    texts = [todo["text"] for todo in server.todo("-L", "clocks", "at", f"{at}Z", "ls", "--json").json["todos"]]
    opened.page.evaluate("at => { location.hash = `#list=clocks&at=${at}`; }", at)
    opened.shows(*texts)
    assert texts == ["10 hours ago", "5 hours ago", "8 hours ago"]


def test_restore_to_here_sets_the_list_back_and_can_be_undone(opened: Opened, server: Server, page_list: str) -> None:
    server.todo("-L", page_list, "edit", "1", "first")
    server.todo("-L", page_list, "done", "2")
    opened.open(page_list)
    opened.shows("first", "three")
    opened.page.keyboard.press("[")
    opened.shows("first", "two", "three")
    opened.page.keyboard.press("[")
    opened.shows("one", "two", "three")
    opened.page.click("text=Restore to here")
    opened.says("Restored to @3")
    opened.shows("one", "two", "three")
    assert [todo["text"] for todo in server.todo.todos("-L", page_list)] == ["one", "two", "three"]
    opened.page.click("#toast-undo")
    opened.shows("first", "three")


def test_a_query_is_answered_for_the_moment(opened: Opened, server: Server, page_list: str) -> None:
    server.todo("-L", page_list, "edit", "1-2", "+x")
    opened.open(page_list)
    opened.page.fill("#search", "+x")
    opened.shows("one", "two")
    opened.page.evaluate("list => { location.hash = `#list=${list}&at=@3`; }", page_list)
    opened.shows()
    opened.page.keyboard.press("Escape")
    opened.page.click("#now")
    server.todo("-L", page_list, "edit", "3", "+x")
    opened.shows("one", "two", "three")
