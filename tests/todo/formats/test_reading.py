"""What readers make of files as people and other programs write them."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from cqrs_todo.todo.fields import Todo
from cqrs_todo.todo.formats import FORMATS, Context, load, markdown
from cqrs_todo.todo.formats.recognition import recognise
from cqrs_todo.todo.views import Item

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


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("wiki.md", "[[Home]] is up\n\n- [ ] a\n", "markdown"),
        ("template.md", "{{template}}\n- [ ] a\n", "markdown"),
        ("todo.txt", "[next] Call Bob +work\n(A) x @y\n", "todotxt"),
        ("todo.txt", "[1] Call Bob +work\n", "todotxt"),
        ("list.txt", "- [ ] Buy milk @shop\n- [x] Eggs\n", "markdown"),
        ("list.txt", "* TODO buy milk @home\n** DONE eggs\n", "org"),
        ("todo.txt", "(A) Write - [ ] boxes\n- [ ] and this\n", "todotxt"),
        ("tasks.txt", '[{"uuid": "a", "description": "b"}]\n', "taskwarrior"),
        ("tasks.txt", '[{"uuid": "a", "description": "b', "taskwarrior"),
        ("tasks", '{"uuid": "a", "description": "b"}\n', "taskwarrior"),
    ],
)
def test_the_name_decides_unless_the_content_is_json(name: str, content: str, format: str) -> None:
    assert recognise(content, name) == format


def test_an_attribute_with_a_nul_character_is_the_same_after_an_export() -> None:
    todo = Todo("x", CONTEXT.now, attributes=(("estimate", "\0"),))
    [again] = todos_of("markdown", "".join(markdown.write([Item(1, "todo/a1", 1, todo)], CONTEXT, ignored)))
    assert again.attributes == todo.attributes
