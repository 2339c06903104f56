"""Org (https://orgmode.org/): headlines with a keyword are todos, and headlines without one are projects.

No library reads Org and writes it again, so the reader of headlines, planning lines and property drawers is our own code.

- `TODO`, `NEXT` and so on are open, `DONE` is done, `CANCELLED` is cancelled. A line such as `#+TODO: OPEN | CLOSED` adds
  keywords. Keywords other than `TODO`, `DONE` and `CANCELLED` are the attribute `keyword`.
- The tags of `#+FILETAGS:`, and those of a headline that is not a todo, are tags of all todos below.
- `DEADLINE` is the due date, with its repeater, and `CLOSED` the completion. `SCHEDULED` is the attribute `scheduled`.
- Properties are attributes. `PROJECT`, `WAIT`, `REMINDER`, `CREATED` and `ID` have a meaning here.
- The text below a headline is its note. Below a headline that is not a todo, its check boxes are todos.
- A property whose name ends with an asterisk has the exact value of a field, and one whose name ends with a percent sign is
  an attribute. Both are encoded as in a URL. Only this program writes them.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from itertools import product
from textwrap import dedent

from ...cqrs.struct import Struct
from ..values import day_or_instant, parse_day_or_instant
from ..zones import wall_clock
from . import Loss
from .parts import (
    CANCELLED,
    STATUS,
    Draft,
    day_text,
    decode,
    empty_heading,
    encode,
    instant_at,
    instant_of,
    instant_text,
    is_cancelled,
    numbered,
    parse_day,
    parse_recurrence,
    parse_time,
    recurrence_in_words,
    recurrence_text,
    skip,
    start,
    without_removed,
)
from .todotxt import LETTERS
from .trees import nestings_of

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from ..fields import Todo
    from ..values import DayOrInstant, Recurrence
    from ..views import Item
    from . import Context, Entry, Report
    from .trees import Nesting

ORG_ID = "org_id"
"""The attribute with the property ID."""
BODY_LIMIT = 1 << 20
"""The longest text between two headlines, in characters."""
_DEEPEST = 50
"""How deep headlines are nested when they are written. Deeper ones name their parents instead."""
_OPEN = ("TODO", "NEXT", "WAITING", "STARTED", "DOING", "INPROGRESS", "IN-PROGRESS", "HOLD", "SOMEDAY")
_CANCEL = ("CANCELLED", "CANCELED", "KILL")
_LETTER_OF = {priority: letter for letter, priority in LETTERS.items()}
_STARS = re.compile(r"(\*+)[ \t]+(.*)")
_PRIORITY = re.compile(r"\[#([A-Z]|[0-9]{1,2})\](?:[ \t]+|$)")
_TAGS = re.compile(r"(?:^|[ \t]+):((?:[\w@#%]+:)+)$")
_TAG = re.compile(r"[\w@#%]+")
_DECLARED = re.compile(r"#\+(TODO|SEQ_TODO|TYP_TODO|FILETAGS):(.*)", re.IGNORECASE)
_PLANNED = re.compile(r"(DEADLINE|SCHEDULED|CLOSED):[ \t]*(<[^>\n]*>(?:--<[^>\n]*>)?|\[[^\]\n]*\])", re.IGNORECASE)
_PLANNING = re.compile(rf"[ \t]*(?:{_PLANNED.pattern}[ \t]*)+", re.IGNORECASE)
_STAMP = re.compile(
    r"[<\[](?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})(?: [^\W\d]+\.?)?"
    r"(?: (?P<time>[0-9]{1,2}:[0-9]{2})(?:-(?P<end>[0-9]{1,2}:[0-9]{2}))?)?"
    r"(?: (?P<repeater>(?P<sign>\.\+|\+\+|\+)(?P<count>[0-9]+)(?P<unit>[hdwmy]))(?:/(?P<habit>[0-9]+[hdwmy]))?)?"
    r"(?: (?P<warning>--?[0-9]+[hdwmy]))?[>\]]"
)
_KEYWORD = re.compile(r"[ \t]*#\+(?!begin_|end_)([^\s:]+):", re.IGNORECASE)
_PROPERTY = re.compile(r"[ \t]*:([^\s:]+):(?:[ \t]+(.*?))?[ \t]*")
_BOX = re.compile(r"([ \t]*)(?:[-+]|[0-9]+[.)])[ \t]+\[([ xX-])\][ \t]+(\S.*)|([ \t]+)\*[ \t]+\[([ xX-])\][ \t]+(\S.*)")
_UNITS = {"d": "day", "w": "week", "m": "month", "y": "year"}


class _Headline(Struct, frozen=True):
    """A headline and what is below it, up to the next headline.

    Args:
        line: The number of its line.
        level: Its number of stars.
        title: What follows the stars.
        body: The lines below it.
    """

    line: int
    level: int
    title: str
    body: tuple[str, ...]


class _Above(Struct, frozen=True):
    """A headline that others are under.

    It has its level, the key of its entry, its project and its tags if it has no entry, and the number of its line.
    """

    level: int
    key: str | None
    project: str | None
    tags: tuple[str, ...]
    line: int


class _Reader:
    """Reads one file: the keywords that it declares, the headlines above the present one, and the ids so far."""

    def __init__(self, context: Context, report: Report) -> None:
        self._context = context
        self._report = report
        self._open = set(_OPEN)
        self._done = {"DONE"}
        self._declared: list[str] = []
        self._tags: list[str] = []
        self._above: list[_Above] = []
        self._ids: set[str] = set()
        self._empty: set[int] = set()

    def declare(self, name: str, words: str) -> None:
        """Add what a line declares: tags, or keywords, such as `TODO NEXT | DONE`, for the headlines that follow.

        Args:
            name: What is declared.
            words: The tags; or the keywords, of which the last one is done if there is no bar.
        """
        if name.upper() == "FILETAGS":
            self._tags += filter(None, re.split(r"[:\s]+", words))
        else:
            self._declared.append(words)

    def use_keywords(self) -> None:
        """Know the keywords that were declared below the present headline, which is read."""
        for words in self._declared:
            self._use(words)
        self._declared.clear()

    def _use(self, words: str) -> None:
        before, bar, after = words.partition("|")
        opened, done = before.split(), after.split()
        if not bar:
            opened, done = opened[:-1], opened[-1:]
        for names, into, other in ((opened, self._open, self._done), (done, self._done, self._open)):
            names = [name.partition("(")[0] for name in names]
            into.update(filter(None, names))
            other.difference_update(names)

    def entries(self, headline: _Headline) -> Iterator[Entry]:
        """Yield the entry of a headline; or, if it is not a todo, those of the check boxes below it."""
        self._leave(headline.level)
        keyword, _, rest = headline.title.partition(" ")
        if keyword not in self._open | self._done | set(_CANCEL) or not rest.strip():
            tags = _TAGS.search(headline.title)
            title = headline.title[: tags.start()] if tags else headline.title
            inherited = tuple(tags[1].strip(":").split(":")) if tags else ()
            self._above.append(_Above(headline.level, None, title.strip(), inherited, headline.line))
            if headline.level:
                self._empty.add(headline.line)
            yield from self._boxes(headline)
            return
        draft = Draft(headline.line, self._context, self._report)
        entry = self._read(draft, keyword, rest.strip(), headline)
        self._above.append(_Above(headline.level, None if entry is None else entry.key, None, (), headline.line))
        if entry is not None:
            yield entry

    def end(self) -> None:
        """Say that the file ends."""
        self._leave(0)

    def _leave(self, level: int) -> None:
        """Forget the headlines that what comes on a level is not under. Report those that have no todos below them."""
        left = [each.line for each in self._above if each.level >= level]
        self._above = [each for each in self._above if each.level < level]
        for line in left:
            if line in self._empty:
                self._empty.remove(line)
                self._report(empty_heading(line))

    def _put_under(self, draft: Draft) -> None:
        for each in self._above:
            self._empty.discard(each.line)
        for tag in (*self._tags, *(tag for each in self._above for tag in each.tags)):
            draft.tag(tag)
        headings = [each.project for each in self._above if each.project]
        if self._context.headings == "tags":
            for heading in headings:
                draft.tag(heading)
        elif headings:
            draft.project(".".join(headings))
        parent = next((each.key for each in reversed(self._above) if each.key is not None), None)
        if parent is not None:
            draft.values["parent"] = parent

    def _read(self, draft: Draft, keyword: str, title: str, headline: _Headline) -> Entry | None:
        self._put_under(draft)
        planned, properties, note = _divide(headline.body)
        letter, text, tags = _exact_title(title, decode(_take(properties, "TEXT*") or "") or "")
        for tag in tags:
            draft.tag(tag)
        if letter in LETTERS:
            draft.values["priority"] = LETTERS[letter]
        elif letter is not None:
            draft.keep("priority", letter)
        named = _take(properties, "ID")
        if named is not None:
            draft.keep(ORG_ID, named, quietly=True)
        own = _take(properties, "NUMBER*")
        under = _take(properties, "UNDER*")
        depends = _take(properties, "DEPENDS*")
        if under is not None:
            draft.values["parent"] = f"number {under}"
        if depends is not None:
            draft.values["depends"] = tuple(sorted({f"number {each}" for each in depends.split()}))
        note = decode(_take(properties, "NOTE*") or "") or note
        if note:
            draft.values["note"] = note
        self._read_planned(draft, keyword, planned)
        self._read_properties(draft, properties)
        key = f"number {own}" if own is not None else named
        if key is None or key in self._ids:
            return draft.entry(f"line {draft.line}", text)
        self._ids.add(key)
        return draft.entry(key, text, has_id=own is None)

    def _read_planned(self, draft: Draft, keyword: str, planned: list[tuple[str, str]]) -> None:
        closed = next((stamp for name, stamp in planned if name == "CLOSED"), None)
        on = None if closed is None else self._date(closed)
        if keyword in _CANCEL:
            draft.cancel(None if closed is None else closed.strip("[]"))
        elif keyword in self._done:
            draft.complete(on)
            if closed is not None and on is None:
                draft.keep("closed", closed)
        elif closed is not None:
            draft.keep("closed", closed)
        if keyword not in ("TODO", "DONE", "CANCELLED"):
            draft.keep("keyword", keyword)
        for name, stamp in planned:
            if name == "DEADLINE" and "due" not in draft.values and self._date(stamp) is not None:
                draft.values["due"] = self._date(stamp)
                self._read_repeater(draft, stamp)
            elif name != "CLOSED":
                draft.keep(name.lower(), stamp if stamp[:1] != "<" or ">--<" in stamp else stamp[1:-1])

    def _read_repeater(self, draft: Draft, stamp: str) -> None:
        match = _STAMP.fullmatch(stamp)
        if match is None:
            return
        for key, part in (("deadline-end", "end"), ("warning", "warning"), ("habit", "habit")):
            if match[part]:
                draft.keep(key, match[part])
        if match["repeater"]:
            after = match["sign"] == ".+"
            words = f"{int(match['count'])} {_UNITS.get(match['unit'], '')}"
            every = recurrence_in_words(f"after {words}" if after else words, draft.values["due"], self._context)
            if match["unit"] == "h" or every is None:
                draft.keep("repeater", match["repeater"])
                return
            draft.values["every"] = every
            if match["sign"] == "++":
                draft.keep("repeater", "++")

    def _date(self, stamp: str) -> DayOrInstant | None:
        """Return the day or the instant of a time stamp; None if it is none."""
        match = _STAMP.fullmatch(stamp)
        day = None if match is None else parse_day(match["day"])
        if match is None or day is None:
            return None
        if match["time"] is None:
            return day.isoformat()
        instant = instant_at(day, match["time"].zfill(5), self._context)
        return None if instant is None else day_or_instant(instant)

    def _read_properties(self, draft: Draft, properties: list[tuple[str, str]]) -> None:
        for key, field in (("DEADLINE*", "due"), ("CLOSED*", "completed"), ("CREATED*", "created")):
            exact = instant_of(_take(properties, key) or "")
            shown = draft.values.get(field)
            if exact is not None and (shown is None or day_text(exact, self._context) == day_text(shown, self._context)):
                draft.values[field] = datetime.fromisoformat(exact) if field == "created" else exact
        project = _take(properties, "PROJECT")
        if project == "-":
            draft.values.pop("project", None)
        elif project is not None:
            draft.project(project)
        every = parse_recurrence(decode(_take(properties, "EVERY*") or "") or "")
        if every is not None:
            draft.values["every"] = every
        for key, field in (("CREATED", "created"), ("WAIT", "wait"), ("REMINDER", "reminder")):
            text = _first(properties, key)
            value = None if text is None else self._date(text) or _canonical(text)
            if value is None or (field == "reminder" and len(value) == len("2026-03-05")):
                continue
            _take(properties, key)
            parsed = parse_day_or_instant(value)
            instant = parsed if isinstance(parsed, datetime) else start(parsed, self._context)
            draft.values.setdefault(field, value if field == "wait" else instant)
        for key, value in properties:
            if key == "TAG*":
                draft.tag(decode(value) or "")
            else:
                draft.keep(key.rstrip("*%"), (decode(value) if key[-1] in "*%" else value) or "")

    def _boxes(self, headline: _Headline) -> Iterator[Entry]:
        """Yield the entries of the check boxes below a headline that is not a todo."""
        above: list[tuple[int, str]] = []
        fenced = ""
        for number, line in enumerate(headline.body, headline.line + 1):
            block = re.match(r"[ \t]*#\+(begin|end)_(\w+)", line, re.IGNORECASE)
            if block is not None:
                fenced = block[2].lower() if block[1].lower() == "begin" else ""
            match = None if fenced else _BOX.fullmatch(line.rstrip())
            if match is None:
                if line.strip() and not _DECLARED.fullmatch(line):
                    self._report(_no_todo(line, number))
                continue
            blanks, mark, text = (match[1], match[2], match[3]) if match[2] else (match[4], match[5], match[6])
            draft = Draft(number, self._context, self._report)
            self._put_under(draft)
            above = [each for each in above if each[0] < len(blanks.expandtabs())]
            if above:
                draft.values["parent"] = above[-1][1]
            if mark in "xX":
                draft.complete(None)
            entry = draft.entry(f"line {number}", text.strip())
            if entry is not None:
                above.append((len(blanks.expandtabs()), entry.key))
                yield entry


def read(source: Iterable[str], context: Context, report: Report) -> Iterator[Entry]:
    """Read Org.

    Args:
        source: The lines.
        context: What reading depends on.
        report: Receives what cannot be kept as it is.

    Yields:
        The entries, in their order.

    Raises:
        MalformedFile: A todo breaks a rule.
    """
    reader = _Reader(context, report)
    first, level, title, body, size = 0, 0, "", list[str](), 0
    for number, line in enumerate(source, 1):
        line = line.rstrip("\r\n")
        match = _STARS.fullmatch(line)
        if match is None:
            declared = _DECLARED.fullmatch(line)
            if declared is not None:
                reader.declare(declared[1], declared[2])
            if size <= BODY_LIMIT:
                size += len(line) + 1
                body.append(line)
                if size > BODY_LIMIT:
                    skip(max(first, 1), f"what is below it is longer than {BODY_LIMIT:,} characters", context, report)
                    body.clear()
            continue
        if size <= BODY_LIMIT:
            yield from reader.entries(_Headline(first, level, title, tuple(body)))
        reader.use_keywords()
        first, level, title, body, size = number, len(match[1]), match[2].strip(), [], 0
    if size <= BODY_LIMIT:
        yield from reader.entries(_Headline(first, level, title, tuple(body)))
    reader.end()


def _no_todo(line: str, number: int) -> Loss:
    """Return what is lost with a line below a headline that is not a todo."""
    keyword = _KEYWORD.match(line)
    if keyword is not None:
        return Loss(number, f"the keyword #+{keyword[1].upper()}", "it is of no todo", "lost")
    if re.match(r"[ \t]*#[ \t]", line):
        return Loss(number, "a comment", "it is of no todo", "lost")
    return Loss(number, "text below a headline that is not a todo", "only its check boxes are todos", "lost")


def _title(title: str, *, letter: bool = True, tags: bool = True) -> tuple[str | None, str, list[str]]:
    """Return the priority, the text and the tags of a headline.

    Args:
        title: What follows the keyword.
        letter: Whether what looks like a priority is one.
        tags: Whether what looks like tags are some.
    """
    found = None
    match = _PRIORITY.match(title) if letter else None
    if match is not None and match.end() < len(title):
        found, title = match[1], title[match.end() :]
    words = _TAGS.search(title) if tags else None
    if words is None or not title[: words.start()].strip():
        return found, title.strip(), []
    return found, title[: words.start()].strip(), words[1].strip(":").split(":")


def _exact_title(title: str, exact: str) -> tuple[str | None, str, list[str]]:
    """Return the priority, the text and the tags of a headline whose exact text is given; "" if it is not.

    The exact text may begin like a priority and end like tags. It does not count if the headline was changed.
    """
    for letter, tags in product((True, False), repeat=2) if exact else ():
        found, text, words = _title(title, letter=letter, tags=tags)
        if text.split() == exact.split():
            return found, exact, words
    return _title(title)


def _divide(body: Iterable[str]) -> tuple[list[tuple[str, str]], list[tuple[str, str]], str]:
    """Return the planned dates, the properties, and the note below a headline."""
    lines = list(body)
    planned: list[tuple[str, str]] = []
    properties: list[tuple[str, str]] = []
    if lines and _PLANNING.fullmatch(lines[0]):
        planned = [(match[1].upper(), match[2]) for match in _PLANNED.finditer(lines.pop(0))]
    if lines and lines[0].strip().upper() == ":PROPERTIES:":
        end = next((place for place, line in enumerate(lines) if line.strip().upper() == ":END:"), None)
        read = [_PROPERTY.fullmatch(line) for line in lines[1:end]]
        if end is not None and all(read):
            properties = [(match[1], match[2] or "") for match in read if match is not None]
            lines = lines[end + 1 :]
    return planned, properties, dedent("\n".join(line.rstrip() for line in lines)).strip("\n")


def _first(properties: list[tuple[str, str]], key: str) -> str | None:
    return next((value for name, value in properties if name.upper() == key), None)


def _take(properties: list[tuple[str, str]], key: str) -> str | None:
    """Remove the first property with a name, and return its value; None if there is none."""
    for place, (name, value) in enumerate(properties):
        if name.upper() == key and value:
            del properties[place]
            return value
    return None


def _canonical(text: str) -> DayOrInstant | None:
    value = parse_time(text)
    return None if value is None else day_or_instant(value)


# Writing


def write(items: Iterable[Item], context: Context, report: Report) -> Iterator[str]:
    """Write todos as Org, by project.

    Args:
        items: The todos.
        context: What the dates depend on.
        report: Receives what cannot be kept as it is.

    Yields:
        The lines, with their line feeds.
    """
    kept = without_removed(items, report, cancelled=True)
    active = {_keyword(item) for item in kept if not (item.todo.done or is_cancelled(item))}
    ended = {_keyword(item, active) for item in kept if item.todo.done or is_cancelled(item)}
    opened, done = sorted(active - {"TODO"}), sorted(ended - {"DONE"})
    if opened or done:  # Emacs knows only the two others
        yield f"#+TODO: {' '.join(['TODO', *opened, '|', 'DONE', *done])}\n"
    heading: str | None = None
    for place in nestings_of(kept, _DEEPEST):
        if place.heading != heading:
            heading = place.heading
            yield f"* {heading}\n"
        if place.lost:
            report(Loss(place.item.number, "a link to another todo", "that todo is not in the file", "lost"))
        yield _item(place, active, context)


def _keyword(item: Item, active: Collection[str] = ()) -> str:
    """Return the keyword of a todo: the one that it had in the file, if that fits its state.

    Args:
        item: The todo.
        active: The keywords of open todos, which no completed one can have.
    """
    given = dict(item.todo.attributes).get("keyword", "")
    if is_cancelled(item):
        return given if given in _CANCEL else "CANCELLED"
    usable = re.fullmatch(r"[^\s()|:*]+", given) and given not in (*_CANCEL, "TODO", "DONE")
    if item.todo.done:
        return given if usable and given not in {*_OPEN, *active} else "DONE"
    return given if usable else "TODO"


def _item(place: Nesting, active: Collection[str], context: Context) -> str:
    item, todo = place.item, place.item.todo
    attributes = dict(todo.attributes)
    keyword = _keyword(item, active)
    if attributes.get("keyword") == keyword:
        del attributes["keyword"]
    letter = _LETTER_OF[todo.priority] if todo.priority else None
    if letter is None and re.fullmatch("[D-Z]|[0-9]{1,2}", attributes.get("priority", "")):
        letter = attributes.pop("priority")
    tags = [tag for tag in todo.tags if _TAG.fullmatch(tag)]
    text = " ".join(todo.text.split())
    title = " ".join([*([f"[#{letter}]"] if letter else []), text, *([f":{':'.join(tags)}:"] if tags else [])])
    stars = "*" * (place.depth + (1 if place.heading is None else 2))
    planned, repeats, properties = _planned(item, attributes, context)
    if _title(title) != (letter, todo.text, tags):
        properties.append(("TEXT*", encode(todo.text)))
    properties += [("TAG*", encode(tag)) for tag in todo.tags if tag not in tags]
    if todo.project != place.heading:
        properties.append(("PROJECT", todo.project or "-"))
    if todo.every is not None and not repeats:
        properties.append(("EVERY*", encode(recurrence_text(todo.every))))
    properties += _links(place, attributes)
    properties += [_property(key, value) for key, value in numbered(tuple(attributes.items()))]
    body = [f"  {' '.join(planned)}"] if planned else []
    note = [] if todo.note is None else [f"  {line}".rstrip() for line in todo.note.split("\n")]
    drawer = _drawer(properties)
    # in a file, CR ends a line
    if todo.note is not None and ("\r" in todo.note or _divide([*body, *drawer, *note])[2] != todo.note):
        drawer, note = _drawer([*properties, ("NOTE*", encode(todo.note))]), []
    return "".join(f"{line}\n" for line in [f"{stars} {keyword} {title}", *body, *drawer, *note])


def _drawer(properties: list[tuple[str, str]]) -> list[str]:
    return ["  :PROPERTIES:", *(f"  :{key}: {value}" for key, value in properties), "  :END:"] if properties else []


def _planned(item: Item, attributes: dict[str, str], context: Context) -> tuple[list[str], bool, list[tuple[str, str]]]:
    """Return the planned dates of a todo, whether they have its repeater, and the properties that make them exact."""
    todo = item.todo
    planned: list[str] = []
    properties: list[tuple[str, str]] = []
    closed = todo.completed
    if closed is not None:
        planned.append(f"CLOSED: [{_stamp(closed, context)}]")
    elif STATUS in attributes and is_cancelled(item):
        del attributes[STATUS]
        planned += _kept(attributes, CANCELLED, "CLOSED: [{}]")
    else:
        planned += _kept(attributes, "closed", "CLOSED: {}")
    repeats = False
    if todo.due is not None:
        repeater = None if todo.every is None else _repeater(todo, todo.every, attributes, context)
        repeats = repeater is not None
        if todo.every is None:
            repeater = _part(attributes, "repeater", r"(\.\+|\+\+|\+)[0-9]+h")
        habit = _part(attributes, "habit", "[0-9]+[hdwmy]") if repeater is not None else None
        if habit is not None:
            repeater = f"{repeater}/{habit}"
        end = _part(attributes, "deadline-end", "[0-9]{1,2}:[0-9]{2}") if len(todo.due) > len("2026-03-05") else None
        due = _stamp(todo.due, context) + ("" if end is None else f"-{end}")
        warning = _part(attributes, "warning", "--?[0-9]+[hdwmy]")
        planned.append(f"DEADLINE: <{' '.join(filter(None, [due, repeater, warning]))}>")
    else:
        planned += _kept(attributes, "deadline", "DEADLINE: <{}>", "DEADLINE: {}")
    planned += _kept(attributes, "scheduled", "SCHEDULED: <{}>", "SCHEDULED: {}")
    properties.append(("CREATED", f"[{_stamp(day_or_instant(todo.created), context)}]"))
    for key, value in (("DEADLINE", todo.due), ("CLOSED", closed), ("CREATED", day_or_instant(todo.created))):
        if value is not None and not _is_exact(value, context):
            properties.append((f"{key}*", encode(value)))
    if todo.wait is not None:
        properties.append(("WAIT", todo.wait))
    if todo.reminder is not None:
        properties.append(("REMINDER", instant_text(todo.reminder)))
    return planned, repeats, properties


def _part(attributes: dict[str, str], key: str, form: str) -> str | None:
    """Remove an attribute that is a part of a time stamp, and return its value; None if it has another form."""
    return attributes.pop(key) if re.fullmatch(form, attributes.get(key, "")) else None


def _kept(attributes: dict[str, str], key: str, *forms: str) -> list[str]:
    """Remove an attribute that is a planned date, and return it in the first of some forms that can be read."""
    value = attributes.get(key)
    if value is not None:
        for form in forms:
            if _PLANNED.fullmatch(form.format(value)):
                del attributes[key]
                return [form.format(value)]
    return []


def _stamp(value: DayOrInstant, context: Context) -> str:
    """Return a date as in a time stamp: `2026-03-05 Thu 17:00`, in local time."""
    parsed = parse_day_or_instant(value)
    if isinstance(parsed, datetime):
        wall = wall_clock(parsed, context.to_local)
        return f"{wall.date().isoformat()} {_weekday(wall.date())} {wall:%H:%M}"
    return f"{value} {_weekday(parsed)}"


def _weekday(day: date) -> str:
    return ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day.weekday()]


def _is_exact(value: DayOrInstant, context: Context) -> bool:
    """Return whether a time stamp means a date exactly: it has no seconds, and no local time that occurs twice."""
    parsed = parse_day_or_instant(value)
    if not isinstance(parsed, datetime):
        return True
    wall = wall_clock(parsed, context.to_local)
    return instant_at(wall.date(), f"{wall:%H:%M}", context) == parsed


def _repeater(todo: Todo, every: Recurrence, attributes: dict[str, str], context: Context) -> str | None:
    """Return the repeater that means a recurrence; None if there is none."""
    match = re.fullmatch(r"FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(?:;INTERVAL=([0-9]+))?(?:;.*)?", every.rule)
    if match is None or todo.due is None:
        return None
    unit = {"DAILY": "d", "WEEKLY": "w", "MONTHLY": "m", "YEARLY": "y"}[match[1]]
    words = f"{match[2] or 1} {_UNITS[unit]}"
    if recurrence_in_words(f"after {words}" if every.after else words, todo.due, context) != every:
        return None
    sign = ".+" if every.after else "+"
    if attributes.get("repeater") == "++" and not every.after:
        sign = attributes.pop("repeater")
    return f"{sign}{match[2] or 1}{unit}"


def _links(place: Nesting, attributes: dict[str, str]) -> list[tuple[str, str]]:
    properties = [("ID", attributes.pop(ORG_ID))] if _fits(attributes.get(ORG_ID, "")) else []
    if place.named:
        properties.append(("NUMBER*", f"{place.item.number}"))
    if place.under is not None:
        properties.append(("UNDER*", f"{place.under}"))
    if place.depends:
        properties.append(("DEPENDS*", " ".join(map(str, place.depends))))
    return properties


def _fits(value: str) -> bool:
    """Return whether a property can have a value as it is."""
    return bool(value) and value == value.strip() and value.isprintable()


_OWN = ("ID", "CREATED", "WAIT", "REMINDER", "PROJECT")


def _property(key: str, value: str) -> tuple[str, str]:
    plain = _fits(value) and key.upper() not in _OWN
    return (key, value) if plain else (f"{key}%", encode(value))
