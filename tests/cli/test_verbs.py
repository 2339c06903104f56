"""Every file in cli/verbs declares a verb completely, as docs/how-to/add-a-verb.md says."""

import ast
import inspect
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cqrs_todo.cli import verbs
from cqrs_todo.cli.app import run_command_line
from cqrs_todo.cli.session import Options, Session
from cqrs_todo.cli.verb import GROUPS, Verb
from tests.conftest import Todo

FOLDER = Path(verbs.__file__).parent
PATHS = [[name] for name in verbs.names()]
PATHS += [[*path, name] for path in PATHS for name in verbs.names(path)]


def declared(path: list[str]) -> Verb:
    verb = verbs.load(path)
    assert verb is not None
    return verb


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_a_verb_is_declared_completely(path: list[str]) -> None:
    verb = declared(path)
    assert verb.name == path[-1]
    assert (verb.group in GROUPS) if len(path) == 1 else not verb.group
    helps = [verb.help, *(part.help for part in verb.arguments), *(part.help for part in verb.options)]
    assert all(re.fullmatch(r"[A-Z`'].*\.", text) for text in helps), helps
    names = [argument.name for argument in verb.arguments] + [option.name for option in verb.options]
    names += ["fields"] * verb.fields + ["literal"] * verb.literal
    _, *parameters = inspect.signature(verb.action).parameters.values()
    assert sorted(each.name for each in parameters) == sorted(names), "the action takes what is declared"
    assert len(parameters) < 7 or all(each.kind == each.KEYWORD_ONLY for each in parameters), "it gets many values by name"
    assert sum(argument.several for argument in verb.arguments) <= 1


def commands_in(example: str) -> list[list[str]]:
    """Return the arguments of each `todo` in a line for a shell."""
    lexer = shlex.shlex(re.sub(r'eval "\$\((.*)\)"', r"\1", example), posix=True, punctuation_chars="|>")
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for token in lexer:
        if token in ("|", ">"):
            commands.append([])
        else:
            commands[-1].append(token)
    return [command[command.index("todo") + 1 :] for command in commands if "todo" in command]


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_the_examples_of_a_verb_parse(path: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Verb] = []
    monkeypatch.setattr(Verb, "run", lambda verb, _session, _values: ran.append(verb))
    for example in declared(path).examples:
        commands = commands_in(example)
        assert commands, example
        for args in commands:
            assert run_command_line(args, Session(Options())) == 0
    own = [declared(path), *(declared([*path, name]) for name in verbs.names(path))]
    assert any(verb in own for verb in ran), "an example shows the verb itself"


def test_help_shows_every_verb_and_its_examples(todo: Todo) -> None:
    shown = re.findall(r"^  (\w+)  +\S", todo("--help", env={"COLUMNS": "200"}).out, re.MULTILINE)
    assert sorted(shown) == sorted(path[0] for path in PATHS if len(path) == 1)
    for path in PATHS:
        page = todo(*path, "--help", env={"COLUMNS": "200"}).out
        assert all(f"\n  {example}\n" in page for example in declared(path).examples)


def test_every_file_is_a_verb_and_every_alias_leads_to_one() -> None:
    files = {file for file in FOLDER.rglob("*.py") if file != FOLDER / "__init__.py"}
    assert files == {Path(inspect.getfile(declared(path).action)) for path in PATHS}
    assert all(verbs.load([alias]) is declared([name]) for alias, name in verbs.ALIASES.items())


def test_a_run_imports_no_other_verb(todo: Todo) -> None:
    program = (
        "import sys; from cqrs_todo.cli import main; code = main(); "
        "print(*sorted(name for name in sys.modules if name.startswith('cqrs_todo.cli.verbs.'))); sys.exit(code)"
    )
    todo("add", "x")
    for args, modules in (
        (["done", "1"], "done"),
        (["ls", "--all"], "ls"),
        (["list"], "ls"),
        (["lists", "new", "a"], "lists lists.new"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", program, *args], capture_output=True, env=todo.env, cwd=todo.home, check=True
        )
        assert done.stdout.decode().splitlines()[-1] == " ".join(f"cqrs_todo.cli.verbs.{name}" for name in modules.split())


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_a_verb_that_writes_refuses_to_change_the_past(todo: Todo, path: list[str]) -> None:
    verb = declared(path)
    options = [word for option in verb.options if option.required for word in (option.names[0], "@1")]
    words = ["1" for argument in verb.arguments if argument.required]
    result = todo.run("--at", "@1", *path, *words, *options)
    assert (result.code == 2 and "the past cannot be changed" in result.err) == verb.writes


def test_the_verb_in_the_how_to_page_works(todo: Todo, tmp_path: Path) -> None:
    page = (FOLDER.parents[2] / "docs/how-to/add-a-verb.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^   ```python\n(.*?)^   ```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "postpone.py").write_text("\n\n".join(map(textwrap.dedent, blocks)), encoding="utf-8")
    program = (
        "import sys; from cqrs_todo.cli import main, verbs; verbs.__path__.append(sys.argv.pop(1)); "
        "code = main(); sys.stderr.write(str('typer' in sys.modules)); sys.exit(code)"
    )

    def run(*args: str) -> tuple[str, str]:
        command = [sys.executable, "-c", program, str(tmp_path), *args]
        done = subprocess.run(command, capture_output=True, text=True, env=todo.env, cwd=todo.home, check=True)
        return done.stdout, done.stderr

    todo("add", "x")
    assert run("postpone", "1", "2030-01-02") == ("Postponed 1: x. Undo: todo undo\n", "False")
    assert run("postpone", "1", "2030-01-03", "-q") == ("", "True")
    assert todo.todos()[0]["due"] == "2030-01-03"
    assert "\n  postpone    Give todos a later due date.\n" in run("--help")[0]
    assert "todo postpone 1-3 next monday" in run("postpone", "--help")[0]


def verbs_asked_for(code: str) -> list[str]:
    """Return the verbs whose names code compares with that of a declaration."""
    names = {*verbs.names()}
    return [
        constant.value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Compare)
        and any(isinstance(part, ast.Attribute) and part.attr == "name" for part in ast.walk(node))
        and any(isinstance(part, ast.Name | ast.Attribute) and "verb" in ast.unparse(part) for part in ast.walk(node))
        for constant in ast.walk(node)
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str) and constant.value in names
    ]


@pytest.mark.parametrize("file", sorted(FOLDER.parent.glob("*.py")), ids=lambda file: file.stem)
def test_what_is_special_about_a_verb_is_declared_in_its_file(file: Path) -> None:
    assert verbs_asked_for(file.read_text(encoding="utf-8")) == []


def test_code_that_asks_for_a_verb_is_seen() -> None:
    assert verbs_asked_for('if verb.name == "show" and x:\n    pass') == ["show"]
    assert verbs_asked_for('if self.explained_verb.name in ("undo", "redo"):\n    pass') == ["undo", "redo"]
