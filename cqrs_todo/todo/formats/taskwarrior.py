"""Taskwarrior: what `task export` writes, as a JSON array or as an object in each line.

- Each object becomes one todo. Its `uuid` is kept as an attribute, by which it is found when it is imported again.
- Taskwarrior has only instants. One at local midnight is a whole day.
- Annotations are lines of the note, each with its date. The one that is as old as the todo has none.
- The template of a series, with the status `recurring`, recurs here. `parent` is the template of a todo, not a todo that it
  is under, and is kept as an attribute like `mask`, `imask`, `scheduled`, `until` and all user-defined attributes.
- What only this program writes has a key that begins with `todo_`.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from itertools import pairwise
from uuid import NAMESPACE_URL, uuid5

from ..rules import parts_of
from ..values import PRIORITIES, day_or_instant, parse_day_or_instant
from . import Loss
from .parts import (
    STATUS,
    Draft,
    instant_text,
    is_cancelled,
    local_midnight,
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
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from ..values import Attributes, DayOrInstant, Recurrence
    from ..views import Item
    from . import Context, Entry, Report

UUID = "uuid"
"""The attribute with the id that Taskwarrior gave."""
OWN = "todo_"
"""How the keys begin that only this program writes."""
_EXACT = "exact_"
_STATUSES = ("pending", "waiting", "recurring", "completed", "deleted")
_FORM = "%Y%m%dT%H%M%SZ"
_BLANKS = re.compile(r"[ \t\r\n]*")
_INSTANT = re.compile("[0-9]{8}T[0-9]{6}Z")
_DATED_LINE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z) ")
_COMPUTED = {"id": "it is a number that changes", "urgency": "it follows from the other values"}
_COLUMNS = {
    *("id", "uuid", "urgency", "description", "status", "entry", "end", "due", "wait", "priority", "project", "tags"),
    *("depends", "annotations", "recur"),
}
_DATES = ("scheduled", "until", "modified", "start", "last")
"""The columns that are dates and have no field here."""
_PERIODS = {"DAILY": "D", "WEEKLY": "W", "MONTHLY": "M", "YEARLY": "Y"}
_UNITS = {"D": "day", "W": "week", "M": "month", "Y": "year"}
_WORDS = {
    "semiannual": "6 months",
    "biannual": "2 years",
    "biyearly": "2 years",
    "bimonthly": "2 months",
    "sennight": "week",
}


def uuid_of(id: str, attributes: Attributes) -> str:
    """Return the UUID of a todo: the one that it came with, or one that follows from its id."""
    return dict(attributes).get(UUID) or str(uuid5(NAMESPACE_URL, f"cqrs-todo:{id}"))


def read(source: str, context: Context, report: Report) -> Iterator[Entry]:
    """Read what `task export` wrote.

    Args:
        source: The content of the file.
        context: What reading depends on.
        report: Receives what cannot be kept as it is.

    Yields:
        The entries, in their order.

    Raises:
        MalformedFile: It is not JSON, or an object is not a task.
    """
    seen: set[str] = set()
    for number, (place, task) in enumerate(_tasks(source, context, report), 1):
        entry = _read_task(task, number, place, seen, context, report)
        if entry is not None:
            yield entry


def _tasks(source: str, context: Context, report: Report) -> Iterator[tuple[int, Any]]:
    """Yield the objects, and their lines. Taskwarrior writes most control characters as they are, which JSON forbids."""
    if source.lstrip()[:1] == "[":
        yield from _of_array(source, context, report)
        return
    for number, line in enumerate(source.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line.strip().removesuffix(","), parse_constant=_no_constant, strict=False)
        except (ValueError, RecursionError) as error:
            skip(number, f"this is not JSON: {_reason(error)}", context, report)


def _of_array(source: str, context: Context, report: Report) -> Iterator[tuple[int, Any]]:
    """Yield the values of a JSON array, each with the number of its line."""
    decoder = json.JSONDecoder(parse_constant=_no_constant, strict=False)
    place = source.index("[") + 1
    line, counted = 1, 0
    after = "["
    try:
        while True:
            place = _BLANKS.match(source, place).end()  # type: ignore[union-attr]  # it matches everywhere
            if after != "," and source[place : place + 1] == "]":
                break
            if after == "":
                raise json.JSONDecodeError("Expecting ',' delimiter", source, place)
            line, counted = line + source.count("\n", counted, place), place
            value, place = decoder.raw_decode(source, place)
            yield line, value
            place = _BLANKS.match(source, place).end()  # type: ignore[union-attr]  # it matches everywhere
            after = "," if source[place : place + 1] == "," else ""
            place += len(after)
        if source[place + 1 :].strip():
            raise json.JSONDecodeError("Extra data", source, place + 1)
    except (ValueError, RecursionError) as error:
        skip(getattr(error, "lineno", line), f"this is not JSON: {_reason(error)}", context, report)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _reason(error: Exception) -> str:
    return "it is nested too deep" if isinstance(error, RecursionError) else getattr(error, "msg", None) or str(error)


def _read_task(task: Any, number: int, place: int, seen: set[str], context: Context, report: Report) -> Entry | None:
    if not isinstance(task, dict):
        skip(place, "this is not a task, which would be a JSON object", context, report)
        return None
    text, uuid, status = (task.get(key) for key in ("description", UUID, STATUS))
    if not isinstance(text, str):
        skip(place, "the task has no description", context, report)
        return None
    if status is not None and status not in _STATUSES:
        skip(place, f"{status!r} is not a status of Taskwarrior", context, report)
        return None
    draft = Draft(place, context, report)
    if isinstance(uuid, str) and uuid:
        if uuid in seen:
            skip(place, f"another task has the uuid {uuid}, too", context, report)
            return None
        seen.add(uuid)
        draft.keep(UUID, uuid, quietly=True)
    try:
        _read_values(draft, task, context)
    except ValueError as error:
        skip(place, str(error), context, report)
        return None
    named = isinstance(uuid, str) and bool(uuid)
    # a line can hold many tasks
    return draft.entry(str(uuid) if named else f"task {number}", text, has_id=named)


def _read_values(draft: Draft, task: Mapping[str, Any], context: Context) -> None:
    created = _instant(task, "entry")
    if created is not None:
        draft.values["created"] = created
    for key, field in (("due", "due"), ("wait", "wait")):
        value = _date(task, key, context)
        if value is not None:
            draft.values[field] = value
    status = task.get(STATUS)
    if status == "deleted":
        end = _instant(task, "end")
        draft.cancel(None if end is None else instant_text(end))
    elif status == "completed":
        draft.complete(_date(task, "end", context))
    elif "end" in task:
        draft.keep("end", str(task["end"]))
    priority = task.get("priority")
    if priority in PRIORITIES:
        draft.values["priority"] = priority
    elif priority:
        draft.keep("priority", str(priority))
    if task.get("project"):
        draft.project(str(task["project"]))
    for tag in _strings(task, "tags"):
        draft.tag(tag)
    depends = _strings(task, "depends")
    if depends:
        draft.values["depends"] = tuple(sorted(set(depends)))
    _read_note(draft, task)
    _read_recurrence(draft, task, context)
    _read_own(draft, task)
    for key, value in task.items():
        if key in _COMPUTED:
            draft.lose(key, _COMPUTED[key])
        elif key not in _COLUMNS and not key.startswith(OWN) and value not in (None, ""):
            draft.keep(key, _attribute(key, value))


def _attribute(key: str, value: Any) -> str:
    if isinstance(value, str):
        instant = _parse(value) if key in _DATES else None
        return value if instant is None else instant_text(instant)
    return json.dumps(value, ensure_ascii=False)


def _strings(task: Mapping[str, Any], key: str) -> list[str]:
    """Return a list of words, which older versions write as one text."""
    value = task.get(key) or []
    words = re.split(r"[,\s]+", value) if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"{key} is not a list of words")
    return [word for word in words if word]


def _parse(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _FORM).replace(tzinfo=UTC) if _INSTANT.fullmatch(text) else None
    except ValueError:
        return None


def _instant(task: Mapping[str, Any], key: str) -> datetime | None:
    value = task.get(key)
    if value in (None, ""):
        return None
    instant = _parse(value) if isinstance(value, str) else None
    if instant is None:
        raise ValueError(f"{key} is not a date: {str(value)[:40]!r}")
    return instant


def _date(task: Mapping[str, Any], key: str, context: Context) -> DayOrInstant | None:
    """Return a date: a whole day, if it is at local midnight."""
    instant = _instant(task, key)
    return None if instant is None else day_or_instant(local_midnight(instant, context) or instant)


def _read_note(draft: Draft, task: Mapping[str, Any]) -> None:
    lines: list[str] = []
    annotations = task.get("annotations") or []
    if not isinstance(annotations, list):
        raise ValueError("the annotations are not a list")
    for annotation in annotations:
        text = annotation.get("description") if isinstance(annotation, dict) else None
        if not isinstance(text, str):
            raise ValueError("an annotation has no description")
        for key in annotation.keys() - {"entry", "description"}:
            draft.lose(f"{key} of an annotation", "only its text and its date are kept")
        at = _instant(annotation, "entry")
        undated = at is None or (at == draft.values.get("created") and not lines)
        lines.append(text if at is None or undated else f"{instant_text(at)} {text}")
    if any(line.strip() for line in lines):
        draft.values["note"] = "\n".join(lines)


def _read_recurrence(draft: Draft, task: Mapping[str, Any], context: Context) -> None:
    recur = task.get("recur")
    every = None
    if recur and task.get(STATUS) == "recurring":
        every = _recurrence(str(recur), draft.values.get("due"), context)
    if every is not None:
        draft.values["every"] = every
    if recur and (every is None or _period(every) != recur):
        draft.keep("recur", str(recur), quietly=every is not None)
    if task.get(STATUS) == "recurring" and every is None:
        draft.keep(STATUS, "recurring")


def _recurrence(recur: str, due: DayOrInstant | None, context: Context) -> Recurrence | None:
    """Return what `recur` means: a period such as `P2W`, or words such as `weekly` or `2weeks`."""
    match = re.fullmatch("P([0-9]{1,3})([DWMY])", recur)
    return recurrence_in_words(f"{match[1]} {_UNITS[match[2]]}" if match else _WORDS.get(recur, recur), due, context)


def _period(every: Recurrence) -> str:
    parts = parts_of(every.rule)
    return f"P{parts.get('INTERVAL', '1')}{_PERIODS[parts['FREQ']]}"


def _read_own(draft: Draft, task: Mapping[str, Any]) -> None:
    for key, value in task.items():
        if not key.startswith(OWN) or not isinstance(value, str):
            continue
        match key.removeprefix(OWN):
            case "every" if (every := parse_recurrence(value)) is not None:
                draft.values["every"] = every
            case "reminder" if isinstance(instant := parse_time(value), datetime):
                draft.values["reminder"] = instant
            case "parent":
                draft.values["parent"] = value
            case str(exact) if exact.startswith(_EXACT) and isinstance(instant := parse_time(value), datetime):
                field = exact.removeprefix(_EXACT)
                if field in ("due", "wait", "completed"):
                    draft.values[field] = value
                elif field == "created":
                    draft.values[field] = instant
            case other:
                draft.keep(other, value)


# Writing


def write(items: Iterable[Item], context: Context, report: Report) -> Iterator[str]:
    """Write todos as `task import` reads them.

    Args:
        items: The todos.
        context: What the dates depend on.
        report: Receives what cannot be kept as it is.

    Yields:
        Lines of a JSON array.
    """
    kept = without_removed(items, report, cancelled=True)
    uuids = {item.id: uuid_of(item.id, item.todo.attributes) for item in kept}
    yield "["
    for place, item in enumerate(kept):
        task = json.dumps(_task(item, uuids, context, report), ensure_ascii=False, separators=(",", ":"))
        yield f"{',' if place else ''}\n{task}"
    yield "\n]\n"


def _task(item: Item, uuids: Mapping[str, str], context: Context, report: Report) -> dict[str, Any]:
    todo = item.todo
    attributes = {key: value for key, value in todo.attributes if key != UUID}
    task: dict[str, Any] = {UUID: uuids[item.id], "description": todo.text}
    task |= _state(item, attributes, context)
    task["entry"] = _text(todo.created)
    if todo.created.microsecond:
        task[f"{OWN}{_EXACT}created"] = instant_text(todo.created)
    for key, value in (("due", todo.due), ("wait", todo.wait)):
        if value is not None:
            task |= _dated(key, key, value, context)
    if todo.priority is not None:
        task["priority"] = todo.priority
    elif "priority" in attributes:
        task["priority"] = attributes.pop("priority")
    if todo.project is not None:
        task["project"] = todo.project
    if todo.tags:
        task["tags"] = list(todo.tags)
    depends = [uuids[id] for id in todo.depends if id in uuids]
    if depends:
        task["depends"] = depends
    if todo.parent is not None and todo.parent in uuids:
        task[f"{OWN}parent"] = uuids[todo.parent]
    if len(depends) < len(todo.depends) or (todo.parent is not None and todo.parent not in uuids):
        report(Loss(item.number, "a link to another todo", "that todo is not in the file", "lost"))
    if todo.note is not None:
        task["annotations"] = list(_annotations(todo.note, todo.created))
    if todo.reminder is not None:
        task[f"{OWN}reminder"] = instant_text(todo.reminder)
    for key, value in attributes.items():
        instant = parse_time(value) if key in _DATES else None  # Taskwarrior refuses a file in which it is not a date
        own = key in _COLUMNS and key not in ("recur", "end")
        own = own or key.startswith(OWN) or (key in _DATES and instant is None)
        own = own or (key == "recur" and (key in task or todo.due is None))  # Taskwarrior refuses one without a due date
        task[f"{OWN}{key}" if own else key] = _text(instant) if isinstance(instant, datetime) and not own else value
    return task


def _state(item: Item, attributes: dict[str, str], context: Context) -> dict[str, Any]:
    """Return the status of a task, and what belongs to it."""
    todo = item.todo
    if is_cancelled(item):
        del attributes[STATUS]
        end = parse_time(attributes.get("cancelled", ""))
        if isinstance(end, datetime) and not end.microsecond:
            return {STATUS: "deleted", "end": _text(datetime.fromisoformat(attributes.pop("cancelled")))}
        return {STATUS: "deleted"}
    values: dict[str, Any] = {STATUS: "pending"}
    if todo.completed is not None:
        values = {STATUS: "completed", **_dated("end", "completed", todo.completed, context)}
    elif attributes.get(STATUS) == "recurring":
        values = {STATUS: attributes.pop(STATUS)}
    if todo.every is not None:
        words = (attributes.get("recur", ""), _period(todo.every))
        recur = next((each for each in words if _recurrence(each, todo.due, context) == todo.every), None)
        if todo.due is None or todo.done or recur is None:
            values[f"{OWN}every"] = recurrence_text(todo.every)
        else:
            values |= {STATUS: "recurring", "recur": recur}
            if attributes.get("recur") == recur:
                del attributes["recur"]
    return values


def _dated(key: str, field: str, value: DayOrInstant, context: Context) -> dict[str, str]:
    """Return a date of a task, and its exact value if Taskwarrior has none."""
    parsed = parse_day_or_instant(value)
    if not isinstance(parsed, datetime):
        return {key: _text(start(parsed, context))}
    exact = parsed.microsecond or local_midnight(parsed, context) is not None
    return {key: _text(parsed), **({f"{OWN}{_EXACT}{field}": value} if exact else {})}


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime(_FORM)


def _annotations(note: str, created: datetime) -> Iterator[dict[str, str]]:
    """Yield a note as annotations: one for each line that begins with a date, and one for what is before the first."""
    places = [0, *(match.start() for match in re.finditer(rf"(?<=\n){_DATED_LINE.pattern}", note)), len(note) + 1]
    for first, last in pairwise(places):
        text = note[first : last - 1]
        match = _DATED_LINE.match(text)
        at = None if match is None else parse_time(match[1])
        if match is None or not isinstance(at, datetime):
            yield {"entry": _text(created), "description": text}
        else:
            yield {"entry": _text(at), "description": text[match.end() :]}
