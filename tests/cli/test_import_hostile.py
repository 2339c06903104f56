"""Hostile files are refused with a clear line, in bounded time, and nothing is recorded."""

import pytest

from tests.conftest import Todo

from .hostile_files import Hostile, hostile_files

FILES = list(hostile_files())


def test_there_are_at_least_200_kinds() -> None:
    assert len({hostile.kind for hostile in FILES}) == len(FILES) >= 200


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.long) for part in range(1, 12))])
def test_a_hostile_file_is_refused_with_a_clear_line_and_nothing_is_recorded(todo: Todo, part: int) -> None:
    wrong = []
    for hostile in FILES[part::12]:
        problem = refused(todo, hostile)
        if problem is not None:
            wrong.append(f"{hostile.kind}: {problem}")
    assert not wrong, "\n".join(wrong)


def refused(todo: Todo, hostile: Hostile) -> str | None:
    """What is wrong with how a file is refused; None if nothing is."""
    file = todo.home / "hostile"
    file.write_bytes(hostile.content)
    result = todo.run("import", str(file), *(["--format", hostile.format] if hostile.format else []))
    lines = result.err.strip().split("\n")
    if result.code not in (1, 2) or result.out:
        return f"exit code {result.code}, {result.out[:200]!r}"
    if len(lines) > 2 or not lines[0].startswith("todo: ") or len(lines[0]) > 500:
        return f"the message is {result.err[:300]!r}"
    if todo.data.exists() and list(todo.data.glob("lists/*.jsonl")):
        return "a list was made"
    return None
