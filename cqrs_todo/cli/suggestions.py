"""What to suggest for a word that is not a verb."""

import re
import shlex
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from ..cqrs.errors import CqrsError
from . import verbs
from .errors import UsageError
from .session import Session

_SYNONYMS = {"--version": "version", "--help": "help man usage"}
"""Words that people use for options, by the option that they mean. What they use for verbs, the verbs declare."""


def unknown_verb(session: Session, path: Sequence[str], words: Sequence[str]) -> UsageError:
    """Return the error for a command line whose first word is not a verb.

    Args:
        session: This run of the program.
        path: The verb that the word should be a verb of; () for `todo` itself.
        words: The words from the wrong one on.
    """
    help = f"{' '.join(['todo', *path])} --help"
    meant = _meant(session, path, list(words))
    if meant is None:
        hint = f"see: {help}"
    elif meant == help:
        hint = f"did you mean: {meant}?"
    else:
        hint = f"did you mean: {meant}? For all: {help}"
    return UsageError(f"there is no verb {words[0]!r}", hint)


def refuse_moment(session: Session, words: Sequence[str], count: int) -> NoReturn:
    """Raise the error for the words after `todo at`, if they are not a moment and a command line.

    Args:
        session: This run of the program.
        words: The words.
        count: How many of them make up the longest moment that they begin with.

    Raises:
        UsageError: Always, or another error that says why the words are not a moment.
    """
    rest = words[count:]
    if count == 0:
        split = " ".join(words).split()
        inner = session.words_of_moment(split)
        if inner and verbs.load(split[inner : inner + 1] or ["-"]) is not None:
            raise UsageError(
                "the quotation marks enclose more than the time", f"leave them out: {_line(session, (), ['at', *split])}"
            )
        if verbs.load(words[:1]) is not None:
            places = (
                place for place in range(1, len(words)) if session.words_of_moment(words[place:]) == len(words) - place
            )
            place = next(places, len(words))
            line = _line(session, (), ["at", *(words[place:] or ["yesterday"]), *words[:place]])
            raise UsageError(f"a time comes first, and {words[0]!r} is a verb", f"for instance: {line}")
    option = misplaced_option(rest)
    if option is not None:
        place = next(place for place, word in enumerate(rest) if verbs.load([word]) is not None)
        line = _line(session, (), ["at", *words[:count], rest[place], *rest[:place], *rest[place + 1 :]])
        raise UsageError(f"the option {option} comes before the verb that it belongs to", f"write: {line}")
    ends = (
        place
        for place, word in enumerate(words)
        if place and (word.startswith("-") or (word != "at" and verbs.load([word]) is not None))
    )
    session.moment_of(" ".join(words[: next(ends, len(words))]))
    raise AssertionError("the longest moment was not found")


def misplaced_option(words: Sequence[str]) -> str | None:
    """Return the first option before the verb of a command line that is not a global option; None if there is none."""
    from .parameters import global_option_takes_value

    left = list(words)
    while left and left[0].startswith("-"):
        word = left.pop(0)
        takes_value = global_option_takes_value(word.partition("=")[0])
        if takes_value is None:
            return word if any(verbs.load([each]) is not None for each in left) else None
        if takes_value and "=" not in word:
            del left[:1]
    return None


def _meant(session: Session, path: Sequence[str], words: list[str]) -> str | None:
    """Return the command line that is probably meant; None if nothing is probable."""
    word, rest = words[0], words[1:]
    known = [*verbs.names(path), *(() if path else verbs.ALIASES)]
    past = not path and session.options.at is not None
    found_verbs = {name: verb for name in known if (verb := verbs.load([*path, name])) is not None}
    if past:  # the past cannot be changed
        known = [name for name, verb in found_verbs.items() if not verb.writes]
    others = {
        f"{name} {after}".strip(): synonyms
        for name, verb in found_verbs.items()
        if name in known and name not in verbs.ALIASES
        for after, synonyms in verb.synonyms.items()
        if not (past and after)  # with words after it, it changes something
    }
    if not path and not past:
        others |= _SYNONYMS
    inner = word.split()
    if len(inner) > 1 and inner[0] in known:
        return _line(session, path, [*inner, *rest])
    verb_name = next((verb for verb, synonyms in others.items() if word.lower() in synonyms.split()), None)
    if verb_name is None and word.lower() in known:
        verb_name = word.lower()
    if not path and word.lower() == "todo":
        return _line(session, path, rest)
    if verb_name == "--help" and rest and rest[0] in known:
        return _line(session, path, [rest[0], "--help"])
    if verb_name is not None and " " in verb_name:  # with an example of its words
        filled = verb_name.replace("IDS", rest[0] if rest else "3").replace("NAME", rest[0] if rest else "work")
        return f"todo {filled}"
    if verb_name is not None:
        return _line(session, path, [verb_name, *(() if verb_name.startswith("-") else rest)])
    found = _first_list(session, word) if list(path) == ["lists"] else None
    if not path:
        found = _first_word(session, words, known)
    if found is not None:
        return found
    from difflib import get_close_matches

    swapped = [name for name in known if sorted(name) == sorted(word.lower())]
    synonyms = {word: name for name, words in others.items() if name in known for word in words.split()}
    near = swapped[:1] or get_close_matches(word.lower(), [*known, *synonyms], 1, 0.65)
    if near:
        return _line(session, path, [synonyms.get(near[0], near[0]), *rest])
    if path:
        return None
    return _line(session, path, ["ls" if past else "add", *words])


def _first_list(session: Session, word: str) -> str | None:
    """Return how to see a list, if a word is the name of one."""
    with suppress(CqrsError):
        if word in session.store.names():
            return shlex.join(["todo", "-L", word])
    return None


def _first_word(session: Session, words: list[str], known: Sequence[str]) -> str | None:
    """Return what a command line means that begins with todos, a tag, a list or a time; None if it does not."""
    word, rest = words[0], words[1:]
    past = session.options.at is not None
    if re.fullmatch(r"[0-9][0-9,-]*|@", word):
        if rest and rest[0] in known:
            return _line(session, (), [rest[0], word, *rest[1:]])
        show = _line(session, (), ["show", word])
        return show if past else f"{show}, or {_line(session, (), ['done', word])}"
    joined = re.fullmatch(r"([a-z]+)([0-9][0-9,-]*)", word)
    if joined is not None and joined[1] in known:
        return _line(session, (), [joined[1], joined[2], *rest])
    moment = not past and session.words_of_moment(words)
    if word.startswith(("+", "@")) and len(word) > 1:
        return _line(session, (), ["at" if moment else "ls", *words])
    if _first_list(session, word) is not None:
        return _line(session, (), ["-L", word, *rest])
    return _line(session, (), ["at", *words]) if moment else None


def _line(session: Session, path: Sequence[str], words: Sequence[str]) -> str:
    """Return a command line of the list and the moment of this run."""
    options = session.options
    before = [] if options.list is None or "-L" in words else ["-L", options.list]
    moment = [] if path or options.at is None else ["at", *options.at.split()]
    return shlex.join(["todo", *before, *moment, *path, *words])
