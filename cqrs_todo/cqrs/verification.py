"""What verifying and repairing a log find: the values that `Store.verify`, `Store.repair` and `Store.strays` return."""

from .struct import Struct


class Damage(Struct, frozen=True):
    """Where a log stops being what was written.

    Attributes:
        line: The number of the first bad line, from 1.
        byte: The offset of that line in bytes, from 0.
        kind: `torn`, `altered`, `missing`, `doubled` or `reordered`.
        detail: What is wrong, in a sentence.
    """

    line: int
    byte: int
    kind: str
    detail: str


class Verdict(Struct, frozen=True):
    """What verifying a whole log found.

    Attributes:
        events: How many events are intact, counted from the start of the log.
        commits: How many commits are intact, counted from the start of the log.
        head: The digest of the last intact line.
        damage: What the verification stopped at. None if the log is intact.
        beyond: How many complete commits come after the damage.
        newer: The version of the log's format if it is newer than this code, otherwise ''. Such a log is verified as far as
            this code understands it, and is never called damaged.
        forgotten: How many of the events are forgotten: their data were removed on purpose.
    """

    events: int
    commits: int
    head: str
    damage: Damage | None = None
    beyond: int = 0
    newer: str = ""
    forgotten: int = 0


class Stray(Struct, frozen=True):
    """A file in the folder of the logs that is not one of the logs in use, or is a copy of one.

    Attributes:
        file: Its path.
        archived: Whether it is in the folder of the archived logs.
        name: The name under which it can be read as a log, or None.
        of: The name of the log that it is a copy of, or None.
        detail: What the file is, in a sentence.
    """

    file: str
    archived: bool
    name: str | None
    of: str | None
    detail: str


class Repair(Struct, frozen=True):
    """What a repair did, or would do.

    Attributes:
        steps: The steps, in words.
        kept: The path of the file that keeps the damaged log; '' if there is none.
        unmoved: The position of the last event up to which each event that is kept is where it was. Reactions that have
            come farther are given the events behind it again.
    """

    steps: tuple[str, ...]
    kept: str = ""
    unmoved: int = 0
