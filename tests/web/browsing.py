"""A real browser for the tests of the page: Chromium, driven by Playwright. Without them its tests are skipped."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.conftest import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

LIVE = "() => document.body.dataset.live === 'live' && document.body.dataset.history === 'complete'"
EXPECTED = ("WebSocket connection", "Failed to load resource")
"""What the console says of requests that fail, which some tests want."""
_PATIENCE = 60
"""How many seconds a busy machine has to show what is expected."""


@contextmanager
def chromium() -> "Iterator[Browser]":
    """Start a browser."""
    api = pytest.importorskip("playwright.sync_api", reason="the package `playwright` is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """The page, opened on a list."""

    def __init__(self, page: "Page", server: Server) -> None:
        self.page = page
        self.server = server
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(f"{error}\n{error.stack}"))
        page.on("console", self._heard)
        page.on("request", lambda request: self._asked(request.url))
        page.on("dialog", lambda dialog: self.errors.append(f"a dialog: {dialog.message}"))

    def _heard(self, message: "ConsoleMessage") -> None:
        if message.type == "error" and not any(each in message.text for each in EXPECTED):
            self.errors.append(message.text)

    def _asked(self, url: str) -> None:
        if not url.startswith((f"http://{self.server.host}/", "data:", "about:")):
            self.elsewhere.append(url)

    def open(self, name: str, at: str = "") -> None:
        """Open the URL that `todo serve` printed, with a list and a moment in its fragment."""
        moment = f"&at={at}" if at else ""
        self.page.goto(f"http://{self.server.host}/?token={self.server.token}#list={name}{moment}")
        self.wait()

    def until(self, condition: str, argument: Any = None, seconds: float = _PATIENCE) -> None:
        """Wait until a function of JavaScript returns true. If it does not, say what the page shows instead."""
        from playwright.sync_api import TimeoutError as TookTooLong

        try:
            self.page.wait_for_function(condition, arg=argument, timeout=seconds * 1000)
        except TookTooLong:
            shown = self.page.inner_text("body")
            raise AssertionError(f"{argument}: {self.page.evaluate(_STATE)}\n{shown}\n{self.errors}") from None

    def wait(self) -> None:
        """Wait until the page shows the present and knows the whole past."""
        self.until(LIVE)

    def is_not_current(self, seconds: float = _PATIENCE) -> None:
        """Wait until the page says that what it shows may be old."""
        self.until("() => ['lost', 'failed'].includes(document.body.dataset.live)", seconds=seconds)
        self.says("hat you see", "old")

    def shows(self, *texts: str) -> None:
        """Wait until exactly these todos are shown, in this order."""
        self.until(_TEXTS, list(texts))

    def says(self, *texts: str) -> None:
        """Wait until a notice or a message has some texts."""
        self.until(_SAID, list(texts))


_STATE = "() => [{...document.body.dataset}, location.hash, document.getElementById('said').textContent]"
_TEXTS = """wanted => JSON.stringify([...document.querySelectorAll('.row:not(.group):not([hidden])')]
  .sort((one, two) => one.place - two.place).map(row => row.querySelector('.text').textContent))
  === JSON.stringify(wanted)"""
_SAID = """texts => texts.every(text => ['alert', 'toast', 'said', 'live', 'details']
  .some(id => document.getElementById(id).textContent.includes(text)))"""


@contextmanager
def browsing(browser: "Browser", server: Server, **options: Any) -> Iterator[Opened]:
    """Make a page in a browser of its own, which at the end has reported no error and asked no other host."""
    settings: dict[str, Any] = {"viewport": {"width": 1200, "height": 900}, "timezone_id": "UTC", **options}
    context = browser.new_context(**settings)
    context.set_default_timeout(_PATIENCE * 1000)
    opened = Opened(context.new_page(), server)
    try:
        yield opened
    finally:
        context.close()
    assert (opened.errors, opened.elsewhere) == ([], [])


def add(server: Server, name: str, *lines: str) -> None:
    """Add todos to a list, which is made if it does not exist."""
    server(
        "mutation($list: String, $lines: [String!]!) { addLines(list: $list, lines: $lines) { position } }",
        list=name,
        lines=lines,
    )
