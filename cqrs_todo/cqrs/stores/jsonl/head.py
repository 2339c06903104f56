"""The remembered head: how far a log had come when it was last written, so that a log cut at a line's end is noticed."""

import os

import msgspec

from ..chain import Spot
from ..checksum import CHECKSUM_LENGTH, checked, is_whole
from ..seals import end_of_line
from .files import beside, close, open_or_make

_LENGTH = 256


class Head(msgspec.Struct, frozen=True):
    """A line's end in a log: the byte offset behind it, the last position by then, and the line's sum."""

    log: str
    offset: int
    position: int
    sum: str

    def is_at(self, spot: Spot) -> bool:
        """Whether it is a spot in the log."""
        return (self.offset, self.position, self.sum) == (spot.offset, spot.position, spot.sum.decode())

    def stands_in(self, fd: int, size: int) -> bool:
        """Whether a file of that size has a line there, with that sum."""
        ending = end_of_line(self.sum.encode())
        return size >= self.offset and os.pread(fd, len(ending), max(0, self.offset - len(ending))) == ending


_decode = msgspec.json.Decoder(Head).decode


def head_of(path: str) -> str:
    """The file beside a log that keeps its head."""
    return beside(path, "head")


def read_head(path: str, log: str) -> Head | None:
    """The head kept beside a log, None where none was, or one of another log; it is then unknown, which is no error."""
    try:
        fd = os.open(head_of(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        content = os.pread(fd, _LENGTH, 0)
        head = _decode(content[CHECKSUM_LENGTH:]) if is_whole(content) else None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    finally:
        close(fd)
    return head if head is not None and head.log == log else None


def write_head(path: str, head: Head) -> None:
    """Keep the head of a log that was synced up to it; the caller holds the log's lock.

    It is not synced: an older head is as right, only less watchful. Nor does a commit that is recorded depend on it: where
    it can't be kept, it is not.
    """
    content = checked(msgspec.json.encode(head).ljust(_LENGTH - 10) + b"\n")
    try:
        fd = open_or_make(head_of(path), os.O_WRONLY)
    except OSError:
        return
    try:
        os.pwrite(fd, content, 0)
    except OSError:
        return
    finally:
        close(fd)
