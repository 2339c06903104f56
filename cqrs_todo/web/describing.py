"""The descriptions in the schema, which are the docstrings of its types and fields."""

import inspect
from collections.abc import Callable
from typing import TypeVar, cast

import strawberry
from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema

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
    for type in schema.type_map.values():
        if not isinstance(type, GraphQLObjectType | GraphQLInputObjectType | GraphQLInterfaceType):
            continue
        definition = type.extensions.get("strawberry-definition")
        if definition is None:  # a type of GraphQL itself
            continue
        type.description = type.description or _text(definition.origin)
        for field in type.fields.values():
            resolver = getattr(field.extensions.get("strawberry-definition"), "base_resolver", None)
            if resolver is not None:
                field.description = field.description or _text(resolver.wrapped_func)


def _text(documented: object) -> str | None:
    """Return a docstring without the full stop at its end; None if there is none."""
    docstring = getattr(documented, "__doc__", None)
    return None if docstring is None else inspect.cleandoc(docstring).removesuffix(".")
