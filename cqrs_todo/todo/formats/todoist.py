"""Todoist: its CSV templates, and the JSON of its Sync and REST interfaces. They are only read.

Sections are projects, indented tasks are under the task before them, and comments are lines of the note. Priority 1 of an
exported template, which is 4 in JSON, is H.
"""

from __future__ import annotations

import csv
import json
import re
from datetime import datetime, timedelta

from ...cqrs.struct import Struct, replace
from ..recurrence import first_day
from ..values import day_or_instant
from ..zones import from_local
from . import Loss
from .csv_ import FIELD_LIMIT
from .parts import (
    Draft,
    clean_project,
    date_in_words,
    empty_heading,
    parse_day,
    parse_time,
    recurrence_in_words,
    skip,
    start,
)

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from ..values import DayOrInstant
    from . import Context, Entry, Report

TODOIST_ID = "todoist_id"
"""The attribute with the id that Todoist gave."""
_LEVELS = ("H", "M", "L", None)
_CLOCK = re.compile(r" (?:at |@ ?)?([0-9]{1,2}:[0-9]{2}(?: ?[ap]m)?|[0-9]{1,2} ?[ap]m)$")
_RECURRING = re.compile(rf"(?:every|ev)(!)? (.+?)(?:{_CLOCK.pattern[:-1]})?")
_TABLES = {"items", "projects", "sections", "notes", "reminders", "labels"}
"""The parts of a Sync document that are read. Lists under other names are reported."""
_LABEL = re.compile(r"(?:^|\s)@(\S+)$")
_READ = {
    *("id", "content", "description", "project_id", "section_id", "parent_id", "labels", "priority", "due", "checked"),
    *("is_completed", "is_deleted", "added_at", "created_at", "completed_at", "v2_id"),
}
_COLUMNS = ("TYPE", "CONTENT", "DESCRIPTION", "PRIORITY", "INDENT", "DATE")
_OF_TABLES = {"projects": {"id", "name", "parent_id"}, "sections": {"id", "name", "project_id"}, "labels": {"id", "name"}}
"""The values of the parts of a Sync document that are read. The others are reported."""
_OF_NOTES = {"id", "item_id", "task_id", "content", "posted_at", "file_attachment"}
_OF_REMINDERS = {"id", "item_id", "due", "minute_offset", "type"}
_ORDER = {"child_order", "section_order", "item_order", "order", "v2_id", "v2_project_id", "v2_parent_id", "v2_item_id"}
"""Values that say in which order things are shown, or repeat an id."""


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
    section = _Section(0, "", True)
    above: list[tuple[int, str]] = []
    waiting: tuple[Draft, str, str, list[str]] | None = None  # a task, whose comments may follow
    try:
        for row in rows:
            kind = (row.get("TYPE") or "").strip().lower()
            content = (row.get("CONTENT") or "").strip()
            if kind == "note" and waiting is not None:
                waiting[3].append(" ".join(filter(None, [(row.get("DATE") or "").strip(), content])))
                for name, value in row.items():
                    if name not in ("TYPE", "CONTENT", "DATE", "PRIORITY", "INDENT") and _is_given(value):
                        waiting[0].lose(f"{name or 'cells without a column'} of a comment", "only its text is kept")
                continue
            if waiting is not None:
                yield from _finished(waiting)
                waiting = None
            if kind == "section":
                section.report_empty(report)
                section, above = _Section(rows.line_num, content, False), []
            elif kind == "task" and content:
                section = replace(section, used=True)
                draft = Draft(rows.line_num, context, report)
                text = _read_row(draft, row, section.name, context)
                indent = re.fullmatch("[1-9]", (row.get("INDENT") or "1").strip())
                level = 1 if indent is None else int(indent[0])
                above = [each for each in above if each[0] < level]
                if above:
                    draft.values["parent"] = above[-1][1]
                key = f"line {rows.line_num}"
                above.append((level, key))
                waiting = (draft, key, text, [])
            elif kind in ("", "meta", "note", "task"):
                if any(_is_given(value) for name, value in row.items() if name not in ("TYPE", "PRIORITY", "INDENT")):
                    report(Loss(rows.line_num, _OTHER_ROWS[kind], "it is of no task", "lost"))
            else:
                skip(rows.line_num, f"{kind[:40]!r} is not a kind of row of Todoist", context, report)
        section.report_empty(report)
    except csv.Error as error:
        skip(rows.line_num, f"this is not CSV: {error}", context, report)
    if waiting is not None:
        yield from _finished(waiting)


class _Section(Struct, frozen=True):
    """A section of a template: its line, its name, and whether it has tasks."""

    line: int
    name: str
    used: bool

    def report_empty(self, report: Report) -> None:
        """Report the section if it has no tasks."""
        if not self.used:
            report(empty_heading(self.line))


_OTHER_ROWS = {
    "": "a row without a TYPE",
    "meta": "a setting of the view",
    "note": "a comment before the first task",
    "task": "a task without a CONTENT",
}


def _is_given(value: object) -> bool:
    """Return whether a cell, or one of the cells without a column, has a value."""
    cells = value if isinstance(value, list) else [value]
    return any(isinstance(cell, str) and cell.strip() not in ("", "None") for cell in cells)


def _finished(waiting: tuple[Draft, str, str, list[str]]) -> Iterator[Entry]:
    draft, key, text, comments = waiting
    if comments:
        draft.values["note"] = "\n\n".join([*filter(None, [draft.values.get("note")]), *comments])
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
        _read_due(draft, row["DATE"].strip(), row["DATE"].strip(), context, there)
    for key, value in row.items():
        if not isinstance(key, str):
            draft.lose("cells without a column", "the header has fewer columns than the row")
        elif key not in _COLUMNS and _is_given(value) and (key, value.strip()) != ("DATE_LANG", "en"):
            draft.keep(key.lower(), value.strip())
    return text


def _put_under(draft: Draft, names: Sequence[str], context: Context) -> None:
    if context.headings == "tags":
        for name in names:
            draft.tag(name)
    elif clean_project(".".join(names)) is not None:
        draft.project(".".join(names))


def _read_due(draft: Draft, on: str, words: str, context: Context, there: Context) -> None:
    """Read a due date.

    Args:
        draft: The entry.
        on: The date; in a template, the words.
        words: The words from which it follows, such as `every monday at 10:00`.
        context: What reading depends on.
        there: The same, in the time zone of the task.
    """
    due = _date(on, there)
    rule = _rule(words)
    if due is None:
        due = _first_date(rule, words, there)
        if due is not None:
            draft.guessed.append("due")
    every = None if rule is None else recurrence_in_words(rule, due, context)
    if every is not None:
        draft.values["every"] = every
        if "due" in draft.guessed:
            draft.guessed.append("every")
    if due is not None:
        draft.values["due"] = due
    if every is None and (due is None or words != on):
        draft.keep("date", words)


def _rule(words: str) -> str | None:
    """Return how a task recurs, as people type it here, without a time of day; None if it does not recur."""
    match = _RECURRING.fullmatch(words.strip().lower())
    if match is None:
        return None
    return f"{'after ' if match[1] else ''}{re.sub(r'^other ', '2 ', match[2])}"


def _first_date(rule: str | None, words: str, context: Context) -> DayOrInstant | None:
    """Return when a task of a template is due: on the date that the words mean, or on the first one of a rule."""
    if rule is None:
        return date_in_words(words, context)
    every = recurrence_in_words(rule, None, context)
    clock = _CLOCK.search(words.strip().lower())
    if every is None:
        return None
    today = context.to_local(context.now).date()
    day = today if every.after else first_day(every, today)
    if day is None:
        return None
    at = None if clock is None else date_in_words(f"{day} {clock[1]}", context)
    return at or day.isoformat()


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
        MalformedFile: It is not JSON, or an object is not a task.
    """
    try:
        document = json.loads(source)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        skip(getattr(error, "lineno", 1), f"this is not JSON: {reason}", context, report)
        return
    tasks = document.get("items", []) if isinstance(document, dict) else document
    tables = document if isinstance(document, dict) else {}
    try:
        projects, sections = (_by_id(tables.get(name, [])) for name in ("projects", "sections"))
        notes = _notes(tables.get("notes", []))
        reminders = {str(row.get("item_id")): row for row in reversed(tables.get("reminders", []))}
        listed = list(enumerate(tasks, 1))
        _report_tables(tables, [task for task in tasks if isinstance(task, dict)], report)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        skip(1, f"this is not a document of Todoist: {error}", context, report)
        return
    seen: set[str] = set()
    for place, task in listed:
        if not isinstance(task, dict) or not (
            isinstance(task.get("content"), str) and isinstance(task.get("id"), str | int)
        ):
            skip(place, "this is not a task, which has an id and a content", context, report)
            continue
        if str(task["id"]) in seen:
            skip(place, f"another task has the id {task['id']}, too", context, report)
            continue
        seen.add(str(task["id"]))
        draft = Draft(place, context, report)
        try:
            _read_task(draft, task, projects, sections, notes, context)
            _read_reminder(draft, reminders.get(str(task["id"])), context)
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            skip(place, f"a value of the task is wrong: {error}", context, report)
            continue
        entry = draft.entry(str(task["id"]), task["content"], has_id=True)
        if entry is not None:
            yield entry


def _report_tables(tables: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]], report: Report) -> None:
    """Report what a Sync document has besides tasks, and what of its projects, comments and so on is not read."""
    for name, rows in tables.items():
        if isinstance(rows, list | dict) and rows and name not in _TABLES:
            report(Loss(1, f"the {name.replace('_', ' ')} of Todoist", "there is no place for them", "lost"))
    ids = {str(task.get("id")) for task in tasks}
    used = {
        "projects": {str(task.get("project_id")) for task in tasks},
        "sections": {str(task.get("section_id")) for task in tasks},
        "labels": {str(label) for task in tasks for label in task.get("labels") or []},
    }
    above = {str(row.get("parent_id")) for row in tables.get("projects", [])}
    for name, read in _OF_TABLES.items():
        for place, row in enumerate(tables.get(name, []), 1):
            one = name.removesuffix("s")
            if str(row.get("name" if name == "labels" else "id")) not in used[name] | (
                above if name == "projects" else set()
            ):
                report(Loss(place, f"a {one} without tasks", "there is no place for it", "lost"))
            if any(value for key, value in row.items() if key not in read | _ORDER):
                report(Loss(place, f"the settings of a {one}, such as its color", "only its name is kept", "lost"))
    for place, note in enumerate(tables.get("notes", []), 1):
        if str(note.get("item_id") or note.get("task_id")) not in ids:
            report(Loss(place, "a comment of a task that is not in the file", "there is no place for it", "lost"))
        others = {key for key, value in note.items() if value and key not in _OF_NOTES}
        file = {key for key, value in (note.get("file_attachment") or {}).items() if value and key != "file_url"}
        for key in sorted({*others, *(f"{key} of the file" for key in file)}):
            report(
                Loss(place, f"{key} of a comment", "only its text, its date and the address of its file are kept", "lost")
            )
    reminded: set[str] = set()
    for place, reminder in enumerate(tables.get("reminders", []), 1):
        of = str(reminder.get("item_id"))
        if of in reminded or of not in ids:
            report(Loss(place, "a reminder", "a todo has one, and its task has to be in the file", "lost"))
        reminded.add(of)
        for key in sorted({key for key, value in reminder.items() if value and key not in _OF_REMINDERS}):
            report(Loss(place, f"{key} of a reminder", "only its time is kept", "lost"))


def _by_id(rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(row["id"]): row for row in rows}


def _notes(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        file = (row.get("file_attachment") or {}).get("file_url") or ""
        text = " ".join(filter(None, [row.get("posted_at"), row.get("content"), file]))
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
    for key, table in (("project_id", projects), ("section_id", sections)):
        if task.get(key) not in (None, "") and str(task[key]) not in table:
            draft.keep(key, str(task[key]))
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
        on = str(due.get("datetime") or due.get("date"))
        words = str(due.get("string") or on)
        _read_due(draft, on, words if due.get("is_recurring") else on, context, context)
        if words != on and not due.get("is_recurring"):
            draft.lose("the words of a due date", "only the date is kept")
        for key, value in due.items():
            if key not in ("date", "datetime", "string", "is_recurring") and value and (key, value) != ("lang", "en"):
                draft.keep(f"due-{key}", str(value))
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


def _read_reminder(draft: Draft, reminder: Mapping[str, Any] | None, context: Context) -> None:
    """Read the first reminder of a task: at a time, or some minutes before the task is due."""
    if reminder is None:
        return
    on = reminder.get("due") or {}
    at = _date(str(on.get("datetime") or on.get("date")), context) or ""
    minutes = reminder.get("minute_offset")
    if minutes is not None and not at:
        at = draft.values.get("due") or ""
    moment = parse_time(at)
    if not isinstance(moment, datetime):
        draft.lose("a reminder without a time", "it cannot be a reminder")
        return
    draft.values["reminder"] = moment - timedelta(minutes=int(minutes or 0))
