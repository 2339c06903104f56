"""`todo lists new`: make a list."""

from ...output import print_line, print_message
from ...session import Session
from ...text import printable, visible
from ...verb import Argument, Option, Verb
from . import lists_of, print_list


def new(session: Session, name: str, start_again: bool) -> None:
    """Make an empty list; with `start_again` even if a list of that name is missing, whose record is then kept in a file."""
    if not start_again:
        log = lists_of(session, name).new(name)
        print_list(session, log.name, f"New list: {log.name}")
        return
    log, kept, made = lists_of(session, name).start_again(name)
    if session.options.json:
        from ... import document

        print_line(document.encode({"list": log.name, "kept": [printable(file) for file in kept]}))
        return
    for file in kept:
        print_message(session, f"The record of the missing list is kept in {visible(file)}")
    print_list(session, log.name, f"New list: {log.name}" if made else f"{log.name} is now the list whose file is there")


VERB = Verb(
    name="new",
    help="Make an empty list.",
    examples=("todo lists new work", "todo lists new work --start-again"),
    action=new,
    arguments=(Argument("name", "NAME", "Its name."),),
    options=(
        Option(
            "start_again",
            ("--start-again",),
            "Make a new list even if the old list of this name is missing. The record of the old list is kept.",
        ),
    ),
    writes=True,
    synonyms={"": "add create make"},
)
