"""The hash chain of a log: each line ends with a digest of the digest before it and of everything else in the line."""

from collections.abc import Callable, Sequence
from typing import Any

try:
    # private, and therefore without types. hashlib would load OpenSSL, which takes as long as a quarter of `python -c pass`
    from _sha2 import sha256 as _small_sha256  # type: ignore[import-not-found]
except ImportError:  # before Python 3.12
    from hashlib import sha256 as _small_sha256

NO_SUM = b""
"""What the first line of a log follows."""

_SEAL = b',"sum":"'
_END = b'"}'
_LINE_END = _END + b"\n"
_SUM_LENGTH = 64
SEAL_LENGTH = len(_SEAL) + _SUM_LENGTH + len(_END)

# parts of a line with its LF; made once, they take a sixth off the time for a sum
_BODY = slice(-SEAL_LENGTH - 1)
_SUM = slice(-_SUM_LENGTH - len(_LINE_END), -len(_LINE_END))

_WORTH_LOADING = 1 << 20


class _Sha256:
    """Python's own SHA-256 for the first megabyte, where Python has one (from 3.12 on), and hashlib's after that.

    OpenSSL's is twice as fast, but loading it takes as long as the digests of a thousand lines.
    """

    def __init__(self) -> None:
        self._passed = 0

    def __call__(self, size: int) -> Callable[[bytes], Any]:
        """What to hash so many bytes with."""
        self._passed += size
        if self._passed < _WORTH_LOADING:
            small: Callable[[bytes], Any] = _small_sha256
            return small
        from hashlib import sha256

        return sha256


_sha256 = _Sha256()


def seal(previous: bytes, document: bytes) -> bytes:
    """The line, with its LF, for a JSON object that follows the line with sum `previous`."""
    line, _ = sealed(previous, document)
    return line


def sealed(previous: bytes, document: bytes) -> tuple[bytes, bytes]:
    """What `seal` gives, and the line's sum."""
    body = document[: -len(b"}")]
    sum: bytes = _sha256(len(body))(previous + body).hexdigest().encode()
    return body + end_of_line(sum), sum


def end_of_line(sum: bytes) -> bytes:
    """What a line with that sum ends with, its LF too."""
    return _SEAL + sum + _LINE_END


def reseal(previous: bytes, line: bytes) -> bytes:
    """The same document, of a line without its LF, sealed to follow the line with sum `previous`."""
    return seal(previous, line[:-SEAL_LENGTH] + b"}")


def are_right(previous: bytes, lines: Sequence[bytes]) -> bool:
    """Whether lines, each with its LF, follow the line with sum `previous` and one another."""
    sha256 = _sha256(sum(map(len, lines)))
    for line in lines:
        previous = sha256(previous + line[_BODY]).hexdigest().encode()
        if not line.endswith(_SEAL + previous + _LINE_END):
            return False
    return True


def follows(previous: bytes, line: bytes) -> bool:
    """Whether a line, given without its LF, is what followed the line with sum `previous`."""
    return are_right(previous, (line + b"\n",))


def last_sum(lines: bytes) -> bytes:
    """The sum of the last of some lines, with its LF, that are known to be right."""
    return lines[_SUM]


def has_sum(line: bytes, sum: bytes) -> bool:
    """Whether a line, given without its LF, ends with that sum."""
    return line.endswith(_SEAL + sum + _END)


def sum_in(line: bytes) -> bytes | None:
    """The sum that stands in a line, given without its LF, right or wrong; None where none does."""
    sum = line[-_SUM_LENGTH - len(_END) : -len(_END)]
    return sum if len(sum) == _SUM_LENGTH and has_sum(line, sum) else None
