"""What readers make of files as people and other programs write them."""

from collections.abc import Iterable
from datetime import UTC, datetime

from cqrs_todo.todo.fields import Todo
from cqrs_todo.todo.formats import FORMATS, Context, load

from .test_laws import ignored

CONTEXT = Context(now=datetime(2026, 1, 1, tzinfo=UTC), to_local=lambda at: at, zone="UTC")


def todos_of(format: str, text: str) -> list[Todo]:
    """The todos of a file."""
    found = FORMATS[format]
    given: Iterable[str] = text.split("\n") if found.by_line else text
    return [entry.todo for entry in getattr(load(found), found.reader)(given, CONTEXT, ignored)]


def test_fields_at_the_end_of_the_first_of_several_lines_count() -> None:
    [todo] = todos_of("markdown", "- [ ] Pay rent #home 📅 2026-12-01 ⏫\n  call the bank first")
    assert (todo.text, todo.due, todo.priority, todo.tags) == ("Pay rent call the bank first", "2026-12-01", "H", ("home",))
    [todo] = todos_of("markdown", "- [ ] Ask in #general\n  about the key")
    assert todo.text == "Ask in #general about the key"
