"""What is longer than the screen is shown with a pager, on a terminal only."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from tests.conftest import Pasts, Todo
from tests.terminals import Terminal, on_terminal


@pytest.fixture
def many(todo: Todo, pasts: Pasts) -> Todo:
    """A list with more todos than a screen has lines."""
    return pasts.give(todo, _live)


def _live(todo: Todo) -> None:
    todo("add", "-", stdin="".join(f"task {n}\n" for n in range(1, 41)))
    todo("add", "short", "+x")


@pytest.fixture
def marking(todo: Todo) -> str:
    """A pager that says that it was used."""
    script = todo.home / "mark"
    script.write_text("#!/bin/sh\necho PAGED; exec cat\n")
    script.chmod(0o755)
    return str(script)


@pytest.mark.parametrize(
    "args",
    [
        ("history",),
        ("ls",),
        ("show", "1-9"),
        ("diff", "@0"),
        ("blame", "1-40"),
        ("help",),
        ("at", "now", "ls"),
        ("log", "-p"),
    ],
    ids=" ".join,
)
def test_verbs_that_print_more_than_the_screen_use_the_pager(many: Todo, marking: str, args: tuple[str, ...]) -> None:
    times = re.compile(r"as it was [-0-9]+ [:0-9]+")
    paged = times.sub("", on_terminal(many, *args, PAGER=marking))
    assert "PAGED\n" in paged
    assert paged.replace("PAGED\n", "") == times.sub("", on_terminal(many, *args, PAGER="cat"))


def test_what_fits_on_the_screen_starts_no_pager(many: Todo, marking: str) -> None:
    for args in (["ls", "+x"], ["show", "41"], ["history", "-n", "1"], ["diff", "now"], ["agenda"], ["report"]):
        assert "PAGED" not in on_terminal(many, *args, PAGER=marking), args


def test_lines_that_are_broken_by_the_terminal_count_as_several(todo: Todo, marking: str) -> None:
    todo("add", "-", stdin="".join("界" * 60 + f" {n}\n" for n in range(14)))
    assert "PAGED" in on_terminal(todo, "ls", PAGER=marking, NO_COLOR="1")
    assert "PAGED" not in on_terminal(todo, "ls", "text:13", PAGER=marking, NO_COLOR="1")


def test_scripts_and_those_who_want_none_get_no_pager(many: Todo, marking: str) -> None:
    for args in (["--no-pager", "ls"], ["ls", "--no-pager"], ["ls", "--json"], ["ls", "--plain"]):
        assert "PAGED" not in on_terminal(many, *args, PAGER=marking), args
    assert "PAGED" not in on_terminal(many, "ls", PAGER="")
    assert "PAGED" not in on_terminal(many, "ls", PAGER="cat")
    assert "PAGED" not in on_terminal(many, "ls", PAGER=marking, TERM="dumb")
    assert "PAGED" not in many("ls", env={"PAGER": marking}).out
    assert "PAGED" not in many("ls", "--color", "always", env={"PAGER": marking}).out


def test_a_pager_can_be_a_command_line(many: Todo) -> None:
    assert on_terminal(many, "ls", PAGER="sed 's/^/> /'").count("> ") == 41


def test_without_its_pager_everything_is_printed(many: Todo) -> None:
    everything = on_terminal(many, "ls", PAGER="cat")
    for pager in ("nosuchpager", "/nosuch/pager", "nosuchpager --quiet 2>&-", str(many.home)):
        assert on_terminal(many, "ls", PAGER=pager).endswith(everything), pager


def test_a_pager_that_ends_early_is_no_error(many: Todo) -> None:
    many("add", "-", stdin="".join(f"{'long ' * 100}{n}\n" for n in range(400)))
    for pager in ("true", "false", "head -n 1", "kill -9 $$"):
        on_terminal(many, "ls", PAGER=pager)


def test_the_exit_code_and_the_error_are_those_of_the_verb(many: Todo, marking: str) -> None:
    assert "PAGED" in on_terminal(many, "diff", "@0", "--exit-code", PAGER=marking, code=1)
    many("-L", "work", "add", "x")
    many.log_file("work").write_text("damaged\n")
    both = on_terminal(many, "ls", "-A", PAGER=marking, code=5)
    assert both.index("PAGED") < both.index("short") < both.index("todo: ")


@pytest.mark.skipif(shutil.which("less") is None, reason="it needs less")
def test_less_shows_the_first_screen_and_ends_with_q(many: Todo) -> None:
    terminal = Terminal(many, "ls", PAGER=None)
    terminal.wait_for("task 23")
    terminal.type("q")
    assert terminal.end() == 0
    assert "task 40" not in terminal.shown
    assert "\x1b[?1049h" not in terminal.shown  # the text stays on the screen


@pytest.mark.skipif(shutil.which("less") is None, reason="it needs less")
def test_the_options_of_less_are_those_of_the_person(many: Todo) -> None:
    terminal = Terminal(many, "ls", PAGER=None, LESS="R")
    terminal.wait_for("task 23")
    terminal.type("q")
    assert terminal.end() == 0
    assert "\x1b[?1049h" in terminal.shown


@pytest.mark.parametrize("pager", ["less", "sh -c 'echo ready; exec sleep 30'"])
def test_ctrl_c_in_the_pager_is_no_error(many: Todo, pager: str) -> None:
    if pager == "less" and shutil.which("less") is None:
        pytest.skip("it needs less")
    terminal = Terminal(many, "ls", PAGER=pager)
    terminal.wait_for("task 23" if pager == "less" else "ready")
    terminal.type("\x03")
    assert terminal.end("q" if pager == "less" else "") == 0


def test_following_the_history_uses_no_pager(many: Todo, marking: str) -> None:
    terminal = Terminal(many, "history", "--follow", "-n", "40", PAGER=marking)
    terminal.wait_for("short")
    os.killpg(terminal.run.pid, signal.SIGINT)
    assert terminal.end() == 130
    assert "PAGED" not in terminal.shown


def test_a_pager_costs_nothing_where_it_is_not_needed(many: Todo) -> None:
    code = (
        "import sys; from cqrs_todo.cli import main; code = main();"
        "print(sorted({'subprocess', 'cqrs_todo.cli.pager'} & set(sys.modules))); sys.exit(code)"
    )
    for words in ("ls", "done 1", "history"):
        run = [sys.executable, "-c", code, *words.split()]
        done = subprocess.run(run, capture_output=True, env={**many.env, "PYTHONPATH": os.getcwd()}, check=True)
        assert done.stdout.endswith(b"[]\n"), words
