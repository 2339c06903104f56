"""Generate parts of the documentation.

These are the CLI reference, the man page, the pictures, the list and the picture of the modules, the files of the tutorial,
and the pages of the framework's and the domain's public names.
"""

import argparse
import ast
import contextlib
import inspect
import io
import json
import os
import re
import sys
import tempfile
import time
import warnings
import webbrowser
from collections.abc import Iterator
from itertools import chain, zip_longest
from pathlib import Path

import pdoc
import pdoc.render_helpers
import time_machine
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from rich.console import Console
from rich.text import Text

from cqrs_todo.cli import main, verbs
from cqrs_todo.cqrs.struct import Struct, replace
from cqrs_todo.todo.fields import declarations
from cqrs_todo.web.schema import sdl
from docs import man, pictures
from tests.test_imports import MODULES, PACKAGE, PURE_FILES, arrows

DOCS = Path(__file__).parent
REFERENCE = DOCS / "cli.md"
PICTURE = DOCS / "terminal.svg"
FIELDS = DOCS / "fields.json"
SCHEMA = DOCS / "schema.graphql"
MAN_PAGE = DOCS / "todo.1"
ARCHITECTURE = DOCS / "architecture.md"
API = DOCS.parent / "build" / "api"

_HEAD = """# The command line

Generated from `--help` by `make docs`. A test compares the two.
"""
_PLAY = [
    ("2026-11-19T08:30", ["add", "Write to Jo", "due:today", "+post"]),
    ("2026-11-20T16:05", ["add", "Repair the bicycle", "--note", "front brake"]),
    ("2026-11-21T10:00", ["add", "Buy milk", "due:2026-11-22", "+home", "pri:H"]),
    ("2026-11-21T10:02", ["add", "Book the train", "due:friday", "+travel", "pri:M"]),
    ("2026-11-22T09:10", ["done", "2"]),
]
_SHOWN = [
    ("todo", ["--color", "always"]),
    ("todo done 3", ["done", "3"]),
    ("todo history -n 3", ["history", "-n", "3", "--color", "always"]),
    ('todo at "last friday 17:00"', ["at", "last friday 17:00", "--color", "always"]),
    ("todo undo", ["undo"]),
]


def run(*args: str) -> str:
    """Run the program and return what it prints on stderr and stdout."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        main(args)
    return printed.getvalue()


@contextlib.contextmanager
def surroundings() -> Iterator[None]:
    """Run the block with an empty home, 80 columns and UTC, without any settings of the person who runs it."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as home:
        for name in [name for name in os.environ if name.startswith(("XDG_", "TODO_", "NO_COLOR"))]:
            del os.environ[name]
        os.environ.update(HOME=home, COLUMNS="80", TZ="UTC", USER="me", TERM="xterm-256color")
        time.tzset()
        config = Path(home) / ".config/cqrs-todo/config.toml"
        config.parent.mkdir(parents=True)
        config.write_text('author = "me@laptop"\n')
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            time.tzset()


def reference() -> str:
    """Return the CLI reference, in Markdown."""
    parts = [_HEAD]
    with surroundings():
        parts.append(f"## todo\n\n```text\n{run('--help')}```\n")
        for name in verbs.names():
            parts.append(f"## todo {name}\n\n```text\n{run(name, '--help')}```\n")
            parts += [f"### todo {name} {part}\n\n```text\n{run(name, part, '--help')}```\n" for part in verbs.names([name])]
    return "\n".join(parts)


def picture() -> str:
    """Return a picture of a terminal with some commands and their output, as SVG."""
    shown = Text()
    with surroundings():
        for at, args in _PLAY:
            with time_machine.travel(f"{at}:00Z", tick=False):
                run(*args)
        with time_machine.travel("2026-11-22T09:30:00Z", tick=False):
            for typed, args in _SHOWN:
                shown.append("$ ", style="green").append(f"{typed}\n", style="bold")
                shown.append_text(Text.from_ansi(run(*args).rstrip("\n"))).append("\n\n")
    shown.rstrip()
    screen = Console(record=True, width=80, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    screen.print(shown)
    return screen.export_svg(title="todo", unique_id="todo")


_TUTORIALS = ("bank-account.md", "course-subscriptions.md")
"""The pages whose code is in files beside them."""
_BLOCKS = re.DOTALL | re.MULTILINE


def tutorial() -> dict[Path, str]:
    """Return the content of the tutorials' files, put together from the code blocks of their pages."""
    pages = [(DOCS / "tutorial" / name).read_text(encoding="utf-8") for name in _TUTORIALS]
    blocks = [block for page in pages for block in re.findall(r"^```python (\S+)\n(.*?)^```$", page, _BLOCKS)]
    names = dict.fromkeys(name for name, _ in blocks)
    return {DOCS / "tutorial" / name: "\n\n".join(block for of, block in blocks if of == name) for name in names}


def modules() -> str:
    """Return a Mermaid graph of the package's modules and their imports, as a Markdown code block."""
    groups: dict[str, list[str]] = {}
    for module in MODULES:
        groups.setdefault(module.partition(".")[0], []).append(module)
    lines = ["graph BT"]
    for group, names in groups.items():
        boxes = [f"    {name}[{name.partition('.')[2] or name}]" for name in names]
        lines += [f"  subgraph {group}_[{group}]", *boxes, "  end"]
    lines += [f"  {module} --> {target}" for module, target in sorted(arrows())]
    return "\n".join(["```mermaid", *lines, "```"])


def tree() -> str:
    """Return the files of the package, each with the first sentence of its docstring, as a Markdown code block."""
    lines = ["cqrs_todo/"]
    for file in sorted(PACKAGE.rglob("*.py"), key=_place):
        path = file.relative_to(PACKAGE)
        folder = file.name == "__init__.py"
        is_verb = path.parts[:2] == ("cli", "verbs") and path != Path("cli/verbs/__init__.py")
        if path.parts[0].startswith("__") or is_verb:
            continue
        text = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n\n")[0]
        sentence = re.split(r"(?<=[.?])\s+(?=[A-Z`])", " ".join(text.split()))[0]
        shown = f"{path.parent.name}/" if folder else path.stem
        depth = len(path.parts) - folder
        lines.append(f"{'  ' * depth}{shown:<{24 - 2 * depth}}{'*' if file in PURE_FILES else ' '} {sentence}")
    return "\n".join(["```", *lines, "```"])


def _place(file: Path) -> list[tuple[int, str]]:
    """Return where a file comes in the tree: in the order of its layer, with a folder before its files."""
    path = file.relative_to(PACKAGE).with_suffix("")
    parts = path.parts[:-1] if path.name == "__init__" else path.parts
    order = list(MODULES)
    return [
        (order.index(name) if (name := ".".join(parts[: place + 1])) in order else 0, "" if part == "__init__" else part)
        for place, part in enumerate(parts)
    ]


def fields() -> str:
    """Return the declarations of the fields as JSON, for front ends that are not written in Python."""
    return json.dumps(declarations(), indent=2) + "\n"


def architecture() -> str:
    """Return the architecture page with the present files and a picture of the present imports."""
    page = re.sub(r"```mermaid.*?```", lambda _: modules(), ARCHITECTURE.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"```\ncqrs_todo/\n.*?```", lambda _: tree(), page, count=1, flags=re.DOTALL)


def api(folder: Path) -> None:
    """Write the pages of the framework's and the domain's public names, made from their docstrings.

    Raises:
        Warning: Something in the docstrings is wrong, for example a reference.
    """
    with warnings.catch_warnings(action="error"):
        pdoc.render.configure(docformat="markdown", show_source=False)
        pdoc.render.env.filters["linkify"] = linkify
        pdoc.render.env.filters["to_markdown"] = to_markdown
        # named one by one, because pdoc looks for no modules in a package that has `__all__`
        framework = [f"cqrs_todo.{module}" for module in MODULES if module.startswith("cqrs.")]
        pdoc.pdoc("cqrs_todo.cqrs", "cqrs_todo.todo", *framework, output_directory=folder)


_OURS = {
    inspect.getdoc(Struct): """
The base class of events, commands and states. A subclass lists its fields with their types, as a dataclass does.
With `frozen=True` nobody can change a value, and `replace` makes a changed copy of it.

It is that of [msgspec](https://msgspec.dev), whose documentation describes its other options.
""",
    inspect.getdoc(replace): "Return a copy of a `Struct` in which the named fields have other values.",
}
"""What the pages say of the names that are msgspec's, instead of its long docstrings about what nobody needs here."""


@pass_context
def to_markdown(context: Context, docstring: str) -> str:
    """Do what pdoc does, but with our own words for what is msgspec's."""
    return pdoc.render_helpers.to_markdown_with_context(context, _OURS.get(docstring, docstring))


@pass_context
def linkify(context: Context, code: str, namespace: str = "", shorten: bool = True) -> Markup:
    """Make links of identifiers as pdoc does, but not within an address: in https://dcb.events it would find a module."""
    parts = re.split(r"""(https?://[^\s<"]+)""", code)
    linked = (pdoc.render_helpers.linkify(context, part, namespace, shorten) for part in parts[::2])
    return Markup("").join(chain.from_iterable(zip_longest(linked, map(Markup, parts[1::2]), fillvalue=Markup(""))))


def generate() -> int:
    """Generate everything; with `--open`, also open the pages in the browser."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=generate.__doc__)
    parser.add_argument("--open", action="store_true", help="open the pages in the browser")
    given = parser.parse_args()
    api(API)
    ARCHITECTURE.write_text(architecture(), encoding="utf-8")
    for path, text in tutorial().items():
        path.write_text(text, encoding="utf-8")
    REFERENCE.write_text(reference(), encoding="utf-8")
    PICTURE.write_text(picture(), encoding="utf-8")
    FIELDS.write_text(fields(), encoding="utf-8")
    SCHEMA.write_text(f"{sdl()}\n", encoding="utf-8")
    MAN_PAGE.write_text(man.page(), encoding="utf-8")
    pictures.write(surroundings)
    page = API / "index.html"
    sys.stdout.write(f"The pages are in {page}\n")
    if given.open and not webbrowser.open(page.as_uri()):
        sys.stderr.write("No browser was found. Open that file yourself.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(generate())
