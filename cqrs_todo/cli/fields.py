"""Reading the fields of a todo from the words and options of `add` and `edit`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, time
from typing import Any, TypeAlias

from ..cqrs.struct import Struct
from ..todo.fields import FIELDS, TEXT, Field, Kind, SetField
from ..todo.model import Add, Change, Drop, TodoCommand
from ..todo.values import DayOrInstant, day_or_instant
from ..todo.views import Item
from .clock import to_local
from .errors import UsageError
from .session import Session, check_text

Declared: TypeAlias = Field[Any] | SetField


class Given(Struct, frozen=True):
    """What a person gave for a todo: values by the names of the fields, and the names of the fields to clear."""

    values: Mapping[str, Any]
    cleared: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything was given."""
        return bool(self.values or self.cleared)

    def commands(self, item: Item, now: datetime) -> Iterator[TodoCommand]:
        """Return the commands that make these changes to a todo."""
        for field in FIELDS:
            name = field.name
            if isinstance(field, SetField):
                words = self.values.get(name, ())
                if name in self.cleared:
                    yield from (Drop(field, word) for word in getattr(item.todo, name) if word not in words)
                yield from (Add(field, word) for word in words)
            elif name in self.values or name in self.cleared:
                yield Change(field, self.values.get(name), now)


CLEARABLE = tuple(field.name for field in FIELDS if field is not TEXT)
"""The names of the fields that may have no value."""


def read_fields(
    session: Session,
    words: Sequence[str],
    options: Mapping[str, str | Sequence[str] | None],
    *,
    literal: int = 0,
    clear: Sequence[str] = (),
) -> Given:
    """Read the fields of a todo from words and options.

    Args:
        session: The run, which knows the time and the configuration.
        words: The words. A marker with its value, such as `+tag` or `due:friday`, sets a field; the others are the text.
        options: What options gave, by the names of fields; None or () for nothing.
        literal: How many of the last words came after `--`. They are text, whatever they look like.
        clear: The names of fields to clear.

    Returns:
        The values and the fields to clear.

    Raises:
        UsageError: A value cannot be read, or there is no such field to clear.
    """
    unknown = [name for name in clear if name not in CLEARABLE]
    if unknown:
        raise UsageError(
            f"there is no field {', '.join(map(repr, unknown))} to clear", f"the fields are {', '.join(CLEARABLE)}"
        )
    text: list[str] = []
    typed: dict[str, list[str]] = {}
    cleared = set(clear)
    for field in FIELDS:
        given = options.get(field.name)
        if given:
            typed[field.name] = [given] if isinstance(given, str) else list(given)
    for place, word in enumerate(words):
        check_text("text", word)
        marked = _marked(word) if place < len(words) - literal else None
        if marked is None:
            text.append(word)
            continue
        field, value = marked
        if value is None:
            cleared.add(field.name)
        elif isinstance(field, SetField):
            typed.setdefault(field.name, []).append(value)
        else:
            typed[field.name] = [value]
    values = {field.name: _read(session, field, typed[field.name]) for field in FIELDS if field.name in typed}
    if text:
        values[TEXT.name] = " ".join(text)
    return Given(values, frozenset(cleared))


def _marked(word: str) -> tuple[Declared, str | None] | None:
    """Return the field that a word sets, and its value, or None to clear the field; None for a word of the text."""
    for field in FIELDS:
        if field is not TEXT and word in (f"{field.name}:none", f"{field.marker}none") and word not in ("none", "+none"):
            return field, None  # not so `none`, which is a word, and `+none`, which is a tag
        value = word.removeprefix(field.marker)
        if field.marker and value != word and value.split() == [value]:
            return field, value
    return None


def _read(session: Session, field: Declared, typed: Sequence[str]) -> Any:
    """Read the value that was typed for a field; raise `UsageError` if that is not possible."""
    if isinstance(field, SetField):
        return tuple(check_text(field.item, word.removeprefix(field.marker)) for word in typed)
    return _READERS[field.kind](session, field, typed[-1])


def _choice(_session: Session, field: Field[Any], text: str) -> str:
    for words in field.choices:
        if text.lower() in (word.lower() for word in words):
            return words[0]
    names = [words[0] for words in field.choices]
    raise UsageError(f"{text!r} is not a {field.name}", f"choose one of {', '.join(names[:-1])} and {names[-1]}")


def read_day_or_instant(session: Session, text: str) -> DayOrInstant:
    """Read a day or a time in the future, as people type it.

    Raises:
        UsageError: The text is not a time.
    """
    return day_or_instant(session.time_of(text, "future"))


def read_instant(session: Session, text: str) -> datetime:
    """Read a time in the future, as people type it. A whole day means 9:00 on that day.

    Raises:
        UsageError: The text is not a time.
    """
    value = session.time_of(text, "future")
    if isinstance(value, datetime):
        return value
    from ..todo.zones import from_local

    return from_local(datetime.combine(value, time(9)), to_local)


_READERS: dict[Kind, Callable[[Session, Field[Any], str], Any]] = {
    "text": lambda _, field, text: check_text(field.name, text),
    "note": lambda _, field, text: check_text(field.name, text),
    "day or instant": lambda session, _, text: read_day_or_instant(session, text),
    "instant": lambda session, _, text: read_instant(session, text),
    "choice": _choice,
    "word": lambda _, field, text: check_text(field.name, text),
}
"""How the values of each kind are read, except sets of words."""
