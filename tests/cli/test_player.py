"""`todo replay`: on a terminal a player in both directions, in a pipe a document for each commit."""

import codecs
import fcntl
import json
import os
import pty
import random
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from rich.cells import cell_len

from tests.conftest import Todo

ALTERNATE, BACK = "\x1b[?1049h", "\x1b[?1049l"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LEFT, RIGHT, HOME, END = "\x1b[D", "\x1b[C", "\x1b[H", "\x1b[F"


COMMITS = [1, 3, 5, 6, 7]


class Screen:
    """A run of the program on a terminal of its own, that can be typed at."""

    def __init__(self, todo: Todo, *args: str, columns: int = 80, lines: int = 24, code: str = "", **env: str) -> None:
        self.main, self.side = pty.openpty()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(self.side)
        self.run = subprocess.Popen(
            [sys.executable, *(["-c", code] if code else ["-m", "cqrs_todo"]), *args],
            stdin=self.side,
            stdout=self.side,
            stderr=self.side,
            env={**todo.env, "TERM": "xterm-256color", "PYTHONPATH": os.getcwd(), **env},
            preexec_fn=_own_terminal,
        )
        self.shown = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")()

    def resize(self, columns: int, lines: int) -> None:
        self.lines = lines
        termios.tcsetwinsize(self.side, (lines, columns))

    def type(self, keys: str) -> None:
        os.write(self.main, keys.encode())

    def frame(self) -> list[str]:
        """Return the lines of the last frame that was drawn completely; none if there is none yet."""
        for text in reversed(self.shown.split("\x1b[H")[1:]):
            lines = CONTROL.sub("", text).split("\r\n")
            if len(lines) == self.lines:
                return [line.rstrip() for line in lines]
        return []

    def wait(self, holds: Callable[[list[str]], bool], what: str) -> list[str]:
        """Read until the last frame is as it should be."""
        deadline = time.monotonic() + 20
        while not (self.frame() and holds(self.frame())):
            assert time.monotonic() < deadline, f"{what}: {self.frame()}"
            self.read()
        return self.frame()

    def wait_for(self, words: str) -> list[str]:
        return self.wait(lambda lines: any(words in line for line in lines), f"{words!r} is not shown")

    def wait_at(self, position: int) -> list[str]:
        return self.wait(lambda lines: lines[0].startswith(f"@{position} "), f"@{position} is not shown")

    def read(self) -> None:
        if select.select([self.main], [], [], 0.1)[0]:
            self.shown += self.decoder.decode(os.read(self.main, 65536))

    def end(self) -> int:
        """Wait until the program ends; the terminal must then be as it was."""
        deadline = time.monotonic() + 20
        while self.run.poll() is None:
            assert time.monotonic() < deadline, self.shown[-2000:]
            self.read()
        while select.select([self.main], [], [], 0.2)[0]:
            self.shown += self.decoder.decode(os.read(self.main, 65536))
        after = termios.tcgetattr(self.side)
        os.close(self.main)
        os.close(self.side)
        assert after == self.before, "the terminal is as it was"
        assert self.shown.count(ALTERNATE) == self.shown.count(BACK)
        assert self.shown.rfind("\x1b[?25h") >= self.shown.rfind("\x1b[?25l"), "the cursor is shown"
        return self.run.returncode

    @property
    def left_behind(self) -> str:
        """What is on the usual screen after the end."""
        return CONTROL.sub("", self.shown[self.shown.rindex(BACK) :])


def _own_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def todos_in(frame: list[str]) -> list[tuple[int, str, str]]:
    """Return number, state and the rest of each todo in a frame of 80 by 24."""
    below = frame[frame.index("") :]
    rows = (re.fullmatch(r">? *(\d+) ([✓ ]) (.*)", line) for line in below)
    return [(int(row[1]), "done" if row[2] == "✓" else "open", row[3]) for row in rows if row]


def todos_at(todo: Todo, position: int, name: str = "inbox") -> list[tuple[int, str, str]]:
    """Return the same of a list as it was."""
    found = []
    for line in todo("-L", name, "at", f"@{position}", "ls", "--all", "--plain").out.splitlines():
        number, state, priority, _, text, tags, _ = line.split("\t")
        details = [*(f"+{tag}" for tag in tags.split()), *([f"priority {priority}"] if priority else [])]
        found.append((int(number), state, f"{text} ({', '.join(details)})" if details else text))
    return found


def test_forward_each_frame_is_the_list_at_its_position(lived: Todo) -> None:
    screen = Screen(lived, "replay", "--step")
    for position in COMMITS:
        assert todos_in(screen.wait_at(position)) == todos_at(lived, position)
        screen.type(RIGHT)
    screen.wait_for("This is the last change.")
    screen.type("q")
    assert screen.end() == 0


def test_each_frame_names_the_todo_and_shows_where_in_the_history_it_is(lived: Todo) -> None:
    screen = Screen(lived, "replay", "--step", "--from", "@5")
    done = screen.wait_at(5)
    assert done[1] == "   2 done (two)"
    bar = next(line for line in done if "●" in line)
    assert re.fullmatch(r"20\d\d-\d\d-\d\d ●─+ 20\d\d-\d\d-\d\d", bar)
    assert len(bar) == 80
    assert "\x1b[1;32mdone" in screen.shown
    screen.type(RIGHT)
    assert screen.wait_at(6)[1] == "   1 removed (uno)"
    screen.type(END)
    last = screen.wait_at(7)
    assert last[1] == "   3 created: three (+x)"
    assert re.fullmatch(r"20\d\d-\d\d-\d\d ━+● 20\d\d-\d\d-\d\d", next(line for line in last if "●" in line))
    screen.resize(80, 12)
    assert not any("●" in line for line in screen.wait(lambda lines: "●" not in "".join(lines), "the bar is still there"))
    screen.type("q")
    assert screen.end() == 0


def test_backward_each_frame_is_the_list_at_its_position(lived: Todo) -> None:
    screen = Screen(lived, "replay", "--step", "--from", "@7", "--to", "@1")
    screen.wait_for("paused backward")
    for position in COMMITS[::-1]:
        assert todos_in(screen.wait_at(position)) == todos_at(lived, position)
        screen.type("n" if position > 1 else LEFT)
    screen.wait_for("This is the first change.")
    screen.type("n")  # what comes after the last frame in the direction of playing is the end
    assert screen.end() == 0


def test_wherever_the_keys_lead_each_frame_is_the_list_at_its_position(todo: Todo) -> None:
    draw = random.Random(19)
    todo("add", "-", stdin="".join(f"todo {n}\n" for n in range(1, 5)))
    for step in range(24):
        verb = draw.choice((["done", "1"], ["reopen", "1"], ["tag", "2", "+a"], ["edit", "3", f"text {step}"], ["rm", "4"]))
        todo.run(*draw.choice((verb, verb, ["undo"], ["redo"], ["restore", "--to", "@5"], ["add", f"new {step}", "pri:M"])))
    commits = [commit["position"] for commit in todo("history", "--reverse", "--json").json["commits"]]
    expected = {position: todos_at(todo, position) for position in commits}
    screen = Screen(todo, "replay", "--step", "--from", f"@{commits[-1]}", "--to", "@0")
    place = len(commits) - 1
    for _ in range(60):
        assert todos_in(screen.wait_at(commits[place])) == expected[commits[place]]
        target = draw.randrange(len(commits))
        key, place = draw.choice(
            (
                (LEFT, max(place - 1, 0)),
                (RIGHT, min(place + 1, len(commits) - 1)),
                ("\x1bOD", max(place - 1, 0)),
                (HOME, 0),
                (END, len(commits) - 1),
                (f"j@{commits[target]}\r", target),
            )
        )
        screen.type(key)
        time.sleep(0.01)
    screen.type("q")
    assert screen.end() == 0


def test_a_frame_shows_each_event_with_the_values_before_and_after(lived: Todo) -> None:
    screen = Screen(lived, "replay", "--step", "--from", "@3")
    frame = screen.wait_at(3)
    assert frame[1:5] == [
        "   1 text: one → uno",
        "     text      one → uno",
        "   1 priority set to H",
        "     priority  none → H",
    ]
    screen.type(END)
    frame = screen.wait_at(7)
    assert "     text      none → three" in frame
    screen.type(LEFT)
    assert "     removed   no → yes" in screen.wait_at(6)
    screen.type("q")
    assert screen.end() == 0


@pytest.mark.parametrize("ends", [(), ("--from", "@7", "--to", "@1"), ("--from", "now", "--to", "@5")])
def test_playing_ends_by_itself_and_the_last_frame_stays(lived: Todo, ends: tuple[str, ...]) -> None:
    screen = Screen(lived, "replay", "--speed", "100", *ends)
    assert screen.end() == 0
    last = int(ends[-1][1:]) if ends else 7
    shown = screen.left_behind
    assert shown.startswith(f"@{last} ")
    assert "pause" not in shown
    for number, _, text in todos_at(lived, last):
        assert re.search(rf"^>? *{number} . {re.escape(text)}\r$", shown, re.MULTILINE)
    positions = [int(match) for match in re.findall(r"(?m)^@(\d+) ", CONTROL.sub("", screen.shown.replace("\x1b[H", "\n")))]
    played = list(dict.fromkeys(positions))
    assert played == (COMMITS if not ends else [position for position in COMMITS[::-1] if position >= last])


def test_quitting_leaves_the_frame_on_the_screen(lived: Todo) -> None:
    screen = Screen(lived, "replay", "--step", "--from", "@5")
    screen.wait_at(5)
    screen.type("q")
    assert screen.end() == 0
    assert screen.left_behind.startswith("@5 ")


def test_keys_change_the_speed_and_the_direction(lived: Todo) -> None:
    screen = Screen(lived, "replay", "--step", "--speed", "0.5")
    screen.wait_for("paused x0.5")
    screen.type("+")
    screen.wait_for("paused x1")
    screen.type("+\x1b[A")
    screen.wait_for("paused x4")
    screen.type("-\x1b[B-" + "-" * 20)
    screen.wait_for("paused x0.015625")
    screen.type("r")
    screen.wait_for("paused backward x0.0156")
    screen.type("r" + "+" * 20)
    screen.wait_for("paused x16384")
    screen.type(" ")  # plays to the end
    assert screen.end() == 0
    assert screen.left_behind.startswith("@7 ")


def test_space_pauses_and_continues(lived: Todo) -> None:
    screen = Screen(lived, "replay", "--speed", "0.02")
    screen.wait_for("playing x0.02")
    screen.type(" ")
    screen.wait_for("paused")
    screen.type(" ")
    screen.wait_for("playing")
    screen.type(RIGHT)
    screen.wait_at(3)
    screen.wait_for("paused")
    screen.type("q")
    assert screen.end() == 0


def test_jumping_to_a_moment(lived: Todo) -> None:
    screen = Screen(lived, "replay", "--step", "--to", "@6")
    screen.wait_at(1)
    screen.type("j")
    screen.wait_for("Jump to: _")
    screen.type("@55\x7f")  # typed wrong, and corrected
    screen.wait_for("Jump to: @5_")
    screen.type("\r")
    assert todos_in(screen.wait_at(5)) == todos_at(lived, 5)
    screen.type("@4\r")  # within the commit that begins at @3
    screen.wait_at(3)
    screen.type("jnext whenever\r")
    screen.wait_for("'next whenever' has a word that is not known")
    screen.type("j@99\r")
    screen.wait_for("there is no event @99")
    screen.type("jtomorrow\x1b")
    time.sleep(0.2)
    screen.type("j1 hour ago\r")
    screen.wait_for("This is the first change.")
    screen.wait_at(1)
    screen.type("@7\r")
    screen.wait_for("This is the last change.")
    screen.wait_at(6)
    screen.type(HOME)
    screen.wait_at(1)
    screen.type("jnow\r")
    screen.wait_at(6)
    screen.type("q")
    assert screen.end() == 0


def test_a_small_window_shows_the_change_and_the_todo(todo: Todo) -> None:
    todo("add", "-", stdin="".join(f"a rather long text for todo number {n} 雪だるま\n" for n in range(60)))
    todo("edit", "40", "short", "pri:H", "+home", "due:tomorrow")
    screen = Screen(todo, "replay", "--step", columns=40, lines=10)
    for position in (1, 61):
        frame = screen.wait_at(position)
        assert all(cell_len(line) <= 40 for line in frame)
        assert frame[-1].startswith("paused x1  q quit  space pause"), frame
        screen.type(RIGHT)
    assert any("text:" in line for line in frame)
    assert any(line.startswith(">  40   short (") for line in frame)
    screen.type("j@1\r")
    assert all(cell_len(line) <= 40 for line in screen.wait_at(1))
    screen.type("q")
    assert screen.end() == 0


def test_a_window_of_another_size_is_drawn_anew(lived: Todo) -> None:
    screen = Screen(lived, "replay", "--step")
    screen.wait_at(1)
    screen.resize(50, 12)
    screen.wait(lambda lines: len(lines) == 12, "no frame of the new size")
    screen.type("q")
    assert screen.end() == 0


def test_ctrl_c_leaves_the_terminal_as_it_was_and_the_frame_on_it(lived: Todo) -> None:
    for args in (["--step"], ["--speed", "0.01"], ["--from", "@7", "--to", "@1"]):
        screen = Screen(lived, "replay", *args)
        screen.wait_for("q quit")
        screen.type("\x03")
        assert screen.end() == 130
        assert re.match(r"@\d+ ", screen.left_behind)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_it_leaves_the_terminal_as_it_was(lived: Todo, number: signal.Signals) -> None:
    screen = Screen(lived, "replay", "--step")
    screen.wait_for("q quit")
    screen.run.send_signal(number)
    assert screen.end() == -number


def test_ctrl_z_leaves_the_screen_until_it_continues(lived: Todo) -> None:
    # a process group stops only if its session has another one, as that of a shell
    code = (
        "import os, signal, subprocess, sys, termios\n"
        "signal.signal(signal.SIGTTOU, signal.SIG_IGN)\n"
        "before = termios.tcgetattr(0)\n"
        "run = subprocess.Popen([sys.executable, '-m', 'cqrs_todo', 'replay', '--step'], process_group=0,\n"
        "    preexec_fn=lambda: os.tcsetpgrp(0, os.getpgrp()))\n"
        "_, status = os.waitpid(run.pid, os.WUNTRACED)\n"
        "assert os.WIFSTOPPED(status), status\n"
        "os.tcsetpgrp(0, os.getpgrp())\n"
        "assert termios.tcgetattr(0) == before\n"
        "print('stopped', flush=True)\n"
        "sys.stdin.readline()\n"
        "os.tcsetpgrp(0, run.pid)\n"
        "os.killpg(run.pid, signal.SIGCONT)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(run.pid, 0)[1]))\n"
    )
    screen = Screen(lived, code=code)
    screen.wait_at(1)
    screen.type("\x1a")
    deadline = time.monotonic() + 20
    while "stopped" not in screen.shown:
        assert time.monotonic() < deadline, screen.shown
        screen.read()
    assert screen.shown.index(BACK) < screen.shown.index("stopped")
    screen.type("\n")
    screen.wait(lambda _: screen.shown.count(ALTERNATE) == 2, "it continues")
    screen.type(RIGHT)
    screen.wait_at(3)
    screen.type("q")
    assert screen.end() == 0


def test_a_replay_ends_with_its_terminal(lived: Todo) -> None:
    screen = Screen(lived, "replay", "--step")
    screen.wait_for("paused")
    os.close(screen.side)
    os.close(screen.main)
    assert screen.run.wait(timeout=20) in (0, 1, -signal.SIGHUP)


def test_a_dumb_terminal_shows_the_frames_one_below_the_other(lived: Todo) -> None:
    screen = Screen(lived, "replay", TERM="dumb")
    assert screen.end() == 0
    assert "\x1b" not in screen.shown
    assert [int(match) for match in re.findall(r"(?m)^@(\d+) ", screen.shown)] == COMMITS


def test_no_colours_when_they_are_not_wanted(lived: Todo) -> None:
    for screen in (
        Screen(lived, "replay", "--speed", "1000", "--color", "never"),
        Screen(lived, "replay", "--speed", "1000", NO_COLOR="1"),
    ):
        assert screen.end() == 0
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", screen.shown)


def documents(todo: Todo, *args: str) -> list[Any]:
    return [msgspec.json.decode(line) for line in todo(*args).out.splitlines()]


def test_a_pipe_gets_a_document_for_each_commit(lived: Todo) -> None:
    forward = documents(lived, "replay")
    assert [frame["commit"]["position"] for frame in forward] == COMMITS
    assert {frame["direction"] for frame in forward} == {"forward"}
    for frame in forward:
        assert frame["todos"] == lived("at", f"@{frame['commit']['position']}", "ls", "--all", "--json").json["todos"]
    backward = documents(lived, "replay", "--from", "@7", "--to", "@1")
    assert backward == [{**frame, "direction": "backward"} for frame in forward[::-1]]
    assert [frame["commit"]["position"] for frame in documents(lived, "replay", "--from", "@6", "--to", "@1")] == [
        6,
        5,
        3,
        1,
    ]
    assert lived.run("replay", "--speed", "0").code == 2


def positions(todo: Todo, *args: str) -> list[int]:
    return [frame["commit"]["position"] for frame in documents(todo, "replay", *args)]


def test_both_ends_are_included(lived: Todo) -> None:
    assert positions(lived, "--from", "@3", "--to", "@5") == [3, 5]
    assert positions(lived, "--from", "@4", "--to", "@5") == [3, 5]  # @4 is in the commit that begins at @3
    assert positions(lived, "--from", "@5", "--to", "@4") == [5, 3]
    assert positions(lived, "--from", "@4", "--to", "@3") == [3]
    assert positions(lived, "--from", "@5", "--to", "@5") == [5]
    assert positions(lived, "--to", "@3") == [1, 3]
    assert positions(lived, "--from", "1 hour ago") == COMMITS
    assert positions(lived, "--from", "today", "--to", "1 hour ago") in (COMMITS, COMMITS[::-1])  # at midnight
    assert positions(lived, "--from", "now", "--to", "@5") == [7, 6, 5]
    assert positions(lived, "--from", "now", "--to", "yesterday") == COMMITS[::-1]
    assert lived.run("replay", "--from", "@8", "--to", "@1").code == 3
    assert lived.run("replay", "--from", "tomorrow").code == 2


def test_nothing_to_play_is_said(lived: Todo) -> None:
    for args in (["--from", "yesterday", "--to", "yesterday"], ["--to", "yesterday"]):
        result = lived("replay", *args)
        assert (result.out, result.err) == ("", "There are no changes to play.\n")
    lived("lists", "new", "empty")
    assert lived("replay", "-L", "empty").err == "There are no changes to play.\n"
    screen = Screen(lived, "replay", "-L", "empty")
    assert screen.end() == 0
    assert screen.shown == "There are no changes to play.\r\n"


def test_history_replay_is_the_same(lived: Todo) -> None:
    assert lived("history", "--replay").out == lived("replay").out
    assert (
        lived("history", "--replay", "--since", "@6", "--until", "@3").out
        == lived("replay", "--from", "@6", "--to", "@3").out
    )
    screen = Screen(lived, "history", "--replay", "--until", "@5")
    assert screen.end() == 0
    assert screen.left_behind.startswith("@5 ")
    for words in (
        ["--raw"],
        ["--graph"],
        ["--follow"],
        ["-p"],
        ["1"],
        ["--by", "me"],
        ["-n", "0"],
        ["--reverse"],
        ["-S", "x"],
    ):
        result = lived.run("history", "--replay", *words)
        assert (result.code, result.out) == (2, ""), words
        assert "--replay shows all changes, so it cannot be combined with" in result.err


@pytest.fixture
def several(lived: Todo) -> Todo:
    """Two lists that were changed in turns."""
    lived("-L", "work", "add", "report")
    lived("add", "four")
    lived("-L", "work", "done", "1")
    return lived


PLAYED = [*(("inbox", position) for position in COMMITS), ("work", 1), ("inbox", 8), ("work", 2)]


def test_a_pipe_gets_the_commits_of_all_lists_by_their_times(several: Todo) -> None:
    def documents(*args: str) -> list[Any]:
        return [json.loads(line) for line in several("replay", "-A", *args).out.splitlines()]

    forward = documents()
    assert [(each["list"], each["commit"]["position"]) for each in forward] == PLAYED
    for each in forward:
        then = several("-L", each["list"], "at", f"@{each['commit']['position']}", "ls", "--all", "--json").json
        assert each["todos"] == then["todos"]
    backward = documents("now", "2020-01-01")
    assert [{**each, "direction": "forward"} for each in backward[::-1]] == forward
    assert several("replay", "-A", "2020-01-01", "2020-02-01").err == "There are no changes to play.\n"
    assert documents("now", "start") == backward
    refused = several.run("replay", "-A", "@1")
    assert (refused.code, "a position belongs to one list" in refused.err) == (2, True)


def test_the_frames_of_all_lists_name_the_list_and_go_both_ways(several: Todo) -> None:
    screen = Screen(several, "replay", "-A", "--step")

    def wait_at(place: int) -> None:
        name, position = PLAYED[place]
        shown = screen.wait(lambda lines: lines[0].startswith(f"{name} @{position} "), f"{name} @{position} is not shown")
        assert todos_in(shown) == todos_at(several, position, name)

    for place in range(len(PLAYED)):
        wait_at(place)
        screen.type(RIGHT)
    screen.wait_for("This is the last change.")
    for place in reversed(range(len(PLAYED) - 1)):
        screen.type(LEFT)
        wait_at(place)
    screen.type(END)
    wait_at(-1)
    screen.type("j@1\r")
    screen.wait_for("a position belongs to one list")
    screen.type(f"j{several('-L', 'work', 'history', '--reverse', '--json').json['commits'][0]['at']}\r")
    wait_at(PLAYED.index(("work", 1)))
    screen.type("j2020-01-01\r")
    wait_at(0)
    screen.type("q")
    assert screen.end() == 0
