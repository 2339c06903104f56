"""Searching a file for a command id without decoding its lines."""

import mmap
import os

from .files import os_errors_as_store_errors
from .lines import LogFile


def mentions_command(path: str, name: str, command: str) -> bool:
    """Return whether a log holds a commit with a command id. This takes far less time than to decode all commits.

    Args:
        path: The file of the log.
        name: The name of the log.
        command: The command id: letters, digits and signs that JSON does not escape.

    Raises:
        LogNotFound: There is no such file.
        StoreUnavailable: The file cannot be read.
    """
    # a quotation mark within a text is escaped in JSON, so that no text contains this
    wanted = f'"command":"{command}"'.encode()
    with (
        LogFile(path, os.O_RDONLY, name) as file,
        os_errors_as_store_errors(path),
        mmap.mmap(file.fd, file.size, access=mmap.ACCESS_READ) as content,
    ):
        return content.rfind(wanted) >= 0
