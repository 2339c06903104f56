"""Postponed imports: short commands do without them, and whoever uses such a module finds all of it."""

import subprocess
import sys

import pytest

from tests.conftest import Todo

POSTPONED = "postponed = ('msgspec.inspect', 'msgspec.msgpack', 'msgspec.toml', 'msgspec.yaml', 'textwrap')\n"


def run(todo: Todo, program: str, *args: str) -> str:
    """Run a program, which must succeed, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, *args], env=todo.env, cwd=todo.home, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


@pytest.mark.parametrize("args", ["add x", "done 1", "ls", "", "show 1", "undo"])
def test_short_commands_import_no_postponed_module(todo: Todo, args: str) -> None:
    todo("add", "milk")
    program = (
        POSTPONED + "import os, sys\n"
        "end = os._exit\n"
        "def report(code):\n"
        "    sys.stdout.write(f'imported: {[name for name in postponed if vars(sys.modules[name]).get(\"__file__\")]}')\n"
        "    sys.stdout.flush()\n"
        "    end(code)\n"
        "os._exit = report\n"
        "from cqrs_todo.__main__ import run\n"
        "run()\n"
    )
    assert run(todo, program, *args.split()).endswith("imported: []")


def test_a_postponed_module_is_whole_when_it_is_used(todo: Todo) -> None:
    program = (
        POSTPONED + "import sys\n"
        "from cqrs_todo.cli.postponed import postpone_imports\n"
        "postpone_imports()\n"
        "import textwrap\n"
        "import msgspec\n"
        "from textwrap import dedent\n"
        "assert dedent(' x') == textwrap.dedent(' x') == 'x'\n"
        "assert type(msgspec.inspect.type_info(int)) is msgspec.inspect.IntType\n"
        "assert msgspec.json.schema(int) == {'type': 'integer'}\n"
        "assert msgspec.msgpack.decode(msgspec.msgpack.encode(1)) == 1\n"
        "assert msgspec.toml.decode('a = 1') == {'a': 1}\n"
        "assert hasattr(msgspec.yaml, 'decode') and not hasattr(msgspec.yaml, 'nothing')\n"
        "print([name for name in postponed if not vars(sys.modules[name]).get('__file__')])\n"
    )
    assert run(todo, program) == "[]\n"


def test_threads_that_use_a_postponed_module_at_once_get_the_same_one(todo: Todo) -> None:
    program = (
        "import sys\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from threading import Barrier\n"
        "from cqrs_todo.cli.postponed import postpone_imports\n"
        "postpone_imports()\n"
        "import textwrap\n"
        "import msgspec\n"
        "sys.setswitchinterval(1e-6)\n"
        "barrier = Barrier(16)\n"
        "def used(number):\n"
        "    barrier.wait()\n"
        "    return textwrap.TextWrapper, msgspec.inspect.IntType\n"
        "with ThreadPoolExecutor(16) as pool:\n"
        "    print(len(set(pool.map(used, range(16)))))\n"
    )
    for _ in range(5):
        assert run(todo, program) == "1\n"
