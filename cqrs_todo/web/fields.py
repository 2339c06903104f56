"""The fields of the schema: their descriptions, which are their docstrings, and a short way to those without arguments."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import strawberry
from graphql import GraphQLField, GraphQLInputObjectType, GraphQLNamedType, GraphQLObjectType, GraphQLSchema

F = TypeVar("F", bound=Callable[..., object])


def named(name: str) -> Callable[[F], F]:
    """Make a method a field of the schema with a name of its own, where the name would hide one of Python's.

    Args:
        name: The name of the field.
    """
    return cast(Callable[[F], F], strawberry.field(name=name))


def describe(schema: GraphQLSchema) -> None:
    """Give each type and field that has no description its docstring.

    Args:
        schema: The schema, which is changed.
    """
    for type, definition in _own_types(schema):
        type.description = type.description or _text(definition.origin)
        for field in type.fields.values():
            method = _method(field)
            if method is not None:
                field.description = field.description or _text(method)


def shorten(schema: GraphQLSchema) -> None:
    """Call the methods of fields that take no arguments directly.

    Strawberry looks for arguments, permissions and extensions at each call. A page has hundreds of such fields, and they
    have none.

    Args:
        schema: The schema, which is changed.
    """
    for type, _ in _own_types(schema):
        for field in type.fields.values() if isinstance(type, GraphQLObjectType) else ():
            method = _method(field)
            if method is not None and list(inspect.signature(method).parameters) == ["self"]:
                field.resolve = _direct(method)


def _direct(method: Callable[[Any], object]) -> Callable[..., object]:
    return lambda source, _info: method(source)


def _own_types(schema: GraphQLSchema) -> Iterator[tuple[GraphQLObjectType | GraphQLInputObjectType, Any]]:
    """Yield the types that this package defines, with what Strawberry knows of them."""
    types: Iterator[GraphQLNamedType] = iter(schema.type_map.values())
    for type in types:
        if isinstance(type, GraphQLObjectType | GraphQLInputObjectType):
            definition = type.extensions.get("strawberry-definition")
            if definition is not None:  # otherwise it is a type of GraphQL itself
                yield type, definition


def _method(field: GraphQLField | Any) -> Callable[..., object] | None:
    """Return the method that is a field of the schema; None for an attribute."""
    resolver = getattr(field.extensions.get("strawberry-definition"), "base_resolver", None)
    return None if resolver is None else cast(Callable[..., object], resolver.wrapped_func)


def _text(documented: object) -> str | None:
    """Return a docstring without the full stop at its end; None if there is none."""
    docstring = getattr(documented, "__doc__", None)
    return None if docstring is None else inspect.cleandoc(docstring).removesuffix(".")
