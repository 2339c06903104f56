"""Recognising the format of a file by its content and its name."""

from __future__ import annotations

import re
from json import JSONDecodeError, JSONDecoder

from . import FORMATS
from .csv_ import columns_of

_ORG = re.compile(r"^(\*+ (TODO|DONE|NEXT|WAITING|CANCELLED)\b|#\+(TITLE|TODO|SEQ_TODO|STARTUP|FILETAGS):)", re.MULTILINE)
_MARKDOWN = re.compile(r"^[ \t]*(>[ \t]*)*([-*+]|[0-9]{1,9}[.)])[ \t]+\[[ xX~/-]\][ \t]", re.MULTILINE)
_LINE = r"^(x [0-9]{4}-|x \([A-Z]\) |\([A-Z]\) |[0-9]{4}-[0-9]{2}-[0-9]{2} )"
_TODO_TXT_LINE = re.compile(_LINE, re.MULTILINE)
_TODO_TXT = re.compile(rf"{_LINE}|(^| )[+@][^\W\d_]\w*|(^| )(due|t|rec|pri):\S", re.MULTILINE)
_CERTAIN = 20
"""How many characters of valid JSON only JSON begins with."""
_OURS = re.compile(r'"format"\s*:\s*"cqrs-todo/')
"""What an export of ours has, whatever its todos have as attributes."""
_FOREIGN = (
    ("PK\x03\x04", "a zip file"),
    ("%PDF", "a PDF file"),
    ("\x1f\x8b", "a gzip file"),
    ("<?xml", "XML"),
    ("<!doctype", "HTML"),
    ("<html", "HTML"),
    ("<svg", "XML"),
    ("SQLite format 3", "an SQLite database"),
    ("{\\rtf", "RTF"),
)


def foreign(head: str) -> str | None:
    """Return what a file is that cannot be imported, by its beginning; None if it may be a list of todos."""
    start = head.lstrip()[:20].lower()
    found = next((title for sign, title in _FOREIGN if start.startswith(sign.lower())), None)
    return found or ("no text: it has NUL characters" if "\0" in head else None)


def recognise(head: str, name: str) -> str | None:
    """Return the name of the format of a file; None if it is not recognised.

    Args:
        head: The beginning of its content.
        name: The name of the file; "" if it has none.
    """
    start = head.lstrip()
    suffix = next((format.name for format in FORMATS.values() if name.lower().endswith(format.suffixes or ("\0",))), None)
    if suffix is None or _is_json(start):
        if start[:1] == "{":
            return _of_object(start)
        if re.match(r"\[\s*[\[{\]\"0-9ntf-]", start) and not start.startswith("[-]"):
            is_todoist = re.search(r'"content"\s*:', start) and not re.search(r'"uuid"\s*:', start)
            return "todoist" if is_todoist else "taskwarrior"
    if re.match(r"BEGIN:V(CALENDAR|TODO)\b", start, re.IGNORECASE):
        return "ics"
    cells = re.split(r"[,;\t]", start.partition("\n")[0].strip().replace('"', ""))
    if {"TYPE", "CONTENT"} <= {cell.strip() for cell in cells}:
        return "todoist-csv"
    other = suffix == "todotxt" and not _TODO_TXT_LINE.search(head) and (_ORG.search(head) or _MARKDOWN.search(head))
    if suffix is not None and not other:
        return suffix
    if _ORG.search(head):
        return "org"
    if _MARKDOWN.search(head):
        return "markdown"
    if len(cells) > 1 and "text" in columns_of(cells).values():
        return "csv"
    return "todotxt" if _TODO_TXT.search(head) else None


def _is_json(start: str) -> bool:
    """Return whether a file is JSON, or one JSON object in each line, by its beginning, which may end anywhere."""
    if start[:1] not in ("{", "["):
        return False
    try:
        _, end = JSONDecoder().raw_decode(start)
    except JSONDecodeError as error:
        return error.pos > _CERTAIN
    except RecursionError:
        return True
    return start[end:].lstrip()[:1] in ("", "{", ",")


def _of_object(start: str) -> str:
    """Return the format of a JSON object. Ours is the one whose error says what an export is."""
    if '"cqrs-log"' in start[:100]:
        return "events"
    if _OURS.search(start):
        return "json"
    if re.search(r'"(items|projects|sync_token)"\s*:', start):
        return "todoist"
    is_task = re.search(r'"(uuid|description)"\s*:', start) and not re.search(r'"(todos|format)"\s*:', start)
    return "taskwarrior" if is_task else "json"
