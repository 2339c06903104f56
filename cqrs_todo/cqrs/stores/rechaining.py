"""Lines of a log that continue another line than they did: their digests are made anew, and nothing else in them changes."""

from collections.abc import Iterable, Iterator, Sequence

from .forgetting import forget_in_copy
from .format import decode_header
from .hash_chain import DIGEST_MEMBER_LENGTH, last_digest, with_digest


def rechained(lines: Iterable[bytes], digest: bytes) -> Iterator[bytes]:
    """Yield lines as they are behind another line.

    Args:
        lines: The lines, each with its LF.
        digest: The digest of the line that they are to continue.
    """
    for line in lines:
        continued, digest = with_digest(digest, line[: -DIGEST_MEMBER_LENGTH - 1] + b"}")
        yield continued


def with_header_of(lines: Sequence[bytes], header: bytes) -> Sequence[bytes]:
    """Return the lines of a log as those of another log. What was forgotten in the log stays forgotten.

    Args:
        lines: All lines of the log, each with its LF. They were verified before.
        header: The first line of the other log, with its LF.
    """
    forgotten = decode_header(lines[0][:-1])[0].forgotten
    if decode_header(header[:-1])[0].forgotten != forgotten:
        (header,) = forget_in_copy([header], forgotten)
    return [header, *rechained(lines[1:], last_digest(header))]
