"""Progress is shown on stderr while something takes long on a terminal, and is wiped afterwards."""

import gc
import io
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from benchmarks.homes import write_log
from cqrs_todo.cli import main, output
from cqrs_todo.cli.output import ProgressLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let seconds pass."""
    now = [1_000.0]
    monkeypatch.setattr("cqrs_todo.cli.output.time.monotonic", lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += seconds

    return wait


def test_what_takes_long_is_shown_now_and_then_and_wiped(wait: Callable[[float], None]) -> None:
    line = ProgressLine(quiet=False)
    with redirect_stderr(Terminal()) as terminal:
        _watched(line, wait, terminal)


def _watched(line: ProgressLine, wait: Callable[[float], None], terminal: Terminal) -> None:
    line.begin("reading")
    wait(0.4)
    line(1, 10)
    assert terminal.getvalue() == "", "nobody has waited long yet"
    wait(0.2)
    line(2, 10)
    line(3, 10)
    assert terminal.getvalue() == "\rreading  20%"
    wait(0.2)
    line(9, 10)
    line(10, 10)
    assert terminal.getvalue() == "\rreading  20%\rreading  90%" + "\r            \r"
    line.wipe()
    line.begin("verifying")
    wait(0.6)
    line(5, 10)
    assert terminal.getvalue().endswith("\r\rverifying  50%")


@pytest.mark.parametrize(("quiet", "stream"), [(True, Terminal), (False, io.StringIO)])
def test_nothing_is_shown_to_those_who_dont_watch(
    wait: Callable[[float], None], quiet: bool, stream: type[io.StringIO]
) -> None:
    with redirect_stderr(stream()) as said:
        line = ProgressLine(quiet=quiet)
        wait(9)
        line(1, 2)
        line.wipe()
    assert said.getvalue() == ""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a list of many commits, in which nothing seems quick."""
    for name in list(os.environ):
        if name.startswith(("TODO_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    write_log(tmp_path / ".local/share/cqrs-todo/lists/inbox.jsonl", 100, 2_000)
    monkeypatch.setattr(output, "_PATIENCE", 0.0)
    monkeypatch.setattr(output, "_PAUSE", 0.0)
    return tmp_path


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("args", "work"),
    [
        (["ls"], "reading"),
        (["verify"], "verifying inbox"),
        (["--store", "jsonl:{home}/other", "import", "{log}"], "importing"),
        (["store", "check", "memory:"], "checking memory:"),
        (["store", "rebuild", "search"], "rebuilding search"),
    ],
)
def test_long_work_shows_progress(home: Path, args: list[str], work: str) -> None:
    log = home / ".local/share/cqrs-todo/lists/inbox.jsonl"
    gc.collect()  # `store check` reports what is found to be left open during it, also what other tests have left
    with redirect_stderr(Terminal()) as terminal:
        code = main([arg.replace("{log}", str(log)).replace("{home}", str(home)) for arg in args])
    said = terminal.getvalue()
    assert code == 0, said
    assert f"\r{work} " in said
    assert "%" in said
    assert said.endswith(" \r"), "nothing of it is left"


@pytest.mark.usefixtures("home")
def test_adding_many_todos_shows_progress() -> None:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(b"x\n" * 50))
    try:
        with redirect_stderr(Terminal()) as terminal:
            assert main(["add", "-"]) == 0
    finally:
        sys.stdin = before
    assert "\radding " in terminal.getvalue()
    assert terminal.getvalue().endswith(" \r")
