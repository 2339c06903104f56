"""What clients send with our mutations: the fields of todos, as people write them, and what is asked of a command."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import strawberry

from ..todo.fields import FIELDS, TEXT, Declared, KeyedField, SetField

C = TypeVar("C", bound=type)


@strawberry.input
class AttributeInput:
    """The value of an attribute; null clears it."""

    key: str
    value: str | None


@strawberry.input
class CommandInput:
    """What is asked of a command beside the change.

    With an id it is recorded once, however often it is sent. The expected version is that of each named todo. The expected
    position is the last one of the list.
    """

    command_id: str | None = None
    expected_version: int | None = None
    expected_position: int | None = None
    because: str | None = None


WRITTEN: Sequence[Declared] = tuple(field for field in FIELDS if field is TEXT or field.options)
"""The fields that people write. The others are set by verbs of their own."""


def _type_of(field: Declared) -> Any:
    if isinstance(field, SetField):
        return list[str] | None
    return list[AttributeInput] | None if isinstance(field, KeyedField) else str | None


def _with_declared_fields(*, text_required: bool) -> Callable[[C], C]:
    """Give an input the fields that todo/fields.py declares."""

    def extend(cls: C) -> C:
        types: dict[str, Any] = {}
        for field in WRITTEN:
            required = field is TEXT and text_required
            types[field.name] = str if required else _type_of(field)
            options = {} if required else {"default": strawberry.UNSET}
            setattr(cls, field.name, strawberry.field(description=field.help, **options))
        cls.__annotations__ = {**types, **inspect.get_annotations(cls)}
        return cls

    return extend


@strawberry.input
@_with_declared_fields(text_required=True)
class NewTodo:
    """A new todo. Values are written as on the command line: friday, month, high."""


@strawberry.input
@_with_declared_fields(text_required=False)
class Changes:
    """New values of fields, written as on the command line.

    Null clears a field. A set that is given replaces the one that is there. Attributes that are not named stay.
    """

    done: bool | None = strawberry.field(description="Whether it is completed.", default=strawberry.UNSET)


@strawberry.input
class Edit:
    """Changes of one todo."""

    id: strawberry.ID
    changes: Changes
    expected_version: int | None = None


Fields: TypeAlias = NewTodo | Changes


def values_of(given: Fields) -> dict[str, Any]:
    """Return what was written for each field, by the names of the fields; None for those to be cleared.

    What was written for attributes are pairs of a key and a value.
    """
    values: dict[str, Any] = {}
    for field in WRITTEN:
        value = getattr(given, field.name)
        if value is strawberry.UNSET:
            continue
        if isinstance(field, KeyedField) and value is not None:
            value = tuple((each.key, each.value) for each in value)
        values[field.name] = value
    return values


def written(given: Fields) -> Mapping[str, Any]:
    """Return the fields as JSON values, by which a mutation is recognised when it is sent again."""
    done = getattr(given, "done", strawberry.UNSET)
    return values_of(given) if done is strawberry.UNSET else {**values_of(given), "done": done}
