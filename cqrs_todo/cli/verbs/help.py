"""`todo help`: the help of the program, or of a verb."""

from collections.abc import Sequence

from ..session import Session
from ..verb import LISTS, Argument, Verb


def help_about(session: Session, words: Sequence[str]) -> int:
    """Show the help of the program, or of a verb, and return the exit code."""
    from ..app import run_command_line  # Typer writes the help

    path = words[1:] if words[:1] == ("todo",) else words
    return run_command_line([*path, "--help"], session)


VERB = Verb(
    name="help",
    help="Show the help of a verb, or a list of all verbs.",
    examples=("todo help add", "todo help lists new"),
    action=help_about,
    group=LISTS,
    scope="nothing",
    arguments=(Argument("words", "VERB", "The verb.", required=False, several=True),),
    paged=True,
)
