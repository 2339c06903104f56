"""Which commits of a damaged log stay: the proven ones of one history, and those that nothing contradicts."""

import sys
from bisect import bisect
from collections.abc import Iterable

import msgspec

from ...cursor import Cursor
from ..format import CommitLine
from .evidence import Piece
from .placeholders import Claims, Conflict, Gap, fill, gaps_in

_MOST_LOST = 1_000_000
"""How many lost events a repair makes room for without proof that there were so many."""


class Sorted(msgspec.Struct, kw_only=True):
    """What becomes of the pieces. `kept` is in order; `copies` names the piece that each copy is a copy of."""

    kept: list[Piece]
    copies: list[tuple[Piece, Piece]]
    contradicted: list[Piece]
    elsewhere: list[Piece]
    """Proven commits of another history: another log, or another branch of this one."""
    fragments: list[Piece]
    gaps: list[Gap]
    lost: list[list[tuple[str, int]]]
    end: int


def commit_of(piece: Piece) -> CommitLine:
    """Return the commit in a piece that holds one."""
    assert piece.commit is not None
    return piece.commit


def sort_out(pieces: list[Piece], header: Piece | None, head: Cursor | None, *, ends_with_lf: bool) -> Sorted:
    """Decide what becomes of each piece.

    Args:
        pieces: The pieces of the damaged log.
        header: The one that is the header; None if there is none.
        head: The recorded head of the log; None if it is not known, or an earlier repair has explained what became of it.
        ends_with_lf: Whether the damaged log ends with an LF.
    """
    return _Sorting(pieces, header, head, ends_with_lf).run()


class _Sorting:
    def __init__(self, pieces: list[Piece], header: Piece | None, head: Cursor | None, ends_with_lf: bool) -> None:
        self._pieces = pieces
        self._header = header
        self._head = head
        self._ends_with_lf = ends_with_lf
        self._place = {id(piece): place for place, piece in enumerate(pieces)}
        self._taken: dict[int, Piece] = {}
        self._positions: list[int] = []
        self._positions_after: dict[bytes, int] = {}
        self._result = Sorted(kept=[], copies=[], contradicted=[], elsewhere=[], fragments=[], gaps=[], lost=[], end=0)

    def run(self) -> Sorted:
        result = self._result
        self._choose_history([piece for piece in self._pieces if piece.commit is not None and piece.proven])
        proven = list(result.kept)
        others = [piece for piece in self._pieces if not piece.proven and piece is not self._header]
        result.fragments = [piece for piece in others if piece.commit is None or self._is_torn(piece)]
        fragments = {id(piece) for piece in result.fragments}
        unproven = self._uncontradicted([piece for piece in others if id(piece) not in fragments])
        self._fit(proven, unproven)
        return result

    # the proven commits

    def _choose_history(self, proven: list[Piece]) -> None:
        """Keep the commits of one history: that of the recorded head, or else that of the header, or else the longest."""
        owners = {piece.digest: piece for piece in self._pieces if piece.proven}
        length: dict[bytes, int] = {}
        for piece in sorted(proven, key=lambda piece: -commit_of(piece).position):
            after = length.get(piece.digest, 0)
            if self._head is not None and piece.digest == self._head.digest:
                after += 1 << 40
            length[piece.previous] = max(length.get(piece.previous, 0), after + 1)
            length[piece.digest] = after
        rooted = {self._header.digest} if self._header is not None and self._header.proven else set()
        for piece in sorted(proven, key=lambda piece: commit_of(piece).position):
            if piece.previous in rooted:
                rooted.add(piece.digest)
        refused: set[bytes] = set()
        order = sorted(
            proven,
            key=lambda piece: (
                -length[piece.digest],
                piece.digest not in rooted,
                commit_of(piece).position,
                self._place[id(piece)],
            ),
        )
        if rooted:
            order.sort(key=lambda piece: piece.digest not in rooted and length[piece.digest] < 1 << 40)
        for piece in order:
            owner = owners.get(piece.previous)
            strange = owner is not None and owner.commit is None and owner is not self._header
            if piece.previous in refused or strange or not self._take(piece):
                same = self._taken.get(commit_of(piece).position)
                if same is not None and same.digest == piece.digest:
                    self._result.copies.append((piece, same))
                else:
                    refused.add(piece.digest)
                    self._result.elsewhere.append(piece)

    def _take(self, piece: Piece) -> bool:
        commit = commit_of(piece)
        positions = range(commit.position, commit.last + 1)
        if any(position in self._taken for position in positions):
            return False
        self._taken.update((position, piece) for position in positions)
        self._result.kept.append(piece)
        return True

    # the others

    def _uncontradicted(self, others: list[Piece]) -> list[Piece]:
        """Set aside copies and contradicted commits, and return those that cannot be proven and that nothing contradicts."""
        contradicted = self._with_a_digest_before(others)
        self._positions = sorted(self._taken)
        self._positions_after = {piece.previous: commit_of(piece).position for piece in self._result.kept}
        left: list[Piece] = []
        for piece in others:
            commit = commit_of(piece)
            same = self._taken.get(commit.position)
            if same is not None and piece.text == same.text:
                self._result.copies.append((piece, same))
            elif id(piece) in contradicted or self._clashes(piece):
                self._result.contradicted.append(piece)
            else:
                left.append(piece)
        return self._without_rivals(left)

    def _with_a_digest_before(self, others: list[Piece]) -> set[int]:
        """The pieces that do not match the digest before them, though it can be read."""
        ends = {commit_of(piece).last for piece in self._result.kept}
        if self._header is not None and (self._header.proven or self._header.written_digest):
            ends.add(0)
        by_place = self._ends_by_place(self._result.kept)
        found: set[int] = set()
        before = -1
        while len(found) > before:
            before = len(found)
            for piece in sorted(others, key=lambda piece: commit_of(piece).position):
                commit = commit_of(piece)
                if commit.position - 1 in ends or commit.position - 1 in by_place.get(id(piece), ()):
                    found.add(id(piece))
                if piece.written_digest:
                    ends.add(commit.last)
        return found

    def _ends_by_place(self, kept: Iterable[Piece]) -> dict[int, range]:
        """For each piece behind an unproven one with a readable digest: where that one may end, counted along the file.

        It tells what the line before held when that line's own position was altered, or when it cannot be decoded.
        """
        ends = {id(piece): commit_of(piece).last for piece in kept}
        found: dict[int, range] = {}
        end, may_end = 0, range(0)
        for piece in self._pieces:
            if may_end:
                found[id(piece)] = may_end
            if id(piece) in ends or piece is self._header:
                end, may_end = ends.get(id(piece), 0), range(0)
            elif piece.commit is not None or piece.written_digest or piece.is_commit_start:
                end += piece.events
                is_readable = piece.commit is not None or (piece.is_commit_start and b"\0" not in piece.text)
                may_end = range(end, end + 1 if is_readable else sys.maxsize) if piece.written_digest else range(0)
        return found

    def _clashes(self, piece: Piece) -> bool:
        """Return whether what is proven leaves no room for a commit."""
        commit, written, head = commit_of(piece), piece.written_digest, self._head
        if any(position in self._taken for position in range(commit.position, commit.last + 1)):
            return True
        if head is not None and head.position == commit.last and written != head.digest:
            return True
        place = bisect(self._positions, commit.position)
        if commit.position - (self._positions[place - 1] if place else 0) > _MOST_LOST:
            return True
        following = self._positions_after.get(written, commit.last + 1) if written else commit.last + 1
        return following != commit.last + 1

    def _without_rivals(self, pieces: list[Piece]) -> list[Piece]:
        """Set aside copies, and pieces that claim the same positions: nobody can tell which is right. Return the others."""
        claims: dict[int, list[Piece]] = {}
        unique: dict[bytes, Piece] = {}
        for piece in pieces:
            twin = unique.setdefault(piece.text, piece)
            if twin is not piece:
                self._result.copies.append((piece, twin))
                continue
            for position in range(commit_of(piece).position, commit_of(piece).last + 1):
                claims.setdefault(position, []).append(piece)
        rivals = {id(piece) for claim in claims.values() if len(claim) > 1 for piece in claim}
        self._result.contradicted += [piece for piece in unique.values() if id(piece) in rivals]
        return [piece for piece in unique.values() if id(piece) not in rivals]

    # the room for what is lost

    def _fit(self, proven: list[Piece], unproven: list[Piece]) -> None:
        """Make room for the lost events; a commit for which that is impossible cannot stay."""
        result = self._result
        result.end = self._end([*proven, *unproven])
        try:
            self._arrange([*proven, *unproven])
        except Conflict:
            pass
        else:
            return
        chosen = sorted(proven, key=lambda piece: commit_of(piece).position)
        while True:
            try:
                self._arrange(chosen)
                break
            except Conflict as conflict:
                result.elsewhere.append(chosen.pop(conflict.index))
        for piece in unproven:
            try:
                self._arrange([*result.kept, piece])
            except Conflict:
                result.contradicted.append(piece)

    def _arrange(self, pieces: list[Piece]) -> None:
        kept = sorted(pieces, key=lambda piece: commit_of(piece).position)
        commits = [commit_of(piece) for piece in kept]
        gaps = gaps_in(commits, self._result.end)
        self._result.lost = fill(commits, gaps, self._claims())
        self._result.gaps, self._result.kept = gaps, kept

    def _claims(self) -> Claims:
        """Return what the lines that do not stay claim about their positions, unless they contradict each other."""
        claims: dict[int, set[tuple[str, int]]] = {}
        for piece in self._result.contradicted:
            for position, event in enumerate(commit_of(piece).events, commit_of(piece).position):
                claims.setdefault(position, set()).add((event.stream, event.version))
        return {position: claim for position, (claim, *others) in claims.items() if not others}

    def _end(self, kept: list[Piece]) -> int:
        """The last position that the log had come to, as far as that can be known."""
        last = max(kept, key=lambda piece: commit_of(piece).last, default=None)
        end = commit_of(last).last if last is not None else 0
        place = self._place[id(last)] if last is not None else -1
        lost = 0
        for piece in self._result.contradicted:
            commit = commit_of(piece)
            same = self._taken.get(commit.position)
            is_copy = same is not None and _streams(commit_of(same)) == _streams(commit)
            if commit.position > end or (self._place[id(piece)] > place and not is_copy):
                lost += len(commit.events)
        lost += sum(
            piece.events for piece in self._result.fragments if self._place[id(piece)] > place and self._is_lost(piece)
        )
        recorded = self._head.position if self._head is not None else 0
        return max(end + lost, recorded if recorded <= end + _MOST_LOST else 0)

    def _is_torn(self, piece: Piece) -> bool:
        """Whether a piece may be what an interrupted write left: it stands at the end, and lacks its digest and its LF."""
        return piece is self._pieces[-1] and not piece.written_digest and not self._ends_with_lf

    def _is_lost(self, piece: Piece) -> bool:
        """Whether a piece that cannot be decoded was a commit that had been recorded."""
        return bool(piece.written_digest) or (piece.is_commit_start and not self._is_torn(piece))


def _streams(commit: CommitLine) -> list[tuple[str, int]]:
    return [(event.stream, event.version) for event in commit.events]
