"""Repairing a damaged log.

What is proven stays, byte for byte. What cannot be proven and is not contradicted stays, and is recorded as unproven. What
contradicts its digest becomes `lost`. `plan` is a function of bytes that says what to do; `put_in_place` does it to a file.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from typing import Any

import msgspec

from ...cursor import Cursor
from ...errors import DamagedLog, ReadOnlyLog
from ...events import FORGOTTEN, LOST, REPAIRED
from ...store import Known, no_progress, nothing_known
from ...verification import Repair
from ..chain import Versions, Walk
from ..format import (
    FORMAT,
    VERSION,
    CommitLine,
    EventLine,
    Header,
    InvalidLine,
    decode_header,
    decode_lines,
    encode_header,
    read_header,
)
from ..hash_chain import chain_line, end_of_line, last_digest
from .evidence import Piece, Prover, as_commit, compact, decoded, pieces_in, plain_readings
from .files import create_durable, dated, os_errors_as_store_errors, read_range, replace_durably
from .head_record import log_and_head, read_record, record_head
from .lines import LogFile
from .sorting import Sorted, commit_of, sort_out
from .steps import Steps, span
from .verify import verify

_BOM = b"\xef\xbb\xbf"
_MOST_IN_A_COMMIT = 1_000
"""How many lost events stand in one line at most."""
_CHUNK = 1 << 16
"""How many bytes of lines are verified together, about."""


class Plan(msgspec.Struct, frozen=True):
    """What a repair does.

    Attributes:
        content: The new content of the file.
        head: The cursor at its end.
        log: The id of the log.
        steps: The steps, in words.
        unmoved: The position of the last event up to which each event that is kept is where it was.
    """

    content: bytes
    head: Cursor
    log: str
    steps: tuple[str, ...]
    unmoved: int

    @property
    def described(self) -> Repair:
        """The repair, before it is done."""
        return Repair(self.steps, unmoved=self.unmoved)


def planned(path: str, name: str, known: Known = nothing_known) -> tuple[Plan, bytes] | None:
    """Say how to repair the log in a file. Nothing is written.

    Args:
        path: The file.
        name: The name of the log.
        known: As for `verify`.

    Returns:
        The plan, and the bytes of the damaged log. None if the log is intact.

    Raises:
        DamagedLog: The result would not verify.
        ReadOnlyLog: The log has a newer format; it is never touched.
        StoreUnavailable: The file cannot be read.
    """
    verdict = verify(path, name, no_progress, known)
    if verdict.newer:
        raise ReadOnlyLog(f"{path} was made by a newer program: its format {verdict.newer} is newer than this program's")
    if verdict.damage is None:
        return None
    with os_errors_as_store_errors(path, "; nothing was changed"), LogFile(path, os.O_RDONLY, name) as file:
        content = read_range(file.fd, 0, file.size)
    try:
        recorded = log_and_head(read_record(path)) or _known_head(content, known)
        return plan(content, name, recorded, datetime.now(UTC), os.urandom(16).hex()), content
    except InvalidLine as error:
        raise DamagedLog(f"{path}: the repaired log would not verify ({error}); nothing was changed") from error
    except ReadOnlyLog as error:
        raise ReadOnlyLog(f"{path}: {error}: it is not touched") from error


def put_in_place(path: str, plan: Plan, damaged: bytes) -> Repair:
    """Replace the file of a damaged log. First the damaged log is copied to a file beside it.

    The caller holds the log's lock.

    Args:
        path: The file.
        plan: What `planned` returned, while the lock was held.
        damaged: The bytes of the damaged log.

    Returns:
        What was done.

    Raises:
        StoreUnavailable: The file cannot be written. Nothing was changed.
        OutcomeUnknown: The log was repaired, but the repaired log may not be on the disk.
    """
    kept = ""
    if plan.content != damaged:
        with os_errors_as_store_errors(path, "; nothing was changed"):
            kept = dated(path, "damaged")
            create_durable(kept, damaged)
            replace_durably(path, plan.content)
    record_head(path, plan.log, plan.head)
    return Repair(plan.steps, kept, plan.unmoved)


def _known_head(content: bytes, known: Known) -> tuple[str, Cursor] | None:
    """Return the log id and the head that something outside the store remembers, if the log is shorter than that."""
    header = read_header(content.partition(b"\n")[0])
    head = None if header is None else known(header.id)
    if header is None or header.forgotten or head is None or head.offset <= len(content):
        return None  # a log in which streams were forgotten is shorter than it was
    return header.id, head


def plan(content: bytes, name: str, recorded: tuple[str, Cursor] | None, now: datetime, fresh_id: str) -> Plan:
    """Say how to repair a log.

    Args:
        content: The bytes of the damaged log.
        name: The name that a new header gets if the old one cannot be read.
        recorded: The log id and the head in the head record; None if there is none.
        now: The time of the repair.
        fresh_id: The log id to use if none can be read.

    Raises:
        InvalidLine: The result would not verify.
        ReadOnlyLog: The log has a newer format.
    """
    repaired = _Repaired(content, name, recorded, now, fresh_id)
    result = b"".join(repaired.lines)
    return Plan(result, verified_end(result), repaired.log, repaired.steps, repaired.unmoved)


def verified_end(content: bytes) -> Cursor:
    """Verify a log from its first byte to its last, and return the cursor at its end.

    Raises:
        InvalidLine: A line is wrong.
    """
    first, *_ = content.split(b"\n", 1)
    _, digest = decode_header(first)
    walk = Walk(Cursor(0, 1, len(first) + 1, digest), Versions().advance, decode_lines)
    if not content.endswith(b"\n"):
        raise InvalidLine("its last line has no end")
    file = BytesIO(content)
    file.seek(walk.cursor.offset)
    for _ in walk.over(iter(lambda: b"".join(file.readlines(_CHUNK)), b"")):
        pass
    return walk.cursor


class _Repaired:
    """The lines of a repaired log, and the steps that lead to it."""

    def __init__(self, content: bytes, name: str, recorded: tuple[str, Cursor] | None, now: datetime, fresh_id: str) -> None:
        self.lines: list[bytes] = []
        self._steps = Steps()
        self._name, self._now, self._fresh_id, self._recorded = name, now, fresh_id, recorded
        self._command = f"repair-{sha256(content).hexdigest()[:16]}"
        self._record: dict[str, Any] = {}
        text, encoding = decoded(content)
        self._pieces = list(pieces_in(text))
        self._header = _header_in(self._pieces)
        Prover(self._pieces, self._header, recorded[1] if recorded is not None else None).run()
        self._refuse_newer()
        self._report_encoding(text, encoding)
        header = self._write_header()
        self.log = header.id
        head = self._head_to_explain()
        chosen = sort_out(self._pieces, self._header, head, ends_with_lf=text.endswith(b"\n"))
        self._report_left_out(chosen)
        self._at = header.created
        self._write_commits(chosen)
        self.unmoved = _unmoved(chosen)
        self._compare_with(head, chosen)
        self._end_with_a_record()

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps, in words."""
        return self._steps.in_words() or ("the head recorded beside the log is out of date: recorded again",)

    @property
    def _digest(self) -> bytes:
        return last_digest(self.lines[-1])

    def _refuse_newer(self) -> None:
        """Refuse to touch a log of a newer format, unless the digest proves that the version was altered."""
        for piece in self._pieces[:1] if self._header is None else [self._header]:
            version = re.search(rb'"version"\s*:\s*"([^"]*)"', piece.text) if b'"cqrs-log"' in piece.text else None
            if version is None or not piece.text.startswith(b"{"):
                continue
            now = version[1].decode(errors="replace")
            if piece.reading is not None and b'"version":"%s"' % version[1] not in piece.reading.body:
                continue
            if Header(FORMAT, now, "", "", self._now).newer:
                raise ReadOnlyLog(f"format {now} is newer than this program")

    def _report_encoding(self, text: bytes, encoding: str) -> None:
        if encoding:
            self._steps.add_for_log(f"the file is encoded in {encoding}: read as UTF-8")
        elif text.startswith(_BOM):
            self._steps.add_for_log("a byte order mark before line 1: removed")
        *ended, last = text.split(b"\n")
        for number, line in enumerate(ended, 1):
            if not line.strip():
                self._steps.add(number, "blank: removed")
        if last and self._pieces and (self._pieces[-1].commit is not None or self._pieces[-1] is self._header):
            self._steps.add(len(ended) + 1, "the line feed at the end is missing: added")

    # the header

    def _write_header(self) -> Header:
        piece = self._header
        if piece is not None and piece.reading is not None:
            line = piece.reading.body + end_of_line(piece.digest)
            self.lines.append(line)
            self._report_restored(piece, line[:-1])
            header, _ = decode_header(line[:-1])
            return header
        header = self._new_header()
        self.lines.append(encode_header(header))
        self._record["header"] = "made anew"
        return header

    def _new_header(self) -> Header:
        piece = self._header
        old = piece.header if piece is not None else None
        recorded = self._recorded[0] if self._recorded is not None and self._is_of_this_log(*self._recorded, old) else None
        written = re.search(rb'"id":"([0-9a-f]{32})"', piece.text) if piece is not None else None
        log = recorded or (old.id if old is not None else written[1].decode() if written else None)
        times = (commit_of(each).at for each in self._pieces if each.commit is not None)
        created = old.created if old is not None else next(times, self._now)
        source = "the id in its lock file" if recorded else "the id in it" if log else "a new log id"
        if piece is not None:
            self._steps.add(piece.line, f"the header was altered: made anew with {source}")
        elif self._pieces:
            self._steps.add_for_log(f"the header is gone: made anew with {source}")
        else:
            self._steps.add_for_log(f"nothing can be read: the bytes are set aside, and an empty log is begun with {source}")
        forgotten = {*(old.forgotten if old is not None else ()), *self._forgotten_streams()}
        return Header(FORMAT, VERSION, log or self._fresh_id, self._name, created, tuple(sorted(forgotten)))

    def _forgotten_streams(self) -> Iterator[str]:
        """Yield the streams that have forgotten events, so that a header that is made anew names them."""
        for piece in self._pieces:
            if piece.commit is not None:
                yield from (event.stream for event in piece.commit.events if event.type == FORGOTTEN)

    def _is_of_this_log(self, log: str, head: Cursor, header: Header | None) -> bool:
        """Return whether a head record is that of this log: its id is like the altered one, or its digest is in a line."""
        if header is None or any(log[place : place + 8] in header.id for place in range(0, len(log), 8)):
            return True
        return any(head.digest in (piece.digest, piece.written_digest) for piece in self._pieces)

    def _head_to_explain(self) -> Cursor | None:
        """Return the recorded head, unless it is another log's, or an earlier repair has explained what became of it."""
        if self._recorded is None or self._recorded[0] != self.log:
            return None
        head = self._recorded[1]
        for piece in self._pieces:
            if piece.commit is not None and piece.proven:
                for event in piece.commit.events:
                    if event.type == REPAIRED and _head_in_record(event.data) == head.digest.decode():
                        return None
        return head

    # the commits

    def _write_commits(self, chosen: Sorted) -> None:
        gaps = {gap.before: (gap, events) for gap, events in zip(chosen.gaps, chosen.lost, strict=True)}
        latest = -1
        places = {id(piece): place for place, piece in enumerate(self._pieces)}
        for index, piece in enumerate(chosen.kept):
            if index in gaps:
                self._write_lost(gaps[index][0].first, gaps[index][1])
            self._write_commit(piece)
            if places[id(piece)] < latest:
                self._steps.add(piece.line, "out of order: put in its place")
            latest = max(latest, places[id(piece)])
        if len(chosen.kept) in gaps:
            gap, events = gaps[len(chosen.kept)]
            self._write_lost(gap.first, events)

    def _write_commit(self, piece: Piece) -> None:
        commit = commit_of(piece)
        self._at = commit.at
        if piece.reading is None:
            body = next(each.body for each in plain_readings(piece.text) if as_commit(each.body + b"}") == commit)
            line = chain_line(self._digest, (compact(body) if b"\n" in body else body) + b"}")
            places = span(commit.position, commit.last)
            self._steps.add(piece.line, f"{places}: kept, but not proven: the digest before it is gone")
            self._record_positions("unproven", commit.position, commit.last)
        elif piece.previous == self._digest:
            line = piece.reading.body + end_of_line(piece.digest)
            self._report_restored(piece, line[:-1])
        else:
            line = chain_line(self._digest, piece.reading.body + b"}")
            self._report_restored(piece, piece.reading.body + end_of_line(piece.digest)[:-1])
            self._record_positions("sealed", commit.position, commit.last)
        self.lines.append(line)

    def _report_restored(self, piece: Piece, written: bytes) -> None:
        """Report what was altered in a line that is restored."""
        if piece.trimmed:
            self._steps.add(piece.line, "its end, or the white space around it, was altered: restored")
        if piece.text != written and piece.reading is not None:
            body = piece.reading.body
            if piece.text.startswith(body):
                self._steps.add(piece.line, "only its digest was altered: restored")
            else:
                self._steps.add(piece.line, "altered: restored to the bytes that its digest proves")

    def _write_lost(self, first: int, lost: Sequence[tuple[str, int]]) -> None:
        for start in range(0, len(lost), _MOST_IN_A_COMMIT):
            events = [EventLine(*each, LOST, msgspec.Raw(b"{}")) for each in lost[start : start + _MOST_IN_A_COMMIT]]
            self._append(first + start, self._at, events)
        last = first + len(lost) - 1
        placeholders = "a placeholder keeps its place" if len(lost) == 1 else "placeholders keep their places"
        self._steps.add_for_log(f"{span(first, last)}: lost: {placeholders}")
        unknown = [first + number for number, (stream, _) in enumerate(lost) if stream.startswith(f"{LOST}/")]
        if unknown:
            places = span(unknown[0], unknown[-1])
            self._steps.add_for_log(
                f"{places}: it is not known what was created here: what was created later may have a lower number now"
            )
        self._record_positions("lost", first, last)

    def _append(self, position: int, at: datetime, events: list[EventLine]) -> None:
        commit = CommitLine(position, at, "repair", f"{self._command}-{position}", events)
        self.lines.append(chain_line(self._digest, msgspec.json.encode(commit)))

    # what is reported and recorded

    def _report_left_out(self, chosen: Sorted) -> None:
        for piece, same in chosen.copies:
            self._steps.add(piece.line, f"a copy of line {same.line}: left out")
        for piece in chosen.contradicted:
            self._steps.add(piece.line, "altered: it does not match its digest, or contradicts proven commits: set aside")
        for piece in chosen.elsewhere:
            commit = commit_of(piece)
            self._steps.add(piece.line, f"{span(commit.position, commit.last)}: a commit of another history: set aside")
        for piece in chosen.fragments:
            self._steps.add(
                piece.line, f"not a complete commit ({len(piece.text)} byte{'s' * (len(piece.text) != 1)}): set aside"
            )
        if chosen.elsewhere:
            self._record["set_aside"] = len(chosen.elsewhere)

    def _compare_with(self, head: Cursor | None, chosen: Sorted) -> None:
        """Report what the recorded head shows about the end of the log."""
        if head is None:
            return
        last = commit_of(chosen.kept[-1]).last if chosen.kept else 0
        if head.position > last:
            gone = f"{span(last + 1, head.position)} had been recorded, as its lock file shows, and cannot be read"
            self._steps.add_for_log(f"{gone} ({head.position - last} {'event' if head.position - last == 1 else 'events'})")
        here = next((piece for piece in reversed(chosen.kept) if commit_of(piece).last == head.position), None)
        if here is not None and here.digest != head.digest and here.written_digest != head.digest:
            self._steps.add_for_log(
                f"@{head.position} was recorded with another digest, as its lock file shows: what is here now was rewritten"
            )
            self._record["rewritten"] = head.position
        if self._record or head.position > last:
            self._record["head"] = head.digest.decode()

    def _record_positions(self, what: str, first: int, last: int) -> None:
        """Add positions to the record of this repair, joined to those that were added just before."""
        spans: list[list[int]] = self._record.setdefault(what, [])
        if spans and spans[-1][1] == first - 1:
            spans[-1][1] = last
        else:
            spans.append([first, last])

    def _end_with_a_record(self) -> None:
        """Record in the log itself what its readers must know."""
        for first, last in self._record.get("sealed", ()):
            self._steps.add_for_log(
                f"{span(first, last)}: proven, and given new digests, because a digest before them changed"
            )
        if not self._record:
            return
        end = verified_end(b"".join(self.lines))
        streams = {event.stream for piece in self._pieces if piece.commit is not None for event in piece.commit.events}
        stream = f"{REPAIRED}/{end.position + 1}"
        while stream in streams:
            stream += "x"
        self._append(
            end.position + 1,
            max(self._now, self._at),
            [EventLine(stream, 1, REPAIRED, msgspec.Raw(msgspec.json.encode(self._record)))],
        )
        self._steps.add_for_log(f"@{end.position + 1}: this repair is recorded")


def _unmoved(chosen: Sorted) -> int:
    """Return the position up to which events are where they were: what was set aside may have been read in their place."""
    last = commit_of(chosen.kept[-1]).last if chosen.kept else 0
    return min([last, *(commit_of(piece).position - 1 for piece in chosen.elsewhere)])


def _header_in(pieces: Sequence[Piece]) -> Piece | None:
    """Return the piece that is the header: one with the right digest, or else the first that looks like a part of one."""
    found = [piece for piece in pieces if piece.header is not None or (piece.commit is None and b'"cqrs-log"' in piece.text)]
    found += [
        piece for piece in pieces[:1] if piece.commit is None and piece.written_digest and b'{"stream":' not in piece.text
    ]
    return next(_whole_headers(found), found[0] if found else None)


def _whole_headers(pieces: Iterable[Piece]) -> Iterator[Piece]:
    for piece in pieces:
        with suppress(InvalidLine):
            decode_header(piece.text)
            yield piece


def _head_in_record(data: msgspec.Raw) -> str | None:
    """Return the digest of the recorded head that an earlier repair explained."""
    try:
        record = msgspec.json.decode(data)
    except msgspec.DecodeError:
        return None
    head = record.get("head") if isinstance(record, dict) else None
    return head if isinstance(head, str) else None
