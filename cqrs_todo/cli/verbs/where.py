"""`todo where`: the paths in use."""

from ..config import cache_dir, config_file, state_dir
from ..output import print_line, print_row
from ..session import Session
from ..text import printable, visible
from ..verb import LISTS, Verb


def where(session: Session) -> None:
    """Show the paths in use."""
    session.refuse_at("where shows the paths in use now, and takes no --at")
    paths = {
        "store": session.store.url,
        "list": session.list_name,
        "configuration": config_file(),
        "cache": cache_dir(),
        "state": state_dir(),
    }
    if session.options.json:
        from .. import document

        print_line(document.encode({"paths": {name: printable(path) for name, path in paths.items()}}))
        return
    for name, value in paths.items():
        if session.options.plain:
            print_row(name, value)
        else:
            print_line(f"{name:<14}{visible(value)}")


VERB = Verb(
    name="where",
    help="Show the paths in use.",
    examples=("todo where", "todo where --json"),
    action=where,
    group=LISTS,
)
