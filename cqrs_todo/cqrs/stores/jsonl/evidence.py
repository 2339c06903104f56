"""What can still be read of a damaged log, and which of it the digests prove.

A commit is *proven* if its digest matches its content and the digest of the line before it. That digest may be found
anywhere in the file, and may also be calculated if it cannot be read. Nothing here changes or invents a byte.
"""

import json
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import pairwise

import msgspec

from ...cursor import Cursor
from ..format import VERSION, CommitLine, Header, InvalidLine, decode_line, read_header
from ..hash_chain import DIGEST_MEMBER_LENGTH, NO_DIGEST

_BLANK = b" \t\r\n\x0b\x0c\0"
_BOM = b"\xef\xbb\xbf"
_DIGEST_LENGTH = 64
_ENOUGH = 48
"""How many of the 64 digits must agree: 192 bits prove a line as well as 256 do, so an altered digit does no harm."""
_MOST_TRIES = 2_000_000
"""How many digests are calculated at most for lines that do not come after the line that should be before them."""
_MOST_GUESSES = 16
"""How many guesses are made at most about the digest before one line."""

_START = re.compile(rb'\{\s*"(?:position|format)"\s*:')
_COMMIT_START = re.compile(rb'\{\s*"position"\s*:')
_EVENT_START = re.compile(rb'\{\s*"stream"\s*:')
_PUNCTUATION = re.compile(rb"[:,\[]\s*\Z")
_END_OF_COMMIT = re.compile(rb'(?<=,"sum":"[0-9a-f]{64}"\})(?!\s*[,\]}])')
_SEAL = re.compile(rb',\s*"sum"\s*:\s*"([^"]*)"\s*\}\s*\Z')
_CUT_SEAL = re.compile(rb',?"?s?u?m?"?:?"?[0-9a-f]{0,63}\Z')
_HEX = re.compile(rb"[0-9a-f]{64}")
_TEXT_OR_SPACE = re.compile(rb'("(?:[^"\\]|\\.)*")|\s+', re.DOTALL)
_VERSION = re.compile(rb'"version":"[^"]*"')


class Reading(msgspec.Struct, frozen=True):
    """One way to read a line: the bytes that its digest covers, and the digest as it is in the file."""

    body: bytes
    digest: bytes
    respaced: bool = False


class Piece(msgspec.Struct, eq=False):
    """One line of the damaged log, or a part of a line whose end was altered.

    Attributes:
        line: The number of the line, from 1.
        text: The text, without white space around it.
        trimmed: Whether there was white space around it.
        commit: The commit that the text holds, if it can be decoded.
        header: The header that the text holds, if it can be decoded.
        reading: The text as it was written, once the piece is proven.
        digest: The true digest, once the piece is proven.
        previous: The digest before the piece, once it is proven.
    """

    line: int
    text: bytes
    trimmed: bool = False
    commit: CommitLine | None = None
    header: Header | None = None
    reading: Reading | None = None
    digest: bytes = b""
    previous: bytes = b""

    @property
    def proven(self) -> bool:
        """Whether the piece is proven."""
        return self.reading is not None

    @property
    def written_digest(self) -> bytes:
        """The digest that can be read at the end of the text; empty if there is none."""
        return next((each.digest for each in plain_readings(self.text) if _HEX.fullmatch(each.digest)), b"")

    @property
    def is_commit_start(self) -> bool:
        """Whether the text begins like a commit."""
        return _COMMIT_START.match(self.text) is not None

    @property
    def events(self) -> int:
        """How many events the text holds, as far as it can be read."""
        return len(self.commit.events) if self.commit is not None else max(1, len(_EVENT_START.findall(self.text)))


def as_commit(text: bytes) -> CommitLine | None:
    """Return the commit in a text, whatever its digest is; None if it holds none."""
    try:
        return decode_line(text)
    except InvalidLine:
        return None


# reading


def decoded(content: bytes) -> tuple[bytes, str]:
    """Return the content as UTF-8, and the name of the encoding that it was in ('' for UTF-8)."""
    encodings = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b'{\0"\0', "utf-16-le"), (b'\0{\0"', "utf-16-be"))
    for beginning, encoding in encodings:
        if content.startswith(beginning):
            return content.decode(encoding, "replace").encode(errors="replace"), "UTF-16"
    return content, ""


def pieces_in(content: bytes) -> Iterator[Piece]:
    """Yield what the lines hold. Only LF ends a line. If lines cannot be decoded, this looks for commits within them."""
    unread: list[bytes] = []
    for number, line in enumerate(content.split(b"\n"), 1):
        text = line.strip(_BLANK).removeprefix(_BOM).strip(_BLANK)
        commit = as_commit(text) if text else None
        header = read_header(text) if text and commit is None else None
        if commit is None and header is None:
            unread.append(line)
            continue
        yield from _pieces_in_run(number - len(unread), b"\n".join(unread))
        unread = []
        yield Piece(number, text, text != line, commit, header)
    first = content.count(b"\n") + 2 - len(unread)
    yield from _pieces_in_run(first, b"\n".join(unread))


def _pieces_in_run(line: int, run: bytes) -> Iterator[Piece]:
    """Yield what lines hold that cannot be decoded one by one; the first of them has the number `line`."""
    cuts = {0, len(run)}
    cuts.update(match.start() for match in _START.finditer(run) if not _is_inside(run, match.start()))
    cuts.update(match.start() for match in _END_OF_COMMIT.finditer(run))
    for start, end in pairwise(sorted(cuts)):
        part = run[start:end]
        text = part.strip(_BLANK).removeprefix(_BOM).strip(_BLANK)
        before = part[: len(part) - len(part.lstrip(_BLANK))].count(b"\n")
        if text:
            yield _piece(line + before, text)
        line += part.count(b"\n")


def _is_inside(run: bytes, place: int) -> bool:
    """Return whether an object that begins at a place belongs to another one."""
    return _PUNCTUATION.search(run, max(0, place - 64), place) is not None


def _piece(line: int, text: bytes) -> Piece:
    ended = text[: text.rfind(b'"}') + 2]
    for candidate in (text, ended) if ended else (text,):
        commit, header = as_commit(candidate), read_header(candidate)
        if commit is not None or header is not None:
            return Piece(line, candidate, True, commit, header)
    for reading in plain_readings(text):
        commit = as_commit(reading.body + b"}")
        if commit is not None:
            return Piece(line, text, True, commit)
    return Piece(line, text, True)


def plain_readings(text: bytes) -> Iterator[Reading]:
    """Yield the body and the digest in a text as they are; more than one reading if it is not clear where the body ends."""
    match = _SEAL.search(text)
    if match is not None:
        yield Reading(text[: match.start()], match[1])
        return
    if len(text) > DIGEST_MEMBER_LENGTH:
        yield Reading(text[:-DIGEST_MEMBER_LENGTH], text[-_DIGEST_LENGTH - 2 : -2])
    place = text.rfind(b',"sum":"')
    if place > 0:
        yield Reading(text[:place], text[place + len(b',"sum":"') :].rstrip(b'"}'))
    cut = _CUT_SEAL.search(text)
    if cut is not None and text[: cut.start()].endswith((b"]", b"}")):
        yield Reading(text[: cut.start()], b"")


def all_readings(text: bytes) -> Iterator[Reading]:
    """Yield every way to read a text, also without the white space, line ends and escapes that another program added."""
    seen: set[bytes] = set()
    for reading in plain_readings(text):
        for body in (
            reading.body,
            compact(reading.body),
            re.sub(rb"\r?\n", b"", reading.body),
            *_encoded_anew(reading.body),
        ):
            if body not in seen:
                respaced = bool(seen)
                seen.add(body)
                yield Reading(body, reading.digest, respaced)


def compact(body: bytes) -> bytes:
    """Return JSON without the white space that is outside of its strings."""
    return _TEXT_OR_SPACE.sub(lambda match: match[1] or b"", body)


def _encoded_anew(body: bytes) -> Iterator[bytes]:
    """Yield the same JSON in the form in which this program writes it."""
    try:
        document = json.loads(body + b"}")
        yield json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()[:-1]
    except (ValueError, RecursionError):  # it is not JSON, or not text that can be written
        return


# proving


def digest_of(previous: bytes, body: bytes) -> bytes:
    """Return the digest of a line that comes after the line with the digest `previous`."""
    return sha256(previous + body).hexdigest().encode()


def agree(digest: bytes, written: bytes) -> bool:
    """Return whether a digest is the one that was written, except for a few altered, added or missing digits."""
    if digest == written:
        return True
    written = written.lower()
    if not any(digest[place : place + 8] in written for place in range(0, _DIGEST_LENGTH, 8)):
        return False
    if len(written) == _DIGEST_LENGTH:
        return sum(map(int.__eq__, digest, written)) >= _ENOUGH
    front = next(
        (place for place, pair in enumerate(zip(digest, written, strict=False)) if pair[0] != pair[1]), len(written)
    )
    back = zip(reversed(digest[front:]), reversed(written[front:]), strict=False)
    end = next((place for place, pair in enumerate(back) if pair[0] != pair[1]), max(0, len(written) - front))
    return front + end >= _ENOUGH


class _Guess(msgspec.Struct, frozen=True):
    """A digest that a piece has if its content is what was written and the digest before it is `previous`."""

    piece: Piece
    reading: Reading
    previous: bytes


class Prover:
    """Finds out which pieces are proven, and marks them."""

    def __init__(self, pieces: list[Piece], header: Piece | None, head: Cursor | None) -> None:
        """Prepare to prove pieces.

        Args:
            pieces: The pieces of the damaged log.
            header: The one that is the header; None if there is none.
            head: The recorded head; None if it is not known.
        """
        self._pieces = pieces
        self._header = header
        self._head = head
        self._commits = [piece for piece in pieces if piece.commit is not None]
        self._place = {id(piece): place for place, piece in enumerate(pieces)}
        self._by_last: dict[int, list[Piece]] = {}
        for piece in self._commits:
            self._by_last.setdefault(_commit(piece).last, []).append(piece)
        self._guesses: dict[bytes, _Guess] = {}
        self._guesses_for: dict[int, list[bytes]] = {}
        self._tries = 0

    def run(self) -> None:
        """Mark the pieces that are proven."""
        self._read_header()
        before = b""
        for piece in self._pieces:  # nearly every line follows the one before it
            written = piece.written_digest
            if piece.commit is not None and before:
                self._try(piece, [before], plain_readings(piece.text))
            before = written
        for piece in self._open:
            self._try(piece, self._near(piece), list(all_readings(piece.text)))
        known = list(dict.fromkeys([*filter(None, (piece.written_digest for piece in self._pieces)), *self._remembered]))
        for piece in self._open:
            self._try_all(piece, known)
        self._prove_by_guesses()

    @property
    def _open(self) -> list[Piece]:
        """The commits that are not proven yet, in the order of the positions that they claim."""
        return sorted((piece for piece in self._commits if not piece.proven), key=lambda piece: _commit(piece).position)

    @property
    def _remembered(self) -> list[bytes]:
        return [self._head.digest] if self._head is not None else []

    def _read_header(self) -> None:
        if self._header is None:
            return
        for reading in plain_readings(self._header.text):
            digest = digest_of(NO_DIGEST, reading.body)
            if agree(digest, reading.digest):
                self._mark_proven(self._header, reading, NO_DIGEST, digest)
                return
        for reading in _header_readings(self._header.text):
            self._guess(self._header, reading, NO_DIGEST)
            digest = digest_of(NO_DIGEST, reading.body)
            if agree(digest, reading.digest) or digest in self._remembered:
                self._mark_proven(self._header, reading, NO_DIGEST, digest)
                return

    def _near(self, piece: Piece) -> list[bytes]:
        """Return the digests that are where the one before a piece should be."""
        near = [other.digest or other.written_digest for other in self._predecessors(piece)]
        return list(dict.fromkeys(filter(None, near)))

    def _predecessors(self, piece: Piece) -> list[Piece]:
        """Return the pieces that may have been written just before one, by their positions and their places in the file."""
        position = _commit(piece).position
        found = [other for other in self._by_last.get(position - 1, []) if other is not piece]
        if position == 1 and self._header is not None:
            found.append(self._header)
        place = self._place[id(piece)]
        found += [self._pieces[near] for near in (place - 1, place + 1) if 0 <= near < len(self._pieces)]
        return found

    def _try(self, piece: Piece, previous: Iterable[bytes], readings: Iterable[Reading]) -> bool:
        for reading in readings:
            for digest in previous:
                made = digest_of(digest, reading.body)
                if agree(made, reading.digest) and self._mark_proven(piece, reading, digest, made):
                    return True
        return False

    def _try_all(self, piece: Piece, known: list[bytes]) -> None:
        """Look for the digest before a piece among all that can be read, as long as that takes seconds and not hours."""
        for reading in all_readings(piece.text):
            if self._tries >= _MOST_TRIES or not _HEX.fullmatch(reading.digest):
                return
            self._tries += len(known)
            for digest in known:
                if digest_of(digest, reading.body) == reading.digest and self._mark_proven(
                    piece, reading, digest, reading.digest
                ):
                    return

    def _mark_proven(self, piece: Piece, reading: Reading, previous: bytes, digest: bytes) -> bool:
        commit = None if piece is self._header else as_commit(reading.body + b"}")
        if piece is not self._header and commit is None:
            return False
        if commit is not None:
            piece.commit = commit
        piece.reading, piece.previous, piece.digest = reading, previous, digest
        return True

    # where a digest cannot be read, it is calculated; the line after it then shows whether that was right

    def _prove_by_guesses(self) -> None:
        for piece in self._open:
            guessed = [digest for other in self._predecessors(piece) for digest in self._guesses_for.get(id(other), [])]
            previous = list(dict.fromkeys([*guessed, *self._near(piece)]))[:_MOST_GUESSES]
            readings = list(all_readings(piece.text))
            if self._try(piece, previous, readings):
                self._accept(piece.previous)
                continue
            for digest in previous:
                for reading in readings:
                    self._guess(piece, reading, digest)
        for digest in self._remembered:
            self._accept(digest)

    def _guess(self, piece: Piece, reading: Reading, previous: bytes) -> None:
        digest = digest_of(previous, reading.body)
        self._guesses.setdefault(digest, _Guess(piece, reading, previous))
        self._guesses_for.setdefault(id(piece), []).append(digest)

    def _accept(self, digest: bytes) -> None:
        """Cursor what was guessed as proven, with all that the guess was built on."""
        while (guess := self._guesses.get(digest)) is not None and not guess.piece.proven:
            if not self._mark_proven(guess.piece, guess.reading, guess.previous, digest):
                return
            digest = guess.previous


def _commit(piece: Piece) -> CommitLine:
    assert piece.commit is not None
    return piece.commit


def _header_readings(text: bytes) -> Iterator[Reading]:
    """Yield every way to read a header, also with the version of this format in place of an altered one."""
    for reading in all_readings(text):
        yield reading
        yield Reading(_VERSION.sub(b'"version":"%s"' % VERSION.encode(), reading.body), reading.digest)
