"""Forked runs of the program end and print as runs with an interpreter of their own do."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import FORKING, Result, Todo, environment
from tests.forks import ROOT, Forks

pytestmark = pytest.mark.skipif(not FORKING, reason="no run is forked on this system")


@pytest.fixture
def own(todo: Todo) -> Todo:
    """The same home, in which each run starts an interpreter."""
    todo("add", "Buy milk", "+home")
    return Todo(todo.home, todo.store, own_interpreter=True)


def seen(result: Result) -> tuple[int, str, str]:
    return result.code, result.out, result.err


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("ls", "--json"),
        ("history",),
        ("--help",),
        ("add", "--help"),
        ("where",),
        ("done", "9"),
        ("nonsense",),
        ("ls", "é\udcff"),
    ],
)
def test_they_print_the_same(todo: Todo, own: Todo, args: tuple[str, ...]) -> None:
    assert seen(todo.run(*args)) == seen(own.run(*args))


def test_they_read_the_same_and_use_the_same_variables(todo: Todo, own: Todo) -> None:
    shown = []
    for program in (todo, own):
        program("-L", "work", "add", "-", stdin="über\nx\n")
        shown.append(program("at", "now", "ls", "-L", "work", "--plain", env={"TZ": "Asia/Tokyo", "USER": "jo"}).out)
        program("-L", "work", "rm", "1-2")
    assert shown[0].count("über") == 1
    assert shown[0].replace("1\t", "3\t").replace("2\t", "4\t") == shown[1]


def test_they_take_much_input_read_or_not_and_print_much(todo: Todo, own: Todo) -> None:
    lines = "x" * 30_000 + "\n"
    for program in (todo, own):
        assert seen(program.run("ls", stdin=lines * 100)) == seen(own.run("ls"))
        assert program("-L", "much", "add", "-", stdin=lines * 20).code == 0
        assert len(program("-L", "much", "export").out) > 600_000
        program("-L", "much", "undo")


def test_a_signal_ends_both(todo: Todo, own: Todo) -> None:
    for program in (todo, own):
        assert program.run("edit", "1", env={"EDITOR": "sh -c 'kill -9 $PPID'"}).code == -9


_PRINT_WHAT_OUR_MODULES_HOLD = """
import json, sys
from importlib import import_module
from tests.forks import our_modules
held = {name: vars(import_module(name)) for name in our_modules()}
print(json.dumps({f"{name}.{key}": repr(value) for name, own in held.items() for key, value in own.items()}))
"""


def test_what_our_modules_hold_does_not_depend_on_what_differs_between_forked_runs(tmp_path: Path) -> None:
    held = []
    for number, zone in enumerate(("UTC", "Asia/Tokyo")):
        home = tmp_path / str(number)
        home.mkdir()
        differ = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "EDITOR", "VISUAL", "USER", "TODO_STORE", "TODO_LIST", "PGHOST")
        same = {"PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)}
        env = {**environment(home), **dict.fromkeys(differ, str(home)), "TZ": zone, **same}
        run = [sys.executable, "-c", _PRINT_WHAT_OUR_MODULES_HOLD]
        printed = subprocess.run(run, env=env, cwd=home, check=True, capture_output=True, text=True).stdout
        words = json.loads(re.sub(r" at 0x[0-9a-f]+", "", printed))
        held.append({name: sorted(value) for name, value in words.items()})  # the order of classes in a set is by chance
    assert len(held[0]) > 1000
    assert held[0] == held[1]


def test_a_run_that_needs_an_interpreter_of_its_own_is_not_forked(tmp_path: Path) -> None:
    env = environment(tmp_path)
    forks = Forks(env)
    try:
        assert forks.can({**env, "TZ": "Asia/Tokyo", "TODO_LIST": "x", "EDITOR": "vi"})
        for name in ("PYTHONUTF8", "LC_ALL", "NO_COLOR", "COLUMNS"):
            assert not forks.can({**env, name: "1"})
        assert not forks.can({name: value for name, value in env.items() if name != "LANG"})
    finally:
        forks.close()


def test_a_run_that_does_not_end_is_killed_and_the_next_one_runs(tmp_path: Path) -> None:
    env = environment(tmp_path)
    forks = Forks(env)
    try:
        forks.run(["add", "x"], env, tmp_path, b"", timeout=60)
        with pytest.raises(subprocess.TimeoutExpired):
            forks.run(["edit", "1"], {**env, "EDITOR": "sh -c 'sleep 5'"}, tmp_path, b"", timeout=0.5)
        assert forks.run(["ls"], env, tmp_path, b"", timeout=60).stdout == b"1  x\n"
    finally:
        forks.close()
