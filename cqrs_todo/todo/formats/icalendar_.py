"""iCalendar: the VTODO components of a file, which the library icalendar parses and folds (extra `ics`).

A property that has no field here becomes an attribute with its name in lower case. Its value is the text; a property with
parameters has the value `;PARAMETERS:VALUE`. So it is the same when the file is written again. Alarms are kept as a whole,
and the first one is the reminder. What has no property in RFC 5545 is written as `X-TODO-…`.
"""

from __future__ import annotations

import re
from collections import deque
from datetime import UTC, date, datetime, time, timedelta
from importlib import import_module

from ..errors import MalformedFile
from ..rules import parts_of
from ..values import PRIORITIES, Priority, day_or_instant, parse_day_or_instant
from . import Loss
from .parts import (
    CANCELLED,
    STATUS,
    Draft,
    checked_recurrence,
    instant_text,
    is_cancelled,
    numbered,
    parse_recurrence,
    parse_time,
    recurrence_text,
    skip,
    start,
    without_removed,
)
from .taskwarrior import uuid_of

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, TypeAlias

    from ..fields import Todo
    from ..values import Attributes, DayOrInstant, Recurrence
    from ..views import Item
    from . import Context, Entry, Report

    Component: TypeAlias = Any
    """A component of the library: its properties are of many types."""

UID = "uid"
"""The attribute with the UID."""
RECURRENCE_ID = "recurrence-id"
"""The attribute that makes a todo an exception of the series with its UID."""
LEVELS: dict[int, Priority] = {**dict.fromkeys(range(1, 5), "H"), 5: "M", **dict.fromkeys(range(6, 10), "L")}
"""Our priorities by those of iCalendar."""
_CANONICAL = dict(zip(PRIORITIES, (1, 5, 9), strict=True))
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_SHORTEST_MONTH = 28
"""How many days every month has."""
_ALARM = "valarm"
_CALENDAR = "VCALENDAR"
_OUTER = {_CALENDAR, "VTODO", "VEVENT", "VJOURNAL", "VFREEBUSY", "VTIMEZONE", "VAVAILABILITY"}
"""The components that are in no component other than a calendar."""
_BORDER = re.compile("(BEGIN|END):\\s*([A-Z0-9-]+)\\s*", re.IGNORECASE)
_LINE_END = re.compile("\\r*\\n|\\r")
_UNREADABLE = (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)
"""What the library raises if it cannot parse a text."""
_HYPHENS = re.compile("(DUE|DTSTART)(?:;VALUE=DATE)?:([0-9]{4})-([0-9]{2})-([0-9]{2})", re.IGNORECASE)
_SHOWN = 80
"""How much of a property is shown that is wrong, in characters."""
_BEGINNING = {"dtstart", "duration", "rrule"}
"""The attributes from which the due date and the recurrence follow."""
_OWN = "x-todo-"
_OF_FILES = {"version", "prodid", "calscale", "method"}
"""The properties of a calendar that say how the file is written."""
_FOREIGN = re.compile("x-(?!todo-)[a-z0-9-]+")
"""The properties of other programs: nobody knows whether their values are texts, so that they stay as they are."""
_READ = {
    *(
        "summary",
        "description",
        "due",
        "completed",
        "status",
        "priority",
        "categories",
        "created",
        "dtstamp",
        "uid",
        "rrule",
    ),
    *("related-to", "depends-on"),
}
"""The properties with a meaning here, in lower case."""
_PARAMETERS = {"VALUE", "TZID", "RELTYPE"}
"""The parameters of these properties that have a meaning here."""
_TEXT = {"comment", "contact", "location", "class", "resources", "request-status"}
"""The other properties of RFC 5545 whose values are texts."""
_PLAIN = {
    *("attach", "attendee", "color", "conference", "dtstart", "duration", "exdate", "geo", "image", "last-modified"),
    *("organizer", "percent-complete", "rdate", "recurrence-id", "sequence", "url", "exrule"),
}
"""The properties of RFC 5545 and RFC 7986 that have no field here, and whose values are not texts."""


def uid_of(id: str, attributes: Attributes) -> str:
    """Return the UID of a todo: the one that it came with, or one that follows from its id."""
    return dict(attributes).get(UID) or uuid_of(id, attributes)


def exception_key(uid: str, exception: str) -> str:
    """Return what names an exception of a series: its UID, and its RECURRENCE-ID without the parameters."""
    return f"{uid} {exception.rpartition(':')[2]}"


def read(source: str, context: Context, report: Report) -> Iterator[Entry]:
    """Read the todos of a calendar.

    Args:
        source: The content of the file.
        context: What reading depends on.
        report: Receives what cannot be kept as it is.

    Yields:
        The entries, in their order.

    Raises:
        MalformedFile: It is not iCalendar, or a todo breaks a rule.
        ImportError: The library icalendar is missing.
    """
    library = import_module("icalendar")  # few files need it
    source = _of_whole_components(source, context, report)
    try:
        calendars = library.Component.from_ical(source, multiple=True)
    except _UNREADABLE:
        source = _without_bad_todos(source, library, context, report)
        try:
            calendars = library.Component.from_ical(source, multiple=True)
        except _UNREADABLE as error:
            skip(1, f"this is not iCalendar: {_reason(error)}", context, report)
            return
    if not calendars:
        skip(1, "no calendar begins here", context, report)
    keys: set[str] = set()
    lines = _Lines(source)
    for calendar in calendars:
        if calendar.name == "VCALENDAR":
            _report_properties(calendar, lines.next("VCALENDAR"), report)
        for component in [calendar] if calendar.name == "VTODO" else calendar.subcomponents:
            line = lines.next(component.name)
            if component.name == "VTODO":
                entry = _entry(component, line, keys, context, report)
                if entry is not None:
                    yield entry
            elif component.name != "VTIMEZONE":
                report(Loss(line, f"a component {component.name}", "only todos are imported", "lost"))
            elif _is_custom(str(component.get("TZID", ""))):
                name = str(component.get("TZID", ""))
                report(Loss(line, f"the rules of the time zone {name}", "only the times that follow are kept", "lost"))


def _of_whole_components(source: str, context: Context, report: Report) -> str:
    """Return a calendar in which each component that begins also ends, and in which each line ends with LF.

    The library passes over a component that does not end, such as the last one of a file that was cut off.

    Args:
        source: The calendar.
        context: What reading depends on. If it is lenient, blank lines replace a component that does not end.
        report: Receives the components that do not end.

    Raises:
        MalformedFile: A component does not end, and the context is not lenient.
    """
    lines = _LINE_END.split(source)
    begun: list[tuple[str, int]] = []

    def does_not_end() -> int:
        name, first = begun.pop()
        skip(first + 1, f"{name} begins here and does not end; perhaps the file was cut off", context, report)
        return first

    def leave_out(before: int) -> None:
        first = does_not_end()
        lines[first:before] = [""] * (before - first)

    for number, line in enumerate(lines):
        found = _BORDER.fullmatch(line)
        if found is None:
            continue
        name = found[2].upper()
        if found[1].upper() == "BEGIN":
            while begun and begun[-1][0] != _CALENDAR and name in _OUTER:
                leave_out(number)
            if begun and name == _CALENDAR:
                does_not_end()
                lines[number] = ""  # so its todos and the next ones are in one calendar
            begun.append((name, number))
        elif any(name == each for each, _ in begun):
            while begun[-1][0] != name:
                leave_out(number)
            begun.pop()
        else:
            skip(number + 1, f"{name} ends here and did not begin", context, report)
            lines[number] = ""
    while begun and begun[-1][0] != _CALENDAR:
        leave_out(len(lines))
    if begun:
        does_not_end()
        lines.append(f"END:{_CALENDAR}")
    return "\n".join(lines)


def _without_bad_todos(source: str, library: Any, context: Context, report: Report) -> str:
    """Return a calendar without the todos that the library cannot parse. Each is reported with the line that is wrong."""
    lines = source.split("\n")
    begin = None
    for end, line in enumerate(lines):
        if re.match("BEGIN:VTODO\\s*$", line, re.IGNORECASE):
            begin = end
        elif begin is not None and re.match("END:VTODO\\s*$", line, re.IGNORECASE):
            block = lines[begin : end + 1]
            why = _why_unreadable("\n".join(block), library)
            if why is not None:
                number, reason = _bad_property(block, library) or (0, why)
                skip(begin + number + 1, reason, context, report)
                lines[begin : end + 1] = [""] * len(block)  # the other lines keep their numbers
            begin = None
    return "\n".join(lines)


def _bad_property(block: Sequence[str], library: Any) -> tuple[int, str] | None:
    """Return which line of a todo is wrong, and why, from 0. None if each can be parsed alone."""
    number = 0
    while number < len(block):
        end = number + 1
        while end < len(block) and block[end][:1] in (" ", "\t"):
            end += 1
        text = "\n".join(block[number:end])
        if not re.match("(BEGIN|END):", text, re.IGNORECASE):
            why = _why_unreadable(f"BEGIN:VTODO\n{text}\nEND:VTODO\n", library)
            if why is not None:
                shown = text.strip()[:_SHOWN]
                if (written := _HYPHENS.fullmatch(shown)) is not None:
                    name, day = written[1], "".join(written.groups()[1:])
                    return number, f"{shown} is not a time: write {name};VALUE=DATE:{day}"
                return number, f"{shown} cannot be read: {why}"
        number = end
    return None


def _why_unreadable(source: str, library: Any) -> str | None:
    try:
        library.Component.from_ical(source, multiple=True)
    except _UNREADABLE as error:
        return _reason(error)
    return None


class _Lines:
    """The numbers of the lines in which components begin."""

    def __init__(self, source: str) -> None:
        self._found: dict[str, deque[int]] = {}
        for number, line in enumerate(source.split("\n"), 1):
            if line[:6].upper() == "BEGIN:":
                self._found.setdefault(line[6:].strip().upper(), deque()).append(number)

    def next(self, name: str) -> int:
        """Return the line in which the next component with a name begins."""
        found = self._found.get(name.upper())
        return found.popleft() if found else 1


def _report_properties(calendar: Component, line: int, report: Report) -> None:
    """Report what a calendar says of itself: it has no place in a list."""
    for name in calendar:
        if name.lower() not in _OF_FILES:
            report(Loss(line, f"the property {name} of the calendar", "it is of no todo", "lost"))


def _is_custom(name: str) -> bool:
    """Return whether a zone is not one of those that every program knows by their names."""
    return getattr(import_module("icalendar.timezone").tzp.timezone(name), "key", None) is None


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _entry(component: Component, line: int, keys: set[str], context: Context, report: Report) -> Entry | None:
    draft = Draft(line, context, report)
    try:
        if component.errors:
            name, why = component.errors[0]
            raise ValueError(f"{name} is wrong: {' '.join(str(why).split())[:200]}")
        text = _read(draft, component, context)
    except (ValueError, TypeError, AttributeError, OverflowError, KeyError, IndexError) as error:
        skip(line, _reason(error), context, report)
        return None
    uid = str(component.get("UID", "")).strip()
    key = uid or f"line {line}"
    if "RECURRENCE-ID" in component:  # an exception of a series has the UID of the series
        key = exception_key(key, component["RECURRENCE-ID"].to_ical().decode())
    if key in keys:
        skip(line, f"another todo has the UID {uid}, too", context, report)
        return None
    keys.add(key)
    return draft.entry(key, text, has_id=bool(uid))


def _read(draft: Draft, component: Component, context: Context) -> str:
    """Read the properties of a todo into a draft, and return its text."""
    values: dict[str, Any] = {}
    for name, value in component.property_items(recursive=False, sorted=False):
        key = name.lower()
        if key in ("begin", "end"):
            continue
        if key in _READ and key not in ("categories", "related-to", "depends-on") and key in values:
            raise ValueError(f"{name} is given twice")
        values[key] = value
        if key in _READ:
            for parameter in value.params.keys() - _PARAMETERS:
                draft.lose(f"the parameter {parameter} of {name}", "there is no field for it")
            zone = value.params.get("TZID")
            is_local = isinstance(getattr(value, "dt", None), datetime) and value.dt.tzinfo is None
            if zone is not None and is_local:
                draft.lose(f"the unknown time zone {zone}", "the time zone of this machine", changed=True)
            elif (
                zone not in (None, context.zone) and "RRULE" not in component and not _is_custom(zone)
            ):  # a rule keeps its zone
                draft.lose(f"the time zone {zone} of a date", "the same moment, without the zone", changed=True)
            elif is_local:
                draft.lose("a time without a time zone", "the time in the zone of this machine", changed=True)
        if key == "categories":
            for tag in value.cats:
                draft.tag(str(tag))
        elif key == "related-to":
            _read_relation(draft, value)
        elif key == "depends-on":
            draft.values["depends"] = tuple(sorted({*draft.values.get("depends", ()), str(value)}))
    uid = str(values.get("uid", "")).strip()
    if uid:
        draft.keep(UID, uid, quietly=True)
    note = str(values["description"]) if "description" in values else ""
    if note.strip():
        draft.values["note"] = note
    due = _moment(values, "due", context) or _due_after(component, context)
    if due is not None:
        draft.values["due"] = due
    for key in ("created", "dtstamp"):
        created = _moment(values, key, context)
        if created is not None and "created" not in draft.values:
            draft.values["created"] = _instant(created, context)
    _read_state(draft, values, context)
    _read_priority(draft, values)
    _read_others(draft, component)
    _read_recurrence(draft, values, context)
    _read_alarms(draft, component, context)
    text = str(values["summary"]) if "summary" in values else ""
    if text.strip():
        return text
    draft.lose("a todo without a SUMMARY", "its text is the beginning of its description", changed=True)
    return next(iter(note.split("\n", 1)), "").strip() or "Todo without a summary"


def _read_relation(draft: Draft, value: Any) -> None:
    kind = str(value.params.get("RELTYPE", "PARENT")).upper()
    if kind == "PARENT" and "parent" not in draft.values:
        draft.values["parent"] = str(value)
    elif kind == "DEPENDS-ON":
        draft.values["depends"] = tuple(sorted({*draft.values.get("depends", ()), str(value)}))
    else:
        draft.keep("related-to", _raw(value))


def _moment(values: Mapping[str, Any], key: str, context: Context) -> DayOrInstant | None:
    return _date(values[key].dt, context) if key in values else None


def _date(value: Any, context: Context) -> DayOrInstant:
    if isinstance(value, datetime):
        from ..zones import from_local

        instant = from_local(value, context.to_local) if value.tzinfo is None else value.astimezone(UTC)
        return day_or_instant(instant)
    if isinstance(value, date):
        return value.isoformat()
    raise ValueError(f"{value!r} is not a date")


def _due_after(component: Component, context: Context) -> DayOrInstant | None:
    """Return when a todo with DTSTART and DURATION is due."""
    if "DTSTART" not in component or "DURATION" not in component:
        return None
    begin, lasts = component["DTSTART"].dt, component["DURATION"].dt
    return _date(begin + lasts, context)


def _instant(value: DayOrInstant, context: Context) -> datetime:
    parsed = parse_day_or_instant(value)
    return parsed if isinstance(parsed, datetime) else start(parsed, context)


def _read_state(draft: Draft, values: Mapping[str, Any], context: Context) -> None:
    status = str(values.get("status", "")).upper()
    on = _moment(values, "completed", context)
    if status == "CANCELLED":
        draft.cancel(on)
    elif status == "COMPLETED" or on is not None:
        draft.complete(on)
    if status not in ("", "NEEDS-ACTION", "COMPLETED", "CANCELLED"):
        draft.keep(STATUS, status.lower())


def _read_priority(draft: Draft, values: Mapping[str, Any]) -> None:
    number = int(values.get("priority", 0))
    if not 0 <= number <= 9:
        raise ValueError(f"the priority {number} is not between 0 and 9")
    if number:
        draft.values["priority"] = LEVELS[number]
        if number != _CANONICAL[LEVELS[number]]:
            draft.keep("priority", str(number))


def _read_others(draft: Draft, component: Component) -> None:
    for name, value in component.property_items(recursive=False, sorted=False):
        key = name.lower()
        if key in ("begin", "end") or key in _READ:
            continue
        if not key.startswith(_OWN):
            draft.keep(key, _shown(value) if key in _TEXT else _raw(value))
            continue
        match key.removeprefix(_OWN):
            case "attribute":
                draft.keep(str(value.params.get("X-KEY", "attribute")), str(value))
            case "project":
                draft.project(str(value))
            case "tag":
                draft.tag(str(value))
            case "wait" if (wait := parse_time(str(value))) is not None:
                draft.values["wait"] = day_or_instant(wait)
            case "every" if (every := parse_recurrence(str(value))) is not None:
                draft.values["every"] = every
            case "due" | "completed" | "created" | "reminder" as field if (exact := parse_time(str(value))) is not None:
                if field in ("due", "completed"):
                    draft.values[field] = str(value)
                elif isinstance(exact, datetime):
                    draft.values[field] = exact
            case _:
                draft.keep(key, _raw(value))


def _shown(value: Any) -> str:
    """Return the value of a property as an attribute: the text, or its raw form if it has parameters."""
    text = str(value)
    return _raw(value) if value.params or text.startswith(";") else text


def _raw(value: Any) -> str:
    """Return the value of a property as it is in the file, with its parameters."""
    params = value.params.to_ical().decode() if value.params else ""
    raw = value.to_ical()
    text = raw.decode() if isinstance(raw, bytes) else str(raw)
    return f";{params}:{text}" if params or text.startswith(";") else text


def _read_recurrence(draft: Draft, values: Mapping[str, Any], context: Context) -> None:
    rule = values.get("rrule")
    if rule is None or "every" in draft.values:  # ours says more than the rule
        return
    raw = rule.to_ical().decode().upper()
    due: DayOrInstant | None = draft.values.get("due")
    every = None
    if not draft.attributes.keys() & {"exdate", "rdate", "exrule"}:
        every = _recurrence(raw, due, values, context)
    if every is not None and _is_after_completion(draft.attributes):
        every = checked_recurrence(every.rule, every.anchor, every.time, every.zone, after=True)
    if every is None:
        draft.keep("rrule", raw, why="no rule here gives the same due dates")
    else:
        draft.values["every"] = every
        if "dtstart" in values and every.rule != raw:
            draft.keep("rrule", raw, quietly=True)


def _is_after_completion(attributes: Mapping[str, str]) -> bool:
    """Return whether a todo of Tasks.org recurs after its completion."""
    return attributes.get("x-tasks-repeat-from") == "COMPLETION_DATE"


def _recurrence(raw: str, due: DayOrInstant | None, values: Mapping[str, Any], context: Context) -> Recurrence | None:
    """Return the recurrence of a rule, whose dates are those of DTSTART, as one whose dates are those on which it is due."""
    start = values["dtstart"].dt if "dtstart" in values else None
    if due is None:
        begin = None if start is None else _day(start, context)
        return None if begin is None else checked_recurrence(_sorted_rule(raw), begin.isoformat(), None, None, after=False)
    last = values["due"].dt if "due" in values else start
    there = last.tzinfo if isinstance(last, datetime) else None
    zone = getattr(there, "key", None)
    own = None if zone in (None, "UTC", context.zone) else there
    nameless = there if zone is None and there is not UTC else None  # a zone that the file defines
    if own is None:
        day = context.to_local(_instant(due, context)).date() if len(due) > len("2026-03-05") else date.fromisoformat(due)
        begin = day if start is None else _day(start, context)
        clock, zone = _clock(due, context)
        if nameless is not None and "BY" in raw and _instant(due, context).astimezone(nameless).date() != day:
            return None
    else:
        wall = _instant(due, context).astimezone(own)
        day, clock = wall.date(), _clock_text(wall.time())
        aware = isinstance(start, datetime) and start.tzinfo is not None
        begin = day if start is None else start.astimezone(own).date() if aware else _day(start, context)
    rule = _moved(_sorted_rule(raw), begin, day)
    return None if rule is None else checked_recurrence(rule, day.isoformat(), clock, zone, after=False)


def _moved(rule: str, begin: date, day: date) -> str | None:
    """Return a rule that begins on a day as one that begins on another; None if no rule has these dates."""
    distance = (day - begin).days
    if not distance:
        return rule
    parts = dict(parts_of(rule))
    weekly = parts.get("FREQ") in ("DAILY", "WEEKLY")
    if parts.keys() - {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", *(["BYDAY"] if weekly else [])}:
        return None
    if not weekly and ((begin.year, begin.month) != (day.year, day.month) or max(begin.day, day.day) > _SHORTEST_MONTH):
        return None
    if "BYDAY" in parts:
        days = parts["BYDAY"].split(",")
        if (parts.get("INTERVAL", "1") != "1" and parts.get("FREQ") == "WEEKLY") or not set(days) <= set(_WEEKDAYS):
            return None
        moved = {(_WEEKDAYS.index(each) + distance) % 7 for each in days}
        parts["BYDAY"] = ",".join(each for place, each in enumerate(_WEEKDAYS) if place in moved)
    if "UNTIL" in parts:
        until = datetime.strptime(parts["UNTIL"][:8], "%Y%m%d") + timedelta(days=distance)
        parts["UNTIL"] = f"{until:%Y%m%d}{parts['UNTIL'][8:]}"
    return ";".join(f"{key}={value}" for key, value in parts.items())


def _day(value: Any, context: Context) -> date:
    return (
        context.to_local(value).date()
        if isinstance(value, datetime) and value.tzinfo is not None
        else date(value.year, value.month, value.day)
    )


def _clock(due: DayOrInstant | None, context: Context) -> tuple[str | None, str | None]:
    """Return the local time of day of a due date, and its zone."""
    if due is None or len(due) == len("2026-03-05"):
        return None, None
    return _clock_text(context.to_local(_instant(due, context)).time()), context.zone or None


def _clock_text(wall: time) -> str:
    return wall.replace(microsecond=0).isoformat("auto" if wall.second else "minutes")


def _sorted_rule(raw: str) -> str:
    """Return a rule with FREQ first and without an interval of 1, as ours are written."""
    parts = [part for part in raw.split(";") if part != "INTERVAL=1"]
    return ";".join(sorted(parts, key=lambda part: not part.startswith("FREQ=")))


def _read_alarms(draft: Draft, component: Component, context: Context) -> None:
    """Keep the alarms as attributes, and make the first one the reminder."""
    for alarm in component.subcomponents:
        if alarm.name != "VALARM":
            draft.lose(f"a component {alarm.name} of a todo", "only alarms are kept")
            continue
        reminder = _alarm_time(alarm, component, context)
        own = str(alarm.get("X-TODO", "")) == "REMINDER"
        if reminder is not None and "reminder" not in draft.values:
            draft.values["reminder"] = reminder
        if not own:
            draft.keep(_ALARM, alarm.to_ical().decode().replace("\r\n", "\n").strip())


def _alarm_time(alarm: Component, component: Component, context: Context) -> datetime | None:
    if "TRIGGER" not in alarm:
        return None
    trigger = alarm["TRIGGER"]
    value = trigger.dt
    if isinstance(value, datetime):
        return _instant(_date(value, context), context)
    if not isinstance(value, timedelta):
        return None
    at_end = str(trigger.params.get("RELATED", "START")).upper() == "END" or "DTSTART" not in component
    base = component.get("DUE" if at_end else "DTSTART")
    due = None if base is None else _date(base.dt, context)
    return None if due is None else _instant(due, context) + value


# Writing


def write(items: Iterable[Item], context: Context, report: Report) -> Iterator[str]:
    """Write todos as a calendar.

    Args:
        items: The todos.
        context: What the dates depend on.
        report: Receives what cannot be kept as it is.

    Yields:
        The lines, each with CR LF.

    Raises:
        ImportError: The library icalendar is missing.
    """
    contentline = import_module("icalendar.parser").Contentline  # it has no types

    kept = without_removed(items, report, cancelled=True)
    uids = {item.id: uid_of(item.id, item.todo.attributes) for item in kept}
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//cqrs-todo//EN"]
    yield from (f"{line}\r\n" for line in lines)
    for item in kept:
        for line in ("BEGIN:VTODO", *_properties(item, uids, context, report), "END:VTODO"):
            yield f"{contentline(line).to_ical().decode()}\r\n"
    yield "END:VCALENDAR\r\n"


def _properties(item: Item, uids: Mapping[str, str], context: Context, report: Report) -> Iterator[str]:
    todo = item.todo
    attributes = {key: value for key, value in todo.attributes if key != UID}
    yield f"UID:{_escape(uids[item.id])}"
    yield f"DTSTAMP:{_utc(context.now)}"
    yield f"SUMMARY:{_escape(todo.text)}"
    yield from _exact("CREATED", day_or_instant(todo.created))
    if todo.note is not None:
        yield f"DESCRIPTION:{_escape(todo.note)}"
    given = _still_given(todo, attributes, context)
    if todo.due is not None and not (given and "duration" in attributes):
        yield from _exact("DUE", todo.due)
    yield from _status(item, attributes, context)
    if todo.priority is not None:
        usual = f"{_CANONICAL[todo.priority]}"
        # only another number than the usual one becomes an attribute when it is read
        others = {f"{number}" for number, level in LEVELS.items() if level == todo.priority} - {usual}
        yield f"PRIORITY:{attributes.pop('priority') if attributes.get('priority') in others else usual}"
    if todo.tags:
        yield f"CATEGORIES:{','.join(map(_escape, todo.tags))}"
    if todo.project is not None:
        yield f"X-TODO-PROJECT;VALUE=TEXT:{_escape(todo.project)}"
    if todo.wait is not None:
        yield f"X-TODO-WAIT:{todo.wait}"
    yield from _rule(todo, attributes, context, given)
    lost = 0
    if todo.parent is not None:
        lost += todo.parent not in uids
        yield from [f"RELATED-TO:{_escape(uids[todo.parent])}"] if todo.parent in uids else []
    for id in todo.depends:
        lost += id not in uids
        yield from [f"RELATED-TO;RELTYPE=DEPENDS-ON:{_escape(uids[id])}"] if id in uids else []
    if lost:
        report(Loss(item.number, "a link to another todo", "that todo is not in the file", "lost"))
    texts = (todo.text, todo.note or "", *attributes.values())
    if any("\r" in text for text in texts):
        report(Loss(item.number, "a carriage return", "a line feed", "changed"))
    yield from _others(todo, attributes, given, context)


def _still_given(todo: Todo, attributes: Mapping[str, str], context: Context) -> bool:
    """Return whether the due date and the recurrence of a todo still follow from the DTSTART, DURATION and RRULE it has."""
    if not attributes.keys() & _BEGINNING:
        return True
    keys = [key for key in ("dtstart", "duration") if key in attributes]
    lines = [_property(key, attributes[key]) for key in keys]
    if not all(_parses(line, key, attributes[key]) for line, key in zip(lines, keys, strict=True)):
        return False
    if todo.due is not None and "duration" not in attributes:
        lines += _exact("DUE", todo.due)
    fixed = None if todo.every is None or todo.every.after else todo.every
    if fixed is not None:
        lines.append(f"RRULE:{attributes.get('rrule', fixed.rule)}")
    draft = Draft(0, context, lambda _: None)
    try:
        text = "\r\n".join(["BEGIN:VTODO", "SUMMARY:x", *lines, "END:VTODO", ""])
        _read(draft, import_module("icalendar").Component.from_ical(text), context)
    except (MalformedFile, ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError):
        return False
    return draft.values.get("due") == todo.due and draft.values.get("every") == fixed


def _property(key: str, value: str) -> str:
    return f"{key.upper()}{value if value.startswith(';') else f':{value}'}"


def _others(todo: Todo, attributes: dict[str, str], given: bool, context: Context) -> Iterator[str]:
    """Yield the attributes and the alarms."""
    alarms = []
    for key, value in numbered(tuple(attributes.items())):
        if key == _ALARM and re.fullmatch(r"BEGIN:VALARM\n(.*\n)+END:VALARM", value):
            alarms.append(value)
            continue
        line = None
        if key in _BEGINNING and not given:
            pass
        elif key in _PLAIN or _FOREIGN.fullmatch(key) or key == "related-to" or (key == "rrule" and todo.every is None):
            line = _property(key, value)
        elif key in _TEXT:
            line = f"{key.upper()}{value if value.startswith(';') else f':{_escape(value)}'}"
        yield line if line is not None and _parses(line, key, value) else _attribute(key, value)
    if todo.reminder is not None:
        start = [_property("dtstart", attributes["dtstart"])] if given and "dtstart" in attributes else []
        base = [*start, *(_exact("DUE", todo.due) if todo.due is not None else ())]
        if not any(
            _alarm_rings_at(todo.reminder, alarm, base, context) for alarm in alarms
        ):  # otherwise it would ring twice
            yield from ("BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Reminder", "X-TODO:REMINDER")
            yield from (f"TRIGGER;VALUE=DATE-TIME:{_utc(todo.reminder)}", "END:VALARM")
        if todo.reminder.microsecond or alarms:
            yield f"X-TODO-REMINDER:{instant_text(todo.reminder)}"
    for alarm in alarms:
        yield from alarm.split("\n")


def _alarm_rings_at(instant: datetime, alarm: str, base: Sequence[str], context: Context) -> bool:
    """Return whether an alarm rings at an instant.

    Args:
        instant: The instant.
        alarm: The lines of the alarm.
        base: The properties from which the alarm counts: when the todo begins, and when it is due.
        context: What the dates depend on.
    """
    text = "\r\n".join(["BEGIN:VTODO", "SUMMARY:x", *base, *alarm.split("\n"), "END:VTODO", ""])
    try:
        todo = import_module("icalendar").Component.from_ical(text)
        return any(_alarm_time(each, todo, context) == instant for each in todo.subcomponents)
    except _UNREADABLE:
        return False


def _attribute(key: str, value: str) -> str:
    return f'X-TODO-ATTRIBUTE;VALUE=TEXT;X-KEY="{key}":{_escape(value)}'


def _parses(line: str, key: str, value: str) -> bool:
    """Return whether reading a line gives the attribute that it was made from."""
    if "\n" in line or "\r" in line:
        return False
    try:
        todo = import_module("icalendar").Component.from_ical(f"BEGIN:VTODO\r\nSUMMARY:x\r\n{line}\r\nEND:VTODO\r\n")
    except (ValueError, IndexError, KeyError, TypeError, AttributeError):
        return False
    found = todo.get(key.upper())
    if found is None or todo.errors or isinstance(found, list):
        return False
    return (_shown(found) if key in _TEXT else _raw(found)) == value


def _status(item: Item, attributes: dict[str, str], context: Context) -> Iterator[str]:
    todo = item.todo
    if is_cancelled(item):
        del attributes[STATUS]
        yield "STATUS:CANCELLED"
        on = attributes.get(CANCELLED, "")
        if isinstance(parse_time(on), datetime) and "." not in on:
            yield f"COMPLETED:{_utc(datetime.fromisoformat(attributes.pop(CANCELLED)))}"
        if todo.completed is not None:
            yield f"X-TODO-COMPLETED:{todo.completed}"
    elif todo.completed is not None:
        yield "STATUS:COMPLETED"
        parsed = parse_day_or_instant(todo.completed)
        if isinstance(parsed, datetime):
            yield from _exact("COMPLETED", todo.completed)
        else:
            yield f"COMPLETED:{_utc(start(parsed, context))}"  # it cannot be a date
            yield f"X-TODO-COMPLETED:{todo.completed}"
    elif attributes.get(STATUS) == "in-process":
        del attributes[STATUS]
        yield "STATUS:IN-PROCESS"
    else:
        yield "STATUS:NEEDS-ACTION"


def _rule(todo: Todo, attributes: dict[str, str], context: Context, given: bool) -> Iterator[str]:
    every = todo.every
    if every is None:
        return
    due = todo.due
    anchored = given and "dtstart" in attributes and not every.after
    if due is not None and "dtstart" not in attributes and not every.after:
        day = context.to_local(_instant(due, context)).date().isoformat() if len(due) > len("2026-03-05") else due
        anchored = (every.anchor, every.time, every.zone) == (day, *_clock(due, context))
    raw = attributes.pop("rrule", None) if anchored and "dtstart" in attributes else None
    if not every.after or _is_after_completion(attributes):
        yield f"RRULE:{raw if raw is not None else every.rule}"
    if not anchored:
        yield f"X-TODO-EVERY:{recurrence_text(every)}"


def _exact(name: str, value: DayOrInstant) -> Iterator[str]:
    parsed = parse_day_or_instant(value)
    if not isinstance(parsed, datetime):
        yield f"{name};VALUE=DATE:{parsed:%Y%m%d}"
        return
    yield f"{name}:{_utc(parsed)}"
    if parsed.microsecond:
        yield f"X-TODO-{name}:{value}"


def _utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escape(text: str) -> str:
    """Return a text as the value of a property."""
    escaped: bytes = import_module("icalendar").vText(text).to_ical()
    return escaped.decode()
