"""`todo search`: find todos by their present and past texts, notes and tags."""

from collections.abc import Mapping, Sequence

from ...cqrs.errors import CqrsError
from ...cqrs.fold import Entity
from ...cqrs.projections import ReadModel
from ...cqrs.store import Log
from ...cqrs.struct import Struct
from ...cqrs.subscriptions import without_copies
from ...todo.fields import State
from ...todo.read_models.search import Found, Match, Version, phrases, search
from ...todo.service import TodoList
from ...todo.values import day_or_instant, searchable
from ...todo.views import id_of, short_instant
from ..clock import to_local
from ..errors import UsageError
from ..output import print_line, print_message, print_row
from ..read_models import ReadModels, known_model
from ..session import Session, check_text
from ..terminal import print_hanging
from ..text import visible
from ..verb import LOOK, Argument, Option, Verb

_USUAL = 20
"""How many todos are shown if no number is given."""


class _Hit(Struct, frozen=True):
    """A todo that said what is searched for, and where it is now."""

    match: Match
    todos: TodoList
    entity: Entity[State]

    @property
    def state(self) -> str:
        todo = self.entity.state
        if todo is None or todo.removed:
            return "removed"
        return "done" if todo.done else "open"


def search_lists(session: Session, words: Sequence[str], limit: int) -> None:
    """Find todos on all lists, or on the one that is named, by their present and past texts, notes and tags.

    Raises:
        CqrsError: A list could not be read to its end. What was found is printed first.
    """
    session.refuse_at("search looks through the whole history, and takes no --at")
    words = [check_text("word", word) for word in words]
    if not phrases(words):
        raise UsageError("there is no word to search for", "a word has letters or digits: todo search milk")
    lists, failure = _lists(session)
    models = ReadModels(session.store)

    def question(model: ReadModel) -> tuple[Found, list[_Hit]]:
        found = search(model, lists, words, limit or None)
        return found, _hits(found, lists)

    try:
        (found, hits), failures = models.ask(known_model("search"), [each.log for each in lists.values()], question)
    finally:
        models.close()
    if session.options.json:
        _print_json(words, found, hits)
    elif session.options.plain:
        for hit in hits:
            for version in hit.match.versions:
                _print_plain(hit, version)
    else:
        _print_lines(session, words, found, hits)
    errors = [error for error in (failure, *failures) if error is not None]
    if errors:
        raise errors[0]


def _lists(session: Session) -> tuple[dict[str, TodoList], CqrsError | None]:
    """Open the lists to search, and return them by the ids of their logs, with the error of one that cannot be opened."""
    if session.options.list is not None:
        session.list.check_exists()
        return {session.list.log.id: session.list}, None
    opened: dict[Log, TodoList] = {}
    failure: CqrsError | None = None
    for name in session.store.names():
        try:
            todos = session.list if name == session.list_name else session.open_list(name)
        except CqrsError as error:
            failure = failure or error
            continue
        opened[todos.log] = todos
    return {log.id: opened[log] for log in without_copies(opened)}, failure


def _hits(found: Found, lists: Mapping[str, TodoList]) -> list[_Hit]:
    """Return the todos that were found, as they are now.

    Raises:
        ValueError: A todo is not in its list, so the rows are damaged.
    """
    folds = {log_id: lists[log_id].repository.fold() for log_id in {match.log_id for match in found.matches}}
    try:
        return [_Hit(match, lists[match.log_id], folds[match.log_id][match.stream]) for match in found.matches]
    except KeyError as error:
        raise ValueError(f"the rows of a read model are damaged: there is no {error}") from error


def _print_json(words: Sequence[str], found: Found, hits: Sequence[_Hit]) -> None:
    from .. import document

    todos = [
        {
            "list": hit.todos.name,
            "number": hit.entity.number,
            "id": id_of(hit.match.stream),
            "state": hit.state,
            "text": None if hit.entity.state is None else hit.entity.state.text,
            "versions": [
                {
                    "position": version.position,
                    "since": version.since,
                    "until": version.until,
                    "text": version.text,
                    "note": version.note,
                    "tags": version.tags,
                }
                for version in hit.match.versions
            ],
        }
        for hit in hits
    ]
    print_line(document.encode({"words": words, "more": found.more, "todos": todos}))


def _print_plain(hit: _Hit, version: Version) -> None:
    until = None if version.until is None else day_or_instant(version.until)
    print_row(
        hit.todos.name,
        hit.entity.number,
        id_of(hit.match.stream),
        hit.state,
        day_or_instant(version.since),
        until,
        version.text,
        " ".join(version.tags),
        version.note,
    )


def _print_lines(session: Session, words: Sequence[str], found: Found, hits: Sequence[_Hit]) -> None:
    labels = [f"{session.prefix(hit.todos.name)}{hit.entity.number}" for hit in hits]
    width = max(map(len, labels), default=0)
    lines: list[tuple[str, str]] = []
    for label, hit in zip(labels, hits, strict=True):
        todo = hit.entity.state
        state = "" if hit.state == "open" else f" ({hit.state})"
        lines.append((f"{visible(label):<{width}}  ", f"{'' if todo is None else visible(todo.text)}{state}"))
        lines += ((f"{'':<{width}}    ", _in_words(version, words)) for version in hit.match.versions)
    print_hanging(session, lines)
    if not hits:
        print_message(session, "No todo has or had these words.")
    elif found.more:
        print_message(session, f"These are the best {len(hits)}. To see all: --limit 0")


def _in_words(version: Version, words: Sequence[str]) -> str:
    """Return when a version was true, and what it said; of a note the first line with one of the words."""
    until = "" if version.until is None else f" until {short_instant(version.until, to_local)}"
    said = [visible(version.text), *(f"+{visible(tag)}" for tag in version.tags)]
    wanted = [searchable(part) for word in words for part in word.replace('"', " ").replace("*", " ").split()]
    lines = (version.note or "").split("\n")
    line = next((line for line in lines if any(word in searchable(line) for word in wanted)), "")
    if line.strip():
        said.append(f"(note: {visible(line.strip())})")
    return f"since {short_instant(version.since, to_local)}{until}: {' '.join(said)}"


VERB = Verb(
    name="search",
    help=(
        "Find todos by their present and past texts, notes and tags. It searches all lists that are not archived, and"
        " removed todos, too. It shows the best matches first."
    ),
    examples=("todo search dentist", 'todo search "oat milk"', "todo search dent* +health", "todo search milk -L home"),
    action=search_lists,
    group=LOOK,
    scope="lists",
    arguments=(
        Argument(
            "words",
            "WORDS",
            'All of these words, in any order. "Two words" in quotation marks stand together. dent* finds dentist.',
            several=True,
        ),
    ),
    options=(
        Option(
            "limit",
            ("--limit", "-n"),
            "Show at most N todos; 0 means all.",
            metavar="N",
            kind=int,
            least=0,
            most=10**9,
            default=_USUAL,
        ),
    ),
    dashes="word",
)
