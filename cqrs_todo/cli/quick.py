"""The fast path: it parses a verb and words, without options, and does not import Typer, which takes longer than the rest.

The verb's own declaration says how many words it takes. Everything else goes to Typer, wrong command lines included.
"""

from collections.abc import Callable, Sequence

from .session import Session

COMPLETE = "__complete"
"""The word with which a shell asks for completions; the name of the shell and the words of the command line follow."""

COUNTS = (["remind", "--count"], ["remind", "--count", "-A"])
"""The command lines that a shell prompt runs each time, which must be quick although they have options."""


def parse_fast(args: Sequence[str], session: Session) -> Callable[[Session], int] | None:
    """Parse a command line, if it has no options.

    Args:
        args: The arguments, without the name of the program.
        session: This run of the program.

    Returns:
        A function that runs the command line and returns the exit code; None if Typer must parse it.
    """
    if not args:
        from .board import show_board

        return show_board
    if args[0] == COMPLETE:
        from .completing import complete

        return lambda session: complete(session, args[1:])
    if args in COUNTS:
        from .due_reminders import print_count

        session.options.all_lists = len(args) > len(COUNTS[0])
        return print_count
    if any(arg.startswith("-") for arg in args):
        return None
    from .verbs import find

    found = find(args)
    if found is None:
        return None
    verb, words = found
    values = verb.values(words, session)
    return None if values is None else lambda session: verb.run(session, values)
