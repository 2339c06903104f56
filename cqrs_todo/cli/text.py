"""Making text from a log safe for a terminal: it must not move the cursor, change colours or reverse the line."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re

# C0 and C1 controls; bidirectional marks, embeddings, overrides and isolates; line and paragraph separators; invisible
# format characters. Joiners (U+200C, U+200D), variation selectors and tags stay: scripts and emoji are written with them.
_HOSTILE = "\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
_ALL = f"[{_HOSTILE}]"
_BUT_NEWLINE = f"(?!\n)[{_HOSTILE}]"
_BEYOND_ASCII = r"[^ -~]"
_BRIEF = 60
"""The most characters of a text on a line that says more than the text."""
_NAMES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\x1b": "\\e"}


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern when it is first needed. Most runs need none, and compiling takes as long as the rest of a run."""
    import re

    return re.compile(pattern)


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    return _NAMES.get(char) or (f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{ord(char):04x}")


def visible(text: str) -> str:
    """Return the text on one line, with every control, bidi and escape character as an escape."""
    return text if text.isprintable() else _compiled(_ALL).sub(_escape, text)


def brief(text: str) -> str:
    """Return the beginning of a text on one line, as `visible` shows it, for a line that says more than the text."""
    shown = visible(text)
    return shown if len(shown) <= _BRIEF else f"{shown[: _BRIEF - 1].rstrip()}…"


def visible_lines(text: str) -> str:
    """Return what `visible` returns, but keep line feeds."""
    return _compiled(_BUT_NEWLINE).sub(_escape, text)


def safe_json(document: bytes, *, ascii_only: bool) -> str:
    """Return encoded JSON with those characters, or all beyond ASCII, as JSON escapes. It is the same document."""
    return _compiled(_BEYOND_ASCII if ascii_only else _ALL).sub(_json_escape, document.decode())


def _json_escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))


def printable(text: str) -> str:
    """Return text in which bytes that are not UTF-8 are shown as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
