"""Frame times of the page's time slider while it is dragged, by Chromium's own tracing.

    python -m benchmarks.slider [--chromium PATH]

It needs the package `playwright` and Debian's Chromium. Each list is served by `todo serve`, and the slider is dragged there
and back for some seconds by the events that a mouse makes. A frame counts if all of it was shown, with
what the page computed for it. A frame takes as long as it comes after the one before it.
"""

import argparse
import asyncio
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .homes import with_history
from .measure import environment

SIZES = ((100, 1_000), (1_000, 10_000), (10_000, 100_000))
"""The lists: how many todos and events."""
SECONDS = 6.0
SIZE = {"width": 1440, "height": 900}
CONTROL = """<!doctype html><body style="margin:0"><div id=slider style="height:60px"></div><p>x</p><script>
  const box = document.querySelector('p');
  let x = 0, wanted = false;
  slider.addEventListener('pointermove', event => {
    x = event.clientX;
    if (!wanted) requestAnimationFrame(() => { wanted = false; box.style.transform = `translateX(${x}px)`; });
    wanted = true;
  });
</script>"""
"""A page in which only one letter moves. It shows how many frames this machine can draw at all."""
LIVE = "() => document.body.dataset.live === 'live' && document.body.dataset.history === 'complete'"


@dataclass(frozen=True)
class Frames:
    """What was measured on one list."""

    todos: int
    events: int
    loaded: float
    milliseconds: list[float]
    work: list[float]
    heap: float

    @property
    def row(self) -> str:
        """A row of the table in docs/web.md."""
        median = statistics.median(self.milliseconds)
        late = sorted(self.milliseconds)[math.ceil(0.99 * len(self.milliseconds)) - 1]
        what = f"{self.todos:,} | {self.events:,} | {self.loaded:.1f} s" if self.events else "control | | "
        return (
            f"| {what} | {len(self.milliseconds)} | {1000 / median:.0f} | {late:.0f} ms | {max(self.milliseconds):.0f} ms "
            f"| {statistics.median(self.work):.1f} ms | {max(self.work):.0f} ms | {self.heap:.0f} MB |"
        )


def frames_of(trace: list[dict[str, Any]]) -> list[float]:
    """Return the milliseconds between the frames that were shown between the marks `drag` and `dropped`."""
    marks = {
        event["name"]: event
        for event in trace
        if event.get("cat", "").startswith("blink.user_timing") and event["name"] in ("drag", "dropped")
    }
    begun: dict[str, Any] = {}
    shown: list[float] = []
    for event in sorted(trace, key=lambda event: event.get("ts", 0)):
        if event["name"] != "PipelineReporter" or event["pid"] != marks["drag"]["pid"]:
            continue
        id = event["id2"]["local"]
        if event["ph"] == "b":
            begun[id] = event["args"]["frame_reporter"]
        elif event["ph"] == "e" and begun.pop(id, {}).get("state") == "STATE_PRESENTED_ALL":
            shown.append(event["ts"])
    shown = [time for time in shown if marks["drag"]["ts"] <= time <= marks["dropped"]["ts"]]
    return [(after - before) / 1000 for before, after in itertools.pairwise(shown)]


def work_of(trace: list[dict[str, Any]]) -> list[float]:
    """Return the milliseconds of processor time that the page's thread worked on each frame, without what it waited."""
    [marked] = [event for event in trace if event["name"] == "drag" and "blink.user_timing" in event.get("cat", "")]
    return [
        event["tdur"] / 1000
        for event in trace
        if event["name"] == "ProxyMain::BeginMainFrame"
        and "tdur" in event
        and (event["pid"], event["tid"]) == (marked["pid"], marked["tid"])
        and event["ts"] >= marked["ts"]
    ]


async def drag(browser: Any, page: Any, folder: Path) -> tuple[list[float], list[float]]:
    """Drag the slider of a page, and return the milliseconds between frames, and those of work."""
    box = await page.locator("#slider").bounding_box()
    left, width, y = box["x"], box["width"], box["y"] + box["height"] / 2
    mouse = await page.context.new_cdp_session(page)
    await browser.start_tracing(page=page, path=str(folder / "trace"), categories=["blink.user_timing", "cc"])
    await page.mouse.move(left + width - 1, y)
    await page.mouse.down()
    await page.evaluate("() => performance.mark('drag')")
    sent: list[asyncio.Task[Any]] = []
    until = time.monotonic() + SECONDS
    while (left_over := until - time.monotonic()) > 0:
        part = 0.5 + 0.49 * math.cos((SECONDS - left_over) * math.pi / (SECONDS / 2))  # there and back, twice
        move = {"type": "mouseMoved", "x": left + width * part, "y": y, "button": "left", "buttons": 1}
        # a mouse sends 125 events in a second, and does not wait until the page has drawn what came of the last one
        sent.append(asyncio.create_task(mouse.send("Input.dispatchMouseEvent", move)))
        await asyncio.sleep(0.008)
    await asyncio.gather(*sent)
    await page.evaluate("() => performance.mark('dropped')")
    await page.mouse.up()
    await browser.stop_tracing()
    trace = json.loads((folder / "trace").read_bytes())["traceEvents"]
    return frames_of(trace), work_of(trace)


async def control(browser: Any, folder: Path) -> Frames:
    """Drag on a page in which only one letter moves."""
    page = await browser.new_page(viewport=SIZE)
    await page.set_content(CONTROL)
    frames, work = await drag(browser, page, folder)
    await page.close()
    return Frames(0, 0, 0, frames, work, 0)


async def measure(browser: Any, folder: Path, todos: int, events: int) -> Frames:
    """Serve a list, open the page, and drag."""
    program = [sys.executable, "-m", "cqrs_todo"]
    home = with_history(folder / f"{events}", program, todos, events)
    server = subprocess.Popen(
        [*program, "--json", "serve", "--port", "0"], stdout=subprocess.PIPE, env=environment(home.path), cwd=home.path
    )
    try:
        assert server.stdout is not None
        document = json.loads(server.stdout.readline())
        page = await browser.new_page(viewport=SIZE)
        begun = time.monotonic()
        await page.goto(document["url"])
        await page.wait_for_function(LIVE, timeout=120_000)
        loaded = time.monotonic() - begun
        frames, work = await drag(browser, page, folder)
        heap = await page.evaluate("() => performance.memory.usedJSHeapSize") / 2**20
        await page.close()
        return Frames(todos, events, loaded, frames, work, heap)
    finally:
        server.terminate()
        server.wait()


async def main() -> None:
    """Measure all lists, and print a table."""
    from playwright.async_api import async_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--sizes", type=int, nargs="*", default=[events for _, events in SIZES])
    given = parser.parse_args()
    sys.stdout.write(
        "| todos | events | loaded | frames | frames/s (median) | 99 % | longest | work (median) | most work | heap |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|---|---|---|---|\n")
    with tempfile.TemporaryDirectory() as folder:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=given.chromium)
            sys.stdout.write((await control(browser, Path(folder))).row + "\n")
            for todos, events in SIZES:
                if events in given.sizes:
                    sys.stdout.write((await measure(browser, Path(folder), todos, events)).row + "\n")
                    sys.stdout.flush()
    sys.stdout.write(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n")


if __name__ == "__main__":
    asyncio.run(main())
