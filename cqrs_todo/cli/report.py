"""Printing errors on stderr."""

import os
import re
import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from ..cqrs.stores.passwords import HIDDEN, hidden, secrets_in
from ..cqrs.struct import replace
from . import document
from .config import load_config, state_dir
from .errors import INTERNAL, Failure, UsageError, failure
from .session import as_utf8
from .text import visible


def report(error: Exception, *, as_json: bool) -> int:
    """Print what went wrong, where, and what to do next, without any password that was typed.

    Args:
        error: The error.
        as_json: Whether to print it as JSON.

    Returns:
        The exit code.
    """
    words = _typed()
    found = failure(error) or _internal(error, words)
    hint = None if found.hint is None else hidden(found.hint, words)
    found = replace(found, message=hidden(found.message, words), hint=hint)
    lines = [f"todo: {visible(found.message)}", *([f"      {visible(found.hint)}"] if found.hint else [])]
    with suppress(OSError):  # nobody reads it; the exit code still tells
        sys.stderr.write((document.error_document(found) if as_json else "\n".join(lines)) + "\n")
    return found.exit_code


def _internal(error: Exception, words: list[str]) -> Failure:
    """Write the traceback to a file, which a person can send to us; so it must not contain a password."""
    with suppress(UsageError):  # a configuration that cannot be read names no store
        words = [*words, load_config().store or ""]
    secrets = sorted(secrets_in(words), key=len, reverse=True)

    def safe(text: str) -> str:
        text = hidden(text, words)
        for secret in secrets:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
        return text

    path = Path(state_dir(), f"error-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.txt")
    text = safe("".join(traceback.format_exception(error)))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
        hint = f"please report it, and attach {path}"
    except OSError as failed:
        hint = f"the report could not be kept in {path}: {failed.strerror}"
    return Failure(INTERNAL, "internal", safe(f"internal error: {type(error).__name__}: {error}"), hint)


def _typed() -> list[str]:
    """Return what was typed and may contain a password: the command line, and the store in the environment."""
    return [as_utf8(word) for word in (*sys.argv[1:], os.environ.get("TODO_STORE", ""))]
