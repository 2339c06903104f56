"""Reading the revisions of a file. Most lines of a revision were in the one before, and are not parsed again."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from ...cqrs.struct import replace
from . import Context, Entry, Loss, Report

Read: TypeAlias = Callable[[Iterable[str], Context, Report], Iterator[Entry]]
"""Reads the lines of a file; see the modules of the formats."""
ReadRevision: TypeAlias = Callable[[Sequence[str]], tuple[Sequence[Entry], Sequence[Loss]]]
"""Reads the lines of one revision of a file. Returns the entries, and what cannot be kept as it is."""

_NAMES_OTHERS = re.compile(r"\b(?:id|p|under|depends)\*?:")
"""In a line of todo.txt: the name of a todo, or of another one. Such lines are read together."""


def whole(read: Read, context: Context) -> ReadRevision:
    """Return what reads each revision as a whole, for formats in which a line depends on those above it."""

    def read_revision(lines: Sequence[str]) -> tuple[Sequence[Entry], Sequence[Loss]]:
        losses: list[Loss] = []
        return list(read(lines, context, losses.append)), losses

    return read_revision


def by_line(read: Read, context: Context) -> ReadRevision:
    """Return what reads the revisions of a todo.txt, where a line depends on others only if it names one."""
    known: dict[str, tuple[Entry | None, Sequence[Loss]]] = {}

    def read_one(line: str) -> tuple[Entry | None, Sequence[Loss]]:
        losses: list[Loss] = []
        entry = next(iter(read((line,), context, losses.append)), None)
        return entry, losses

    def read_revision(lines: Sequence[str]) -> tuple[Sequence[Entry], Sequence[Loss]]:
        entries: list[Entry] = []
        losses: list[Loss] = []
        linked: dict[int, str] = {}
        for number, line in enumerate(lines, 1):
            found = known.get(line)
            if found is None:
                if _NAMES_OTHERS.search(line):
                    linked[number] = line
                    continue
                found = known[line] = read_one(line)
            entry, lost = found
            if entry is not None:
                entries.append(Entry(key=f"line {number}", todo=entry.todo, line=number, guessed=entry.guessed))
            if lost:
                losses += [replace(loss, line=number) for loss in lost]
        if linked:
            blank_elsewhere = (linked.get(number, "") for number in range(1, len(lines) + 1))
            entries += read(blank_elsewhere, context, losses.append)
            entries.sort(key=lambda entry: entry.line)
        return entries, losses

    return read_revision
