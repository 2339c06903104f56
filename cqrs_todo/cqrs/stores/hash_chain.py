"""The hash chain of a log, and the checksum of what is written beside it without a sync.

Each line of a log ends with a digest of the digest before it and of everything else in the line.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from hashlib import sha256

NO_DIGEST = b""
"""What stands for the digest before the first line of a log."""

_MEMBER_START = b',"sum":"'
_MEMBER_END = b'"}'
_LINE_END = _MEMBER_END + b"\n"
_END = _MEMBER_START + b"%b" + _LINE_END
_DIGEST_LENGTH = 64
DIGEST_MEMBER_LENGTH = len(_MEMBER_START) + _DIGEST_LENGTH + len(_MEMBER_END)
"""The length in bytes of the member that ends a line, with its digest and the closing brace."""

# parts of a line with its LF. The slices are made once, because `verify_lines` uses them for each line
_BODY = slice(-DIGEST_MEMBER_LENGTH - 1)
_DIGEST = slice(-_DIGEST_LENGTH - len(_LINE_END), -len(_LINE_END))


def chain_line(previous: bytes, document: bytes) -> bytes:
    """Make the line, with its LF, of a JSON object that comes after the line with the digest `previous`."""
    line, _ = with_digest(previous, document)
    return line


def with_digest(previous: bytes, document: bytes) -> tuple[bytes, bytes]:
    """Make the line of a JSON object.

    Args:
        previous: The digest of the line before it.
        document: The JSON object.

    Returns:
        The line, with its LF, and its digest.
    """
    body = document[: -len(b"}")]
    digest = sha256(previous + body).hexdigest().encode()
    return body + end_of_line(digest), digest


def end_of_line(digest: bytes) -> bytes:
    """Return what a line with a digest ends with, including the LF."""
    return _END % digest


def verify_lines(previous: bytes, lines: Sequence[bytes]) -> bool:
    """Return whether lines, each with its LF, continue the chain after the digest `previous`."""
    for line in lines:
        hash = sha256(previous)  # to hash two parts takes less time than to join them before
        hash.update(line[_BODY])
        previous = hash.hexdigest().encode()
        if not line.endswith(_END % previous):
            return False
    return True


def continues(previous: bytes, line: bytes) -> bool:
    """Return whether a line, without its LF, continues the chain after the digest `previous`."""
    return verify_lines(previous, (line + b"\n",))


def last_digest(lines: bytes) -> bytes:
    """Return the digest of the last of some lines, each with its LF, that were verified."""
    return lines[_DIGEST]


def has_digest(line: bytes, digest: bytes) -> bool:
    """Return whether a line, without its LF, ends with a digest. The digest itself is not verified."""
    return line.endswith(_MEMBER_START + digest + _MEMBER_END)


def digest_in(line: bytes) -> bytes | None:
    """Return the digest that a line, without its LF, ends with. It is not verified. None if the line has none."""
    digest = line[-_DIGEST_LENGTH - len(_MEMBER_END) : -len(_MEMBER_END)]
    return digest if len(digest) == _DIGEST_LENGTH and has_digest(line, digest) else None


CHECKSUM_LENGTH = len(b"01234567 ")
"""How many bytes the checksum in front of content has."""


def with_checksum(content: bytes) -> bytes:
    """Return the content with a CRC-32 in front.

    After a crash, a file that was written without a sync may hold some old and some new bytes. The checksum tells whether it
    is complete.
    """
    return b"%08x " % zlib.crc32(content) + content


def is_whole(content: bytes) -> bool:
    """Return whether the checksum in front matches the content after it."""
    return content[:CHECKSUM_LENGTH] == b"%08x " % zlib.crc32(memoryview(content)[CHECKSUM_LENGTH:])
