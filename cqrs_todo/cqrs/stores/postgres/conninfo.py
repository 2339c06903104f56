"""The URL of a database as psycopg takes it."""

import logging
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ..installed import UnknownStore
from .address import ESCAPES, with_defaults, wrong_part

# psycopg logs a warning if a pipeline loses its connection. Without a handler, Python would print it.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

_UNKNOWN_PARAMETER = "after ? comes a parameter that PostgreSQL does not know; or, if the ? belongs to something else"


def parse_url(url: str) -> dict[str, str]:
    """Parse a URL, or another string that libpq can connect by.

    Returns:
        The values in it, by libpq's names.

    Raises:
        UnknownStore: It is not such a string. The message repeats no part of it, since a password may be anywhere in it.
    """
    wrong = "it holds a NUL character" if "\0" in url else None
    given: dict[str, str] = {}
    if wrong is None:
        try:
            given = {key: str(value) for key, value in conninfo_to_dict(url).items()}
        except (psycopg.ProgrammingError, UnicodeError) as error:
            unknown = str(error).startswith("invalid URI query parameter")
            wrong = f"{_UNKNOWN_PARAMETER}: {ESCAPES}" if unknown else ESCAPES
    wrong = wrong or wrong_part(given)
    if wrong is not None:
        raise UnknownStore(f"that is not the URL of a PostgreSQL database: {wrong}")
    return given


def conninfo(given: Mapping[str, Any]) -> str:
    """Return the string that libpq connects by, with our defaults for what was not given."""
    return make_conninfo(**with_defaults(given))
