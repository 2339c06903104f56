"""The page in a real browser: what a person does by keyboard and mouse, and what the page shows of it."""

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Todo
from tests.web.browsing import Opened, add, browsing
from tests.web.conftest import Server, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route, WebSocketRoute


# every day


def test_todos_are_added_completed_edited_and_undone_by_keyboard(opened: Opened, server: Server, page_list: str) -> None:
    opened.open(page_list)
    keys = opened.page.keyboard
    opened.shows("one", "two", "three")
    keys.press("a")
    keys.type("Buy milk +home due:2030-01-02 pri:H")
    keys.press("Enter")
    opened.shows("Buy milk", "one", "two", "three")
    keys.press("Escape")
    keys.press("2")
    opened.shows("one", "two", "three", "Buy milk")
    keys.press("End")
    keys.press("x")
    opened.shows("one", "two", "three")
    opened.says("Done: 4 Buy milk")
    keys.press("u")
    opened.shows("one", "two", "three", "Buy milk")
    keys.press("r")
    opened.shows("one", "two", "three")
    keys.press("u")
    opened.shows("one", "two", "three", "Buy milk")
    keys.press("Home")
    keys.press("j")
    keys.press("e")
    opened.page.fill("[name=text]", "two and a half")
    opened.page.fill("[name=tags]", "a b")
    opened.page.fill("[name=due]", "2031-02-03")
    opened.page.fill("[name=depends]", "1")
    opened.page.fill("[name=attributes]", "estimate:2h")
    opened.page.fill("[name=note]", "**bold**")
    opened.page.focus("[name=text]")
    keys.press("Enter")
    opened.shows("one", "two and a half", "three", "Buy milk")
    keys.press("Escape")
    keys.press("Home")
    keys.press("Delete")
    opened.shows("two and a half", "three", "Buy milk")
    todos = {todo["number"]: todo for todo in server.todo.todos("-L", page_list)}
    assert todos[4]["tags"] == ["home"]
    assert (todos[2]["tags"], todos[2]["due"], todos[2]["attributes"]) == (["a", "b"], "2031-02-03", {"estimate": "2h"})
    assert todos[2]["note"] == "**bold**"
    commits = server.todo("-L", page_list, "history", "--json").json["commits"]
    assert len(commits) == 8, "each is one command: add, add, done, undo, redo, undo, edit, rm"


def test_what_other_processes_record_is_shown_and_said(opened: Opened, server: Server, page_list: str) -> None:
    opened.open(page_list)
    server.todo("-L", page_list, "add", "from a shell", "pri:H")
    opened.shows("from a shell", "one", "two", "three")
    opened.says(": 4 from a shell: created")
    server.todo("-L", page_list, "done", "1-2")
    opened.shows("from a shell", "three")
    server.todo("-L", page_list, "edit", "3", "third")
    opened.shows("from a shell", "third")


@pytest.mark.long
def test_with_many_writers_the_page_comes_to_what_the_list_is(opened: Opened, server: Server, page_list: str) -> None:
    opened.open(page_list)
    opened.page.click("[data-view=all]")

    def write(writer: int) -> None:
        for number in range(15):
            add(server, page_list, f"{writer}/{number}")
            server(f'mutation {{ toggle(ids: ["{number % 3 + 1}"], list: "{page_list}") {{ position }} }}')

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
    for thread in threads:
        thread.start()
    for number in range(4):
        server.todo("-L", page_list, "add", f"shell {number}")
        opened.page.keyboard.press("[")  # also while the past is shown
        opened.page.keyboard.press("n")
    for thread in threads:
        thread.join()
    todos = server.todo.todos("-L", page_list)
    assert len(todos) == 3 + 45 + 4
    opened.page.set_viewport_size({"width": 1200, "height": 4000})
    opened.shows(*(todo["text"] for todo in todos))
    done = "() => document.querySelectorAll('.row.done:not([hidden])').length"
    opened.until(f"count => ({done})() === count", sum(todo["done"] for todo in todos))


def test_a_change_of_a_todo_that_was_changed_elsewhere_is_refused_with_the_reason(
    opened: Opened, server: Server, page_list: str
) -> None:
    opened.open(page_list)
    opened.page.keyboard.press("j")
    opened.page.keyboard.press("e")
    opened.page.fill("[name=text]", "mine")
    server.todo("-L", page_list, "edit", "1", "theirs")
    opened.page.wait_for_selector(".details [role=alert]:not([hidden])")
    opened.page.click(".details button.primary")
    opened.says("has version 2")
    opened.shows("theirs", "two", "three")
    assert opened.page.input_value("[name=text]") == "mine", "what was typed is kept"


def test_wrong_words_get_the_clear_error_of_the_command_line(opened: Opened, page_list: str) -> None:
    opened.open(page_list)
    opened.page.keyboard.press("a")
    opened.page.keyboard.type("x due:someday")
    opened.page.keyboard.press("Enter")
    opened.says("someday")
    assert opened.page.input_value("#add") == "x due:someday", "what was typed is kept"
    opened.page.fill("#search", "is:any t")
    opened.shows("two", "three")
    opened.page.fill("#search", "colour:red")
    opened.says("colour")
    opened.shows("one", "two", "three")
    opened.page.keyboard.press("Escape")
    opened.shows("one", "two", "three")


MARKS = """() => Object.fromEntries([...document.querySelectorAll('.row:not(.group):not([hidden])')].map(row => {
  const line = row.querySelector('.chips').getBoundingClientRect();
  const shown = [], cut = [];
  for (const chip of row.querySelectorAll('.chip')) {
    const { top, bottom, left, right } = chip.getBoundingClientRect();
    if (top >= line.bottom) continue;  // it is in a line that is hidden
    const within = bottom <= line.bottom && left >= line.left && right <= line.right + 1;
    const whole = within && chip.scrollWidth <= chip.clientWidth;
    (whole ? shown : cut).push(chip.textContent);
  }
  return [row.querySelector('.text').textContent, { shown, cut, more: !row.querySelector('.more').hidden }];
}))"""
"""For each todo the marks that can be read, those that are cut, and whether it says that there are more."""


@pytest.mark.parametrize("width", [360, 1200])
def test_no_mark_of_a_todo_is_cut_and_a_todo_says_if_it_has_more(
    opened: Opened, server: Server, page_list: str, width: int
) -> None:
    many = [f"+hardware-store-{number}" for number in range(12)]
    add(server, page_list, "short depends:1 +half +two estimate:2h", f"many due:2099-01-01 {' '.join(many)}")
    add(server, page_list, "part under:4", f"long {'word ' * 60}due:2099-01-01")
    opened.page.set_viewport_size({"width": width, "height": 1000})
    opened.open(page_list)
    opened.page.click("[data-view=all]")
    opened.page.wait_for_function("() => document.querySelectorAll('.more:not([hidden])').length === 1")
    marks = opened.page.evaluate(MARKS)
    assert [text for text, each in marks.items() if each["cut"]] == []
    assert marks["short"] == {"shown": ["0/1", "blocked by 1", "+half", "+two", "estimate:2h"], "cut": [], "more": False}
    assert (marks["many"]["more"], marks["many"]["shown"][:2]) == (True, ["1 Jan 2099", many[0]])
    assert [each["shown"] for text, each in marks.items() if text.startswith("long")] == [["1 Jan 2099"]]
    opened.page.click(".more:not([hidden])")
    opened.page.wait_for_function("() => document.querySelectorAll('.more:not([hidden])').length === 0")
    whole = opened.page.evaluate(MARKS)["many"]
    assert whole == {"shown": ["1 Jan 2099", *sorted(many)], "cut": [], "more": False}
    assert opened.page.is_hidden("#details")
    covering = """() => {
      const last = [...document.querySelectorAll('.row.active .chip')].at(-1).getBoundingClientRect();
      return document.elementFromPoint(last.left + 2, last.top + 2).closest('.row').matches('.active');
    }"""
    assert opened.page.evaluate(covering), "the rows below do not hide it"
    assert opened.page.evaluate("() => document.documentElement.scrollWidth") == width


def test_characters_that_reverse_or_hide_a_text_are_shown_as_on_the_command_line(
    opened: Opened, server: Server, page_list: str
) -> None:
    text = "pay\u202e001\u2066\u200b"
    server(
        "mutation($l: String, $t: NewTodo!) { add(list: $l, todos: [$t]) { position } }",
        l=page_list,
        t={"text": text, "note": f"*{text}*", "tags": [text], "project": text},
    )
    shown = server.todo("-L", page_list, "ls", "pay").out.split()[1]
    opened.open(page_list)
    opened.shows("one", "two", "three", shown)
    opened.page.click(f".row:has-text('{shown[:3]}') .text")
    opened.page.wait_for_function("() => document.querySelector('#details .note em')")
    assert opened.page.inner_text("#details .note em") == shown
    assert not set("\u202e\u2066\u200b") & set(opened.page.inner_text("body"))
    unseen = """() => [document.title, ...[...document.querySelectorAll('*')].flatMap((each) => each.getAttributeNames()
      .filter((name) => name === 'title' || name.startsWith('aria-')).map((name) => each.getAttribute(name)))]
      .filter((value) => /[\u202e\u2066\u200b]/.test(value))"""
    assert opened.page.evaluate(unseen) == []
    assert opened.page.get_attribute(f".row:has-text('{shown[:3]}') input", "aria-label") == f"Done: {shown}"
    assert opened.page.get_attribute(".chip.project", "title") == f"project {shown}"
    typed = opened.page.locator("#details textarea, #details input").evaluate_all("all => all.map(each => each.value)")
    assert text in typed, "what is edited is the text itself"


def test_the_board_groups_by_urgency_and_the_list_is_a_tree(opened: Opened, server: Server, page_list: str) -> None:
    add(
        server,
        page_list,
        "late due:2020-01-01",
        "now due:today",
        "hidden wait:2090-01-01",
        "part under:1",
        "again every:month",
    )
    opened.open(page_list)
    groups = (
        "() => [...document.querySelectorAll('.row.group:not([hidden])')].map(row => row.innerText.replace(/\\s+/g, ' '))"
    )
    assert opened.page.evaluate(groups) == ["Overdue 1", "Today 2", "Next 4", "Waiting 1"], "one that recurs is due today"
    numbers = """() => [...document.querySelectorAll('.row:not(.group):not([hidden])')]
      .sort((one, two) => one.place - two.place).map(row => row.querySelector('.number').textContent)"""
    printed = [line.split("\t")[0] for line in server.todo("-L", page_list, "--plain").out.splitlines()]
    assert opened.page.evaluate(numbers)[: len(printed)] == printed, "the order is that of `todo`"
    opened.page.click("[data-view=list]")
    opened.shows("one", "part", "two", "three", "late", "now", "hidden", "again")
    row = opened.page.locator(".row", has_text="one").first
    assert "0/1" in row.inner_text()
    opened.page.fill("#search", "part")
    opened.shows("part")
    assert "under 1" in opened.page.locator(".row", has_text="part").inner_text()
    opened.page.fill("#search", "")
    opened.shows("one", "part", "two", "three", "late", "now", "hidden", "again")
    assert "every month" in opened.page.locator(".row", has_text="again").inner_text()
    server.todo("-L", page_list, "done", "7")
    opened.page.click("[data-view=all]")
    opened.shows("one", "part", "two", "three", "late", "now", "hidden", "again")
    opened.page.wait_for_function("() => document.querySelectorAll('.row.done').length === 1")
    opened.page.evaluate("list => { location.hash = `#list=${list}&at=2020-01-01`; }", page_list)
    opened.until("() => document.getElementById('empty').textContent === 'There were no todos.'")
    opened.page.click("[data-view=board]")
    opened.until("() => document.getElementById('empty').textContent === 'No todo was open.'")


def test_a_note_is_shown_as_sanitised_html(opened: Opened, server: Server, page_list: str) -> None:
    note = "# Head\n\n- *one*\n- ![x](https://evil.example/x.png)\n\n"
    note += "[in](https://example.org) <b>no</b> [js](javascript:alert(1))"
    server.todo("-L", page_list, "note", "1", note)
    opened.open(page_list)
    opened.page.locator(".row .text", has_text="one").click()
    shown = opened.page.wait_for_selector(".note h1")
    assert shown is not None
    html = opened.page.inner_html(".note")
    assert "<em>one</em>" in html
    assert "&lt;b&gt;no" in html
    assert opened.page.locator(".note img").count() == 0
    links = opened.page.locator(".note a").evaluate_all("links => links.map(link => [link.href, link.rel])")
    assert ["https://example.org/", "noopener noreferrer nofollow"] in links
    assert not [link for link in links if link[0].startswith("javascript")]


def test_only_the_note_can_become_html(opened: Opened, page_list: str) -> None:
    opened.open(page_list)
    refused = opened.page.evaluate(
        "() => { try { document.createElement('p').innerHTML = '<b>x</b>'; return false; } catch { return true; } }"
    )
    assert refused, "the policy of the page forbids it"
    script = "() => { const made = document.createElement('script'); made.textContent = '1'; document.body.append(made); }"
    with pytest.raises(Exception, match="TrustedScript"):
        opened.page.evaluate(script)
    assert all("Trusted" in error for error in opened.errors)
    opened.errors.clear()


# losing the server, and lists that change their place


@pytest.mark.long
def test_it_never_shows_old_data_as_current_and_connects_again_by_itself(browser: "Browser", todo: Todo) -> None:
    todo("add", "one")
    with serving(todo) as server, browsing(browser, server) as opened:
        opened.open("inbox")
        server.process.send_signal(signal.SIGSTOP)  # it hangs, and the connection stays open
        opened.is_not_current()
        opened.page.keyboard.press("j")
        opened.page.keyboard.press("x")
        opened.says("Not connected: nothing was changed")
        todo("add", "two")
        server.process.send_signal(signal.SIGCONT)
        opened.wait()
        opened.shows("one", "two")
        assert opened.page.locator(".notice").count() == 0
        server.end()
        opened.is_not_current()
        with serving(todo, "--port", str(server.port)) as again:
            opened.says("The server was started again")
            opened.page.goto(f"http://{again.host}/?token={again.token}")
            opened.wait()
            opened.shows("one", "two")


def test_it_is_not_live_while_an_answer_is_missing(opened: Opened, server: Server, page_list: str) -> None:
    opened.open(page_list)
    failed: list[str] = []

    def fail_twice(route: "Route") -> None:
        if len(failed) == 2:
            route.continue_()
        else:
            failed.append(route.request.url)
            route.abort()

    opened.page.route("**/deltas*", fail_twice)
    server.todo("-L", page_list, "add", "four")
    opened.shows("one", "two", "three", "four")
    opened.wait()
    assert len(failed) == 2
    assert opened.page.locator(".notice").count() == 0


def test_what_is_typed_or_chosen_while_an_answer_is_under_way_counts(opened: Opened, server: Server, page_list: str) -> None:
    add(server, f"{page_list}-b", "other")
    opened.open(page_list)
    held: list[Route] = []

    def hold(route: "Route") -> None:
        held.append(route)

    opened.page.route("**/graphql", hold)
    opened.page.fill("#add", "four")
    opened.page.press("#add", "Enter")
    opened.page.press("#add", "Enter")
    opened.page.fill("#add", "fi")
    opened.until("() => true")
    [sent] = held
    sent.continue_()
    opened.shows("one", "two", "three", "four")
    opened.page.wait_for_selector("#toast:not([hidden])")
    assert opened.page.input_value("#add") == "fi"

    held.clear()
    opened.page.route(f"**/state?list={page_list}-b", hold)
    opened.page.select_option("#list", f"{page_list}-b")
    opened.page.select_option("#list", page_list)
    opened.wait()
    with opened.page.expect_response(f"**/state?list={page_list}-b"):
        held[0].continue_()
    opened.wait()
    opened.shows("one", "two", "three", "four")


def test_a_list_that_is_renamed_archived_replaced_or_damaged_gets_a_clear_message(
    opened: Opened, server: Server, page_list: str
) -> None:
    opened.open(page_list)
    server.todo("lists", "rename", page_list, f"{page_list}-b")
    opened.says(f"no list named '{page_list}'")
    opened.says("What you see is old")
    opened.page.select_option("#list", f"{page_list}-b")
    opened.wait()
    opened.shows("one", "two", "three")

    server.todo("lists", "archive", f"{page_list}-b")
    opened.says("It is archived now")
    server.todo("lists", "unarchive", f"{page_list}-b")
    opened.page.click("text=Try again")
    opened.wait()

    add(server, f"{page_list}-c", "other")
    server.todo("lists", "rename", f"{page_list}-b", f"{page_list}-d")
    server.todo("lists", "rename", f"{page_list}-c", f"{page_list}-b")
    opened.is_not_current()
    opened.page.click("#alert button")
    opened.wait()
    opened.shows("other")

    opened.page.select_option("#list", f"{page_list}-d")
    opened.wait()
    file = server.todo.log_file(f"{page_list}-d")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]))
    opened.is_not_current()
    opened.page.click("#alert button")
    opened.says("has lost its end")
    file.write_bytes(b"".join(lines))


def test_before_the_first_todo_the_page_waits_for_it(browser: "Browser", todo: Todo) -> None:
    with serving(todo) as server:
        with browsing(browser, server) as opened:
            opened.open("inbox")
            opened.shows()
            todo("add", "from a shell")
            opened.shows("from a shell")
            opened.page.keyboard.press("[")
            opened.shows()
        with browsing(browser, server) as opened:
            opened.page.goto(f"http://{server.host}/?token={server.token}#list=other")
            opened.says("no list named 'other'")
            opened.page.select_option("#list", "inbox")
            opened.wait()
            opened.shows("from a shell")


def test_a_change_made_while_the_page_connects_waits_for_it(opened: Opened, server: Server, page_list: str) -> None:
    opened.open(page_list)
    add(server, f"{page_list}-other", "other")
    held: list[tuple[WebSocketRoute, str | bytes]] = []
    holding = True

    def hold(socket: "WebSocketRoute") -> None:
        def answered(message: str | bytes) -> None:
            if holding:
                held.append((socket, message))
            else:
                socket.send(message)

        socket.connect_to_server().on_message(answered)

    opened.page.route_web_socket("**/graphql", hold)
    opened.page.reload()
    opened.page.select_option("#list", f"{page_list}-other")
    opened.shows("other")
    opened.page.fill("#add", "early")
    opened.page.press("#add", "Enter")
    opened.until("() => document.body.dataset.live === 'connecting'")
    assert [todo["text"] for todo in server.todo.todos("-L", f"{page_list}-other")] == ["other"]
    holding = False
    for socket, message in held:
        socket.send(message)
    opened.shows("other", "early")


def test_a_list_is_made_and_a_name_that_no_list_can_have_is_refused(opened: Opened, server: Server, page_list: str) -> None:
    opened.open(page_list)
    for name, outcome in ((f"{page_list}-new", None), ("a/b", "cannot contain"), (page_list.upper(), "only by case")):
        opened.page.select_option("#list", "+new")
        opened.page.fill("#new-list-name", name)
        opened.page.keyboard.press("Enter")
        if outcome is None:
            opened.until("name => document.title === `${name} – todo`", name)
            opened.wait()
            opened.shows()
            opened.page.fill("#add", "first")
            opened.page.press("#add", "Enter")
            opened.shows("first")
        else:
            opened.says(outcome)
    assert [todo["text"] for todo in server.todo.todos("-L", f"{page_list}-new")] == ["first"]
    opened.page.select_option("#list", "+new")
    opened.page.keyboard.press("Escape")
    opened.until("name => document.getElementById('list').value === name", f"{page_list}-new")


def test_what_is_forgotten_does_not_stay_on_the_page(opened: Opened, server: Server, page_list: str) -> None:
    opened.open(page_list)
    server.todo("-L", page_list, "forget", "2", "--yes")
    opened.is_not_current()
    opened.page.click("#alert button")
    opened.wait()
    opened.shows("one", "three")
    server.todo("-L", page_list, "add", "four")
    opened.shows("one", "three", "four")


def test_whole_days_belong_to_the_time_zone_of_the_browser(browser: "Browser", server: Server, page_list: str) -> None:
    limits = """async day => {
      const { days } = await import('/page/dates.js');
      return [days.start(day), days.end(day) + 1].map(time => new Date(time).toISOString().slice(0, 16));
    }"""
    with browsing(browser, server, timezone_id="America/New_York") as opened:
        opened.open(page_list)
        assert opened.page.evaluate(limits, "2026-11-28") == ["2026-11-28T05:00", "2026-11-29T05:00"]
        assert opened.page.evaluate(limits, "2026-11-01") == ["2026-11-01T04:00", "2026-11-02T05:00"], "25 hours"
        assert opened.page.evaluate(limits, "2026-03-08") == ["2026-03-08T05:00", "2026-03-09T04:00"], "23 hours"


# GraphiQL


def test_graphiql_runs_queries_and_subscriptions_from_our_own_files(opened: Opened, server: Server, page_list: str) -> None:
    assert server.request("GET", "/graphiql").status == 401
    opened.open(page_list)
    opened.page.goto(f"http://{server.host}/graphiql")
    opened.page.wait_for_selector(".graphiql-execute-button")
    opened.page.click(".graphiql-execute-button")
    opened.page.wait_for_function("() => document.querySelector('.result-window').innerText.includes('totalCount')")
    opened.page.click("[aria-label='Show Documentation Explorer']")
    opened.page.wait_for_selector("text=Root Types")
    document = f'subscription {{ events(after: 0, list: "{page_list}") {{ last }} }}'
    opened.page.evaluate(
        "text => document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.setValue(text)", document
    )
    opened.page.click(".graphiql-execute-button")
    opened.page.wait_for_function("() => document.querySelector('.result-window').innerText.includes('\"last\": 3')")
    add(server, page_list, "four")
    opened.page.wait_for_function("() => document.querySelector('.result-window').innerText.includes('\"last\": 4')")
