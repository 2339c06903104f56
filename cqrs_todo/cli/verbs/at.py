"""`todo at`: the list as it was, with any verb that reads."""

from collections.abc import Sequence

from ..errors import UsageError
from ..session import Session
from ..verb import EVERYDAY, Argument, Verb


def at(session: Session, words: Sequence[str]) -> int:
    """Run the command line that follows a moment, as of that moment; without one show the board."""
    from .. import parse_fast

    if session.options.at is not None:
        raise UsageError("the moment is given twice", "leave out --at")
    count = session.words_of_moment(words)
    rest = words[count:]
    if count == 0 or (rest and _is_wrong(session, words[0], rest)):
        from ..suggestions import refuse_moment

        refuse_moment(session, words, count)
    session.options.at = " ".join(words[:count])
    session.__dict__.pop("moment", None)  # it was asked for when there was none
    action = parse_fast(rest, session)
    if action is not None:
        return action(session)
    from ..app import run_command_line

    return run_command_line(rest, session)


def _is_wrong(session: Session, first: str, rest: Sequence[str]) -> bool:
    """Return whether the words after a moment are not a command line, but a part of the moment or its options."""
    from . import load

    word = rest[0]
    if word.startswith("-"):
        from ..suggestions import misplaced_option

        return misplaced_option(rest) is not None
    if first.startswith("@"):
        return False
    if word == "at":  # `at yesterday at 25:00`
        return len(rest) > 1 and _is_time_word(rest[1]) and not session.words_of_moment(rest[1:])
    return load([word]) is None and _is_time_word(word)


def _is_time_word(word: str) -> bool:
    from ...todo.times import is_time_word

    return is_time_word(word)


VERB = Verb(
    name="at",
    help="Show the list as it was. The time needs no quotes: the first word that is not part of it is the verb.",
    examples=("todo at last friday 17:00", "todo at 3 days ago ls --all", "todo at @42 show 3"),
    action=at,
    group=EVERYDAY,
    arguments=(Argument("words", "TIME [VERB …]", "A time or @POSITION, then any verb that reads.", several=True),),
    dashes="rest",
    scope="lists",
)
