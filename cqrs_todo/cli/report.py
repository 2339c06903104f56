"""Printing errors on stderr."""

import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from . import document
from .config import state_dir
from .errors import INTERNAL, Failure, failure
from .text import visible


def report(error: Exception, *, as_json: bool) -> int:
    """Print what went wrong, where, and what to do next, and return the exit code."""
    told = failure(error) or _internal(error)
    lines = [f"todo: {visible(told.message)}", *([f"      {visible(told.hint)}"] if told.hint else [])]
    with suppress(OSError):  # nobody reads it; the exit code still tells
        sys.stderr.write((document.error_document(told) if as_json else "\n".join(lines)) + "\n")
    return told.exit_code


def _internal(error: Exception) -> Failure:
    """Save the traceback in a file, which a person can send in a report."""
    path = Path(state_dir(), f"error-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.txt")
    text = "".join(traceback.format_exception(error))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
        hint = f"please report it, and attach {path}"
    except OSError as failed:
        hint = f"the report could not be kept in {path}: {failed.strerror}"
    return Failure(INTERNAL, "internal", f"internal error: {type(error).__name__}: {error}", hint)
