"""Hints: whatever their commands are, they are about the list and the store of this run, so that they do what they say."""

import re

from . import verbs
from .errors import UsageError
from .session import Session


def complete_hint(hint: str, session: Session) -> str:
    """Return a hint in which each command names the list and the store, if this run is not about those used by default.

    The code that raises an error does not know how the program was called. So hints pass through here before people see
    them. A command that names a list keeps that list.

    Args:
        hint: The hint. Its commands begin with `todo`, after a colon or one of a few words such as "or" and "then".
        session: This run of the program.
    """
    try:
        places = session.places(session.list_name)
    except UsageError:  # the configuration cannot be read; the hint may be the one that says so
        return hint
    if not places:
        return hint

    def completed(found: re.Match[str]) -> str:
        verb, rest = found["verb"], found["rest"]
        declared = verbs.load([verb])  # None for -L, which names the list
        scope = "store" if declared is None else declared.scope
        if scope == "nothing" or re.search(r" --help\b", rest):
            return found[0]
        whole = scope == "store" or re.search(r" (--all-lists|-A)\b", rest) is not None
        indent = found[0].partition("todo")[0]
        return indent + session.typed(None if whole else session.list_name, verb) + rest

    return re.sub(pattern(), completed, hint)


def pattern() -> str:
    """Return the regular expression for a command in a hint. Its groups are the verb, or `-L`, and the rest."""
    known = "|".join((*verbs.names(), *verbs.ALIASES, "-L"))
    before = "|".join(
        f"(?<={word} )" for word in (":", ";", ",", r"\|", "&&", " or", " and", "then", "see", "run", "instance")
    )
    quoted = """'(?:[^']|'"'"')*'"""
    rest = rf"(?:{quoted}|(?!; |\? |\. |, (?:or|and|then) | && ).)*"  # so that no text in it is taken for a command
    return rf"(?:(?m:^) *|{before})todo (?P<verb>(?:{known})(?![\w:-]))(?P<rest>{rest})"
