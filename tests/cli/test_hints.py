"""The commands in hints and answers: they are about the list and the store that the run was about."""

import ast
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cqrs_todo
from cqrs_todo.cli import verbs
from cqrs_todo.cli.hints import complete_hint, pattern
from cqrs_todo.cli.session import Options, Session
from tests.conftest import Todo

ROOT = Path(cqrs_todo.__file__).parent


HINTS = {
    "edit 1 2 new": "for the text: todo PLACES edit 1 -- 2 new",
    "edit 1 2 x: todo done 1": "for the text: todo PLACES edit 1 -- 2 x: todo done 1",
    "delete 1": "did you mean: todo PLACES rm 1? For all: todo --help",
    "undo @2": "to undo the later change first: todo PLACES undo @3",
    "done 1 --expect 99": "see what happened: todo PLACES show 1",
    "done 1 --expect @1": "see what was recorded last: todo PLACES history -n 3",
    "at @99": "see the positions: todo PLACES history",
    "tag 1 x": "did you mean: todo PLACES tag 1 +x?",
    "1": "did you mean: todo PLACES show 1, or todo PLACES done 1? For all: todo --help",
    "done 2": "there it is 1: todo STORE -L inbox done 1",
    "move 1 nope": "to make it: todo STORE lists new nope",
    "-L nope ls": "see: todo STORE lists",
    "replay --nope": "see: todo replay --help",
}


def test_the_command_in_a_hint_is_about_the_list_and_the_store_of_the_run(todo: Todo, tmp_path: Path) -> None:
    store = f"jsonl:{tmp_path}/other"
    for line in ("add one", "edit 1 uno", "edit 1 eins", "add two"):
        todo("--store", store, "-L", "w", *line.split())
    todo("--store", store, "lists", "new", "inbox")
    todo("--store", store, "-L", "w", "move", "2", "inbox")
    for words, hint in HINTS.items():
        failed = todo.run("--store", store, "-L", "w", *words.split())
        expected = hint.replace("PLACES", "STORE -L w").replace("STORE", f"--store {store}")
        assert failed.err.splitlines()[1].strip() == expected, words


def test_the_command_in_the_answer_about_a_list_is_about_the_same_store(todo: Todo, tmp_path: Path) -> None:
    store = f"jsonl:{tmp_path}/other"
    todo("--store", store, "lists", "new", "a b")
    for words, back in {
        ("archive", "a b"): "lists unarchive 'a b'",
        ("unarchive", "a b"): "lists archive 'a b'",
        ("rename", "a b", "c"): "lists rename c 'a b'",
    }.items():
        assert todo("--store", store, "lists", *words).out.endswith(f". Back: todo --store {store} {back}\n")


def test_a_text_in_a_hint_is_not_taken_for_a_command() -> None:
    options = Options()
    options.list = "w"
    session = Session(options)
    for text in ("x; todo done 1", "it's: todo done 1"):
        hint = f"for the text: todo edit 1 -- {shlex.quote(text)}; otherwise: todo edit 1,2 new"
        expected = hint.replace("todo edit", "todo -L w edit")
        assert complete_hint(hint, session) == expected


def test_whether_a_command_in_a_hint_names_the_list_and_the_store_is_declared_with_its_verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options()
    options.list, options.store = "w", "jsonl:/other"
    session = Session(options)
    monkeypatch.setattr(verbs, "__path__", [*verbs.__path__, str(tmp_path)])
    one = "--store jsonl:/other -L w "
    places = {"list": one, "lists": one, "store": "--store jsonl:/other ", "nothing": ""}
    for scope, names in places.items():
        declaration = f"""VERB = Verb("about{scope}", "Do it.", ("todo about{scope}",), print, scope="{scope}")"""
        (tmp_path / f"about{scope}.py").write_text(f"from cqrs_todo.cli.verb import Verb\n{declaration}\n", encoding="utf-8")
        assert complete_hint(f"write: todo about{scope}", session) == f"write: todo {names}about{scope}"
        monkeypatch.delitem(sys.modules, f"{verbs.__name__}.about{scope}")


def _texts(module: Path) -> Iterator[tuple[str, int, bool]]:
    """The texts of a module except its docstrings, with their lines, and whether they are printed as they are."""
    tree = ast.parse(module.read_text())
    printed = {
        id(text)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "").startswith("print_")
        for text in ast.walk(call)
    }
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value, node.lineno, id(node) in printed


def test_each_command_in_a_text_is_one_that_a_hint_completes_and_none_is_printed_as_it_is() -> None:
    known = "|".join((*verbs.names(), *verbs.ALIASES))
    # `todo export` is also the name of a thing, and `todo sync there` is about another machine
    command = re.compile(rf"(?<![`\w])(?<!that )(?<!of )(?<!one )(?<!\$\()(?<!A )(?<!home )todo (?:{known})\b(?!:| there)")
    wrong = [
        f"{module.relative_to(ROOT)}:{line}: {found[0]}"
        for module in sorted(ROOT.rglob("*.py"))
        for text, line, printed in _texts(module)
        for found in command.finditer(text)
        if printed or not any(each.start() <= found.start() < each.end() for each in re.finditer(pattern(), text))
    ]
    assert not wrong, "\n".join(wrong)
