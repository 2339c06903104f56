"""The errors of the command line. `report` says what every error becomes for people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..cqrs.errors import CqrsError

if TYPE_CHECKING:
    from ..todo.errors import InvalidQuery

ORDER_IN_CONFIG = "; or set date_order in config.toml"
"""What also helps against a date that could mean two days."""
INTERNAL = 70
"""The exit code of an error that nobody foresaw."""


def to_install(extra: str) -> str:
    """Return what a person does to install an extra of this program."""
    return f"in the checkout, and with all extras that you use: pipx install --force '.[{extra}]'"


class UsageError(CqrsError):
    """The command line or the configuration cannot be parsed.

    Args:
        message: What is wrong, and where.
        hint: What to write instead.
    """

    def __init__(self, message: str, hint: str = "see: todo --help") -> None:
        super().__init__(message)
        self.hint = hint


def position_of_one_list(hint: str = "give a time, or one list: -L NAME") -> UsageError:
    """Return the error for a position where several lists are meant.

    Args:
        hint: What to write instead.
    """
    return UsageError("a position belongs to one list, not to all", hint)


def query_error(error: InvalidQuery, where: str = "") -> UsageError:
    """Return the error for a query that cannot be parsed.

    Args:
        error: What is wrong with it.
        where: Where the query is, with what separates that from the rest of the message.
    """
    settings = {"filters": "; filters are saved in config.toml", "date_order": ORDER_IN_CONFIG}
    return UsageError(f"{where}{error}", f"{error.hint}{settings.get(error.setting, '')}")


class InvalidInput(CqrsError):
    """A line of stdin, or a file that is imported, cannot be used.

    Args:
        message: What is wrong, and where.
        hint: What to do about it; None for no hint.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
