"""The hash chain of a log: each line ends with a digest of the line before's digest and of its own content."""

from collections.abc import Sequence
from hashlib import sha256

NO_SUM = b""
"""The digest that the first line of a log follows."""

_SEAL = b',"sum":"'
_END = b'"}'
_LINE_END = _END + b"\n"
_SUM_LENGTH = 64
SEAL_LENGTH = len(_SEAL) + _SUM_LENGTH + len(_END)
"""How many bytes at the end of a line, without its LF, hold the digest."""

# Parts of a line with its LF. They are constants because making a slice for every line slows verification down.
_BODY = slice(-SEAL_LENGTH - 1)
_SUM = slice(-_SUM_LENGTH - len(_LINE_END), -len(_LINE_END))


def seal(previous: bytes, document: bytes) -> bytes:
    """Make a line of the log from a JSON object.

    Args:
        previous: The digest of the line before, in hexadecimal.
        document: The JSON object, in bytes.

    Returns:
        The line, with its digest and its LF.
    """
    line, _ = sealed(previous, document)
    return line


def sealed(previous: bytes, document: bytes) -> tuple[bytes, bytes]:
    """Return the line that `seal` makes, and its digest."""
    body = document[: -len(b"}")]
    sum = sha256(previous + body).hexdigest().encode()
    return body + end_of_line(sum), sum


def end_of_line(sum: bytes) -> bytes:
    """Return the end of a line with this digest, including the LF."""
    return _SEAL + sum + _LINE_END


def reseal(previous: bytes, line: bytes) -> bytes:
    """Return the same document with a new digest, so that it follows the line with digest `previous`.

    Args:
        previous: The digest of the line before, in hexadecimal.
        line: A line that has a digest already, without its LF.
    """
    return seal(previous, line[:-SEAL_LENGTH] + b"}")


def are_right(previous: bytes, lines: Sequence[bytes]) -> bool:
    """Verify that lines follow one another, and that the first follows the line with digest `previous`.

    Args:
        previous: The digest of the line before the first, in hexadecimal.
        lines: The lines, each with its LF.
    """
    for line in lines:
        previous = sha256(previous + line[_BODY]).hexdigest().encode()
        if not line.endswith(_SEAL + previous + _LINE_END):
            return False
    return True


def follows(previous: bytes, line: bytes) -> bool:
    """Verify that one line, given without its LF, follows the line with digest `previous`."""
    return are_right(previous, (line + b"\n",))


def last_sum(lines: bytes) -> bytes:
    """Return the digest of the last of some lines, given with their LFs, that have been verified."""
    return lines[_SUM]


def has_sum(line: bytes, sum: bytes) -> bool:
    """Return whether a line, given without its LF, ends with this digest."""
    return line.endswith(_SEAL + sum + _END)


def sum_in(line: bytes) -> bytes | None:
    """Return the digest written in a line, given without its LF; it need not be the right one.

    Returns:
        The digest, or None if the line does not end with one.
    """
    sum = line[-_SUM_LENGTH - len(_END) : -len(_END)]
    return sum if len(sum) == _SUM_LENGTH and has_sum(line, sum) else None
