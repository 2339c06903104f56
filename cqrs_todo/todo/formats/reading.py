"""Reading the revisions of a file. Most parts of a revision were in the one before, and are not read again.

A revision is cut into sections, each of which can be read alone: a line of todo.txt, an item of a Markdown list with what is
under it, an Org headline with its text. A section is read together with what it depends on: the headings above it.

Where that would not give the same as reading the whole file, the whole file is read: for example, when an entry names
another one, or when there is code in which a line only looks like a heading.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from ...cqrs.struct import Struct, replace
from ..fields import Todo
from . import Context, Entry, Loss, Report
from .parts import empty_heading

Read: TypeAlias = Callable[[Iterable[str], Context, Report], Iterator[Entry]]
"""Reads the lines of a file; see the modules of the formats."""
ReadRevision: TypeAlias = Callable[[Sequence[str]], tuple[Sequence[Entry], Sequence[Loss]]]
"""Reads the lines of one revision of a file. Returns the entries, and what cannot be kept as it is."""

WHOLE, BODY, DECLARED, ITEM = -3, -2, -1, 0
"""What a line is, if it is not a heading of a level from 1 on: a reason to read the whole file; a part of the section that
began before it; a part that also counts for what comes after it; the beginning of a section."""
Cut: TypeAlias = Callable[[str], int]
"""Returns what a line is."""

_REMEMBERED = 64 << 20
"""How much text of sections is remembered at most, in characters."""
_NAMES_OTHERS = re.compile(r"\b(?:id|p|number|under|depends|dependsOn)\*?:|🆔|⛔", re.IGNORECASE)
"""In a line: the name of an entry, or of another one."""
_BLOCK = re.compile(r" {0,3}(?:`{3,}|~{3,}|<|>|(?:=+|-+)\s*$)")
"""In Markdown: the beginning of code, of HTML or of a quotation, or a line that makes the one above it a heading."""
_INNER_HEADING = re.compile(r"(?:^|.*[\s>])#{1,6}(?:\s|$)")
_MARKDOWN_HEADING = re.compile(r"(#{1,6})[ \t]+\S")
_MARKDOWN_ITEM = re.compile(r"(?:[-*+]|[0-9]{1,9}[.)])[ \t]")
_ORG_HEADLINE = re.compile(r"(\*+)[ \t]")
_ORG_DECLARED = re.compile(r"#\+(?:TODO|SEQ_TODO|TYP_TODO|FILETAGS):", re.IGNORECASE)


def cut_todotxt(line: str) -> int:
    """Cut a todo.txt: each line is a section."""
    return WHOLE if _NAMES_OTHERS.search(line) else ITEM


def cut_markdown(line: str) -> int:
    """Cut Markdown at headings, and at list items that are not indented."""
    if _NAMES_OTHERS.search(line) or _BLOCK.match(line) or "\0" in line:
        return WHOLE
    heading = _MARKDOWN_HEADING.match(line)
    if heading is not None:
        return len(heading[1])
    if _INNER_HEADING.match(line):
        return WHOLE
    return ITEM if _MARKDOWN_ITEM.match(line) else BODY


def cut_org(line: str) -> int:
    """Cut Org at headlines. Keywords and tags that are declared count for all headlines that follow."""
    if _NAMES_OTHERS.search(line):
        return WHOLE
    headline = _ORG_HEADLINE.match(line)
    if headline is not None:
        return len(headline[1])
    return DECLARED if _ORG_DECLARED.match(line) else BODY


class _Section(Struct, frozen=True):
    """A section of a file.

    Attributes:
        before: The lines on which it depends, in the order of the file: what was declared, and the headings above it. A
            declaration does not count for the headings before it.
        places: The numbers of these lines in the file.
        first: The number of its first line in the file.
        lines: Its lines.
    """

    before: tuple[str, ...]
    places: tuple[int, ...]
    first: int
    lines: tuple[str, ...]


class _Found(Struct, frozen=True):
    """An entry of a section: its todo, its line and that of its parent in the section, and what was guessed of it."""

    todo: Todo
    line: int
    parent: int | None
    guessed: tuple[str, ...]


def by_section(read: Read, context: Context, cut: Cut) -> ReadRevision:
    """Return what reads the revisions of a file, and remembers the sections that it has read.

    Args:
        read: Reads a whole file.
        context: What reading depends on.
        cut: Says where sections begin.
    """
    kinds: dict[str, int] = {}
    known: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[list[_Found], list[Loss]]] = {}
    size = 0

    def kind_of(line: str) -> int:
        nonlocal size
        kind = kinds.get(line)
        if kind is None:
            size += len(line)
            kind = kinds[line] = cut(line)
        return kind

    def read_section(section: _Section) -> tuple[list[_Found], list[Loss]]:
        nonlocal size
        key = (section.before, section.lines)
        found = known.get(key)
        if found is None:
            size += sum(map(len, section.lines))
            losses: list[Loss] = []
            entries = read((*section.before, *section.lines), context, losses.append)
            begin = len(section.before)
            found = known[key] = (
                [_found(entry) for entry in entries if entry.line > begin],
                # the todos of a heading are in other sections
                [loss for loss in losses if loss.line > begin and loss != empty_heading(loss.line)],
            )
        return found

    def read_revision(lines: Sequence[str]) -> tuple[Sequence[Entry], Sequence[Loss]]:
        nonlocal size
        if size > _REMEMBERED:
            kinds.clear()
            known.clear()
            size = 0
        losses: list[Loss] = []
        sections = _sections(lines, [kind_of(line) for line in lines])
        if sections is None:
            return list(read(lines, context, losses.append)), losses
        entries: list[Entry] = []
        empty = {number for number, line in enumerate(lines, 1) if kinds[line] > ITEM}
        for section in sections:
            found, lost = read_section(section)
            if found:
                empty.difference_update((section.first, *section.places))
            moved = section.first - len(section.before) - 1
            for each in found:
                number = each.line + moved
                todo = each.todo
                if each.parent is not None:
                    above = section.places[each.parent - 1] if each.parent <= len(section.before) else each.parent + moved
                    todo = replace(todo, parent=f"line {above}")
                entries.append(Entry(key=f"line {number}", todo=todo, line=number, guessed=each.guessed))
            if lost:
                losses += [replace(loss, line=loss.line + moved) for loss in lost]
        return entries, [*losses, *map(empty_heading, sorted(empty))]

    return read_revision


def _found(entry: Entry) -> _Found:
    parent = entry.todo.parent
    return _Found(entry.todo, entry.line, None if parent is None else int(parent.removeprefix("line ")), entry.guessed)


def _sections(lines: Sequence[str], kinds: Sequence[int]) -> list[_Section] | None:
    """Cut a file into sections; None if it has to be read as a whole.

    Args:
        lines: The lines of the file.
        kinds: What each of them is.
    """
    if WHOLE in kinds:
        return None
    sections: list[_Section] = []
    declared: list[int] = []  # the numbers of these lines
    above: list[tuple[int, int]] = []  # the level of each heading above, and the number of its line
    start, before, places = 0, tuple[str, ...](), tuple[int, ...]()
    for number, kind in enumerate([*kinds, ITEM]):
        if kind == DECLARED:
            declared.append(number + 1)
        if kind < ITEM:
            continue
        if number > start:
            sections.append(_Section(before, places, start + 1, tuple(lines[start:number])))
        if kind > ITEM:
            above = [each for each in above if each[0] < kind]
        places = tuple(sorted((*declared, *(place for _, place in above))))
        before = tuple(lines[place - 1] for place in places)
        start = number
        if kind > ITEM:
            above.append((kind, number + 1))
    return sections
