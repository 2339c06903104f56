"""The words that name todos: checks that need no list."""

import re
from collections.abc import Callable, Sequence
from itertools import takewhile

from ..todo.values import ID
from .errors import UsageError

# not compiled here, because compiling takes as long as many a verb
_RANGE = "([0-9]+)(?:-([0-9]+))?"
_NUMBER_LIKE = "[#@]?[0-9][^/a-z]*"
"""What is a number or a range, or was meant to be one. A word with '/' may name a todo of another list."""

_IDS = r"@|[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*,?"
"""What looks like numbers or ranges of todos in one word."""

_EXAMPLE = "write numbers and ranges, for instance 1-3,7"


def check_form(words: Sequence[str]) -> None:
    """Check the form of the words that name todos.

    Raises:
        UsageError: A word looks like a number or a range, but is none.
    """
    for word in words:
        if word.isdecimal():
            continue
        for part in re.findall("[^, ]+", word):
            numbers = re.fullmatch(_RANGE, part)
            if re.fullmatch(r"@-?[0-9]+(~[0-9]*)?", part):
                raise UsageError(
                    f"{part} is a position in the history, not a todo",
                    f"to see what happened there: todo show {part}; to go back to it: todo restore --to {part}",
                )
            if numbers is None and re.fullmatch(_NUMBER_LIKE, part) and not re.fullmatch(ID, part):
                raise UsageError(f"{part!r} is neither a number nor a range", _EXAMPLE)
            if numbers is not None and numbers[2] is not None and _size(numbers[1]) > _size(numbers[2]):
                raise UsageError(f"the range {part} ends before it begins", f"write {numbers[2]}-{numbers[1]}")


def _size(digits: str) -> tuple[int, str]:
    """Return what compares as the number does, which may be too long for `int`."""
    digits = digits.lstrip("0")
    return len(digits), digits


def check_one_word(
    ids: str,
    words: Sequence[str],
    literal: int,
    verb: str,
    *,
    lists: Callable[[], Sequence[str]],
    options: Sequence[str] = (),
    for_several: Callable[[Sequence[str]], bool] = bool,
) -> None:
    """Check that the words after the ids, which are a text, do not begin with more ids: `todo edit 1 2 Text`.

    Args:
        ids: The word that names todos.
        words: The words after it.
        literal: How many of the last words came after `--`.
        verb: The verb.
        lists: Returns the names of the lists, for a word such as `work/3`.
        options: The options that were given, for the command lines in the hint.
        for_several: Returns whether the words after all ids can be meant for several todos. By default, any words can.

    Raises:
        UsageError: The first of the words looks like todos.
    """
    if len(words) <= literal or not names_todos(words[0], lists):
        return
    import shlex  # only for errors

    hints = [f"for the text: {shlex.join(['todo', verb, ids, *options, '--', *words])}"]
    typed = words[: len(words) - literal]
    others = list(takewhile(lambda word: names_todos(word, lists), typed))
    rest = [*typed[len(others) :], *options, *(["--", *words[len(typed) :]] if literal else [])]
    if set(others) != {ids} and (not rest or for_several(words[len(others) :])):
        hints.insert(0, f"for several todos: {command_lines(verb, [ids, *others], rest)}")
    raise UsageError(f"{words[0]!r} could name a todo, or begin the text", "; ".join(hints))


def command_lines(verb: str, ids: Sequence[str], rest: Sequence[str]) -> str:
    """Return what to type for a verb that takes the ids in one word, when they were given in several.

    Args:
        verb: The verb.
        ids: The words that name todos.
        rest: The words after them; without any, three dots stand for what is missing.

    Returns:
        One command for the todos of each list.
    """
    import shlex  # only for errors

    parts: dict[str, list[str]] = {}
    for word in dict.fromkeys(word.rstrip(",") for word in ids):
        name, slash, numbers = word.rpartition("/")
        joins = bool(numbers) and "," not in name  # a text such as /milk/ stands alone
        parts.setdefault(name + slash if joins else word, []).append(numbers if joins else "")
    words = [shlex.quote(name + ",".join(numbers)) for name, numbers in parts.items()]
    return "; ".join(f"todo {verb} {word} {shlex.join(rest) or '…'}" for word in words)


def names_todos(word: str, lists: Callable[[], Sequence[str]]) -> bool:
    """Return whether a word looks like numbers or ranges of todos.

    Args:
        word: The word.
        lists: Returns the names of the lists, for a word such as `work/3`.
    """
    name, slash, rest = word.rpartition("/")
    if slash and re.fullmatch(_IDS, rest):
        return name in lists()
    return re.fullmatch(_IDS, word) is not None


def starts_with_ids(words: Sequence[str]) -> bool:
    """Return whether the first of some words looks like numbers or ranges of todos."""
    return bool(words) and re.fullmatch(_IDS, words[0]) is not None
