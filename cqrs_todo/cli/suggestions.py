"""What to suggest for a word that is not a verb."""

import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress

from ..cqrs.errors import CqrsError
from . import verbs
from .errors import UsageError
from .session import Session

_OTHER_WORDS: Mapping[str, Mapping[str, str]] = {
    "": {
        "add": "new create insert append",
        "done": "complete completed finish finished check close tick do",
        "reopen": "uncheck uncomplete undone open",
        "rm": "delete remove del erase trash discard",
        "edit": "change modify update set rename",
        "edit IDS due:DATE": "due schedule postpone reschedule defer",
        "edit IDS pri:H": "priority pri prioritize",
        "ls": "find search grep filter query all",
        "show": "info get print cat details",
        "undo": "revert rollback",
        "restore": "undelete recover unremove",
        "move": "mv transfer",
        "note": "comment annotate describe",
        "tag": "label untag",
        "remind": "reminder alarm notify",
        "history": "events timeline changes",
        "verify": "fsck doctor validate repair",
        "where": "config path paths settings",
        "export": "backup dump save",
        "import": "load read",
        "lists new NAME": "init",
        "lists archive NAME": "archive",
        "lists unarchive NAME": "unarchive",
        "--version": "version",
        "--help": "help man usage",
    },
    "lists": {
        "new": "add create make",
        "archive": "rm delete remove del",
        "rename": "move mv",
        "unarchive": "restore open",
    },
    "store": {"migrate": "upgrade update", "check": "test verify"},
}
"""Words that people use for verbs, by the verb that they mean; for `todo` and for the verbs that have verbs."""


def unknown_verb(session: Session, path: Sequence[str], words: Sequence[str]) -> UsageError:
    """Return the error for a command line whose first word is not a verb.

    Args:
        session: This run of the program.
        path: The verb that the word should be a verb of; () for `todo` itself.
        words: The words from the wrong one on.
    """
    command = " ".join(["todo", *path])
    meant = _meant(session, path, list(words))
    help = f"see: {command} --help"
    return UsageError(
        f"there is no verb {words[0]!r}", help if meant is None else f"did you mean: {meant}? For all: {help[5:]}"
    )


def _meant(session: Session, path: Sequence[str], words: list[str]) -> str | None:
    """Return the command line that is probably meant; None if nothing is probable."""
    word, rest = words[0], words[1:]
    known = [*verbs.names(path), *(() if path else verbs.ALIASES)]
    others = _OTHER_WORDS.get(" ".join(path), {})
    verb = next((verb for verb, synonyms in others.items() if word.lower() in synonyms.split()), None)
    if verb is None and word.lower() in known:
        verb = word.lower()
    if verb == "--help" and rest and rest[0] in known:
        return _line(path, [rest[0], "--help"])
    if verb is not None and " " in verb:  # with an example of its words
        filled = verb.replace("IDS", rest[0] if rest else "3").replace("NAME", rest[0] if rest else "work")
        return f"todo {filled}"
    if verb is not None:
        return _line(path, [verb, *(() if verb.startswith("-") else rest)])
    if not path and (found := _first_word(session, words, known)) is not None:
        return found
    from difflib import get_close_matches

    near = get_close_matches(word.lower(), known, 1, 0.65)
    if near:
        return _line(path, [*near, *rest])
    return None if path else _line(path, ["add", *words])


def _first_word(session: Session, words: list[str], known: Sequence[str]) -> str | None:
    """Return what a command line means that begins with todos, a tag, a list or a time; None if it does not."""
    word, rest = words[0], words[1:]
    if re.fullmatch(r"[0-9][0-9,-]*|@", word):
        if rest and rest[0] in known:
            return _line((), [rest[0], word, *rest[1:]])
        return f"todo show {word}, or todo done {word}"
    if word.startswith(("+", "@")) and len(word) > 1:
        return _line((), ["at" if session.words_of_moment(words) else "ls", *words])
    with suppress(CqrsError):
        if word in session.store.names():
            return _line((), ["-L", word, *rest])
    if session.words_of_moment(words):
        return _line((), ["at", *words])
    return None


def _line(path: Sequence[str], words: Sequence[str]) -> str:
    return shlex.join(["todo", *path, *words])
