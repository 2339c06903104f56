"""The cursor: a position in a log, and how a store finds it again."""

from .struct import Struct


class Cursor(Struct, frozen=True, gc=False):
    """A position in a log, which its store can find again without reading what lies before it.

    `position` alone is enough: `Cursor(7)` is the place after the event at position 7. Such a cursor is not checked, and a
    store may have to read the log from its start to find it. The cursors that `Log.cursor` returns also hold what their
    store needs to find the place quickly, and to notice that the log has changed before it.

    Attributes:
        position: The position of the last event before the cursor, 0 at the start of the log.
        line: How many lines come before the cursor, in stores that keep lines; otherwise 0.
        offset: How many bytes come before the cursor, in stores that keep lines; otherwise 0.
        digest: The digest of the last line before the cursor, as hexadecimal digits. If it is empty, nothing is checked.
            Otherwise the cursor is stale unless the log has this digest at this position.
    """

    position: int
    line: int = 0
    offset: int = 0
    digest: bytes = b""


START = Cursor(0)
"""The start of any log."""
