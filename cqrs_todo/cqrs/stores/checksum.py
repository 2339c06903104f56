"""What need not be synced may be half old and half new after a crash: a CRC-32 in front says whether it is whole."""

import zlib

CHECKSUM_LENGTH = len(b"01234567 ")
"""How many bytes stand in front."""


def checked(content: bytes) -> bytes:
    """The content with its checksum in front."""
    return b"%08x " % zlib.crc32(content) + content


def is_whole(content: bytes) -> bool:
    """Whether what stands behind the checksum is what it was."""
    return content[:CHECKSUM_LENGTH] == b"%08x " % zlib.crc32(memoryview(content)[CHECKSUM_LENGTH:])
