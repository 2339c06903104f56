"""Texts without the paths of this machine, for programs that reach it over the network."""

import os
import re
import tempfile
from collections.abc import Iterator

from .config import cache_dir, state_dir, user_dir

_SERVER = re.compile(r"postgres(?:ql)?://[^\s,]*[^\s,:;.]")


def without_paths(text: str, store_url: str) -> str:
    """Return a text in which lists are named instead of their files.

    Args:
        text: Such as the message of an error.
        store_url: The URL of the store in use.
    """
    scheme, _, folder = store_url.partition(":")
    if scheme == "jsonl":
        for spelling in _spellings(folder):
            start = re.escape(spelling)
            text = re.sub(rf"{start}/lists/\.?([^/\n]+?)\.(?:jsonl|lock)(?:\.[\w-]+)*", r"the list \1", text)
            text = re.sub(rf"{start}/archive/\.?([^/\n]+?)\.(?:jsonl|lock)(?:\.[\w-]+)*", r"the archived list \1", text)
            text = re.sub(rf"{start}(?:/[\w.-]+)*", "the store", text)
    text = _SERVER.sub("the store", text)
    for known in _known(folder if scheme == "jsonl" else ""):
        text = re.sub(rf"{re.escape(known)}(?:/[^\s:;,'\"]*)?", "a file of the server", text)
    return text


def _spellings(folder: str) -> list[str]:
    """Return how messages may write a folder, the longest first."""
    written = {folder, folder.rstrip("/"), os.path.abspath(folder), os.path.realpath(folder)}
    return sorted((each for each in written if len(each) > 1), key=len, reverse=True)


def _known(folder: str) -> Iterator[str]:
    """Yield folders from which a message may name a file, the longest first: ours, and those above the store."""
    found = {cache_dir(), user_dir("config"), state_dir(), os.path.expanduser("~"), tempfile.gettempdir(), os.getcwd()}
    above = os.path.abspath(folder) if folder else ""
    while above.count("/") > 1:
        found.add(above)
        above = os.path.dirname(above)
    for each in sorted(found, key=len, reverse=True):
        if len(each) > 1:
            yield each
