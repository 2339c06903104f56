"""The options for scripts, `--command-id`, `--expect` and `--because`: what they ask of a command."""

import json
import re
from collections.abc import Mapping
from typing import Any

from ..todo.requests import Request
from .errors import UsageError
from .session import Options, check_text
from .verb import Verb

_ID = r"[A-Za-z0-9][A-Za-z0-9_:-]{0,63}"
"""The form of a command id. It has no dot, because dots number the commits of a batch."""

_LONGEST_REASON = 1_000
"""How many characters a reason has at most."""


def request_of(verb: Verb, values: Mapping[str, Any], options: Options) -> Request:
    """Return what a script asks of a command.

    Args:
        verb: The verb.
        values: What was typed, for each parameter of the action.
        options: The options of this run.

    Raises:
        UsageError: An option has a value that it cannot have.
    """
    id = options.command_id
    if id is not None and not re.fullmatch(_ID, id):
        raise UsageError(
            f"{id!r} is not a command id",
            "use 1 to 64 ASCII letters, digits, '-', '_' and ':', beginning with a letter or a digit: uuidgen makes one",
        )
    version, position = _expected(options.expect)
    because = _reason(options.because)
    words = json.dumps([verb.name, values, because], sort_keys=True).encode()
    return Request(id=id, words=words, version=version, position=position, because=because)


def _expected(text: str | None) -> tuple[int | None, int | None]:
    """Return the version and the position that are expected; None for what is not."""
    if text is None:
        return None, None
    if not re.fullmatch(r"@?[0-9]{1,18}", text):
        raise UsageError(
            f"{text!r} is neither a version nor a position",
            "for a todo's version: --expect 3; for the last position of the list: --expect @42",
        )
    return (None, int(text[1:])) if text.startswith("@") else (int(text), None)


def _reason(text: str | None) -> str | None:
    if text is None:
        return None
    because = " ".join(check_text("reason", text).split())
    if not because:
        raise UsageError("the reason is empty", 'for instance: --because "the meeting was cancelled"')
    if len(because) > _LONGEST_REASON:
        raise UsageError(
            f"the reason has {len(because):,} characters, and at most {_LONGEST_REASON:,} are possible", "shorten it"
        )
    return because
