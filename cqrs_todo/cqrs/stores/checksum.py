"""A CRC-32 in front of content that is written without a sync.

After a crash such a file may hold some old and some new bytes. The checksum tells whether it is complete.
"""

import zlib

CHECKSUM_LENGTH = len(b"01234567 ")
"""How many bytes stand before the content."""


def checked(content: bytes) -> bytes:
    """Return the content with its checksum in front."""
    return b"%08x " % zlib.crc32(content) + content


def is_whole(content: bytes) -> bool:
    """Return whether the checksum in front matches the content after it."""
    return content[:CHECKSUM_LENGTH] == b"%08x " % zlib.crc32(memoryview(content)[CHECKSUM_LENGTH:])
