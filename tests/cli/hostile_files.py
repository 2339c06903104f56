"""Files that no import can take: for each, why it is hostile, its content, and the words of the command line."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any, NamedTuple


class Hostile(NamedTuple):
    """A file that must be refused."""

    kind: str
    content: bytes
    format: str | None


_UUID = "086f0f44-2f4d-47a9-a259-ec157f6dde38"
_TASK: dict[str, Any] = {"description": "one", "uuid": _UUID, "status": "pending", "entry": "20261128T011024Z"}
_NO_DATES = ["", "never", "20261301T000000Z", "20260230T000000Z", "99999999T999999Z", "2026", "20261128T0110Z", "0" * 100]
_TEXT_FORMATS = ("todotxt", "markdown", "org", "csv", "todoist-csv")
_WHOLE_FORMATS = ("taskwarrior", "ics", "todoist")
_LONG = "x" * 70_000


def hostile_files() -> Iterator[Hostile]:
    """Yield all of them."""
    yield from _of_other_kinds()
    yield from _damaged_text()
    yield from _tasks()
    yield from _calendars()
    yield from _todoist()
    yield from _tables()
    yield from _lines()


def _zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("todo.txt", "(A) one")
    return made.getvalue()


def _of_other_kinds() -> Iterator[Hostile]:
    files = {
        "zip": _zip(),
        "gzip": gzip.compress(b"(A) one", mtime=0),
        "XML": b'<?xml version="1.0"?>\n<todos><todo>(A) one</todo></todos>\n',
        "HTML": b"<!DOCTYPE html>\n<html><body>- [ ] one</body></html>\n",
        "PDF": b"%PDF-1.7\n1 0 obj\n(A) one\n",
        "RTF": b"{\\rtf1\\ansi (A) one}",
        "SQLite": b"SQLite format 3\0" + bytes(100),
        "PNG": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        "ELF": b"\x7fELF\x02\x01\x01" + bytes(200),
        "random bytes": bytes((number * 7919) % 251 + 4 for number in range(4000)),
    }
    for what, content in files.items():
        yield (
            Hostile(f"{what}, not said what it is", content, None) if what != "zip" else Hostile("a zip", content, "todotxt")
        )
        for format in (*_TEXT_FORMATS, *_WHOLE_FORMATS):
            yield Hostile(f"{what} as {format}", content, format)


def _damaged_text() -> Iterator[Hostile]:
    for format in (*_TEXT_FORMATS, *_WHOLE_FORMATS):
        yield Hostile(f"NUL in {format}", b"one\ntwo\0three\n", format)
        yield Hostile(f"no UTF-8 in {format}", b"one\ntwo \xff\xfe three\n", format)
        yield Hostile(f"a cut character in {format}", "one\ntwo é".encode()[:-1], format)
        yield Hostile(f"odd UTF-16 in {format}", "one\ntwo".encode("utf-16")[:-1], format)
        yield Hostile(f"nothing but blanks in {format}", b"  \n\t\n", format)
    for format in _TEXT_FORMATS:
        yield Hostile(f"a line of 10 MB in {format}", b"(A) " + b"x" * 10_000_000, format)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _tasks() -> Iterator[Hostile]:
    whole = _json([_TASK])
    cuts = {"an object": 20, "a key": 5, "an array": len(whole) - 1, "a text": 18, "the beginning": 1}
    for what, end in cuts.items():
        yield Hostile(f"tasks, cut in {what}", whole[:end], "taskwarrior")
    spoiled = {
        "a comma at the end": b"[{},]",
        "single quotes": b"[{'description': 'x'}]",
        "NaN": b'[{"description": "x", "est": NaN}]',
        "Infinity": b'[{"description": "x", "est": -Infinity}]',
        "arrays 100,000 deep": b"[" * 100_000,
        "closed arrays 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
        "objects 100,000 deep": b'[{"a":' * 100_000,
        "a number of 5,000 digits": b'[{"description": "x", "est": ' + b"9" * 5000 + b"}]",
        "two documents": b"[{}][{}]",
        "a text of JSON": b'["description"]',
        "numbers": b"[1, 2]",
        "null": b"[null]",
        "an array in an array": b"[[]]",
        "a bare word": b"[description]",
        "an unfinished escape": b'[{"description": "\\u12"}]',
        "a comment": b"[/* x */]",
    }
    for what, content in spoiled.items():
        yield Hostile(f"tasks with {what}", content, "taskwarrior")
    for what, more in _spoiled_tasks():
        yield Hostile(f"a task with {what}", _json([{**_TASK, **more}]), None)
    yield Hostile("a task without a description", b'[{"uuid": "1"}]', "taskwarrior")
    yield Hostile("the same uuid twice", _json([_TASK, _TASK]), None)
    others = [{**_TASK, "uuid": f"{number}", "todo_parent": f"{(number + 1) % 3}"} for number in range(3)]
    yield Hostile("three tasks that are under one another", _json(others), None)
    chain = [{**_TASK, "uuid": f"{number}", "todo_parent": f"{number + 1}"} for number in range(1000)]
    yield Hostile("tasks that are 1,000 deep", _json(chain), None)
    yield Hostile("a line that is not JSON", _json(_TASK) + b"\nx\n", "taskwarrior")
    yield Hostile("a million lone brackets", b"]" * 1_000_000, "taskwarrior")


def _spoiled_tasks() -> Iterator[tuple[str, dict[str, Any]]]:
    for key in ("entry", "due", "wait", "end"):
        for text in _NO_DATES[1:]:
            more = {"status": "completed"} if key == "end" else {}
            yield f"{key} {text[:20]}", {key: text, **more}
        yield f"a number as {key}", {key: 5, **({"status": "completed"} if key == "end" else {})}
    wrong: dict[str, list[object]] = {
        "description": [None, 5, [], {}, "", "  ", _LONG, "a\ud800"],
        "status": ["done", 5, {}, []],
        "tags": [5, {"a": 1}, [5], [["a"]], ["a\ud800"]],
        "depends": [5, {"a": 1}, [5]],
        "annotations": [5, [5], [{}], [{"description": 5}], [{"description": "x", "entry": "x"}], [{"description": _LONG}]],
        "project": ["a\ud800", "p" * 70_000],
        "est": ["a\ud800", _LONG],
        "uuid": ["a\ud800"],
        "todo_parent": [_UUID],
    }
    for key, values in wrong.items():
        for place, value in enumerate(values):
            yield f"a wrong {key} ({place})", {key: value}
    yield "2,000 tags", {"tags": [f"t{number}" for number in range(2000)]}
    yield "2,000 attributes", {f"a{number}": "x" for number in range(2000)}


def _calendar(*lines: str) -> bytes:
    todo = ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VTODO", "UID:1", "SUMMARY:one", *lines, "END:VTODO", "END:VCALENDAR"]
    return "\r\n".join([*todo, ""]).encode()


def _calendars() -> Iterator[Hostile]:
    for name in ("DUE", "COMPLETED", "CREATED", "DTSTAMP", "DTSTART"):
        for value in ("never", "20261301T000000Z", "20260230", "99999999T999999Z", "2026", "20261128T9999"):
            yield Hostile(f"{name}:{value}", _calendar(f"{name}:{value}"), None)
    for line in (
        *("PRIORITY:10", "PRIORITY:-1", "PRIORITY:high", "SUMMARY:two", "STATUS:DONE\r\nSTATUS:DONE", "no colon"),
        *("DURATION:x", "PERCENT-COMPLETE:x", f"DESCRIPTION:{_LONG}", "RRULE:FREQ=NEVER", "GEO:x", "SEQUENCE:x"),
        *("BEGIN:VALARM", "END:VEVENT", "DUE;TZID:20260101", ";:x", "CATEGORIES:" + ",".join(f"t{n}" for n in range(2000))),
        *("RELATED-TO:1", "PRIORITY:" + "9" * 5000),
    ):
        yield Hostile(f"a calendar with {line[:30]}", _calendar(line), None)
    whole = _calendar()
    yield Hostile("a calendar without its end", whole.replace(b"END:VTODO\r\nEND:VCALENDAR\r\n", b""), None)
    yield Hostile("a calendar that is only a beginning", b"BEGIN:VCALENDAR\r\n", None)
    yield Hostile("a calendar without todos", b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n", None)
    yield Hostile("a calendar with the same UID twice", whole.replace(b"END:VTODO", b"END:VTODO\r\n" + _inside(whole)), None)
    yield Hostile("components 100,000 deep", b"BEGIN:VTODO\r\n" * 100_000, None)
    yield Hostile("a calendar of 17 MB", _calendar("COMMENT:" + "x" * 17_000_000), None)
    yield Hostile("no calendar", b"(A) one\n", "ics")


def _inside(calendar: bytes) -> bytes:
    return calendar[calendar.index(b"BEGIN:VTODO") : calendar.index(b"END:VTODO") + len(b"END:VTODO")]


def _todoist() -> Iterator[Hostile]:
    for place, value in enumerate(
        (
            *({"items": 5}, {"items": [5]}, {"items": [{}]}, {"items": [{"id": 1, "content": ""}]}),
            *({"items": [{"id": 1, "content": "x", "priority": 9}]}, {"items": [{"id": 1, "content": "x", "due": 5}]}),
            *({"items": [{"id": 1, "content": "x"}] * 2}, {"items": [], "projects": 5}, {"items": [], "notes": [5]}),
            {"items": [{"id": 1, "content": "x", "parent_id": 1}]},
            {"items": [{"id": 1, "content": "x\ud800"}]},
            {"items": [{"id": 1, "content": _LONG}]},
            {"items": [{"id": 1, "content": "x", "labels": 5}]},
        )
    ):
        yield Hostile(f"Todoist with a wrong value ({place})", _json(value), "todoist")
    yield Hostile("a template with an unknown row", b"TYPE,CONTENT\nrobot,one\n", None)
    yield Hostile("a template with an open quote", b'TYPE,CONTENT\ntask,"one\n', None)


def _tables() -> Iterator[Hostile]:
    for what, content in {
        "no column for the text": b"due,priority\n2026-01-01,H\n",
        "more cells than columns": b"text,due\none,2026-01-01,x\n",
        "an open quote": b'text,note\none,"two\n',
        "a text after a quote": b'text,note\none,"two"x\n',
        "a cell of 2 MB": b'text,note\none,"' + b"x\n" * 1_000_000 + b'"\n',
        "the same id twice": b"id,text\n1,one\n1,two\n",
        "rows that are under one another": b"id,text,parent\n1,one,2\n2,two,1\n",
        "a row that is under itself": b"id,text,parent\n1,one,1\n",
        "a row without a text": b"text,note\n,two\n",
        "a long text": b"text,note\n" + _LONG.encode() + b",x\n",
        "a long note": b"text,note\nx," + _LONG.encode() + b"\n",
        "only a header": b"text,note\n",
        "2,000 columns": b"text," + b",".join(b"c%d" % n for n in range(2000)) + b"\nx" + b",y" * 2000 + b"\n",
    }.items():
        yield Hostile(f"CSV with {what}", content, "csv")


def _lines() -> Iterator[Hostile]:
    long = _LONG.encode()
    yield Hostile("a long text in todo.txt", b"(A) " + long, "todotxt")
    yield Hostile("a long attribute in todo.txt", b"one a:" + long, "todotxt")
    yield Hostile("a long tag in todo.txt", b"one @" + long, "todotxt")
    yield Hostile("2,000 tags in todo.txt", b"one " + b" ".join(b"@t%d" % n for n in range(2000)), "todotxt")
    yield Hostile("2,000 attributes in todo.txt", b"one " + b" ".join(b"a%d:x" % n for n in range(2000)), "todotxt")
    yield Hostile("2,000 equal attributes in todo.txt", b"one " + b"a:x " * 2000, "todotxt")
    yield Hostile("a todo under itself in todo.txt", b"one id*:1 under*:1\n", "todotxt")
    yield Hostile("a circle in todo.txt", b"one id*:1 under*:2\ntwo id*:2 under*:1\n", "todotxt")
    yield Hostile("only words that escape", b"\\", "markdown")
    yield Hostile("check boxes 1,000 deep", b"".join(b"  " * n + b"- [ ] x\n" for n in range(1000)), "markdown")
    yield Hostile("quotes 1,000 deep", b"> " * 1000 + b"- [ ] x\n", "markdown")
    yield Hostile("lists 1,000 deep on a line", b"- " * 1000 + b"[ ] x\n", "markdown")
    yield Hostile("a long text in Markdown", b"- [ ] " + long, "markdown")
    yield Hostile("a block of 5 MB in Markdown", b"- [ ] x\n" + b"  y\n" * 1_300_000, "markdown")
    yield Hostile("2,000 tags in Markdown", b"- [ ] x " + b" ".join(b"#t%d" % n for n in range(2000)), "markdown")
    yield Hostile("no check boxes", b"# One\n\ntwo\n", "markdown")
    yield Hostile("a circle in Markdown", b"- [ ] a [id*:: 1] [under*:: 2]\n- [ ] b [id*:: 2] [under*:: 1]\n", "markdown")
    yield Hostile("a long text in Org", b"* TODO " + long, "org")
    yield Hostile("a long note in Org", b"* TODO x\n" + b"note\n" * 20_000, "org")
    yield Hostile("a text of 5 MB without headlines in Org", b"text\n" * 1_000_000 + b"* TODO x\n", "org")
    yield Hostile("no todos in Org", b"* Heading\ntext\n", "org")
    yield Hostile("headlines 1,000 deep", b"".join(b"*" * n + b" TODO x\n" for n in range(1, 1000)), "org")
    yield Hostile("2,000 tags in Org", b"* TODO x :" + b":".join(b"t%d" % n for n in range(2000)) + b":\n", "org")
    yield Hostile("100,000 stars and nothing else", b"*" * 100_000, "org")
    yield Hostile("an endless drawer", b"* TODO x\n:PROPERTIES:\n" + b":A: " + long + b"\n:END:\n", "org")
