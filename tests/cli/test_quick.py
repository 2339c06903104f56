"""The fast path and Typer give the same output, exit code and log; and the cache changes no output."""

import re
import shutil
import subprocess
import sys

import pytest

from cqrs_todo.cli import verbs
from tests.conftest import Pasts, Todo

FORMS = [
    "agenda",
    "report",
    "skip 1",
    "help done",
    "view",
    "view changes",
    "view statement last month",
    "view nothing",
    "explain done 99",
    "explain ls",
    "merge nowhere.jsonl",
    "sync",
    "sync nowhere",
    "sync --status",
    "",
    "ls",
    "list",
    "ls milk",
    "ls +home",
    "ls nothing here",
    "add Buy milk",
    "add Buy milk +home due:2030-01-01 pri:H",
    "add due:2030-01-01",
    "add x due:never",
    "add x pri:Z",
    "add + x",
    "add \x1b[2J",
    "done 1",
    "done 1-2,3",
    "done 9",
    "done 1 9",
    "done @",
    "done",
    "reopen 2",
    "toggle 1-2",
    "rm 1",
    "forget",
    "forget 1",
    "forget 9",
    "undo",
    "undo 2",
    "undo @2",
    "undo x",
    "undo 1 2",
    "redo",
    "show 1",
    "show",
    "history",
    "history 1",
    "history 9",
    "log",
    "at @2",
    "at @2 ls",
    "at @2 show 1",
    "at @2 add x",
    "at @99",
    "at",
    "at @1 at @2",
    "at @2 where",
    "never",
    "add",
    "edit 1 Buy oat milk +x due:none",
    "edit",
    "note 1 see page 12",
    "note 1",
    "tag 1-2 +a +b",
    "tag 1",
    "remind 1 2030-01-01 10:00",
    "remind 1",
    "remind --count",
    "react",
    "react x/1",
    "move 1 work",
    "move 1 2 nowhere",
    "move 1",
    "lists",
    "lists new job",
    "lists new",
    "lists rename work job",
    "lists rename work",
    "lists archive work",
    "lists unarchive work",
    "lists never",
    "store",
    "store migrate",
    "store check x y",
    "import",
    "import_ x",
    "export",
    "export x",
    "stats",
    "diff @1",
    "diff @1 @2",
    "diff @1 @2 1 2",
    "diff",
    "blame 1",
    "restore 1",
    "when open>1",
    "replay",
    "completion bash",
    "serve now",
    "completion",
    "verify",
    "verify backup.zip",
    "backup",
    "backup /dev/null/x",
    "where",
    "search milk",
    "search nothing",
    "search",
    "store rebuild search",
    "store rebuild x",
    "LS",
    "__init__",
    "lists __init__",
]
TYPER = "import sys; import cqrs_todo.cli as cli; cli.parse_fast = lambda *_: None; sys.exit(cli.main())"
CHANGING = re.compile(
    r'[0-9a-f]{64}|head [0-9a-f]{8}|"command":"[0-9a-f]+"|[a-z][0-9a-z]{9}\b|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d\.\d+Z)?'
)


@pytest.fixture
def filled(todo: Todo, pasts: Pasts) -> Todo:
    return pasts.give(todo, _fill)


def _fill(todo: Todo) -> None:
    todo("add", "Buy milk", "+home")
    todo("add", "-", stdin="Call the bank\nWrite home\n")
    todo("done", "2")
    todo("lists", "new", "work")


def test_each_verb_has_a_form() -> None:
    every = {name for verb in verbs.names() for name in (verb, *(f"{verb} {part}" for part in verbs.names([verb])))}
    assert every <= {" ".join(form.split(" ")[:count]) for form in FORMS for count in (1, 2)}


@pytest.mark.parametrize("form", FORMS)
def test_both_ways_in_give_the_same(filled: Todo, form: str) -> None:
    twin = filled.twin()
    args = form.split(" ") if form else []
    quick = filled.run(*args)
    typer = subprocess.run(
        [sys.executable, "-c", TYPER, *args], capture_output=True, env=twin.env, cwd=twin.home, input=b"", check=False
    )

    def comparable(text: str) -> str:
        return CHANGING.sub("…", text.replace(str(twin.home), str(filled.home)))

    assert (quick.code, comparable(quick.out), comparable(quick.err)) == (
        typer.returncode,
        comparable(typer.stdout.decode()),
        comparable(typer.stderr.decode()),
    )
    assert comparable(filled.content()) == comparable(twin.content())


def test_the_commonest_forms_import_neither_typer_nor_rich(filled: Todo) -> None:
    for form in ("add x", "done 1", "ls", "", "history", "undo", "show 1", "at @2"):
        program = (
            "import sys; from cqrs_todo.cli import main; code = main(); "
            "assert not {'typer', 'rich', 'tomllib'} & set(sys.modules), set(sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, *form.split()], capture_output=True, env=filled.env, cwd=filled.home, check=False
        )
        assert done.returncode == 0, done.stderr.decode()


def test_deleting_the_cache_between_any_two_commands_changes_no_output(todo: Todo) -> None:
    twin = Todo(todo.home.with_name("twin"))
    lines = "".join(f"todo {n}\n" for n in range(700))
    commands = ["add -", "done 3", "add last", "rm 5,600", "undo", "ls --limit 5", "at @300 ls --limit 3", "show 3 --plain"]
    commands += ["history -n 3 --plain", "diff @650 @702 --plain", "redo", "done 7", "blame 3 --plain", "verify"]
    cached = []
    for program in (todo, twin):
        outputs = []
        for command in commands:
            result = program(*command.split(), stdin=lines)
            outputs.append(CHANGING.sub("…", re.sub("head [0-9a-f]{8}", "head …", result.out + result.err)))
            cache = program.home / ".cache/cqrs-todo/snapshots"
            cached.append(cache.exists())
            if program is twin and cache.exists():
                shutil.rmtree(cache)
        if program is todo:
            expected = outputs
    assert outputs == expected
    assert any(cached), "there was something to delete"
