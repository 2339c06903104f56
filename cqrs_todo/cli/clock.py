"""This machine's time zone."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .errors import UsageError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ..todo.values import ToLocal

_FOLDERS = ("/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo")
"""Where systems keep the database of zones; TZDIR names another folder."""

# The form of POSIX: a name, an offset, and for summer time another name, perhaps with its offset and the days of change.
_NAME = r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)"
_OFFSET = r"[+-]?(?:2[0-3]|[01]?[0-9])(?::[0-5][0-9]){0,2}"
_CHANGE = r"(?:M(?:1[0-2]|0?[1-9])\.[1-5]\.[0-6]|J[0-9]{1,3}|[0-9]{1,3})(?:/[+-]?[0-9]{1,3}(?::[0-5][0-9]){0,2})?"
_POSIX = rf"{_NAME}{_OFFSET}(?:{_NAME}(?:{_OFFSET})?(?:,{_CHANGE},{_CHANGE})?)?"


def to_local(instant: datetime) -> datetime:
    """Return an aware instant in the time zone of this machine.

    The C library does the conversion. It knows every form of TZ, and needs no import, which would make every start slower.
    An instant so near to an end of the calendar that it has no local date stays in UTC.
    """
    return _in_zone(instant, None)


def _in_zone(instant: datetime, zone: ZoneInfo | None) -> datetime:
    try:
        return instant.astimezone(zone)
    except (ValueError, OverflowError):
        return instant.astimezone(UTC)


def zone_name() -> str | None:
    """Return the IANA name of this machine's time zone; None if it is not known."""
    zone = os.environ.get("TZ", "").removeprefix(":")
    path = zone if zone and not os.path.isabs(zone) else os.path.realpath(zone or "/etc/localtime")
    name = next((path.removeprefix(f"{folder}/") for folder in _FOLDERS if path.startswith(f"{folder}/")), path)
    return name if ("/" in name or name == "UTC") and not os.path.isabs(name) and _zone(name) is not None else None


def conversion_to(zone: str | None) -> ToLocal:
    """Return the conversion to a time zone.

    Args:
        zone: Its IANA name. None, or a name that this machine does not know, means the zone of this machine.
    """
    known = None if zone is None else _zone(zone)
    return to_local if known is None else lambda instant: _in_zone(instant, known)


def _zone(name: str) -> ZoneInfo | None:
    """Return the time zone with a name; None if it is not in the database."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def check_zone() -> None:
    """Raise `UsageError` if TZ is not a time zone, for which the C library would show times in UTC without a warning."""
    zone = os.environ.get("TZ")
    if not zone or zone in ("UTC", "GMT"):
        return
    name = zone.removeprefix(":")
    folders = (os.environ["TZDIR"], *_FOLDERS) if os.environ.get("TZDIR") else _FOLDERS
    paths = [name] if os.path.isabs(name) else [os.path.join(folder, name) for folder in folders]
    if name and any(_is_zone(path) for path in paths):
        return
    import re

    if not zone.startswith(":") and re.fullmatch(_POSIX, zone):
        return
    raise UsageError(
        f"the environment variable TZ is {zone!r}, which is not a time zone",
        "set it to a name such as Europe/Berlin or to a form of POSIX such as CET-1CEST, or unset it",
    )


def _is_zone(path: str) -> bool:
    """Whether a file contains a zone. Only a regular file is opened, because reading a pipe could block forever."""
    try:
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            return file.read(4) == b"TZif"
    except (OSError, ValueError):  # not readable, or no path at all: not a zone
        return False
