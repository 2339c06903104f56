"""Reading the fields of a todo from the words and options of `add` and `edit`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, time
from typing import Any, TypeVar

from ..cqrs.errors import Rejected
from ..cqrs.struct import Struct
from ..todo.fields import ATTRIBUTES, DUE, EVERY, FIELDS, NOTE, TAGS, TEXT, Declared, Field, KeyedField, Kind, SetField
from ..todo.model import Add, Change, Create, Drop, Put, TodoCommand
from ..todo.values import AttributeKind, DayOrInstant, attribute_named, day_or_instant, number_in
from ..todo.views import Item
from .clock import to_local, zone_name
from .errors import UsageError
from .markers import KIND_OF_VALUE, Marker, check_complete, inside_texts, looks_like_marker, refusal, split_words
from .output import print_message
from .session import Session, check_text
from .text import visible

T = TypeVar("T")

_UNDECLARED: AttributeKind = "text"
"""The kind of an attribute that is not declared."""


class Rule(Struct, frozen=True):
    """When a todo recurs, as it was typed. It becomes a recurrence once the due date of the todo is known."""

    text: str


class Given(Struct, frozen=True):
    """What a person gave for a todo: values by the names of the fields, and the names of the fields to clear.

    The value of a field with keys is a dictionary, in which None clears a key.
    """

    values: Mapping[str, Any]
    cleared: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything was given."""
        return bool(self.values or self.cleared)

    def overridden_by(self, other: Given) -> Given:
        """Return these values with those of another: a set has the words of both, and a field with keys the keys of both."""
        values = {**self.values, **other.values}
        for field in FIELDS:
            if isinstance(field, SetField) and field.name in self.values and field.name in other.values:
                values[field.name] = tuple(dict.fromkeys((*self.values[field.name], *other.values[field.name])))
            elif isinstance(field, KeyedField) and field.name in self.values and field.name in other.values:
                values[field.name] = {**self.values[field.name], **other.values[field.name]}
        return Given({name: value for name, value in values.items() if name not in other.cleared}, frozenset())

    def dated(self, due: DayOrInstant | None, now: datetime) -> Mapping[str, Any]:
        """Return the values, with a recurrence in place of a rule. A todo that recurs also gets a due date.

        Args:
            due: When the todo was due until now.
            now: The time of the command.

        Raises:
            UsageError: The rule gives no date.
        """
        rule = self.values.get(EVERY.name)
        if not isinstance(rule, Rule):
            return self.values
        from ..todo.recurrence import begun  # few todos recur

        due = self.values.get(DUE.name, None if DUE.name in self.cleared else due)
        with _readable_rule():
            every, first = begun(rule.text, due, to_local(now).date(), to_local, zone_name())
        return {**self.values, EVERY.name: every, DUE.name: first}

    def creation(self, text: str, now: datetime) -> Create:
        """Return the command that creates a todo with a text and these values.

        Args:
            text: What is to be done.
            now: The time of the command.

        Raises:
            UsageError: The rule gives no date.
        """
        others = {name: value for name, value in self.dated(None, now).items() if name != TEXT.name}
        if ATTRIBUTES.name in others:  # a new todo has nothing that None could clear
            pairs = others[ATTRIBUTES.name].items()
            others[ATTRIBUTES.name] = tuple((key, value) for key, value in pairs if value is not None)
        return Create(text, now, **others)

    def commands(self, item: Item, now: datetime) -> Iterator[TodoCommand]:
        """Return the commands that make these changes to a todo."""
        values = self.dated(item.todo.due, now)
        for field in FIELDS:
            name = field.name
            if isinstance(field, SetField):
                words = values.get(name, ())
                if name in self.cleared:
                    yield from (Drop(field, word) for word in getattr(item.todo, name) if word not in words)
                yield from (Add(field, word) for word in words)
            elif isinstance(field, KeyedField):
                given: Mapping[str, str | None] = values.get(name, {})
                if name in self.cleared:
                    yield from (Put(field, key, None) for key, _ in getattr(item.todo, name) if key not in given)
                yield from (Put(field, key, value) for key, value in given.items())
            elif name in values or name in self.cleared:
                yield Change(field, values.get(name), now)


_SEVERAL_VALUES = {field.name for field in FIELDS if isinstance(field, (SetField, KeyedField))}
"""The names of the fields that have any number of values."""
CLEARABLE = tuple(field.name for field in FIELDS if field is not TEXT)
"""The names of the fields that may have no value."""


_BY_MARKER = {field.marker.removesuffix(":"): field.name for field in FIELDS if field.marker.endswith(":")}
"""The names of the fields by the words of their markers, such as `under`."""


def settable_attributes(session: Session, present: Iterable[str]) -> Mapping[str, AttributeKind]:
    """Return the kinds of the attributes that can be set: the declared ones, and those that todos have already.

    Args:
        session: The run, which knows the configuration.
        present: The names of the attributes that todos have.
    """
    return {**dict.fromkeys(present, _UNDECLARED), **session.config.attributes}


def with_note_of_stdin(session: Session, options: Mapping[str, T]) -> Mapping[str, T | str]:
    """Return what options gave, with the note that stdin holds if it was given as '-'.

    Args:
        session: The run.
        options: What options gave, by the names of fields.

    Raises:
        UsageError: Stdin cannot be read.
    """
    if options.get(NOTE.name) != "-":
        return options
    from .stdin import read_note  # most notes are typed

    return {**options, NOTE.name: read_note(session)}


def read_fields(
    session: Session,
    words: Sequence[str],
    options: Mapping[str, str | Sequence[str] | None],
    *,
    literal: int = 0,
    clear: Sequence[str] | None = None,
    present: Iterable[str] = (),
    instead: Callable[[Declared], str] | None = None,
) -> Given:
    """Read the fields of a todo from words and options.

    Args:
        session: The run, which knows the time and the configuration.
        words: The words. Markers, such as `+tag` or `due:friday`, set fields; the other words are the text.
        options: What options gave, by the names of fields; None or () for nothing.
        literal: How many of the last words came after `--`. They are text, whatever they look like.
        clear: The names of fields to clear; None for a new todo, which has nothing to clear.
        present: The names of attributes that may be changed although they are not declared, because todos have them.
        instead: Says what to give in place of an empty value of a field; None for what to type on the command line.

    Returns:
        The values and the fields to clear.

    Raises:
        UsageError: A value cannot be read, or there is no such field to clear.
    """
    is_new = clear is None
    clear = clear or ()
    clear = tuple(_BY_MARKER.get(name, name) for name in clear)
    attributes = settable_attributes(session, present)
    unknown = [name for name in clear if name not in CLEARABLE and name not in attributes]
    if unknown:
        known = ", ".join((*CLEARABLE, *attributes))
        raise UsageError(f"there is no field {', '.join(map(repr, unknown))} to clear", f"the fields are {known}")
    text, markers = split_words([check_text("text", word) for word in words], literal, attributes)
    markers += [Marker(f"--clear {name}", ATTRIBUTES, None, attribute=name) for name in clear if name in attributes]
    if not is_new and not literal and text and all(map(looks_like_marker, text)):
        name = text[0].partition(":")[0]
        hint = f'to use it as text: -- {visible(" ".join(text))}; to declare it in config.toml: [attributes] {name} = "text"'
        raise UsageError(f"there is no field or attribute {name!r}", hint)
    for word in inside_texts(words[: len(words) - literal], attributes):
        print_message(session, f"{visible(word)} is a part of the text. As a word of its own it would set a field.")
    given = given_by(session, markers, attributes, cleared=frozenset(clear) & frozenset(CLEARABLE))
    values = dict(given.values)
    for field in FIELDS:
        option = options.get(field.name)
        if option is None or option == ():
            continue
        typed = [option] if isinstance(option, str) else option
        if instead is not None:
            way = instead(field)
        else:
            way = f"leave out {field.options[0]}" if is_new else f"to clear it: {field.name}:none, or --clear {field.name}"
        if not all(word.strip() for word in typed):
            raise UsageError(f"the field {field.name} is empty", way)
        if field is not TAGS and field.kind not in ("note", "attributes") and clears_a_field(typed[-1]):
            raise UsageError(f"the field {field.name} cannot have the value 'none'", way)
        if isinstance(field, KeyedField):
            for each in typed:
                _take_attribute(values, *_read_pair(session, each, attributes))
            continue
        value = _read(session, field, typed)
        if isinstance(field, SetField):
            values[field.name] = (*value, *values.get(field.name, ()))
        else:
            _take_once(values, field.name, value)
    if text:
        values[TEXT.name] = _checked(TEXT, " ".join(text))
    return _consistent(Given(values, given.cleared))


def given_by(
    session: Session,
    markers: Sequence[Marker],
    attributes: Mapping[str, AttributeKind],
    *,
    cleared: frozenset[str] = frozenset(),
) -> Given:
    """Read the fields of a todo from markers.

    Args:
        session: The run, which knows the time and the configuration.
        markers: The markers.
        attributes: The attributes that can be set.
        cleared: The names of fields to clear besides.

    Raises:
        UsageError: A field cannot have the value of its marker, or a field gets two values.
    """
    values: dict[str, Any] = {}
    for marker in markers:
        field, value = marker.field, marker.value
        if value is None:
            if marker.attribute:
                _take_attribute(values, marker.attribute, None)
            else:
                cleared |= {field.name}
            continue
        try:
            read = (
                read_attribute(session, marker.attribute, value, attributes)
                if isinstance(field, KeyedField)
                else _read(session, field, [value])
            )
        except UsageError as error:
            raise refusal(session, marker, error) from error
        check_complete(session, marker)
        if isinstance(field, SetField):
            values[field.name] = (*values.get(field.name, ()), *read)
        elif isinstance(field, KeyedField):
            _take_attribute(values, marker.attribute, read)
        else:
            _take_once(values, field.name, read)
    return _consistent(Given(values, cleared))


def _consistent(given: Given) -> Given:
    """Raise `UsageError` if a field is both set and cleared. New values replace old ones where it may have several."""
    for name in given.cleared & given.values.keys() - _SEVERAL_VALUES:
        raise UsageError(f"the field {name} is both set and cleared", "give one of the two")
    return given


def _take_once(values: dict[str, Any], name: str, value: Any) -> None:
    if values.setdefault(name, value) != value:
        raise UsageError(f"the field {name} is given twice, with different values", "give it once")


def _take_attribute(values: dict[str, Any], name: str, value: str | None) -> None:
    attributes = values.setdefault(ATTRIBUTES.name, {})
    if attributes.setdefault(name, value) != value:
        raise UsageError(f"the attribute {name} is given twice, with different values", "give it once")


def _read_pair(session: Session, text: str, attributes: Mapping[str, AttributeKind]) -> tuple[str, str | None]:
    """Read a word such as `estimate:2h` of the option that sets attributes."""
    key, colon, value = text.partition(":")
    if not colon or not value.strip():
        proposed = text.replace("=", ":", 1) if "=" in key else f"{key or 'KEY'}:VALUE"
        raise UsageError(f"{text!r} is not an attribute and its value", f"write {ATTRIBUTES.options[0]} {proposed}")
    name = attribute_named(key, attributes) or key
    return name, None if clears_a_field(value) else read_attribute(session, name, value.strip(), attributes)


def read_attributes(session: Session, given: Iterable[tuple[str, str | None]]) -> Mapping[str, str | None]:
    """Read values of attributes that were given with their names. None clears an attribute, and `none` does.

    Args:
        session: The run, which knows the time and the configuration.
        given: The names, and what was written for each.

    Raises:
        UsageError: A name or a value is empty, an attribute cannot be set, or it gets two values.
    """
    attributes = session.config.attributes
    values: dict[str, dict[str, str | None]] = {ATTRIBUTES.name: {}}
    for key, value in given:
        if not key.strip():
            raise UsageError("the key of an attribute is empty", "give the name of the attribute")
        name = attribute_named(key, attributes) or key
        if value is not None and not value.strip():
            raise UsageError(f"the attribute {key} is empty", "leave it out, or give null to clear it")
        if value is not None:
            value = None if clears_a_field(value) else read_attribute(session, name, value.strip(), attributes)
        _take_attribute(values, name, value)
    return values[ATTRIBUTES.name]


def clears_a_field(value: str) -> bool:
    """Return whether what was typed in place of a value means that there is none: `due:none`."""
    return value.strip().lower() == "none"


def read_attribute(session: Session, name: str, text: str, attributes: Mapping[str, AttributeKind]) -> str:
    """Read the value of an attribute, as people type it.

    Args:
        session: The run, which knows the time.
        name: The name of the attribute.
        text: The value, as it was typed.
        attributes: The attributes that can be set.

    Raises:
        UsageError: The attribute cannot be set, or the text is not a value of its kind.
    """
    kind = attributes.get(name)
    if kind is None:
        others = f"the attributes are {', '.join(attributes)}; " if attributes else ""
        hint = f'{others}declare it in config.toml: [attributes] and below it {name} = "text"'
        raise UsageError(f"there is no attribute {name!r}", hint)
    value = read_day_or_instant(session, text) if KIND_OF_VALUE[kind] == "day or instant" else check_text(name, text)
    if kind == "number" and number_in(value) is None:
        raise UsageError(f"{text!r} is not a number", f"for instance: {name}:2.5")
    checked: str = valid(lambda given: ATTRIBUTES.check_item(name, given)[1], value)
    return checked


def _read(session: Session, field: Field[Any] | SetField, typed: Sequence[str]) -> Any:
    """Read the value that was typed for a field; raise `UsageError` if that is not possible."""
    if isinstance(field, SetField):
        words = [check_text(field.item, word.removeprefix(field.marker)) for word in typed]
        if field.kind == "todos":
            return read_todos(session, words)
        return tuple(valid(field.check_item, word) for word in words)
    value = _READERS[field.kind](session, field, typed[-1])
    return _checked(field, value) if field.kind in ("note", "word") else value


def _checked(field: Field[Any], value: Any) -> Any:
    """Return a value that was typed, as the field records it."""
    return valid(lambda given: field.check(given, None), value)


def valid(check: Callable[[Any], Any], value: Any) -> Any:
    """Check a value that was typed.

    Args:
        check: Returns the value as it is recorded, or raises `Rejected`.
        value: The value.

    Raises:
        UsageError: The value is not valid.
    """
    try:
        return check(value)
    except Rejected as error:
        raise UsageError(str(error), "correct the value") from error


def _choice(_session: Session, field: Field[Any], text: str) -> str:
    for words in field.choices:
        if text.lower() in (word.lower() for word in words):
            return words[0]
    names = [words[0] for words in field.choices]
    article = "an" if field.name[0] in "aeiou" else "a"
    raise UsageError(f"{text!r} is not {article} {field.name}", f"choose one of {', '.join(names[:-1])} and {names[-1]}")


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


def read_todos(session: Session, words: Sequence[str]) -> tuple[str, ...]:
    """Read which todos are named, and return their ids.

    Raises:
        UsageError: A word is not the form of an id, or names a todo of another list.
        TodoNotFound: The list has no such todo.
    """
    name = session.list.name
    chosen = session.choose(words, as_sent=False)  # a number always means the same todo
    if session.list.name != name:
        raise UsageError(f"{' '.join(words)} is in another list", "a todo is linked only with todos of its own list")
    return tuple(item.id for item in chosen)


def _read_todo(session: Session, field: Field[Any], text: str) -> str:
    ids = read_todos(session, [text])
    if len(ids) != 1:
        raise UsageError(f"{text} names {len(ids)} todos", f"a todo has one {field.name}: name one todo")
    return ids[0]


def _read_rule(session: Session, _field: Field[Any], text: str) -> Rule:
    from ..todo.rules import read_rule  # few todos recur

    with _readable_rule():
        read_rule(check_text("rule", text), session.now.date())
    return Rule(text)


@contextmanager
def _readable_rule() -> Iterator[None]:
    """Turn the error for a rule that cannot be read into one that says what can be written."""
    from ..todo.errors import UnreadableRule  # most runs read no rule

    try:
        yield
    except UnreadableRule as error:
        forms = ", ".join(form if form.startswith("after:") else f"every:{form}" for form in error.examples)
        raise UsageError(str(error), f"write, for instance: {forms}" if forms else "see docs/planning.md") from error


_READERS: dict[Kind, Callable[[Session, Field[Any], str], Any]] = {
    "text": lambda _, field, text: check_text(field.name, text),
    "note": lambda _, field, text: check_text(field.name, text),
    "day or instant": lambda session, _, text: read_day_or_instant(session, text),
    "instant": lambda session, _, text: read_instant(session, text),
    "choice": _choice,
    "word": lambda _, field, text: check_text(field.name, text),
    "todo": _read_todo,
    "recurrence": _read_rule,
}
"""How the values of each kind are read, except sets of words."""
