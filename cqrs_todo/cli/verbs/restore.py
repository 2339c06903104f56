"""`todo restore`: make the list, or some todos, what they were."""

from collections.abc import Sequence

from ...todo.events import TodoRemoved, TodoRestored
from ...todo.model import Restore
from ...todo.recorder import Answer
from ...todo.views import RESTORES, number_ranges
from ..answers import change, named, print_answer
from ..errors import UsageError
from ..output import print_message
from ..session import Session
from ..verb import TRAVEL, Argument, Option, Verb


def restore(session: Session, ids: Sequence[str], to: str | None) -> None:
    """Restore removed todos; or make the list, or some todos, what they were at a moment, with new events in one commit."""
    if to is None:
        if not ids:
            from ..picker import can_pick, pick  # most commands name their todos

            if not can_pick(session):
                raise UsageError(
                    "say which todos to restore, or to which time",
                    "for a removed todo: todo restore 3; for the list: todo restore --to yesterday",
                )
            picked = pick(session, VERB, {})
            if not picked:
                return
            ids = [picked]
        change(session, ids, lambda _: [Restore()], "Restored", "Not removed")
        return
    chosen = session.choose(ids) if ids else None
    session.check_position(to)
    answer = session.list.restore(session.moment_of(to), chosen)
    if answer.commit is None and not ids and not session.options.json:
        print_message(session, "Nothing to restore.")
    else:
        same = [item.number for item in answer.items if item not in answer.changed]
        if same and not session.options.json:
            print_message(session, f"Unchanged: {number_ranges(same)}")
        print_answer(session, answer, _in_words(answer) if answer.changed else None)
    if answer.stayed and not session.options.json:
        numbers = number_ranges([item.number for item in answer.stayed])
        print_message(session, f"Not restored, because moved between lists since then: {numbers}")


def _in_words(answer: Answer) -> str:
    """Return which todos were removed, restored and changed to go back to a moment."""
    kinds: dict[str, str] = {}
    position = 0
    for commit in answer.commits:
        position = commit.metadata.meta.get(RESTORES, position)
        for event in commit.events:
            if isinstance(event.data, TodoRemoved):
                kinds[event.stream] = "removed"
            elif isinstance(event.data, TodoRestored):
                kinds[event.stream] = "restored"
            else:
                kinds.setdefault(event.stream, "changed")
    parts = []
    for kind in ("removed", "restored", "changed"):
        items = [item for item in answer.changed if kinds[item.stream] == kind]
        if items:
            parts.append(f"{kind} {named(items)}")
    return f"Went back to @{position}: {', '.join(parts)}"


VERB = Verb(
    name="restore",
    help="Restore removed todos. With --to, set the list, or some todos, back to how they were. `todo undo` reverses it.",
    examples=("todo restore 3", "todo restore --to last friday 17:00", "todo restore 3 --to @42"),
    action=restore,
    group=TRAVEL,
    about="removed",
    arguments=(
        Argument("ids", "IDS", "The todos. With --to, the default is the whole list.", required=False, several=True),
    ),
    options=(Option("to", ("--to",), "The time to go back to.", metavar="TIME|@POSITION", time="moment"),),
    writes=True,
    synonyms={"": "undelete recover unremove"},
)
