"""Times of several words without quotation marks: `todo ls --at 5 minutes ago milk`.

A time is the longest sequence of words that can be read as one. The words after it belong to the verb. The declarations of
the verbs say which arguments and options are times.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from .errors import UsageError
from .session import Session
from .verb import Argument, TimeKind, Verb

_NUMBERS = re.compile(r"\d{1,18}(-\d{1,18})?(,\d{1,18}(-\d{1,18})?)*", re.ASCII)
"""What the numbers of todos look like."""

_MOST_WORDS = 12
"""How many words an error repeats."""

Names: TypeAlias = Mapping[str, tuple[TimeKind, str]]
"""The options that take a time, by the ways people write them: the kind of time, and the first of the option's names."""


def take_argument(session: Session, argument: Argument, words: list[str], *, must: bool = False) -> str | None:
    """Take the words of an argument that is a time from the beginning of some words.

    Args:
        session: This run of the program, which knows how to read times.
        argument: The declaration of the argument.
        words: The words. Those that are taken are removed.
        must: Whether the words can only be a time, because the verb takes nothing else.

    Returns:
        The time, or words that should be one, so that whoever reads them reports what is wrong; None if the argument is left
        out.

    Raises:
        UsageError: The first word is empty.
    """
    if not words:
        return None
    if not words[0].strip():
        raise UsageError(f"{argument.metavar} is empty", "write a time, or a position such as @42")
    count = session.words_of_moment(words)
    if not count and (argument.required or must or _looks_like_time(words[0], takes_numbers=True)):
        count = _count_wrong(words)
    taken = " ".join(words[:count])
    del words[:count]
    return taken or None


def join_arguments(session: Session, verb: Verb, words: Sequence[str]) -> list[str]:
    """Join the words of each argument that is a time into one word.

    Args:
        session: This run of the program.
        verb: The verb, whose times come before its other arguments.
        words: The words after the verb, without options.

    Returns:
        The words. '' stands for a time that is left out, if other words follow.
    """
    left = list(words)
    times: list[str] = []
    only_times = all(argument.time for argument in verb.arguments)
    for argument in verb.arguments:
        if argument.time is None or not left:
            break
        times.append(take_argument(session, argument, left, must=only_times) or "")
    return [*times, *left] if left or "" not in times else [time for time in times if time]


def join_options(session: Session, args: Sequence[str], names: Names, *, takes_numbers: bool, stops: bool) -> list[str]:
    """Join the words of each option that is a time into one word.

    Args:
        session: This run of the program.
        args: The arguments.
        names: The options that take a time.
        takes_numbers: Whether numbers after a time can be todos.
        stops: Whether the first argument that belongs to no option ends the options.

    Returns:
        The arguments.

    Raises:
        UsageError: A word after a time looks like a part of it, but together they cannot be read. Or an option is given
            twice.
    """
    joined: list[str] = []
    given: dict[str, str] = {}
    left = list(args)
    while left:
        arg = left.pop(0)
        if arg == "--" or (stops and not arg.startswith("-")):
            return [*joined, arg, *left]
        if stops and is_negative(arg):
            return [*joined, "--", arg, *left]
        name, equals, value = arg.partition("=")
        if name not in names or not (equals or left):
            joined.append(arg)
            continue
        kind, first_name = names[name]
        # an option is not a part of a time, but the first word is the value, whatever it looks like
        first = [value] if equals else [left.pop(0)]
        ends = (place for place, word in enumerate(left) if word.startswith("-"))
        words = first + left[: next(ends, len(left))]
        count = _count_words(session, words, kind, name, takes_numbers=takes_numbers)
        del left[: count - 1]
        typed = " ".join(words[:count])
        if first_name in given:
            raise given_twice(name, given[first_name], typed)
        given[first_name] = typed
        joined += [name, typed]
    return joined


def given_twice(name: str, first: str, second: str) -> UsageError:
    """Return the error for an option that is a time and was given twice.

    Args:
        name: The option.
        first: Its first value.
        second: Its second value.
    """
    return UsageError(f"{name} is given twice: {first!r} and {second!r}", "give it once")


def is_negative(arg: str) -> bool:
    """Return whether an argument begins with a hyphen and a digit, as in `-3d`. No option does, so it is a word."""
    return arg[:1] == "-" and arg[1:2].isdecimal()


def split_options(args: Sequence[str], takes_value: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    """Divide arguments into options, with their values, and words.

    Args:
        args: The arguments.
        takes_value: Whether an option takes a value.
    """
    options: list[str] = []
    words: list[str] = []
    left = list(args)
    while left:
        arg = left.pop(0)
        if arg == "--":
            return options, [*words, *left]
        if not arg.startswith("-") or arg == "-" or is_negative(arg):
            words.append(arg)
        elif takes_value(arg) and left:
            options += [arg, left.pop(0)]
        else:
            options.append(arg)
    return options, words


def _count_words(session: Session, words: Sequence[str], kind: TimeKind, name: str, *, takes_numbers: bool) -> int:
    """Return how many words belong to the value of an option, which is at least one."""
    if kind == "future":
        return session.words_of_time(words, "future") or 1
    count = session.words_of_moment(words) if kind == "moment" else session.words_of_time(words, "past")
    if not count:
        return _count_wrong(words)
    rest = words[count:]
    if rest and not words[0].startswith("@") and _looks_like_time(rest[0], takes_numbers=takes_numbers):
        try:
            session.span_of(" ".join(words[: count + 1]))
        except UsageError as error:
            raise UsageError(
                str(error), f"{error.hint}; or put {rest[0]!r} before {name} if it is not a part of it"
            ) from error
    return count


def _looks_like_time(word: str, *, takes_numbers: bool) -> bool:
    """Return whether a word can only be a part of a time, or a position."""
    from ..todo.times import is_time_word

    if word.startswith("@"):
        return len(word) > 1
    return is_time_word(word) and not (takes_numbers and _NUMBERS.fullmatch(word))


def _count_wrong(words: Sequence[str]) -> int:
    """Return how many words someone probably meant as a time, though they begin with none: `5 minuts ago`."""
    from ..todo.times import is_time_word

    last = 1
    for place, word in enumerate(words[:_MOST_WORDS], 1):
        if word.startswith("@"):
            break
        if is_time_word(word):
            last = place
    return last
