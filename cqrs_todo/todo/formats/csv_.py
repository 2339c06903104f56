"""CSV with a header, read and written by the csv module of Python.

The columns may be in any order, and most have several names. A column that has no field here becomes an attribute. Cells are
separated by commas, semicolons or tabs, whichever the header has most of.
"""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from itertools import chain

from ...cqrs.struct import replace
from ..errors import MalformedFile
from ..values import day_or_instant, parse_day_or_instant
from ..zones import from_local
from . import Loss
from .parts import (
    CANCELLED,
    STATUS,
    Draft,
    attribute_key,
    clean_project,
    date_in_words,
    instant_text,
    is_cancelled,
    parse_day,
    parse_recurrence,
    parse_time,
    recurrence_in_words,
    recurrence_text,
    skip,
    start,
    without_removed,
)

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..times import Lean
    from ..values import DayOrInstant
    from ..views import Item
    from . import Context, Entry, Report

COLUMNS = {
    "id": ("id", "key", "task id"),
    "text": (
        *(
            "text",
            "title",
            "task",
            "todo",
            "to do",
            "summary",
            "name",
            "content",
            "subject",
            "task name",
            "card name",
            "item",
        ),
        *("description", "what", "aufgabe", "titel", "betreff"),
    ),
    "note": (
        *("note", "notes", "comment", "comments", "details", "body", "description", "card description"),
        *("notiz", "notizen", "bemerkung", "beschreibung"),
    ),
    "due": ("due", "due date", "duedate", "deadline", "due on", "due at", "date", "fällig", "fällig am", "termin", "datum"),
    "reminder": ("reminder", "remind", "alarm", "erinnerung"),
    "priority": ("priority", "importance", "prio", "priorität"),
    "tags": ("tags", "tag", "labels", "label", "categories", "category", "contexts", "kategorien", "kategorie"),
    "project": ("project", "projects", "list", "list name", "area", "folder", "projekt", "liste"),
    "wait": ("wait", "start", "start date", "defer", "defer until", "beginn", "startdatum"),
    "depends": ("depends", "depends on", "blocked by"),
    "parent": ("parent", "parent id", "under"),
    "every": ("every", "repeat", "recurrence", "recurs"),
    "created": ("created", "created at", "creation date", "added", "entry", "date added", "erstellt", "erstellt am"),
    "completed": (
        *("completed", "completed at", "completion date", "done at", "date completed", "completed on", "erledigt am"),
        "abgeschlossen am",
    ),
    "status": ("status", "state", "done", "is done", "checked", "complete", "erledigt", "abgeschlossen"),
}
"""The fields, and the names that their columns may have. The first is the one that is written."""
_SHOWN = 8
"""How many columns a message names."""
_LONGEST = 200
FIELD_LIMIT = 1 << 20
"""The longest cell, in characters."""
_OWN = "attribute:"
_YES = {
    *("x", "yes", "true", "1", "done", "completed", "complete", "checked", "finished", "closed"),
    *("ja", "wahr", "erledigt", "fertig", "abgeschlossen"),
}
_NO = {
    *("", "no", "false", "0", "open", "todo", "to do", "pending", "not started", "needs-action", "unchecked", "new"),
    *("nein", "falsch", "offen", "nicht begonnen"),
}
_CANCEL = {CANCELLED, "canceled", "deleted"}
_PRIORITIES = {"high": "H", "medium": "M", "normal": "M", "low": "L", "h": "H", "m": "M", "l": "L"}
_PRIORITIES |= {"hoch": "H", "mittel": "M", "niedrig": "L"}
_YEAR = re.compile(r"(?<![0-9])[0-9]{4}(?![0-9])")
_WALL = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)(Z|[+-][0-9]{2}:?[0-9]{2})?"
)


def columns_of(header: Sequence[str]) -> dict[int, str]:
    """Return the fields of the columns of a header, by their places. Each field is the first column that can be it."""
    names = [re.sub(r"[\s_-]+", " ", name.strip(" \t.:*#").lower()) for name in header]
    found: dict[int, str] = {}
    for field, known in COLUMNS.items():
        for name in known:
            place = names.index(name) if name in names else None
            if place is not None and place not in found:
                found[place] = field
                break
    return found


def read(source: Iterable[str], context: Context, report: Report) -> Iterator[Entry]:
    """Read CSV.

    Args:
        source: The lines, with their ends.
        context: What reading depends on.
        report: Receives what cannot be kept as it is.

    Yields:
        The entries, in their order.

    Raises:
        MalformedFile: The header has no column with texts, or a row cannot be read.
    """
    lines = iter(source)
    first = next((line for line in lines if line.strip()), "")
    csv.field_size_limit(FIELD_LIMIT)
    rows = csv.reader(_terminated(chain([first], lines)), delimiter=max(",;\t", key=first.count), strict=True)
    header: list[str] = []
    columns: dict[int, str] = {}
    keys: set[str] = set()
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            skip(rows.line_num, f"this is not CSV: {error}", context, report)
            return
        if row is None:
            return
        if not header:
            header, columns = row, columns_of(row)
            if "text" not in columns.values():
                shown = ", ".join(name.strip() for name in header[:_SHOWN])
                reason = f"no column of the header is the text: {shown[:_LONGEST]}"
                raise MalformedFile(rows.line_num, reason, "call the column, for instance, text or title")
            continue
        if not _is_blank(row, columns):
            entry = _entry(row, header, columns, line=rows.line_num, keys=keys, context=context, report=report)
            if entry is not None:
                yield entry


def _is_blank(row: Sequence[str], columns: dict[int, str]) -> bool:
    """Return whether a row has no value, besides a check box that is not ticked: spreadsheets fill columns with them."""
    return all(
        not cell.strip() or (columns.get(place) == "status" and cell.strip().lower() in _NO)
        for place, cell in enumerate(row)
    )


def _terminated(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith(("\n", "\r")) else f"{line}\n"


def _entry(
    row: Sequence[str],
    header: Sequence[str],
    columns: dict[int, str],
    *,
    line: int,
    keys: set[str],
    context: Context,
    report: Report,
) -> Entry | None:
    if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
        skip(line, f"the row has {len(row):,} cells, but the header has {len(header):,}", context, report)
        return None
    draft = Draft(line, context, report)
    row = row[: len(header)]
    cells = {columns[place]: cell for place, cell in enumerate(row) if place in columns and cell.strip()}
    for place, cell in enumerate(row):
        if place not in columns and cell.strip():
            name = header[place].strip() or f"column {place + 1}"
            draft.keep(name.removeprefix(_OWN), cell, quietly=name.startswith(_OWN))
    text = cells.get("text", "")
    for field, cell in cells.items():
        if field not in ("text", "id", "every"):
            _read_cell(draft, field, cell, context)
    if "completed" not in draft.values and any(
        cells.get(field, "").strip().lower() in _YES for field in ("completed", "status")
    ):
        draft.complete(None)
    if "every" in cells:
        _read_every(draft, cells["every"], context)
    if "id" not in cells:
        return draft.entry(f"line {line}", text)
    if not COLUMNS.keys() <= set(header):  # in our own files it is the number of the todo
        draft.lose(header[next(place for place in columns if columns[place] == "id")], "it only links the rows of this file")
    key = f"id {cells['id'].strip()}"
    if key in keys:
        skip(line, f"another row has the id {cells['id'].strip()}, too", context, report)
        return None
    keys.add(key)
    return draft.entry(key, text)


def _read_cell(draft: Draft, field: str, cell: str, context: Context) -> None:
    match field:
        case "note":
            draft.values["note"] = cell
        case "due" | "wait" if (value := _date(cell, context, "future")) is not None:
            draft.values[field] = value
        case "created" | "reminder" if (value := _date(cell, context, "past")) is not None:
            parsed = parse_day_or_instant(value)
            draft.values[field] = parsed if isinstance(parsed, datetime) else start(parsed, context)
        case "completed" if (value := _date(cell, context, "past")) is not None:
            draft.values["completed"] = value
        case "completed" | "status" if cell.strip().lower() in _YES | _NO:
            pass  # both together say whether it is done
        case "status" if cell.strip().lower() in _CANCEL:
            draft.cancel()
        case "priority" if cell.strip().lower() in _PRIORITIES:
            draft.values["priority"] = _PRIORITIES[cell.strip().lower()]
        case "tags":
            for tag in re.split(r"[\s,;]+", cell.strip()):
                draft.tag(tag.lstrip("+@") or tag)
        case "due" | "wait" | "created" | "reminder" | "completed":
            lean: Lean = "future" if field in ("due", "wait") else "past"
            if any(_date(cell, replace(context, date_order=order), lean) is not None for order in ("DMY", "MDY")):
                why = "it could be two days; write 2026-12-24, or set date_order"
            else:
                why = "it is not a date; write 2026-12-24"
            draft.keep(field, cell, why=why)
        case "project" if clean_project(cell) is not None:
            draft.project(cell)
        case "parent":
            draft.values["parent"] = f"id {cell.strip()}"
        case "depends":
            draft.values["depends"] = tuple(sorted({f"id {id}" for id in re.split(r"[\s,;]+", cell.strip())}))
        case _:
            draft.keep(field, cell)


def _read_every(draft: Draft, cell: str, context: Context) -> None:
    due = draft.values.get("due")
    every = parse_recurrence(cell.strip())
    if every is None:
        every = recurrence_in_words(cell.strip(), due, context)
        if every is not None and due is None:
            draft.guessed.append("every")
    if every is None:
        draft.keep("every", cell)
    else:
        draft.values["every"] = every


def _date(cell: str, context: Context, lean: Lean) -> DayOrInstant | None:
    """Return a date: a day, a local time such as `2026-03-05 17:00`, or a time with an offset from UTC.

    Other forms are read as this program reads what people type, if they have a year.
    """
    text = cell.strip()
    value = parse_day(text) or parse_time(text)
    if value is not None:
        return day_or_instant(value)
    match = _WALL.fullmatch(text)
    if match is None or parse_day(match[1]) is None:
        return date_in_words(text, context, lean) if _YEAR.search(text) else None
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3] or ''}")
        return day_or_instant(from_local(moment, context.to_local) if moment.tzinfo is None else moment.astimezone(UTC))
    except (ValueError, OverflowError):
        return None


# Writing


class _Buffer:
    """What the csv module writes a row to."""

    def __init__(self) -> None:
        self.row = ""

    def write(self, row: str) -> None:
        """Keep a row."""
        self.row = row


def write(items: Iterable[Item], _context: Context, report: Report) -> Iterator[str]:
    """Write todos as CSV.

    Args:
        items: The todos.
        _context: What the dates depend on in other formats. Here instants are written in UTC.
        report: Receives what cannot be kept as it is.

    Yields:
        The rows, each with CR LF.
    """
    kept = without_removed(items, report, cancelled=True)
    keys = sorted({key for item in kept for key, _ in item.todo.attributes if not (key == STATUS and is_cancelled(item))})
    known = {name for names in COLUMNS.values() for name in names}
    headers = [_OWN + key if key.lower() in known or attribute_key(key) != key else key for key in keys]
    numbers = {item.id: item.number for item in kept}
    buffer = _Buffer()
    writer = csv.writer(buffer)
    writer.writerow([*COLUMNS, *headers])
    yield buffer.row
    for item in kept:
        writer.writerow(_row(item, keys, numbers, report))
        yield buffer.row


def _row(item: Item, keys: Sequence[str], numbers: dict[str, int], report: Report) -> list[str]:
    todo = item.todo
    attributes = dict(todo.attributes)
    cancelled = is_cancelled(item)
    depends = [str(numbers[id]) for id in todo.depends if id in numbers]
    parent = numbers.get(todo.parent) if todo.parent is not None else None
    if len(depends) < len(todo.depends) or (todo.parent is not None and parent is None):
        report(Loss(item.number, "a link to another todo", "that todo is not in the file", "lost"))
    values = {
        "id": str(item.number),
        "text": todo.text,
        "note": todo.note,
        "due": todo.due,
        "reminder": None if todo.reminder is None else instant_text(todo.reminder),
        "priority": todo.priority,
        "tags": " ".join(todo.tags),
        "project": todo.project,
        "wait": todo.wait,
        "depends": " ".join(depends),
        "parent": None if parent is None else str(parent),
        "every": None if todo.every is None else recurrence_text(todo.every),
        "created": instant_text(todo.created),
        "completed": todo.completed,
        "status": CANCELLED if cancelled else "done" if todo.done else "open",
    }
    others = [attributes.get(key, "") if key != STATUS or not cancelled else "" for key in keys]
    return [*(values[name] or "" for name in COLUMNS), *others]
