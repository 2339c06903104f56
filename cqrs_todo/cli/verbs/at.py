"""`todo at`: the list as it was, with any verb that reads."""

from collections.abc import Sequence

from ..errors import UsageError
from ..session import Session
from ..verb import TRAVEL, Argument, Verb


def at(session: Session, words: Sequence[str]) -> int:
    """Run the command line that follows a moment, as of that moment; without one show the board."""
    from ..quick import parse_fast
    from . import load

    if session.options.at is not None:
        raise UsageError("the moment is given twice", "leave out --at")
    count = session.words_of_moment(words)
    rest = words[count:]
    if count == 0 or (rest and not words[0].startswith("@") and load(rest[:1]) is None and _is_time_word(rest[0])):
        _refuse(session, words)
    session.options.at = " ".join(words[:count])
    action = parse_fast(rest, session)
    if action is not None:
        return action(session)
    from ..app import run_command_line

    return run_command_line(rest, session)


def _is_time_word(word: str) -> bool:
    from ...todo.times import is_time_word

    return is_time_word(word)


def _refuse(session: Session, words: Sequence[str]) -> None:
    """Raise the error for the words before the verb, which are not a moment as a whole."""
    from . import load

    ends = (place for place, word in enumerate(words) if place and (word.startswith("-") or load([word]) is not None))
    session.moment_of(" ".join(words[: next(ends, len(words))]))
    raise AssertionError("the longest moment was not found")


VERB = Verb(
    name="at",
    help="Show the list as it was. The time needs no quotes: the first word that is not part of it is the verb.",
    examples=("todo at last friday 17:00", "todo at 3 days ago ls --all", "todo at @42 show 3"),
    action=at,
    group=TRAVEL,
    arguments=(Argument("words", "TIME [VERB …]", "A time or @POSITION, then any verb that reads.", several=True),),
    dashes="rest",
)
