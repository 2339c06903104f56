"""`todo store migrate`: bring the tables of a store up to date."""

from ...output import print_line, print_row
from ...reports import count_of
from ...session import Session
from ...text import printable, visible
from ...verb import Verb


def migrate(session: Session) -> None:
    """Bring the tables of the store up to date, and print the migrations that were run."""
    steps = list(session.store.migrate())
    if session.options.json:
        from ... import document

        print_line(document.encode({"store": printable(session.store.url), "migrations": steps}))
    elif session.options.plain:
        for step in steps:
            print_row(step)
    elif not session.options.quiet:
        print_line(
            visible(f"{session.store.url}: {count_of(len(steps), 'migration')} run" if steps else "Nothing to migrate")
        )
        for step in steps:
            print_line(f"  {step}")


VERB = Verb(
    name="migrate",
    help="Update the tables of the store for this version of the program. The lists do not change.",
    examples=("todo --store postgresql://me@server/lists store migrate",),
    action=migrate,
    scope="store",
    writes=True,
    synonyms={"": "upgrade update"},
)
