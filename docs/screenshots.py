"""Screenshots of the page for docs/web.md and the README: `python -m docs.screenshots`. They need Chromium and Playwright.

The list in them has a history of some weeks, which the program records at these times.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

from docs.generate import run, surroundings
from tests.conftest import Todo
from tests.web.browsing import browsing, chromium
from tests.web.conftest import serving

PICTURES = Path(__file__).parent / "page"
_LINES = (
    "Plan the workshop project:work due:{5} pri:H",
    "Book the room +calls under:1",
    "Write the slides under:1",
    "Send the invitations under:1 depends:2 due:{2}",
    "Buy milk +home due:{0}",
    "Pay the rent every:month due:{-2} pri:M",
    "Repair the bicycle +bike",
    "Renew the passport wait:{40}",
    "Read the book on event sourcing pri:L +reading",
    "Call the dentist +calls due:{1}",
    "Water the plants every:3-days +home due:{0}",
    "Write to Jo +post",
)
_NOTE = "# Front brake\n\nAsk at [the shop](https://example.org) **before** winter:\n\n- cable\n- pads"


def _commands(now: datetime) -> Iterator[tuple[int, list[str]]]:
    """Yield command lines, each with the hours since the one before it."""
    for place, line in enumerate(_LINES):
        for distance in (-2, 0, 1, 2, 5, 40):
            line = line.replace(f"{{{distance}}}", f"{now + timedelta(days=distance):%Y-%m-%d}")
        yield (26 if place % 4 == 0 else 1), ["add", *line.split()]
    changes = [
        "note 7",
        "edit 5 Buy oat milk",
        "done 2",
        "edit 9 +books",
        "edit 1 due:none",
        "undo",
        "done 12",
        "edit 3 pri:M",
    ]
    changes += [f"add Errand {number} +errand" for number in range(18)] + [f"done {number}" for number in range(13, 31)]
    changes += ["edit 10 -- Call the dentist again", "reopen 12", "edit 3 -- Write the slides and rehearse", "edit 4 +post"]
    for place, change in enumerate(changes):
        words = change.split() if change.startswith("add") else change.split(" ", 2)
        yield (1, 3, 9, 1, 17, 1)[place % 6], ["note", "7", _NOTE] if change == "note 7" else words


def main() -> None:
    """Take the screenshots."""
    now = datetime.now(UTC)
    commands = list(_commands(now))
    with surroundings(), chromium() as browser:
        at = now - timedelta(hours=sum(hours for hours, _ in commands) + 1)
        for hours, args in commands:
            at += timedelta(hours=hours)
            with time_machine.travel(at, tick=False):
                run(*args)
        home = Todo(Path.home())
        PICTURES.mkdir(exist_ok=True)
        with serving(home) as server:
            for scheme in ("light", "dark"):
                for width, height in ((1440, 900), (360, 740)):
                    size = {"width": width, "height": height}
                    with browsing(browser, server, viewport=size, color_scheme=scheme, reduced_motion="reduce") as opened:
                        opened.open("inbox")
                        opened.page.screenshot(path=PICTURES / f"{width}-{scheme}.png")
                        opened.page.click("[data-view=list]")
                        if (width, scheme) == (1440, "light"):
                            opened.page.keyboard.press("j")
                            opened.page.locator(".row:not([hidden]) .text", has_text="Repair").click()
                            opened.page.wait_for_selector(".note")
                            opened.page.screenshot(path=PICTURES / f"{width}-{scheme}-details.png")
                            opened.page.keyboard.press("Escape")
                        opened.page.focus("#slider")
                        for _ in range(28):
                            opened.page.keyboard.press("ArrowLeft")
                        opened.page.wait_for_function(
                            "() => document.getElementById('past-text').textContent.includes('differ')"
                        )
                        opened.page.screenshot(path=PICTURES / f"{width}-{scheme}-past.png")


if __name__ == "__main__":
    main()
