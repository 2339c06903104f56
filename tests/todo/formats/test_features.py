"""Every feature of a format is kept or reported.

The lists below follow the specification of each format. A feature has data that occur nowhere else: words that begin with
`zq`, and the values that are listed beside it. Each of them has to be in the todos that are read, or its loss is reported.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest

from cqrs_todo.todo.errors import MalformedFile
from cqrs_todo.todo.formats import Loss
from cqrs_todo.todo.formats.parts import Draft

from .test_reading import entries_of

Feature = tuple[str, str, tuple[str, ...]]
"""Its name, its text in a file, and values that have to be found besides the words that begin with `zq`."""


def feature(name: str, text: str, *values: str) -> Feature:
    return name, text, values


# todo.txt: https://github.com/todotxt/todo.txt and the extensions that its clients have in common

TODOTXT = [
    feature("text", "Buy zq1"),
    feature("priority A", "(A) Buy", "priority='H'"),
    feature("priority D", "(D) Buy", "('priority', 'D')"),
    feature("creation date", "2020-01-02 Buy", "2020, 1, 2"),
    feature("completion", "x Buy", "completed='"),
    feature("completion date", "x 2020-01-03 2020-01-02 Buy", "2020-01-03", "2020, 1, 2"),
    feature("priority of a completed todo", "x (B) 2020-01-03 Buy", "priority='M'"),
    feature("priority of a completed todo as a key", "x 2020-01-03 Buy pri:E", "('priority', 'E')"),
    feature("project", "Buy +zq1", "project='zq1'"),
    feature("second project", "Buy +zq1 +zq2", "('projects',"),
    feature("context", "Buy @zq1", "tags=('zq1',)"),
    feature("project in the text", "Buy for +zq1 now", "for +zq1 now", "project='zq1'"),
    feature("due", "Buy due:2031-02-03", "due='2031-02-03'"),
    feature("due that is not a date", "Buy due:zq1"),
    feature("due twice", "Buy due:2031-02-03 due:2031-02-04", "2031-02-03", "2031-02-04"),
    feature("threshold", "Buy t:2031-02-03", "wait='2031-02-03'"),
    feature("recurrence", "Buy due:2031-02-03 rec:1w", "FREQ=WEEKLY", "after=True"),
    feature("strict recurrence", "Buy due:2031-02-03 rec:+2m", "FREQ=MONTHLY;INTERVAL=2"),
    feature("recurrence in business days", "Buy due:2031-02-03 rec:5b", "('rec', '5b')"),
    feature("hidden", "Buy h:1", "('h', '1')"),
    feature("any key", "Buy size:zq1", "('size', 'zq1')"),
    feature("a key twice", "Buy size:zq1 size:zq2"),
    feature("a key in capitals", "Buy Size:zq1"),
    feature("an address", "Buy http://zq1/zq2"),
    feature("id and parent of other clients", "Buy id:zq1 p:zq2"),
    feature("a comment", "# zq1"),
    feature("blanks", "Buy  zq1   now", "Buy  zq1   now"),
    feature("two dates of an open todo", "2020-01-02 2020-01-01 Buy", "2020-01-01"),
]

# Markdown: CommonMark, the check lists of GitHub, Obsidian with its Tasks, Dataview, and Logseq

MARKDOWN = [
    feature("check box", "- [ ] Buy zq1"),
    feature("checked", "- [x] Buy", "completed='"),
    feature("check box with a star", "* [ ] Buy zq1"),
    feature("numbered check box", "3) [ ] Buy zq1"),
    feature("nested check box", "- [ ] Buy\n  - [ ] zq1", "parent='line 1'"),
    feature("check box in a plain list", "- zq1\n  - [ ] Buy"),
    feature("check box in a quotation", "> - [ ] Buy zq1"),
    feature("text in a quotation with a check box", "> zq1\n>\n> - [ ] Buy"),
    feature("heading", "# zq1\n\n- [ ] Buy", "project='zq1'"),
    feature("heading with underlines", "zq1\n===\n\n- [ ] Buy", "project='zq1'"),
    feature("nested headings", "# zq1\n## zq2\n- [ ] Buy", "project='zq1.zq2'"),
    feature("heading without todos", "- [ ] Buy\n\n# zq1"),
    feature("note below a check box", "- [ ] Buy\n\n  zq1"),
    feature("list below a check box", "- [ ] Buy\n  - zq1"),
    feature("code below a check box", "- [ ] Buy\n\n  ```\n  zq1\n  ```"),
    feature("second line", "- [ ] Buy\n  zq1"),
    feature("lazy second line", "- [ ] Buy\nzq1"),
    feature("paragraph", "zq1\n\n- [ ] Buy"),
    feature("plain list", "- zq1\n\n# x\n- [ ] Buy"),
    feature("box without a blank", "- []zq1\n\n# x\n- [ ] Buy"),
    feature("code", "```\nzq1\n```\n\n- [ ] Buy"),
    feature("indented code", "    zq1\n\n- [ ] Buy"),
    feature("HTML", "<b>zq1</b>\n\n- [ ] Buy"),
    feature("comment", "<!-- zq1 -->\n\n- [ ] Buy"),
    feature("table", "| zq1 | a |\n|---|---|\n| b | c |\n\n- [ ] Buy"),
    feature("rule", "***\n\n- [ ] Buy", "a line"),
    feature("definition of a link", "[zq1]: http://a.b\n\n- [ ] Buy"),
    feature("footnote", "[^1]: zq1\n\n- [ ] Buy"),
    feature("front matter", "---\ntitle: zq1\n---\n\n- [ ] Buy"),
    feature("inline markup", "- [ ] **Buy** `zq1` [a](http://zq2)"),
    feature("tag", "- [ ] Buy #zq1", "tags=('zq1',)"),
    feature("tag in the text", "- [ ] Buy #zq1 now"),
    feature("other marks", "- [/] Buy", "('mark', '/')"),
    feature("forwarded", "- [>] Buy", "('mark', '>')"),
    feature("cancelled", "- [-] Buy ❌ 2031-02-03", "('status', 'cancelled')", "('cancelled', '2031-02-03')"),
    feature("id of a block", "- [ ] Buy ^zq1"),
    feature("due 📅", "- [ ] Buy 📅 2031-02-03", "due='2031-02-03'"),
    feature("scheduled ⏳", "- [ ] Buy ⏳ 2031-02-03", "('scheduled', '2031-02-03')"),
    feature("start 🛫", "- [ ] Buy 🛫 2031-02-03", "wait='2031-02-03'"),
    feature("done ✅", "- [x] Buy ✅ 2020-02-03", "completed='2020-02-03'"),
    feature("done ✅ of an open todo", "- [ ] Buy ✅ 2020-02-03", "2020-02-03"),
    feature("created ➕", "- [ ] Buy ➕ 2020-02-03", "2020, 2, 3"),
    feature("recurrence 🔁", "- [ ] Buy 🔁 every 2 weeks 📅 2031-02-03", "FREQ=WEEKLY;INTERVAL=2"),
    feature("recurrence that is not known", "- [ ] Buy 🔁 every zq1 moon"),
    *(
        feature(f"priority {sign}", f"- [ ] Buy {sign}", value)
        for sign, value in (
            ("🔺", "('priority', 'highest')"),
            ("⏫", "priority='H'"),
            ("🔼", "priority='M'"),
            ("🔽", "priority='L'"),
            ("⏬", "('priority', 'lowest')"),
        )
    ),
    feature("id 🆔 and dependency ⛔", "- [ ] Buy 🆔 zq1\n- [ ] Call ⛔ zq1", "depends=('id zq1',)"),
    feature("on completion 🏁", "- [ ] Buy 🏁 delete", "'delete'"),
    feature("field of Dataview", "- [ ] Buy [size:: zq1]", "('size', 'zq1')"),
    feature("field of Dataview in parentheses", "- [ ] Buy (size:: zq1)", "('size', 'zq1')"),
    feature("field of Dataview in the text", "- [ ] Buy [size:: zq1] now"),
    feature("keyword of Logseq", "- LATER Buy zq1", "('keyword', 'LATER')"),
    feature("priority of Logseq", "- TODO [#A] Buy", "priority='H'"),
    feature("dates of Logseq", "- TODO Buy\n  SCHEDULED: <2031-02-03 Mon>", "2031-02-03"),
    feature("property of Logseq", "- TODO Buy\n  size:: zq1", "zq1"),
    feature("log of Logseq", "- TODO Buy\n  :LOGBOOK:\n  CLOCK: zq1\n  :END:"),
]

# Org: the manual, https://orgmode.org/manual/

ORG = [
    feature("headline", "* TODO Buy zq1"),
    feature("done", "* DONE Buy", "completed='"),
    feature("closed", "* DONE Buy\nCLOSED: [2020-02-03 Mon 10:00]", "2020-02-03T10:00"),
    feature("closed of an open todo", "* TODO Buy\nCLOSED: [2020-02-03 Mon 10:00]", "2020-02-03"),
    feature("other keyword", "* NEXT Buy", "('keyword', 'NEXT')"),
    feature("declared keyword", "#+TODO: zq1 | zq2\n* zq1 Buy\n* zq2 Call", "('keyword', 'zq1')", "('keyword', 'zq2')"),
    feature("cancelled", "* CANCELLED Buy", "('status', 'cancelled')"),
    feature("priority", "* TODO [#A] Buy", "priority='H'"),
    feature("other priority", "* TODO [#E] Buy", "('priority', 'E')"),
    feature("priority in numbers", "* TODO [#12] Buy", "('priority', '12')"),
    feature("tags", "* TODO Buy :zq1:zq2:", "tags=('zq1', 'zq2')"),
    feature("tags of the file", "#+FILETAGS: :zq1:\n* TODO Buy", "tags=('zq1',)"),
    feature("tags of the headline above", "* Home :zq1:\n** TODO Buy", "tags=('zq1',)"),
    feature("headline without a keyword", "* zq1\n** TODO Buy", "project='zq1'"),
    feature("headline without todos", "* TODO Buy\n* zq1"),
    feature("keyword without a text", "* TODO Buy\n* TODO"),
    feature("comment headline", "* COMMENT zq1\n* TODO Buy"),
    feature("comment keyword of a todo", "* TODO COMMENT Buy zq1"),
    feature("archived", "* TODO Buy :ARCHIVE:", "'ARCHIVE'"),
    feature("progress", "* TODO Buy [1/2] zq1", "[1/2]"),
    feature("nested headline", "* TODO Buy\n** TODO zq1", "parent='line 1'"),
    feature("deadline", "* TODO Buy\nDEADLINE: <2031-02-03 Mon>", "due='2031-02-03'"),
    feature("deadline with a time", "* TODO Buy\nDEADLINE: <2031-02-03 Mon 10:00>", "due='2031-02-03T10:00"),
    feature("deadline with an end", "* TODO Buy\nDEADLINE: <2031-02-03 Mon 10:00-12:00>", "('deadline-end', '12:00')"),
    feature("deadline in two days", "* TODO Buy\nDEADLINE: <2031-02-03 Mon>--<2031-02-05 Wed>", "2031-02-03", "2031-02-05"),
    feature("warning", "* TODO Buy\nDEADLINE: <2031-02-03 Mon -3d>", "('warning', '-3d')"),
    feature("repeater", "* TODO Buy\nDEADLINE: <2031-02-03 Mon +1w>", "FREQ=WEEKLY"),
    feature("repeater from completion", "* TODO Buy\nDEADLINE: <2031-02-03 Mon .+1w>", "FREQ=WEEKLY", "after=True"),
    feature("repeater into the future", "* TODO Buy\nDEADLINE: <2031-02-03 Mon ++1w>", "('repeater', '++')"),
    feature("repeater in hours", "* TODO Buy\nDEADLINE: <2031-02-03 Mon +1h>", "('repeater', '+1h')"),
    feature("habit", "* TODO Buy\nDEADLINE: <2031-02-03 Mon .+2d/4d>", "('habit', '4d')"),
    feature("scheduled", "* TODO Buy\nSCHEDULED: <2031-02-03 Mon +1w>", "('scheduled', '2031-02-03 Mon +1w')"),
    feature("deadline that is inactive", "* TODO Buy\nDEADLINE: [2031-02-03 Mon]", "2031-02-03"),
    feature("date that is computed", "* TODO Buy\nDEADLINE: <%%(zq1 1)>"),
    feature("time stamp in the text", "* TODO Buy <2031-02-03 Mon>", "<2031-02-03 Mon>"),
    feature("property", "* TODO Buy\n:PROPERTIES:\n:Effort: zq1\n:END:", "('Effort', 'zq1')"),
    feature("property that goes on", "* TODO Buy\n:PROPERTIES:\n:A: zq1\n:A+: zq2\n:END:"),
    feature("property without a value", "* TODO Buy\n:PROPERTIES:\n:Empty:\n:END:", "Empty"),
    feature("id", "* TODO Buy\n:PROPERTIES:\n:ID: zq1\n:END:", "('org_id', 'zq1')"),
    feature("properties after other lines", "* TODO Buy\nzq1\n:PROPERTIES:\n:A: zq2\n:END:"),
    feature("note", "* TODO Buy\nzq1"),
    feature("drawer", "* TODO Buy\n:LOGBOOK:\nCLOCK: [2031-02-03 Mon 10:00]--[2031-02-03 Mon 11:00] => zq1\n:END:"),
    feature("list in the note", "* TODO Buy\n- [ ] zq1\n- zq2"),
    feature("block in the note", "* TODO Buy\n#+begin_src sh\nzq1\n#+end_src"),
    feature("table in the note", "* TODO Buy\n| zq1 | a |"),
    feature("keyword in the note", "* TODO Buy\n#+CAPTION: zq1"),
    feature("comment in the note", "* TODO Buy\n# zq1"),
    feature("check box below a headline", "* Home\n- [ ] Buy zq1"),
    feature("checked box below a headline", "* Home\n- [X] Buy", "completed='"),
    feature("nested check boxes", "* Home\n- [ ] Buy\n  - [-] zq1", "parent='line 2'"),
    feature("text below a check box", "* Home\n- [ ] Buy\n  zq1"),
    feature("deadline of a headline without a keyword", "* Home\nDEADLINE: <2031-02-03 Mon>\n- [ ] Buy", "2031-02-03"),
    feature("property of a headline without a keyword", "* Home\n:PROPERTIES:\n:A: zq1\n:END:\n- [ ] Buy"),
    feature("text before the first headline", "zq1\n* TODO Buy"),
    feature("text of a headline without a keyword", "* Home\nzq1\n- [ ] Buy"),
    feature("block of a headline without a keyword", "* Home\n#+begin_src zq1\nzq2\n#+end_src\n- [ ] Buy"),
    feature("comment of a headline without a keyword", "* Home\n# zq1\n- [ ] Buy"),
    *(
        feature(f"#+{name}", f"#+{name}: zq1\n* TODO Buy")
        for name in (
            *("TITLE", "AUTHOR", "EMAIL", "DATE", "LANGUAGE", "DESCRIPTION", "CATEGORY", "PROPERTY", "STARTUP", "COLUMNS"),
            *("LINK", "ARCHIVE", "OPTIONS", "PRIORITIES", "TAGS", "INCLUDE", "SETUPFILE", "MACRO", "CONSTANTS", "NAME"),
        )
    ),
    feature("inline task", "* TODO Buy\n*************** TODO zq1\n*************** END"),
    feature("footnote", "* TODO Buy [fn:1]\n[fn:1] zq1"),
    feature("link", "* TODO [[http://zq1][zq2]]"),
]

# Taskwarrior: https://taskwarrior.org/docs/design/task/

UUID_1, UUID_2 = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
STAMP, READ = "20310203T101112Z", "2031-02-03T10:11:12Z"


def task(name: str, *values: str, **more: Any) -> Feature:
    plain = {"uuid": UUID_1, "description": "Buy", "status": "pending", "entry": "20200102T000000Z"}
    return feature(name, json.dumps([{**plain, **more}]), *values)


TASKWARRIOR = [
    task("description", description="zq1"),
    task("entry", "2020, 2, 3", entry="20200203T000000Z"),
    task("uuid", f"('uuid', '{UUID_2}')", uuid=UUID_2),
    task("due", f"due='{READ}'", due=STAMP),
    task("wait", f"wait='{READ}'", wait=STAMP, status="waiting"),
    task("completed", "completed='2020-02-03'", status="completed", end="20200203T000000Z"),
    task("end of a pending task", "'20200203T000000Z'", end="20200203T000000Z"),
    task(
        "deleted",
        "('status', 'cancelled')",
        "('cancelled', '2020-02-03T00:00:00Z')",
        status="deleted",
        end="20200203T000000Z",
    ),
    task("recurring", "FREQ=WEEKLY", "('mask', '-')", status="recurring", recur="weekly", due=STAMP, mask="-"),
    task("recurrence that is not known", status="recurring", recur="zq1", due=STAMP),
    task("instance", "('imask', '3')", f"('parent', '{UUID_2}')", parent=UUID_2, imask=3, recur="weekly", due=STAMP),
    *(task(name, f"('{name}', '{READ}')", **{name: STAMP}) for name in ("start", "until", "scheduled", "modified", "last")),
    *(task(f"priority {level}", f"priority='{level}'", priority=level) for level in "HML"),
    task("other priority", "('priority', 'zq1')", priority="zq1"),
    task("project", "project='zq1.zq2'", project="zq1.zq2"),
    task("tags", "tags=('zq1', 'zq2')", tags=["zq1", "zq2"]),
    task("tags as one text", "tags=('zq1', 'zq2')", tags="zq1,zq2"),
    task("depends", f"depends=('{UUID_2}',)", depends=[UUID_2]),
    task("depends as one text", f"depends=('{UUID_2}',)", depends=UUID_2),
    task("annotations", READ, annotations=[{"entry": STAMP, "description": "zq1"}]),
    task("other values of an annotation", annotations=[{"entry": STAMP, "description": "x", "by": "zq1"}]),
    task("id", "id", id=7),
    task("urgency", "urgency", urgency=3.25),
    task("rtype and template", "('rtype', 'zq1')", "('template', 'zq2')", rtype="zq1", template="zq2"),
    task("attribute of a user: text", "('estimate', 'zq1')", estimate="zq1"),
    task("attribute of a user: number", "('estimate', '2.5')", estimate=2.5),
    task("attribute of a user: object", github={"a": "zq1"}),
]

# iCalendar: RFC 5545 (3.6.2, 3.8), RFC 7986, RFC 9073


def todo(name: str, text: str, *values: str, around: str = "") -> Feature:
    lines = [
        *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", around, "BEGIN:VTODO", "UID:1", "DTSTAMP:20200101T000000Z"),
        *(() if "SUMMARY" in text else ("SUMMARY:Buy",)),
        text,
        *("END:VTODO", "END:VCALENDAR", ""),
    ]
    return feature(name, "\r\n".join(line for line in lines if line or line is lines[-1]), *values)


ICS = [
    todo("SUMMARY", "SUMMARY:zq1", "text='zq1'"),
    todo("SUMMARY with parameters", "SUMMARY;LANGUAGE=zq1:Buy"),
    todo("DESCRIPTION", "DESCRIPTION:zq1\\nzq2", "zq1\\nzq2"),
    todo("DESCRIPTION with parameters", 'DESCRIPTION;ALTREP="zq1":x'),
    todo("DUE in UTC", f"DUE:{STAMP}", f"due='{READ}'"),
    todo("DUE on a day", "DUE;VALUE=DATE:20310203", "due='2031-02-03'"),
    todo("DUE in a zone", "DUE;TZID=Europe/Berlin:20310203T110000", "due='2031-02-03T10:00"),
    todo("DUE in an unknown zone", "DUE;TZID=Zq/zq1:20310203T110000", "2031-02-03"),
    todo("DUE with a parameter", f"DUE;X-A=zq1:{STAMP}"),
    todo("DTSTART", f"DTSTART:{STAMP}", f"('dtstart', '{STAMP}')"),
    todo("DTSTART and DURATION", f"DTSTART:{STAMP}\r\nDURATION:PT1H", "due='2031-02-03T11:11:12Z'", "PT1H"),
    todo("DURATION alone", "DURATION:PT1H", "PT1H"),
    todo("COMPLETED", "STATUS:COMPLETED\r\nCOMPLETED:20200203T101112Z", "completed='2020-02-03T10:11:12Z'"),
    todo("COMPLETED with a parameter", "COMPLETED;X-A=zq1:20200203T101112Z"),
    todo("STATUS completed", "STATUS:COMPLETED", "completed='"),
    todo("STATUS in process", "STATUS:IN-PROCESS", "('status', 'in-process')"),
    todo("STATUS cancelled", "STATUS:CANCELLED", "('status', 'cancelled')"),
    todo("STATUS of other programs", "STATUS:zq1"),
    todo(
        "STATUS needs action of a todo that was completed", "STATUS:NEEDS-ACTION\r\nCOMPLETED:20200203T101112Z", "2020-02-03"
    ),
    todo("PERCENT-COMPLETE", "PERCENT-COMPLETE:37", "('percent-complete', '37')"),
    *(
        todo(f"PRIORITY {number}", f"PRIORITY:{number}", *values)
        for number, values in {
            "0": (),
            "1": ("priority='H'",),
            "2": ("priority='H'", "('priority', '2')"),
            "5": ("priority='M'",),
            "9": ("priority='L'",),
        }.items()
    ),
    todo("CATEGORIES", "CATEGORIES:zq1,zq2\r\nCATEGORIES:zq3", "tags=('zq1', 'zq2', 'zq3')"),
    todo("CATEGORIES with blanks", "CATEGORIES:zq1 a", "zq1-a"),
    todo("CATEGORIES with parameters", "CATEGORIES;LANGUAGE=zq1:x"),
    todo("CREATED", "CREATED:20200203T101112Z", "2020, 2, 3, 10, 11, 12"),
    todo("LAST-MODIFIED", "LAST-MODIFIED:20200203T101112Z", "('last-modified', '20200203T101112Z')"),
    todo("SEQUENCE", "SEQUENCE:17", "('sequence', '17')"),
    todo("CLASS", "CLASS:PRIVATE", "('class', 'PRIVATE')"),
    todo("LOCATION", "LOCATION:zq1\\, zq2"),
    todo("LOCATION with parameters", 'LOCATION;ALTREP="zq1":zq2'),
    todo("GEO", "GEO:37.38;-122.08", "37.38", "-122.08"),
    todo("URL", "URL:http://zq1"),
    todo("ORGANIZER", "ORGANIZER;CN=zq1:mailto:zq2"),
    todo("ATTENDEE", "ATTENDEE;CN=zq1;PARTSTAT=ACCEPTED:mailto:zq2\r\nATTENDEE:mailto:zq3"),
    todo("CONTACT", "CONTACT:zq1\r\nCONTACT:zq2"),
    todo("COMMENT", "COMMENT:zq1\r\nCOMMENT:zq2"),
    todo("RESOURCES", "RESOURCES:zq1,zq2"),
    todo("REQUEST-STATUS", "REQUEST-STATUS:2.0;zq1"),
    todo("ATTACH", "ATTACH;FMTTYPE=text/plain:http://zq1"),
    todo("ATTACH in the file", "ATTACH;VALUE=BINARY;ENCODING=BASE64:enFx", "enFx"),
    todo("RELATED-TO", "RELATED-TO:zq1", "parent='zq1'"),
    todo("RELATED-TO a child", "RELATED-TO;RELTYPE=CHILD:zq1"),
    todo("RELATED-TO a sibling", "RELATED-TO;RELTYPE=SIBLING:zq1"),
    todo("RELATED-TO two parents", "RELATED-TO:zq1\r\nRELATED-TO:zq2"),
    todo("RRULE", f"DUE:{STAMP}\r\nRRULE:FREQ=WEEKLY;COUNT=7", "FREQ=WEEKLY;COUNT=7"),
    todo("RRULE without a date", "RRULE:FREQ=WEEKLY", "FREQ=WEEKLY"),
    todo("EXDATE", f"DUE:{STAMP}\r\nRRULE:FREQ=WEEKLY\r\nEXDATE:20310210T101112Z", "20310210T101112Z", "FREQ=WEEKLY"),
    todo("RDATE", f"DUE:{STAMP}\r\nRRULE:FREQ=WEEKLY\r\nRDATE:20310211T101112Z", "20310211T101112Z", "FREQ=WEEKLY"),
    todo("RECURRENCE-ID", f"RECURRENCE-ID:{STAMP}", STAMP),
    todo(
        "VALARM",
        "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:zq1\r\nTRIGGER;VALUE=DATE-TIME:20310203T091112Z\r\nEND:VALARM",
        "9, 11, 12",
    ),
    todo(
        "two VALARM",
        "BEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER:-PT15M\r\nX-A:zq1\r\nEND:VALARM\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nX-A:zq2\r\nTRIGGER:PT0S\r\nEND:VALARM",
    ),
    todo("another component in a todo", "BEGIN:VLOCATION\r\nUID:9\r\nNAME:zq1\r\nEND:VLOCATION"),
    todo("property of another program", "X-A;X-B=zq1:zq2"),
    todo("property of no program", "ZQA:zq1"),
    *(todo(name, f"{name}:zq1") for name in ("COLOR", "CONFERENCE", "IMAGE;VALUE=URI", "STRUCTURED-DATA;VALUE=TEXT")),
    todo("event", "", around="BEGIN:VEVENT\r\nUID:7\r\nSUMMARY:zq1\r\nEND:VEVENT"),
    todo("journal", "", around="BEGIN:VJOURNAL\r\nUID:7\r\nSUMMARY:zq1\r\nEND:VJOURNAL"),
    todo("free time", "", around="BEGIN:VFREEBUSY\r\nUID:7\r\nCOMMENT:zq1\r\nEND:VFREEBUSY"),
    *(todo(f"{name} of the calendar", "", around=f"{name}:zq1") for name in ("X-WR-CALNAME", "NAME", "DESCRIPTION", "X-A")),
]

# Todoist: https://developer.todoist.com/api/v1/ and the templates of its help pages


def item(name: str, *values: str, tables: Any = None, **more: Any) -> Feature:
    plain = {"id": "1", "content": "Buy", "added_at": "2020-01-02T00:00:00Z"}
    return feature(name, json.dumps({"items": [{**plain, **more}], **(tables or {})}), *values)


TODOIST = [
    item("content", content="zq1"),
    item("id", "('todoist_id', 'zq1')", id="zq1"),
    item("description", "note='zq1'", description="zq1"),
    *(item(f"priority {level}", f"priority='{ours}'", priority=level) for level, ours in ((4, "H"), (3, "M"), (2, "L"))),
    item("labels", "tags=('zq1',)", labels=["zq1"]),
    item("due day", "due='2031-02-03'", due={"date": "2031-02-03"}),
    item("due time", f"due='{READ}'", due={"date": READ}),
    item("due in a zone", "zq1", due={"date": READ, "timezone": "zq1"}),
    item("due in words", due={"date": "2031-02-03", "string": "zq1"}),
    item("language of the words", due={"date": "2031-02-03", "string": "Feb 3", "lang": "zq1"}),
    item("recurring", "FREQ=WEEKLY", due={"date": "2031-02-03", "string": "every week", "is_recurring": True}),
    item("recurring in unknown words", due={"date": "2031-02-03", "string": "every zq1", "is_recurring": True}),
    item("deadline", "2031-02-03", deadline={"date": "2031-02-03", "lang": "zq1"}),
    item("duration", "minute", duration={"amount": 15, "unit": "minute"}),
    item("completed", "completed='2020-02-03T10:11:12Z'", checked=True, completed_at="2020-02-03T10:11:12Z"),
    item("deleted", "('status', 'cancelled')", is_deleted=True),
    item("added_at", "2020, 2, 3", added_at="2020-02-03T10:11:12Z"),
    item("parent", "parent='zq1'", parent_id="zq1"),
    item("project", "project='zq1'", project_id="7", tables={"projects": [{"id": "7", "name": "zq1"}]}),
    item(
        "project in a project",
        "project='zq1.zq2'",
        project_id="8",
        tables={"projects": [{"id": "7", "name": "zq1"}, {"id": "8", "name": "zq2", "parent_id": "7"}]},
    ),
    item("section", "project='zq1'", section_id="9", tables={"sections": [{"id": "9", "name": "zq1"}]}),
    item("unknown project", project_id="zq1"),
    item("unknown section", section_id="zq1"),
    item("project without tasks", tables={"projects": [{"id": "7", "name": "zq1"}]}),
    item("section without tasks", tables={"sections": [{"id": "7", "name": "zq1"}]}),
    item("label without tasks", tables={"labels": [{"id": "7", "name": "zq1"}]}),
    item("other values of a project", project_id="7", tables={"projects": [{"id": "7", "name": "P", "color": "zq1"}]}),
    item("other values of a section", section_id="7", tables={"sections": [{"id": "7", "name": "S", "summary": "zq1"}]}),
    item("other values of a label", labels=["L"], tables={"labels": [{"id": "7", "name": "L", "color": "zq1"}]}),
    *(
        item(name, **{name: "zq1"})
        for name in ("user_id", "assigned_by_uid", "responsible_uid", "sync_id", "day_order", "anything")
    ),
    item("comment", tables={"notes": [{"id": "1", "item_id": "1", "content": "zq1", "posted_at": "zq2"}]}),
    item(
        "other values of a comment",
        tables={"notes": [{"id": "1", "item_id": "1", "content": "x", "reactions": {"a": ["zq1"]}}]},
    ),
    item(
        "file of a comment",
        tables={"notes": [{"id": "1", "item_id": "1", "content": "x", "file_attachment": {"file_url": "zq1"}}]},
    ),
    item(
        "other values of a file",
        tables={
            "notes": [{"id": "1", "item_id": "1", "content": "x", "file_attachment": {"file_url": "a", "file_name": "zq1"}}]
        },
    ),
    item("comment of another task", tables={"notes": [{"id": "1", "item_id": "404", "content": "zq1"}]}),
    item("comment of a project", tables={"project_notes": [{"id": "1", "project_id": "7", "content": "zq1"}]}),
    item(
        "reminder", "reminder=", tables={"reminders": [{"id": "1", "item_id": "1", "due": {"date": "2031-02-03T10:11:12Z"}}]}
    ),
    item(
        "second reminder",
        "2031, 2, 1",
        tables={
            "reminders": [
                {"id": n, "item_id": "1", "due": {"date": f"2031-02-0{n}T10:11:12Z"}, "name": f"zq{n}"} for n in (1, 2)
            ]
        },
    ),
    item("reminder of another task", tables={"reminders": [{"id": "1", "item_id": "404", "due": {"date": "zq1"}}]}),
    item("reminder at a place", tables={"reminders": [{"id": "1", "item_id": "1", "type": "location", "name": "zq1"}]}),
    item("filter", tables={"filters": [{"id": "1", "name": "zq1"}]}),
    item("collaborator", tables={"collaborators": [{"id": "1", "email": "zq1"}]}),
    item("user", tables={"user": {"id": "1", "email": "zq1"}}),
]
COLUMNS = (
    *(
        "TYPE",
        "CONTENT",
        "DESCRIPTION",
        "PRIORITY",
        "INDENT",
        "AUTHOR",
        "RESPONSIBLE",
        "DATE",
        "DATE_LANG",
        "TIMEZONE",
        "DURATION",
    ),
    *("DURATION_UNIT", "DEADLINE", "DEADLINE_LANG", "IS_COLLAPSED"),
)


def row(name: str, *values: str, before: str = "", after: str = "", **cells: str) -> Feature:
    plain = {"TYPE": "task", "CONTENT": "Buy", "PRIORITY": "4", "INDENT": "1"}
    line = ",".join({**plain, **cells}.get(column, "") for column in COLUMNS)
    return feature(name, "\n".join([",".join(COLUMNS), *filter(None, [before, line, after]), ""]), *values)


TEMPLATE = [
    row("content", CONTENT="zq1"),
    row("labels", "tags=('zq1',)", CONTENT="Buy @zq1"),
    row("description", "note='zq1'", DESCRIPTION="zq1"),
    *(
        row(f"priority {level}", f"priority='{ours}'", PRIORITY=level)
        for level, ours in (("1", "H"), ("2", "M"), ("3", "L"))
    ),
    row("indent", "parent='line 2'", after="task,zq1,,4,2"),
    row("section", "project='zq1'", before="section,zq1"),
    row("section without tasks", after="section,zq1"),
    row("comment", after="note,zq1"),
    row("author of a comment", after="note,x,,,,zq1"),
    row("comment before the first task", before="note,zq1"),
    row("date", "due='2031-02-03'", DATE="2031-02-03"),
    row("date in unknown words", DATE="zq1"),
    row("recurring date", "FREQ=WEEKLY", DATE="every week"),
    row("language of the date", DATE="2031-02-03", DATE_LANG="zq1"),
    row(
        "time zone",
        "due='2031-02-03T01:00:00Z'",
        "('timezone', 'Asia/Tokyo')",
        DATE="2031-02-03 10:00",
        TIMEZONE="Asia/Tokyo",
    ),
    *(
        row(name, **{name: "zq1"})
        for name in ("AUTHOR", "RESPONSIBLE", "DURATION", "DURATION_UNIT", "DEADLINE", "IS_COLLAPSED")
    ),
    row("settings of the view", after="meta,view_style=zq1"),
    row("row without a type", after=",zq1"),
    row("task without a content", after="task,,zq1"),
    row("more cells than columns", after="task,Call" + "," * 14 + "zq1"),
]

# CSV: RFC 4180; the columns are those of our documentation

CSV = [
    feature("text", "text\nzq1\n"),
    feature("quotes", 'text\n"zq1, ""a""\nzq2"\n', "text='zq1, \"a\"\\nzq2'"),
    *(feature(f"column {name}", f"text,{name}\nBuy,zq1\n") for name in ("note", "tags", "project", "size")),
    *(
        feature(f"column {name} that is not known", f"text,{name}\nBuy,zq1\n")
        for name in ("due", "reminder", "priority", "wait", "every", "created", "completed", "status")
    ),
    feature("id, parent and depends", "id,text,parent,depends\n7,Buy,,\n8,Call,7,7\n", "parent='id 7'", "depends=('id 7',)"),
    feature("an id without a use", "id,text\nzq1,Buy\n"),
    feature("priority", "text,priority\nBuy,high\n", "priority='H'"),
    feature("cancelled", "text,status\nBuy,cancelled\n", "('status', 'cancelled')"),
    feature("done", "text,done\nBuy,yes\n", "completed='"),
    feature("completed and open", "text,completed,status\nBuy,2020-02-03,open\n", "2020-02-03"),
    feature("a column twice", "text,note,note\nBuy,zq1,zq2\n"),
    feature("a column without a name", "text,\nBuy,zq1\n"),
    feature("a cell without a column", "text\nBuy,zq1\n"),
    feature("a row with blanks and one value", "text,note\n,zq1\n"),
    feature("a line before the header", "zq1\ntext,note\nBuy,\n"),
    feature("blanks around a cell", "text,note\nBuy,  zq1  \n", "'  zq1  '"),
]

LINES = ("todotxt", "markdown", "org", "csv", "todoist-csv")
"""The formats in which the line of a loss says what it is about."""
FEATURES = {
    "todotxt": TODOTXT,
    "markdown": MARKDOWN,
    "org": ORG,
    "taskwarrior": TASKWARRIOR,
    "ics": ICS,
    "todoist": TODOIST,
    "todoist-csv": TEMPLATE,
    "csv": CSV,
}


_OTHERWISE = {"a completion without a date"}
"""What is reported of a feature that is kept, and says nothing of other values."""


@pytest.mark.parametrize(
    ("format", "text", "values"),
    [pytest.param(f, *each[1:], id=f"{f}: {each[0]}") for f in FEATURES for each in FEATURES[f]],
)
def test_a_feature_of_a_format_is_kept_or_reported(format: str, text: str, values: Sequence[str]) -> None:
    losses: list[Loss] = []
    try:
        entries = entries_of(format, text, losses.append)
    except MalformedFile:
        return  # it is refused as a whole
    shown = "".join(map(repr, entries))
    said = [loss for loss in losses if loss.kind in ("lost", "changed") and loss.what not in _OTHERWISE]
    lines = text.split("\n")
    for value in dict.fromkeys((*values, *re.findall(r"zq[0-9]+", text))):
        if value in shown:
            continue
        line = next((number for number, line in enumerate(lines, 1) if value in line), len(lines))
        about = [loss for loss in said if format not in LINES or loss.line <= line]
        assert about, f"{value} is neither kept nor reported; kept is {shown}"
        said.remove(about[-1])  # each value that is lost needs a report of its own


def test_a_feature_that_is_neither_kept_nor_reported_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Draft, "keep", lambda *_, **__: None)
    with pytest.raises(AssertionError, match="zq3 is neither kept nor reported"):
        test_a_feature_of_a_format_is_kept_or_reported("todotxt", "Buy size:zq3", ())
