"""Markdown check lists: `- [ ] text`, nested, with headings. markdown-it-py finds the blocks.

A check box is a todo, the check boxes under it are its children, and the rest of the list item is its note. Headings are
projects. Fields follow the text, in the forms of Dataview, `[due:: 2026-03-05]`, and of Obsidian Tasks, `📅 2026-03-05`; a
word such as `#home` is a tag. List items as Logseq writes them, `- TODO text`, are todos, too. What has no field becomes an
attribute. `[key*:: value]`, the exact value of a field, and `[key%:: value]`, an attribute, are encoded as in a URL; only
this program writes them.

The file is read in chunks, so that it need not fit into memory: a new chunk begins at a heading, and at a list item that is
not indented.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from textwrap import dedent

from ...cqrs.struct import Struct, replace
from ..rules import rule_in_words
from ..values import PRIORITIES
from . import Loss
from .parts import (
    CANCELLED,
    KEY,
    STATUS,
    Draft,
    clean_project,
    day_text,
    decode,
    empty_heading,
    encode,
    instant_of,
    instant_text,
    is_cancelled,
    numbered,
    parse_day,
    parse_recurrence,
    recurrence_in_words,
    recurrence_text,
    remembered,
    skip,
    start,
    without_removed,
)
from .todotxt import LETTERS
from .trees import Nesting, nestings_of

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TypeVar

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

    from ..values import DayOrInstant, Recurrence
    from ..views import Item
    from . import Context, Entry, Report

    T = TypeVar("T")

CHUNK_LIMIT = 1 << 20
"""The largest part of a file between two headings or list items that are not indented, in characters."""
_NESTING = 100
"""How deep blocks may be nested. Each level of a list is two levels of blocks."""
_DEEPEST = 20
"""How deep check boxes are nested when they are written. Deeper ones name their parents instead."""

_DONE = "xX"
_CANCELLED = "-~"
_OPEN_MARKS = "/<>!?*oO"
"""What may be in a check box besides. Such a todo is open, and the mark is the attribute `mark`."""
_CHECK_BOX = re.compile(rf"\[([xX~{re.escape(_OPEN_MARKS)} -])\](?:[ \t]+(.*))?", re.DOTALL)
_CANCEL = ("CANCELLED", "CANCELED")
_KEYWORD = re.compile(
    rf"(TODO|DOING|NOW|LATER|WAITING|WAIT|IN-PROGRESS|DONE|{'|'.join(_CANCEL)})[ \t]+(?:\[#([A-C])\][ \t]+)?(?=\S)"
)
_PLANNED = re.compile(r"(DEADLINE|SCHEDULED): <(([0-9]{4}-[0-9]{2}-[0-9]{2})(?: \w+)?|[^>]*)>")
_PROPERTY = re.compile(rf"({KEY}):: (\S.*)")
_PLAIN_ITEM = re.compile(rf"(?:[-*+]|[0-9]{{1,9}}[.)])[ ]{{1,4}}\[([xX~{re.escape(_OPEN_MARKS)} -])\][ \t]+(\S.*)")
_BOUNDARY = re.compile(r"#{1,6}[ \t]|(?:[-*+]|[0-9]{1,9}[.)])[ \t]")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HTML = re.compile(r" {0,3}<(!--|!\[CDATA\[|\?|![A-Za-z]|(?i:script|pre|style|textarea)\b)?")
_HTML_ENDS = {"!--": "-->", "![CDATA[": "]]>", "?": "?>"}

_TAG = r"#(?=[^\W\d_])[\w/.-]*\w"
_FIELD = rf"\[{KEY}[*%]?:: [^\]\n]*\]|\({KEY}[*%]?:: [^)\n]*\)"
_DATED = "📅⏳🛫✅➕❌"
_LEVELS = {"🔺": "highest", "⏫": "high", "🔼": "medium", "🔽": "low", "⏬": "lowest"}
_NAMED = {"🆔": "id", "⛔": "dependsOn", "🏁": "onCompletion"}
_SIGN = (
    rf"[{_DATED}]\ufe0f? ?[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|[{''.join(_LEVELS)}]\ufe0f?|🔁\ufe0f? ?[A-Za-z0-9, ]+"
    rf"|[{''.join(_NAMED)}]\ufe0f? ?[A-Za-z0-9_-]+(?:, ?[A-Za-z0-9_-]+)*"
)
_TOKEN = rf"{_TAG}|{_FIELD}|{_SIGN}"
_LAST = re.compile(rf"(?:^|(?<=\s))(?:{_TOKEN})$")
_ESCAPED = re.compile(rf"(?:^|(?<=\s))(\\+)(?=(?:{_TOKEN})$)")
_LAST_OR_ESCAPED = re.compile(rf"(?:^|(?<=\s))\\*(?:{_TOKEN})$")
_KEYS = dict(zip(_DATED, ("due", "scheduled", "start", "completion", "created", CANCELLED), strict=True))
_DATES = {"due": "due", "start": "wait"}
_NAMES_OF_FIELDS = ("due", "start", "completion", "created", CANCELLED, "priority", "repeat", "project", "dependsOn")
_PRIORITIES = {"high": "H", "medium": "M", "low": "L"}
_WORDS = dict(zip(PRIORITIES, ("high", "medium", "low"), strict=True))


class _Heading(Struct, frozen=True):
    """A heading: its level, its text, and its line, from 0 in its chunk, or from 1 in the file."""

    level: int
    text: str
    line: int


class _Box(Struct, frozen=True):
    """A check box.

    Args:
        mark: What is in the box.
        text: The text behind it, on one line.
        note: The rest of the list item.
        line: Its line in the chunk, from 0.
        parent: The place of the check box that it is under in the chunk; None if it is under none.
    """

    mark: str
    text: str
    note: str
    line: int
    parent: int | None


class _Other(Struct, frozen=True):
    """Something that is not a todo, and its line in the chunk, from 0."""

    what: str
    line: int


def read(source: Iterable[str], context: Context, report: Report) -> Iterator[Entry]:
    """Read check lists.

    Args:
        source: The lines.
        context: What reading depends on.
        report: Receives what cannot be kept as it is.

    Yields:
        The entries, in their order.

    Raises:
        MalformedFile: A todo breaks a rule, or a block is too large or nested too deep.
    """
    headings: list[_Heading] = []
    empty: set[int] = set()
    named: set[str] = set()
    for first, chunk in _chunks(source, context, report):
        blocks, deep = _blocks(chunk)
        if deep is not None:
            skip(first + deep, f"it is nested more than {_NESTING // 2} levels deep", context, report)
            continue
        keys: list[str | None] = []
        for block in blocks:
            match block:
                case _Heading(level):
                    _leave([each for each in headings if each.level >= level], empty, report)
                    line = first + block.line
                    headings = [*(each for each in headings if each.level < level), replace(block, line=line)]
                    empty.add(line)
                case _Other(what, line):
                    report(Loss(first + line, what, "it is not a check box", "lost"))
                case _Box():
                    empty.difference_update(each.line for each in headings)
                    draft = Draft(first + block.line, context, report)
                    _put_under_headings(draft, [each.text for each in headings], context)
                    if block.parent is not None and keys[block.parent] is not None:
                        draft.values["parent"] = keys[block.parent]
                    entry = _entry(draft, block, named, context)
                    keys.append(None if entry is None else entry.key)
                    if entry is not None:
                        yield entry
    _leave(headings, empty, report)


def _leave(headings: Sequence[_Heading], empty: set[int], report: Report) -> None:
    """Report those of some headings that have no todos below them."""
    for heading in headings:
        if heading.line in empty:
            empty.remove(heading.line)
            report(empty_heading(heading.line))


def _chunks(source: Iterable[str], context: Context, report: Report) -> Iterator[tuple[int, str]]:
    """Cut a file into parts that can be read one by one, each with the number of its first line.

    Never cut inside of a fence or of HTML, where a heading is none.
    """
    chunk: list[str] = []
    first, size, until = 1, 0, ""
    for number, line in enumerate(source, 1):
        # the library would count a CR in a line as the end of a line
        line = line.rstrip("\r\n").replace("\r", " ").replace("\0", "\ufffd")
        if not until and _BOUNDARY.match(line) and chunk:
            if size <= CHUNK_LIMIT:
                yield first, "\n".join(chunk)
            chunk, first, size = [], number, 0
        until = _open_block(line, until)
        size += len(line) + 1
        if size <= CHUNK_LIMIT:
            chunk.append(line)
        elif size - len(line) - 1 <= CHUNK_LIMIT:
            skip(first, f"the block that begins here is longer than {CHUNK_LIMIT:,} characters", context, report)
    if chunk and size <= CHUNK_LIMIT:
        yield first, "\n".join(chunk)


def _open_block(line: str, until: str) -> str:
    """Return what ends the fence or the HTML that is open after a line; "" if none is open.

    Args:
        line: The line.
        until: What ends that which was open before the line. "blank" is a blank line.
    """
    if until == "blank":
        return until if line.strip() else ""
    if until:
        closed = (
            line.strip().rstrip(until[0]) == "" and len(line.strip()) >= len(until) if until[0] in "`~" else until in line
        )
        return "" if closed else until
    if match := _FENCE.match(line):
        return match[1]
    if match := _HTML.match(line):
        kind = (match[1] or "").lower()
        end = _HTML_ENDS.get(kind) or (">" if kind[:1] == "!" else f"</{kind}>" if kind else "")
        return "blank" if not end else "" if end in line[match.end() :].lower() else end
    return ""


# The blocks of a chunk


@remembered(16384)
def _blocks(chunk: str) -> tuple[tuple[_Heading | _Box | _Other, ...], int | None]:
    """Return the blocks of a chunk; and, if they are nested too deep, the line of the deepest one, from 0."""
    match = _PLAIN_ITEM.fullmatch(chunk.rstrip("\n"))
    if match is not None and "\n" not in match[2]:  # most chunks are
        return (_Box(match[1], match[2].strip(), "", 0, None),), None
    if not chunk.strip():
        return (), None
    tokens = _parser().parse(chunk)
    deepest = max((token.level for token in tokens), default=0)
    if deepest >= _NESTING - 3:
        return (), next((token.map[0] for token in tokens if token.map and token.level >= deepest - 1), 0)
    lines = chunk.split("\n")
    collected = _Collected(lines)
    collected.add_all(list(_children(tokens)), 0, len(lines), None, [])
    return tuple(collected.blocks), None


@lru_cache(1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # it comes with Rich

    parser = MarkdownIt("commonmark", {"maxNesting": _NESTING})
    parser.core.ruler.disable("inline")  # only the blocks are needed
    return parser


def _children(tokens: Sequence[Token]) -> Iterator[tuple[Token, Sequence[Token]]]:
    """Yield the blocks at the top of some tokens, each with the tokens in it."""
    place = 0
    while place < len(tokens):
        end = place
        if tokens[place].nesting == 1:
            depth = 1
            while depth:
                end += 1
                depth += tokens[end].nesting
        yield tokens[place], tokens[place + 1 : end]
        place = end + 1


class _Collected:
    """The blocks of a chunk that matter here, in their order.

    Attributes:
        blocks: The blocks so far.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self.blocks: list[_Heading | _Box | _Other] = []
        self._lines = lines
        self._boxes = 0

    def add_all(
        self, blocks: Sequence[tuple[Token, Sequence[Token]]], first: int, last: int, parent: int | None, note: list[str]
    ) -> None:
        """Add blocks, and the lines between them: the library makes no block of what defines a link.

        Args:
            blocks: The blocks, each with the tokens in it.
            first: The first line.
            last: The line after the last one.
            parent: See `add`.
            note: See `add`.
        """
        at = first
        for token, inside in blocks:
            begin, end = token.map or (at, at)
            self._add_between(at, begin, parent, note)
            self.add(token, inside, parent, note)
            at = max(at, end)
        self._add_between(at, last, parent, note)

    def _add_between(self, first: int, last: int, parent: int | None, note: list[str]) -> None:
        places = [place for place in range(first, last) if self._lines[place].strip(" \t>")]
        if places and parent is None:
            self.blocks.append(_Other("the address of a link", places[0]))
        elif places:
            note.append(dedent("\n".join(self._lines[places[0] : places[-1] + 1])).strip("\n"))

    def add(self, token: Token, inside: Sequence[Token], parent: int | None, note: list[str]) -> None:
        """Add the blocks that a block holds.

        Args:
            token: The block.
            inside: The tokens in it.
            parent: The place of the check box that it is under; None if it is under none.
            note: The parts of the note of that check box. What is not a check box is added to it.
        """
        first, last = token.map or (0, 0)
        if token.type == "heading_open":
            self.blocks.append(_Heading(int(token.tag[1:]), " ".join(inside[0].content.split()), first))
        elif token.type == "list_item_open" and (box := _box(inside)) is not None:
            own, place = self._boxes, len(self.blocks)
            rest: list[str] = []
            self.blocks.append(_Box(box[0], box[1], "", first, parent))
            self._boxes += 1
            (text, _), *children = _children(inside)
            self.add_all(children, (text.map or (0, first + 1))[1], last, own, rest)
            self.blocks[place] = _Box(box[0], box[1], "\n\n".join(rest), first, parent)
        elif any(_box_text(each) is not None for each in inside):
            self.add_all(list(_children(inside)), first, last, parent, note)
        elif parent is None:
            self.blocks.append(_Other(_NAMES.get(token.type, "text"), first))
        else:
            note.append(dedent("\n".join(self._lines[first:last])).strip("\n"))


_NAMES = {
    "bullet_list_open": "a list without check boxes",
    "ordered_list_open": "a list without check boxes",
    "list_item_open": "a list item without a check box",
    "fence": "code",
    "code_block": "code",
    "html_block": "HTML",
    "hr": "a line",
}


def _box(inside: Sequence[Token]) -> tuple[str, str] | None:
    """Return the mark and the text of the check box with which a list item begins; None if it begins otherwise."""
    if len(inside) > 1 and inside[0].type == "paragraph_open":
        return _box_text(inside[1])
    return None


def _box_text(token: Token) -> tuple[str, str] | None:
    if token.type != "inline":
        return None
    match = _CHECK_BOX.fullmatch(token.content)
    if match is None or not (match[2] or "").strip():
        return _marked_text(token.content)
    first, *others = (line.strip() for line in match[2].split("\n"))
    if not any(others):
        return match[1], first
    text, fields = _fields_apart(first)
    return match[1], " ".join([text, *others, *fields]).strip()


def _marked_text(content: str) -> tuple[str, str] | None:
    """Return the mark and the text of a list item as Logseq writes it; None if it is none.

    It begins with a keyword and may have a priority. Dates, properties and its log are on lines of their own.
    """
    match = _KEYWORD.match(content)
    if match is None:
        return None
    first, *lines = (line.strip() for line in content[match.end() :].split("\n"))
    text, fields = _fields_apart(first)
    words = [text]
    if match[1] not in ("TODO", "DONE", *_CANCEL):
        fields.append(f"[keyword:: {match[1]}]")
    if match[2] is not None:
        fields.append(f"[priority:: {_WORDS[LETTERS[match[2]]]}]")
    log: list[str] | None = None
    for line in lines:
        if log is not None:
            log.append(line)
        elif line == ":LOGBOOK:":
            log = []
        elif planned := _PLANNED.fullmatch(line):
            key = "due" if planned[1] == "DEADLINE" and planned[3] else planned[1].lower()
            fields.append(f"[{key}:: {planned[3] or planned[2]}]")
        elif written := _PROPERTY.fullmatch(line):
            fields.append(f"[{line}]" if "]" not in line else f"[{written[1]}%:: {encode(written[2])}]")
        else:
            words.append(line)
        if line == ":END:" and log is not None:
            fields.append(f"[logbook%:: {encode(chr(10).join(log[:-1]))}]")
            log = None
    return "x" if match[1] == "DONE" else "-" if match[1] in _CANCEL else " ", " ".join([*words, *(log or []), *fields])


def _fields_apart(line: str) -> tuple[str, list[str]]:
    """Return the first line of several without the fields at its end, and the fields.

    Tags alone stay where they are, because they may be words of a sentence that goes on in the next line.
    """
    text = line
    fields: list[str] = []
    while (match := _LAST.search(text)) and text[: match.start()].strip():
        fields.insert(0, match[0])
        text = text[: match.start()].rstrip()
    return (text, fields) if any(field[0] != "#" for field in fields) else (line, [])


# From a check box to an entry


def _put_under_headings(draft: Draft, headings: Sequence[str], context: Context) -> None:
    if context.headings == "tags":
        for heading in headings:
            draft.tag(heading)
    elif headings:
        draft.project(".".join(headings))


def _entry(draft: Draft, box: _Box, keys: set[str], context: Context) -> Entry | None:
    text, fields = _split(box.text)
    if box.mark in _CANCELLED:
        draft.cancel(_take(fields, CANCELLED, _day))
    elif box.mark in _DONE:
        draft.complete(_take(fields, "completion", _day))
    if box.mark not in f" -{_DONE}":  # as `[/]` and `[>]` of Obsidian
        draft.keep("mark", box.mark)
    exact = _take(fields, "text*", decode)
    if exact is not None and " ".join(exact.split()) == " ".join(text.split()):
        text = exact
    note = _take(fields, "note*", decode) or box.note
    if note:
        draft.values["note"] = note
    _read_fields(draft, fields, context)
    named, under, depends = (_take(fields, key, _numbers) for key in ("id*", "under*", "depends*"))
    if under is not None:
        draft.values["parent"] = f"number {under}"
    others = _take(fields, "dependsOn", str)
    if depends is not None or others is not None:
        numbers = (f"number {each}" for each in (depends or "").split(",") if each)
        ids = (f"id {each}" for each in re.split(", ?", others or "") if each)
        draft.values["depends"] = tuple(sorted({*numbers, *ids}))
    own = f"number {named}" if named is not None else next((f"id {value}" for key, value in fields if key == "id"), None)
    for key, value in fields:
        draft.keep(key.rstrip("*%"), (decode(value) if key[-1] in "*%" else value) or "")
    if own is None or own in keys:  # the id that Obsidian Tasks gave stays an attribute
        return draft.entry(f"line {draft.line}", text)
    keys.add(own)
    return draft.entry(own, text)


def _split(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return a text without the fields at its end, and the fields: pairs of a key and a value."""
    fields: list[tuple[str, str]] = []
    rest = text
    while (match := _LAST.search(rest)) and rest[: match.start()].strip():
        fields.append(_field(match[0]))
        rest = rest[: match.start()].rstrip()
    return _ESCAPED.sub(lambda match: match[1][1:], rest), fields[::-1]


def _field(token: str) -> tuple[str, str]:
    if token[0] == "#":
        return "#", token[1:]
    if token[0] in "[(":
        key, _, value = token[1:-1].partition(":: ")
        return key, value
    sign, value = token[0], token[1:].lstrip("\ufe0f ")
    return (
        ("priority", _LEVELS[sign])
        if sign in _LEVELS
        else ("repeat", value.strip())
        if sign == "🔁"
        else (_NAMED[sign], value)
        if sign in _NAMED
        else (_KEYS[sign], value)
    )


def _take(fields: list[tuple[str, str]], key: str, parse: Callable[[str], T | None]) -> T | None:
    """Remove the first field with a key whose value can be parsed, and return that value."""
    for place, (name, text) in enumerate(fields):
        if name == key and (value := parse(text)) is not None:
            del fields[place]
            return value
    return None


def _day(text: str) -> str | None:
    return None if parse_day(text) is None else text


def _numbers(text: str) -> str | None:
    return text if re.fullmatch("[0-9]+(,[0-9]+)*", text) else None


def _read_fields(draft: Draft, fields: list[tuple[str, str]], context: Context) -> None:
    created = _take(fields, "created", parse_day)
    if created is not None:
        draft.values["created"] = start(created, context)
    for key, field in _DATES.items():
        day = _take(fields, key, _day)
        exact = None if day is None else _take(fields, f"{key}*", instant_of)
        if day is not None:
            draft.values[field] = exact if exact is not None and day_text(exact, context) == day else day
    reminder = _take(fields, "remind*", instant_of)
    if reminder is not None:
        draft.values["reminder"] = datetime.fromisoformat(reminder)
    draft.values["priority"] = _take(fields, "priority", lambda word: _PRIORITIES.get(word.lower()))
    project = _take(fields, "project", lambda name: name if name == "-" or clean_project(name) == name else None)
    if project == "-":
        del draft.values["project"]
    elif project is not None:
        draft.values["project"] = project
    while (tag := _take(fields, "#", str)) is not None or (tag := _take(fields, "tag*", decode)) is not None:
        draft.tag(tag)
    _read_recurrence(draft, fields, context)


def _read_recurrence(draft: Draft, fields: list[tuple[str, str]], context: Context) -> None:
    every = _take(fields, "repeat*", lambda value: parse_recurrence(decode(value) or ""))
    if every is None:
        due = draft.values.get("due")
        every = _take(fields, "repeat", lambda words: _recurrence(words, due, context))
        if every is not None and due is None:
            draft.guessed.append("every")
    if every is not None:
        draft.values["every"] = every


def _recurrence(words: str, due: DayOrInstant | None, context: Context) -> Recurrence | None:
    """Return what Obsidian Tasks means by `every 2 weeks when done`."""
    rule = words.removesuffix(" when done")
    return recurrence_in_words(rule if rule == words else rule.replace("every", "after", 1), due, context)


# Writing


def write(items: Iterable[Item], context: Context, report: Report) -> Iterator[str]:
    """Write todos as check lists, by project.

    Args:
        items: The todos.
        context: What the dates depend on.
        report: Receives what cannot be kept as it is.

    Yields:
        The lines, each with its line feed.
    """
    heading: str | None = None
    begun = False
    for place in nestings_of(without_removed(items, report, cancelled=True), _DEEPEST):
        if place.heading != heading:
            heading = place.heading
            yield f"\n# {heading}\n\n" if begun else f"# {heading}\n\n"
        begun = True
        if place.lost:
            report(Loss(place.item.number, "a link to another todo", "that todo is not in the file", "lost"))
        yield _item(place, context)


def _item(place: Nesting, context: Context) -> str:
    """Return a todo with its note as a list item, written so that reading it gives the same text and note."""
    todo, indent = place.item.todo, "  " * place.depth
    attributes = dict(todo.attributes)
    mark = "x" if todo.done else " "
    if is_cancelled(place.item):
        del attributes[STATUS]
        mark = "-"
    given = attributes.get("mark", "")
    if (mark == "-" and given == "~") or (mark == " " and len(given) == 1 and given in _OPEN_MARKS):
        mark = attributes.pop("mark")
    fields = _fields(place, attributes, context)
    flat = " ".join(todo.text.split())
    text = _LAST_OR_ESCAPED.sub(lambda match: f"\\{match[0]}", flat)
    line = " ".join([f"- [{mark}] {text}", *fields])
    read_text = _blocks(line)[0]
    if not (len(read_text) == 1 and isinstance(read_text[0], _Box) and _split(read_text[0].text)[0] == todo.text):
        line += f" [text*:: {encode(todo.text)}]"
    if todo.note is None:
        return f"{indent}{line}\n"
    body = None if "\r" in todo.note else _as_body(line, todo.note)  # the library would count a CR as the end of a line
    if body is not None:
        return "".join(f"{indent if each.strip() else ''}{each}\n" for each in f"{line}\n\n{body}".split("\n")[:-1])
    return f"{indent}{line} [note*:: {encode(todo.note)}]\n"


def _as_body(line: str, note: str) -> str | None:
    """Return a note as the lines below the line of its todo; None if they would be read as another note."""
    body = "".join(f"{f'  {each}' if each.strip() else ''}\n" for each in note.split("\n"))
    alone, _ = _blocks(f"{line}\n\n{body}".rstrip("\n"))
    followed, _ = _blocks(f"{line}\n\n{body}  - [ ] x")  # code or HTML that is not closed would go on in a todo below it
    ends = len(alone) == 1 and len(followed) == 2 and followed[1] == _Box(" ", "x", "", followed[1].line, 0)
    notes = [each.note if isinstance(each, _Box) else None for each in (*alone[:1], *followed[:1])]
    return body if ends and notes == [note] * 2 else None


def _fields(place: Nesting, attributes: dict[str, str], context: Context) -> list[str]:
    """Return the fields that follow the text."""
    todo = place.item.todo
    fields = [f"#{tag}" if re.fullmatch(_TAG, f"#{tag}") else f"[tag*:: {encode(tag)}]" for tag in todo.tags]
    if todo.priority is not None:
        fields.append(f"[priority:: {_WORDS[todo.priority]}]")
    if todo.project != place.heading:
        fields.append(f"[project:: {todo.project or '-'}]")
    for key, field in _DATES.items():
        value = getattr(todo, field)
        if value is not None:
            day = day_text(value, context)
            fields += [f"[{key}:: {day}]", *([] if day == value else [f"[{key}*:: {encode(value)}]"])]
    if todo.reminder is not None:
        fields.append(f"[remind*:: {encode(instant_text(todo.reminder))}]")
    if todo.every is not None:
        words = _rule(todo.every)
        short = todo.due is not None and _recurrence(words, todo.due, context) == todo.every
        fields.append(f"[repeat:: {words}]" if short else f"[repeat*:: {encode(recurrence_text(todo.every))}]")
    fields.append(f"[created:: {day_text(todo.created, context)}]")
    if todo.completed is not None:
        fields.append(f"[completion:: {day_text(todo.completed, context)}]")
    fields += [_attribute(key, value) for key, value in numbered(tuple(attributes.items()))]
    if place.named:
        fields.append(f"[id*:: {place.item.number}]")
    if place.under is not None:
        fields.append(f"[under*:: {place.under}]")
    if place.depends:
        fields.append(f"[depends*:: {','.join(map(str, place.depends))}]")
    return fields


def _rule(every: Recurrence) -> str:
    words = rule_in_words(every)
    return f"{words.replace('after', 'every', 1)} when done" if every.after else f"every {words}"


def _attribute(key: str, value: str) -> str:
    """Return an attribute; encoded, if it would be read as something else."""
    plain = f"[{key}:: {value}]"
    fits = re.fullmatch(_FIELD, plain) and value == value.strip() and "\r" not in value and key not in _NAMES_OF_FIELDS
    return plain if fits else f"[{key}%:: {encode(value)}]"
