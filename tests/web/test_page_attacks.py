"""Attacks on the page: texts that want to run, and a foreign page in the same browser. And its accessibility, by axe."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cqrs_todo.cli.text import visible
from tests.conftest import Todo
from tests.web.browsing import Opened, add, browsing
from tests.web.conftest import Server, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

RUN = "window.ran=1"
ATTACKS = [
    f"<script>{RUN}</script>",
    f"<ScRiPt>{RUN}</sCrIpT>",
    f"<script src=data:text/javascript,{RUN}></script>",
    f"<img src=x onerror={RUN}>",
    f"<img/src=x/onerror={RUN}//",
    "<img src=http://evil.example/x.png>",
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<svg><use href='data:image/svg+xml,<svg id=x onload={RUN}>#x'/></svg>",
    f"<math><mtext></form><form><mglyph><style></math><img src onerror={RUN}>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<iframe src=javascript:parent.{RUN}></iframe>",
    f"<object data=javascript:{RUN}></object>",
    f"<embed src=javascript:{RUN}>",
    f"<body onload={RUN}>",
    f"<details open ontoggle={RUN}>x</details>",
    f"<input autofocus onfocus={RUN}>",
    f"<select autofocus onfocus={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f"<audio src=x onerror={RUN}>",
    f"<marquee onstart={RUN}>x</marquee>",
    "<style>*{background:url(http://evil.example/x)}</style>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
    "<base href=http://evil.example/>",
    f"<a href=javascript:{RUN}>x</a>",
    f"[x](javascript:{RUN})",
    f"[x](JaVaScRiPt&#58;{RUN})",
    f"[x](data:text/html,<script>{RUN}</script>)",
    f"[x](vbscript:{RUN})",
    "![x](http://evil.example/x.png)",
    f'![x" onerror="{RUN}](x)',
    f"<javascript:{RUN}>",
    f'" onmouseover="{RUN}" x="',
    f"' autofocus onfocus='{RUN}",
    f"`${{{RUN}}}`",
    f"{{{{constructor.constructor('{RUN}')()}}}}",
    f"</textarea><script>{RUN}</script>",
    f"</title><script>{RUN}</script>",
    f"<!--><img src=x onerror={RUN}>-->",
    f"<template><img src=x onerror={RUN}></template>",
    f"\u202e<img src=x onerror={RUN}>\u2028\u0000".replace("\u0000", ""),
]
"""Distinct ways to make a page run or load something."""
FORBIDDEN = "#main :is(script, img, iframe, object, embed, svg, math, video, audio, style, link, base, marquee, template)"

OPEN_ALL = """async ([count, forbidden]) => {
  let shown = 0;
  for (let place = 0; place < count; place++) {
    document.getElementById(`row-${place}`).querySelector('.text').click();
    const isShown = () => document.querySelector('#details h2')?.textContent === `Todo ${place + 1}`
      && (place < 6 || document.querySelector('#details .note'));
    for (let wait = 0; !isShown() && wait < 2000; wait++) await new Promise(next => setTimeout(next, 5));
    await new Promise(requestAnimationFrame);
    if (!isShown()) throw new Error(`${place} is not shown`);
    if (document.querySelector(forbidden)) throw new Error(`${place}: ${document.querySelector(forbidden).outerHTML}`);
    shown++;
  }
  return shown;
}"""
"""Opens the details of each todo, which show its text, its note, its fields, its authors and its events."""


def test_no_text_note_tag_project_author_or_list_name_runs_or_loads_anything(browser: "Browser", todo: Todo) -> None:
    assert len(ATTACKS) >= 40
    config = todo.home / ".config/cqrs-todo/config.toml"
    config.parent.mkdir(parents=True)
    for number, attack in enumerate(ATTACKS[:6]):
        config.write_text(f'author = {json.dumps(attack)}\n[attributes]\nestimate = "text"\n')
        todo("add", f"by author {number}")
    with serving(todo) as server:
        for start in range(0, len(ATTACKS), 20):
            todos = [
                {"text": attack, "note": attack, "attributes": [{"key": "estimate", "value": attack}]}
                for attack in ATTACKS[start : start + 20]
            ]
            server("mutation($todos: [NewTodo!]!) { add(todos: $todos) { position } }", todos=todos)
        accepted = {"tags": 0, "project": 0}
        for number, attack in enumerate(ATTACKS, 7):  # some are not words, and are refused
            word = attack.replace(" ", "/")
            for field, value in (("tags", [f"x{word}"]), ("project", word)):
                document = "mutation($c: Changes!, $ids: [ID!]) { change(ids: $ids, changes: $c) { commits } }"
                accepted[field] += not server.answer(document, ids=[str(number)], c={field: value}).get("errors")
        assert min(accepted.values()) >= 20, accepted
        names = 0
        for attack in ATTACKS:
            assert server.answer("mutation($n: String!) { newList(name: $n) }", n=attack).get("errors"), attack
            names += 1
        assert names == len(ATTACKS)
        with browsing(browser, server, viewport={"width": 1200, "height": 3000}) as opened:
            opened.open("inbox")
            opened.page.click("[data-view=all]")
            shown = [*(f"by author {number}" for number in range(6)), *map(visible, ATTACKS)]
            opened.shows(*shown)
            assert opened.page.evaluate(OPEN_ALL, [6 + len(ATTACKS), FORBIDDEN]) == 6 + len(ATTACKS)
            for attack in ATTACKS[::6]:  # in messages
                with opened.page.expect_response(lambda response: "/matching" in response.url):
                    opened.page.fill("#search", attack)
                with opened.page.expect_response(lambda response: "/graphql" in response.url):
                    opened.page.fill("#add", f"{attack} due:{attack.replace(' ', '')}")
                    opened.page.press("#add", "Enter")
                opened.page.evaluate("text => { location.hash = `#at=${encodeURIComponent(text)}`; }", attack)
                opened.says(f"names no moment: {visible(attack)}")
            opened.page.fill("#search", "")
            opened.shows(*shown)
            opened.page.hover(".row:not([hidden]) .text")
            opened.page.wait_for_selector("#blame:not([hidden])")
            assert opened.page.locator(FORBIDDEN).count() == 0
            links = opened.page.locator("#main a").evaluate_all("links => links.map(link => link.protocol)")
            assert set(links) <= {"http:", "https:", "mailto:"}
            assert opened.page.evaluate("() => window.ran === undefined")


# a foreign page

FOREIGN = """<!doctype html><title>foreign</title><script>
const url = 'http://SERVER';
const body = JSON.stringify({ query: 'mutation { add(todos: [{text: "foreign"}]) { position } }' });
const read = async (path, options) => (await fetch(url + path, { credentials: 'include', ...options })).text();
const json = { 'Content-Type': 'application/json' };
const socket = () => new Promise((resolve, reject) => {
  const made = new WebSocket(url.replace('http', 'ws') + '/graphql', 'graphql-transport-ws');
  made.onopen = () => resolve('open');
  made.onerror = () => reject(new Error('refused'));
});
const element = (tag, attributes, good) => new Promise((resolve, reject) => {
  const made = Object.assign(document.createElement(tag), attributes);
  made.onload = () => good(made) ? resolve('loaded') : reject(new Error('refused'));
  made.onerror = () => reject(new Error('refused'));
  document.body.append(made);
});
const visible = frame => { try { return frame.contentDocument.body.textContent.includes('todo'); } catch { return false; } };
const graphql = (type, content, more) => read('/graphql', { method: 'POST', body: content, headers: type, ...more });
const unreadable = () => { throw new Error('nothing can be read'); };
const attempts = {
  page: () => read('/'), state: () => read('/state'), deltas: () => read('/deltas'), fields: () => read('/fields'),
  matching: () => read('/matching?query=x'),
  note: () => read('/note', { method: 'POST', body: '{"note":"x"}', headers: json }),
  query: () => graphql(json, '{"query":"{ apiVersion }"}'), mutation: () => graphql(json, body),
  plain: () => graphql({ 'Content-Type': 'text/plain' }, body),
  form: () => graphql({}, new URLSearchParams({ query: body })),
  multipart: () => { const form = new FormData(); form.set('operations', body); return graphql({}, form); },
  put: () => graphql(json, body, { method: 'PUT' }),
  opaque: async () => { if (!(await graphql({}, body, { mode: 'no-cors' }))) unreadable(); },
  beacon: () => { navigator.sendBeacon(url + '/graphql', new Blob([body], { type: 'text/plain' })); unreadable(); },
  socket, script: () => element('script', { src: url + '/page/app.js' }, () => true),
  module: () => import(url + '/page/history.js'),
  style: () => element('link', { rel: 'stylesheet', href: url + '/page/page.css' }, () => true),
  image: () => element('img', { src: url + '/page/icon.svg' }, () => true),
  frame: () => element('iframe', { src: url + '/' }, visible),
  events: () => new Promise((resolve, reject) => {
    const made = new EventSource(url + '/graphql', { withCredentials: true });
    made.onopen = () => { made.close(); resolve(); };
    made.onerror = () => { made.close(); reject(new Error('refused')); };
  }),
  window: () => new Promise((resolve, reject) => {
    const made = open(url + '/');
    setTimeout(() => {
      try { resolve(made.document.body.textContent); } catch (error) { reject(error); } finally { made?.close(); }
    }, 400);
  }),
};
window.attack = async () => {
  const found = {};
  for (const [name, attempt] of Object.entries(attempts)) {
    try { await attempt(); found[name] = 'succeeded'; } catch { found[name] = 'refused'; }
  }
  return found;
};
</script><body>"""


@contextmanager
def foreign_site(server: Server) -> Iterator[int]:
    """A page on another port of this machine, to which the browser sends the same cookies."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            target = f"127.0.0.1:{site.server_address[1]}" if self.path == "/itself" else server.host
            self.wfile.write(FOREIGN.replace("SERVER", target).replace("<body>", "<body>todo").encode())

        do_POST = do_PUT = do_GET  # noqa: N815 - the names that the base class calls

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield site.server_address[1]
        site.shutdown()
        thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_foreign_page_in_the_same_browser_can_neither_read_nor_write(
    browser: "Browser", server: Server, page_list: str, host: str
) -> None:
    before = server.todo.content()
    with foreign_site(server) as port:
        context = browser.new_context()
        own = Opened(context.new_page(), server)
        own.open(page_list)
        page = context.new_page()
        page.goto(f"http://{host}:{port}/")
        found = page.evaluate("() => attack()")
        assert {name for name, outcome in found.items() if outcome != "refused"} == set()
        assert len(found) == 22
        page.goto(f"http://127.0.0.1:{port}/itself")  # where it may do so, it can: what was refused was a real attempt
        outcomes = page.evaluate("() => attack()")
        able = {name for name, outcome in outcomes.items() if outcome == "succeeded"}
        assert able >= {"page", "state", "note", "query", "mutation", "plain", "form", "multipart", "put", "opaque", "frame"}
        add(server, page_list, "four")
        own.shows("one", "two", "three", "four")
        context.close()
    assert server.todo.content() == before


def test_the_token_stays_neither_in_the_address_nor_in_the_history_nor_in_a_referrer(
    opened: Opened, server: Server, page_list: str
) -> None:
    referrers: list[str] = []
    opened.page.on("request", lambda request: referrers.append(request.headers.get("referer", "")))
    opened.open(page_list)
    texts = opened.page.evaluate("() => [location.href, document.referrer, document.cookie, document.body.outerHTML]")
    texts += opened.page.evaluate("() => performance.getEntries().map(entry => entry.name)")
    texts += opened.page.evaluate("() => [JSON.stringify({...localStorage}), JSON.stringify({...sessionStorage})]")
    session = opened.page.context.new_cdp_session(opened.page)
    texts += [entry["url"] for entry in session.send("Page.getNavigationHistory")["entries"]]
    assert server.token not in " ".join(texts)
    assert set(referrers) == {""}


# accessibility


def violations(opened: Opened) -> list[str]:
    spec = find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        pytest.skip("the package `axe-playwright-python` is not installed")
    opened.page.evaluate((Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = opened.page.evaluate("() => axe.run({ resultTypes: ['violations'] })")
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:200]} {each['nodes'][0]['failureSummary']}"
        for each in found["violations"]
    ]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 360)])
def test_axe_finds_nothing(browser: "Browser", server: Server, page_list: str, scheme: str, width: int) -> None:
    add(
        server,
        page_list,
        "late due:2020-01-01 pri:H +home project:x",
        "mid pri:M wait:2090-01-01",
        "part under:1 every:month",
    )
    server.todo("-L", page_list, "done", "2")
    options: Any = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}}
    with browsing(browser, server, **options) as opened:
        opened.open(page_list)
        assert violations(opened) == []
        opened.page.click("[data-view=all]")
        opened.page.keyboard.press("j")
        opened.page.keyboard.press("Enter")
        assert violations(opened) == []
        covered = opened.page.evaluate("() => document.querySelector('.todos').inert")
        assert covered == (width < 900), "what the details cover cannot be reached by keyboard"
        opened.page.keyboard.press("Escape")
        for _ in range(2):
            opened.page.keyboard.press("[")
        opened.page.wait_for_selector("#past:not([hidden])")
        assert violations(opened) == []
        opened.page.keyboard.press("?")
        assert violations(opened) == []
        assert opened.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"


def test_it_can_be_used_by_keyboard_alone_and_says_what_is_where(opened: Opened, page_list: str) -> None:
    opened.open(page_list)
    order = []
    for _ in range(20):
        opened.page.keyboard.press("Tab")
        order.append(opened.page.evaluate("() => document.activeElement.id || document.activeElement.textContent.trim()"))
    wanted = [
        "Skip to the todos",
        "list",
        "search",
        "Board",
        "List",
        "All",
        "undo",
        "redo",
        "help-button",
        "add",
        "Add",
        "rows",
    ]
    wanted += ["step-back", "play-back", "play", "step", "slider"]
    assert order[: len(wanted)] == wanted
    opened.page.focus("#rows")
    opened.page.keyboard.press("ArrowDown")
    active = opened.page.get_attribute("#rows", "aria-activedescendant")
    assert opened.page.inner_text(f"#{active} .text") == "one"
    assert opened.page.get_attribute(f"#{active}", "aria-selected") == "true"
    snapshot = opened.page.locator("body").aria_snapshot()
    for part in ("banner", "main", "contentinfo", 'grid "Todos"', 'slider "Moment"', 'checkbox "Done: one"', "search"):
        assert part in snapshot, part
    opened.page.keyboard.press("?")
    opened.page.uncheck("#single-keys")
    opened.page.keyboard.press("Escape")
    opened.page.focus("#rows")
    opened.page.keyboard.press("x")
    opened.page.keyboard.press("ArrowDown")
    opened.shows("one", "two", "three")


def test_the_printed_page_has_every_todo(opened: Opened, server: Server) -> None:
    add(server, "printed", *(f"todo {number}" for number in range(200)))
    opened.open("printed")
    count = "() => document.querySelectorAll('.row:not(.group):not([hidden])').length"
    assert opened.page.evaluate(count) < 60, "only the rows that are visible exist"
    opened.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert opened.page.evaluate(count) == 200
    opened.page.emulate_media(media="print")
    assert opened.page.locator("#add").is_hidden()
    opened.page.emulate_media(media="screen")
    opened.page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert opened.page.evaluate(count) < 60
