"""An application outside the package: what it does, and that it needs public names alone."""

import ast
from pathlib import Path

import pytest

from tests.outside import library


@pytest.mark.parametrize("kind", ["memory", "jsonl"])
def test_it_runs_on_a_store(kind: str, tmp_path: Path) -> None:
    held, borrowed, letters = library.play("memory:" if kind == "memory" else f"jsonl:{tmp_path}")
    assert held == {"book/dune": "Bob", "book/emma": "Bob"}
    assert borrowed == {"Bob": 2, "Ada": 1}
    assert letters == ["Dear Ada, thank you for dune"]


def test_it_imports_public_names_alone_and_is_short() -> None:
    source = Path(library.__file__).read_text(encoding="utf-8")
    imported = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    ours = [(node.module, alias.name) for node in imported for alias in node.names if node.module and "cqrs" in node.module]
    assert ours
    assert all(
        f"{module}.".startswith("cqrs_todo.cqrs.") and "_" not in module.removeprefix("cqrs_todo") for module, _ in ours
    )
    assert not [name for _, name in ours if name.startswith("_")]
    assert len(source.splitlines()) <= 60
