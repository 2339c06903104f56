"""msgspec is imported without what few commands use of it, and whoever uses that finds all of it."""

import subprocess
import sys

import pytest

from tests.conftest import Todo

NAMES = ("msgspec.inspect", "msgspec.msgpack", "msgspec.toml", "msgspec.yaml", "msgspec._json_schema", "textwrap")
POSTPONED = f"postponed = {NAMES}\n"
ALSO_USED_HERE = (
    "import sys, typing\n"  # up to CPython 3.12 `typing` imports `re`
    "postponed += tuple({'re', 'typing_extensions'} - sys.modules.keys())\n"
)
"""Modules that other commands import themselves."""


def run(todo: Todo, program: str, *args: str) -> str:
    """Run a program, which must succeed, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, *args], env=todo.env, cwd=todo.home, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


@pytest.mark.parametrize("args", ["add x", "done 1", "ls", "", "show 1", "undo"])
def test_short_commands_import_none_of_it(todo: Todo, args: str) -> None:
    todo("add", "milk")
    others = "" if args in ("show 1", "undo") else ALSO_USED_HERE
    program = (
        POSTPONED + others + "import os, sys\n"
        "end = os._exit\n"
        "def report(code):\n"
        "    sys.stdout.write(f'imported: {[name for name in postponed if name in sys.modules]}')\n"
        "    sys.stdout.flush()\n"
        "    end(code)\n"
        "os._exit = report\n"
        "from cqrs_todo.__main__ import run\n"
        "run()\n"
    )
    assert run(todo, program, *args.split()).endswith("imported: []")


def test_msgspec_is_complete(todo: Todo) -> None:
    program = (
        POSTPONED + ALSO_USED_HERE + "import sys\n"
        "from cqrs_todo.cli.postponed import import_msgspec\n"
        "import_msgspec()\n"
        "import msgspec\n"
        "assert not set(postponed) & set(sys.modules)\n"
        "import inspect, re, textwrap, typing_extensions\n"
        "assert re.sub('a', 'b', 'a') == 'b'\n"
        "class Described(msgspec.Struct):\n"
        "    '''What it is.'''\n"
        "    name: str\n"
        "assert msgspec.json.schema(Described)['$defs']['Described']['description'] == 'What it is.'\n"
        "assert type(msgspec.inspect.type_info(int)) is msgspec.inspect.IntType\n"
        "assert msgspec.msgpack.decode(msgspec.msgpack.encode(1)) == 1\n"
        "assert msgspec.toml.decode('a = 1') == {'a': 1}\n"
        "from typing import Annotated\n"
        "lower = Annotated[str, msgspec.Meta(pattern='^[a-z]+$')]\n"
        "assert msgspec.json.decode('\"a\"', type=lower) == 'a'\n"
        "try:\n"
        "    msgspec.json.decode('\"A\"', type=lower)\n"
        "except msgspec.ValidationError as error:\n"
        "    assert 'matching regex' in str(error)\n"
        "else:\n"
        "    raise AssertionError('the pattern was not used')\n"
        "from typing_extensions import NotRequired, Required, TypedDict\n"
        "class Partial(TypedDict, total=False):\n"
        "    a: Required[int]\n"
        "    b: NotRequired[int]\n"
        "assert msgspec.convert({'a': 1}, Partial) == {'a': 1}\n"
        "try:\n"
        "    msgspec.convert({'b': 1}, Partial)\n"
        "except msgspec.ValidationError as error:\n"
        "    assert 'missing required field `a`' in str(error)\n"
        "else:\n"
        "    raise AssertionError('the required field was not missed')\n"
        "assert hasattr(msgspec.yaml, 'decode') and not hasattr(msgspec.yaml, 'nothing')\n"
        "import_msgspec()\n"
        "print(set(postponed) <= set(sys.modules))\n"
    )
    assert run(todo, program) == "True\n"


def test_others_import_the_modules_themselves(todo: Todo) -> None:
    program = (
        POSTPONED + "import importlib, sys\n"
        "from cqrs_todo.cli.postponed import import_msgspec\n"
        "import_msgspec()\n"
        "from textwrap import dedent\n"
        "assert dedent(' x') == 'x'\n"
        "modules = [importlib.import_module(name) for name in postponed]\n"
        "import msgspec\n"
        "assert modules[:4] == [msgspec.inspect, msgspec.msgpack, msgspec.toml, msgspec.yaml]\n"
        "print([module.__spec__.name for module in modules] == list(postponed))\n"
    )
    assert run(todo, program) == "True\n"
