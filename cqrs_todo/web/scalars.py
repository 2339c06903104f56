"""The values of the schema that GraphQL does not have."""

import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any, NewType

import msgspec
import strawberry
from graphql import GraphQLError

DateTimeUtc = NewType("DateTimeUtc", datetime)
Cursor = NewType("Cursor", str)
Day = NewType("Day", str)
Json = NewType("Json", object)

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_LONGEST_CURSOR = 100_000
"""The longest cursor that is read, in characters. It may hold the text of a todo."""


def instant_out(value: datetime) -> str:
    """Return an instant as `1970-01-01T00:01:01+00:00`, with milliseconds or microseconds if it has any."""
    precision = "seconds" if not value.microsecond else "microseconds" if value.microsecond % 1000 else "milliseconds"
    return value.astimezone(UTC).isoformat("T", precision)


def instant_in(value: Any) -> datetime:
    """Read an instant in any form of RFC 3339.

    Raises:
        GraphQLError: It is none.
    """
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise GraphQLError("an instant is written as in RFC 3339: 2026-12-24T18:00:00+01:00", extensions={"code": "INVALID"})
    digits = re.sub(r"(\.\d{6})\d+", r"\1", value)  # Python keeps microseconds
    try:
        return datetime.fromisoformat(digits.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise GraphQLError(f"{value!r} is not an instant of the calendar", extensions={"code": "INVALID"}) from error


def cursor_of(key: object) -> Cursor:
    """Return the cursor for a key, which is any JSON value. A number becomes its decimal digits."""
    return Cursor(b64encode(msgspec.json.encode(key)).decode())


def key_of(cursor: str) -> Any:
    """Return the key in a cursor.

    Raises:
        GraphQLError: It is not a cursor.
    """
    try:
        if len(cursor) > _LONGEST_CURSOR:
            raise ValueError
        return msgspec.json.decode(b64decode(cursor.encode(), validate=True))
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors, too
        raise GraphQLError("this is not a cursor: give one that a page had", extensions={"code": "INVALID"}) from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError("a text is expected here", extensions={"code": "INVALID"})
    return value


SCALARS: dict[object, Any] = {
    DateTimeUtc: strawberry.scalar(
        name="DateTimeUtc", description="DateTime", serialize=instant_out, parse_value=instant_in
    ),
    Cursor: strawberry.scalar(
        name="Cursor",
        description="An opaque identifier, represented as a location in an enumeration",
        serialize=str,
        parse_value=_text,
    ),
    Day: strawberry.scalar(
        name="DayOrInstant",
        description="A local day, 2026-11-23, or an instant in UTC, 2026-11-23T17:00:00Z",
        serialize=str,
        parse_value=_text,
    ),
    Json: strawberry.scalar(name="Json", description="Any JSON value", serialize=msgspec.to_builtins),
}
"""How the scalars are written and read."""
