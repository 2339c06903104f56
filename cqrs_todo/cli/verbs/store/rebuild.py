"""`todo store rebuild`: derive read models again."""

from ....cqrs.errors import CqrsError
from ....cqrs.store import Log
from ....cqrs.subscriptions import without_copies
from ...output import print_line, print_row
from ...read_models import KNOWN, ReadModels, State, installed, known_model
from ...reports import count_of
from ...session import Session
from ...text import visible
from ...verb import Argument, Verb


def rebuild(session: Session, name: str | None) -> None:
    """Derive a read model of all lists again, or all read models.

    Raises:
        CqrsError: A list could not be read to its end. The read models have what comes before.
    """
    session.refuse_at("store rebuild derives rows from the whole history, and takes no --at")
    chosen = installed() if name is None else [known_model(name)]
    logs: list[Log] = []
    errors: list[CqrsError] = []
    for list_name in session.store.names():
        try:
            logs.append(session.store.open(list_name))
        except CqrsError as error:
            errors.append(error)
    logs = [*without_copies(logs)]
    models = ReadModels(session.store)
    done: list[State] = []
    try:
        for known in chosen:
            session.progress.begin(f"rebuilding {known.name}")
            errors += models.rebuild(known, logs)
            done.append(models.state(known, lambda: logs, session.snapshot_cursor))
    finally:
        models.close()
        session.progress.begin("reading")
    if session.options.json:
        from ... import document

        print_line(document.encode({"rebuilt": [{"name": each.known.name, "size": each.size} for each in done]}))
    for each in done:
        if session.options.plain:
            print_row(each.known.name, each.size)
        elif not session.options.json and not session.options.quiet:
            print_line(visible(f"Rebuilt {each.known.name} from {count_of(len(logs), 'list')}"))
    if errors:
        raise errors[0]


VERB = Verb(
    name="rebuild",
    help="Derive read models again from the lists. They are a cache, so no answer changes.",
    examples=("todo store rebuild", "todo store rebuild search"),
    action=rebuild,
    scope="store",
    arguments=(
        Argument(
            "name",
            "NAME",
            f"One of {', '.join(known.name for known in KNOWN)}. Default: all.",
            required=False,
            propose=lambda _session, _beginning: ((known.name, known.purpose) for known in KNOWN),
        ),
    ),
)
