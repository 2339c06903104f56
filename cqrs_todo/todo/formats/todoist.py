"""Todoist: its CSV templates, and the JSON of its Sync and REST interfaces. They are only read.

Sections are projects, indented tasks are under the task before them, and comments are lines of the note. Priority 1 of an
exported template, which is 4 in JSON, is H.
"""

from __future__ import annotations

import csv
import json
import re
from datetime import datetime

from ...cqrs.struct import replace
from ..values import day_or_instant
from ..zones import from_local
from .csv_ import FIELD_LIMIT
from .parts import Draft, clean_project, parse_day, parse_time, recurrence_in_words, skip, start

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from ..values import DayOrInstant
    from . import Context, Entry, Report

TODOIST_ID = "todoist_id"
"""The attribute with the id that Todoist gave."""
_LEVELS = ("H", "M", "L", None)
_LABEL = re.compile(r"(?:^|\s)@(\S+)$")
_READ = {
    *("id", "content", "description", "project_id", "section_id", "parent_id", "labels", "priority", "due", "checked"),
    *("is_completed", "is_deleted", "added_at", "created_at", "completed_at", "v2_id"),
}
_COLUMNS = ("TYPE", "CONTENT", "DESCRIPTION", "PRIORITY", "INDENT", "DATE", "DATE_LANG")


def read_template(source: Iterable[str], context: Context, report: Report) -> Iterator[Entry]:
    """Read a CSV template.

    Args:
        source: The lines, with their ends.
        context: What reading depends on.
        report: Receives what cannot be kept as it is.

    Yields:
        The entries, in their order.

    Raises:
        MalformedFile: A row cannot be read.
    """
    csv.field_size_limit(FIELD_LIMIT)
    rows = csv.DictReader((line if line.endswith("\n") else f"{line}\n" for line in source), strict=True)
    section = ""
    above: list[tuple[int, str]] = []
    waiting: tuple[Draft, str, str] | None = None  # a task, whose comments may follow
    try:
        for row in rows:
            kind = (row.get("TYPE") or "").strip().lower()
            content = (row.get("CONTENT") or "").strip()
            if kind == "note" and waiting is not None:
                note = waiting[0].values.get("note")
                waiting[0].values["note"] = content if note is None else f"{note}\n\n{content}"
                continue
            if waiting is not None:
                yield from _finished(waiting)
                waiting = None
            if kind == "section":
                section, above = content, []
            elif kind == "task" and content:
                draft = Draft(rows.line_num, context, report)
                text = _read_row(draft, row, section, context)
                indent = re.fullmatch("[1-9]", (row.get("INDENT") or "1").strip())
                level = 1 if indent is None else int(indent[0])
                above = [each for each in above if each[0] < level]
                if above:
                    draft.values["parent"] = above[-1][1]
                key = f"line {rows.line_num}"
                above.append((level, key))
                waiting = (draft, key, text)
            elif kind not in ("", "meta", "note"):
                skip(rows.line_num, f"{kind[:40]!r} is no kind of row of Todoist", context, report)
    except csv.Error as error:
        skip(rows.line_num, f"this is no CSV: {error}", context, report)
    if waiting is not None:
        yield from _finished(waiting)


def _finished(waiting: tuple[Draft, str, str]) -> Iterator[Entry]:
    draft, key, text = waiting
    entry = draft.entry(key, text)
    if entry is not None:
        yield entry


def _read_row(draft: Draft, row: Mapping[str, str], section: str, context: Context) -> str:
    text = (row.get("CONTENT") or "").strip()
    while (match := _LABEL.search(text)) and text[: match.start()].strip():
        draft.tag(match[1])
        text = text[: match.start()].rstrip()
    _put_under(draft, [section] if section else [], context)
    if row.get("DESCRIPTION"):
        draft.values["note"] = row["DESCRIPTION"]
    priority = (row.get("PRIORITY") or "").strip()
    if priority in ("1", "2", "3", "4"):
        draft.values["priority"] = _LEVELS[int(priority) - 1]
    elif priority:
        draft.keep("priority", priority)
    if row.get("DATE"):
        zone = (row.get("TIMEZONE") or "").strip()
        there = replace(context, to_local=context.to_zone(zone)) if zone and context.to_zone else context
        _read_due(draft, row["DATE"].strip(), row["DATE"].strip(), there)
    for key, value in row.items():
        if isinstance(key, str) and key not in _COLUMNS and isinstance(value, str) and value.strip():
            draft.keep(key.lower(), value.strip())
    return text


def _put_under(draft: Draft, names: Sequence[str], context: Context) -> None:
    if context.headings == "tags":
        for name in names:
            draft.tag(name)
    elif clean_project(".".join(names)) is not None:
        draft.project(".".join(names))


def _read_due(draft: Draft, on: str, words: str, context: Context) -> None:
    """Read a due date, and the words from which it follows, such as `every monday`."""
    due = _date(on, context)
    if due is not None:
        draft.values["due"] = due
    if words == on and due is not None:
        return
    every = recurrence_in_words(words, due, context) if words.lower().startswith("every") else None
    if every is None:
        draft.keep("date", words)
    else:
        draft.values["every"] = every


def _date(text: str, context: Context) -> DayOrInstant | None:
    value = parse_day(text) or parse_time(text)
    if value is not None:
        return day_or_instant(value)
    try:
        moment = datetime.fromisoformat(text)
        return day_or_instant(from_local(moment, context.to_local) if moment.tzinfo is None else moment)
    except (ValueError, OverflowError):
        return None


def read(source: str, context: Context, report: Report) -> Iterator[Entry]:
    """Read JSON: the answer of the Sync interface, or a list of tasks of the REST interface.

    Args:
        source: The content of the file.
        context: What reading depends on.
        report: Receives what cannot be kept as it is.

    Yields:
        The entries, in their order.

    Raises:
        MalformedFile: It is no JSON, or an object is no task.
    """
    try:
        document = json.loads(source)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        skip(getattr(error, "lineno", 1), f"this is no JSON: {reason}", context, report)
        return
    tasks = document.get("items", []) if isinstance(document, dict) else document
    tables = document if isinstance(document, dict) else {}
    try:
        projects, sections = (_by_id(tables.get(name, [])) for name in ("projects", "sections"))
        notes = _notes(tables.get("notes", []))
        listed = list(enumerate(tasks, 1))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        skip(1, f"this is no document of Todoist: {error}", context, report)
        return
    seen: set[str] = set()
    for place, task in listed:
        if not isinstance(task, dict) or not (
            isinstance(task.get("content"), str) and isinstance(task.get("id"), str | int)
        ):
            skip(place, "this is no task, which has an id and a content", context, report)
            continue
        if str(task["id"]) in seen:
            skip(place, f"another task has the id {task['id']}, too", context, report)
            continue
        seen.add(str(task["id"]))
        draft = Draft(place, context, report)
        try:
            _read_task(draft, task, projects, sections, notes, context)
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            skip(place, f"a value of the task is wrong: {error}", context, report)
            continue
        entry = draft.entry(str(task["id"]), task["content"], has_id=True)
        if entry is not None:
            yield entry


def _by_id(rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(row["id"]): row for row in rows}


def _notes(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        text = f"{row.get('posted_at') or ''} {row.get('content') or ''}".strip()
        found.setdefault(str(row.get("item_id") or row.get("task_id")), []).append(text)
    return found


def _path(id: Any, table: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names of a project and of those that it is in, the outermost first."""
    names: list[str] = []
    while id is not None and str(id) in table and len(names) < len(table):
        names.append(str(table[str(id)].get("name", "")))
        id = table[str(id)].get("parent_id")
    return names[::-1]


def _read_task(
    draft: Draft,
    task: Mapping[str, Any],
    projects: Mapping[str, Mapping[str, Any]],
    sections: Mapping[str, Mapping[str, Any]],
    notes: Mapping[str, list[str]],
    context: Context,
) -> None:
    draft.keep(TODOIST_ID, str(task["id"]), quietly=True)
    section = sections.get(str(task.get("section_id")))
    _put_under(draft, [*_path(task.get("project_id"), projects), *([str(section.get("name"))] if section else [])], context)
    for label in task.get("labels") or []:
        draft.tag(str(label))
    priority = task.get("priority") or 1
    if priority not in (1, 2, 3, 4):
        raise ValueError(f"the priority {priority!r} is not 1 to 4")
    draft.values["priority"] = _LEVELS[4 - priority]
    lines = [task.get("description") or "", *notes.get(str(task["id"]), [])]
    if any(line.strip() for line in lines):
        draft.values["note"] = "\n".join(filter(None, lines))
    if task.get("parent_id") is not None:
        draft.values["parent"] = str(task["parent_id"])
    due = task.get("due")
    if due:
        _read_due(draft, str(due.get("datetime") or due.get("date")), str(due.get("string") or due.get("date")), context)
        if not due.get("is_recurring"):
            draft.attributes.pop("date", None)
    for key in ("added_at", "created_at"):
        created = _date(str(task.get(key)), context)
        if created is not None:
            parsed = parse_time(created) or parse_day(created)
            draft.values["created"] = parsed if isinstance(parsed, datetime) or parsed is None else start(parsed, context)
    if task.get("is_deleted"):
        draft.cancel()
    elif task.get("checked") or task.get("is_completed"):
        draft.complete(_date(str(task.get("completed_at")), context))
    for key, value in task.items():
        if key not in _READ and value not in (None, "", [], {}, False):
            draft.keep(key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
