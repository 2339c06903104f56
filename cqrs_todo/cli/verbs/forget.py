"""`todo forget`: remove the data of todos from all history."""

import shlex
import sys
from collections.abc import Sequence

from ...cqrs.errors import DamagedLog
from ...cqrs.fold import Entity
from ...cqrs.struct import replace
from ...todo.fields import State
from ...todo.forgetting import Forgot
from ...todo.forgetting import forget as forget_in
from ...todo.views import item_of, number_ranges
from ..config import sync_dir
from ..errors import UsageError
from ..output import print_line, print_message, print_row
from ..queries import asked
from ..reports import count_of
from ..session import Session, check_ids
from ..text import printable, visible
from ..verb import CHANGE, IDS_IN_ONE_LIST, Option, Verb

_REFUSED = 1
_MOST_SHOWN = 10
"""How many todos the question shows with their texts."""
_ELSEWHERE = (
    "Not reached: other todos that repeat the text, other stores, exports, backups, other machines, and the history of your"
    " shell. The disk may still hold the old bytes. To find a text in all lists: todo history --all-lists -S TEXT"
)


def forget(session: Session, ids: Sequence[str], yes: bool) -> int:
    """Remove the data of todos from all history, and return the exit code.

    Raises:
        UsageError: Nobody can be asked.
        CqrsError: A list could not be searched or rewritten. What was done in others is printed first.
    """
    words = session.in_one_list(check_ids(ids))
    session.check_numbers(session.list, words)
    entities = session.list.entities(words)
    if session.recording and not yes and not _agreed(session, entities, ids):
        print_message(session, "Nothing was forgotten.")
        return _REFUSED
    done = forget_in(session.store, [entity.stream for entity in entities], session.clear_caches)
    if done.lists:
        done = _without_outputs(done)
        _print(session, done, number_ranges([entity.number for entity in entities]), [entity.stream for entity in entities])
    if done.errors:
        raise next((error for error in done.errors if isinstance(error, DamagedLog)), done.errors[0])
    return 0


def _without_outputs(done: Forgot) -> Forgot:
    """Remove what the programs of reactions printed, and return what was done with this."""
    from ..reactions import remove_outputs  # only here, because it imports much

    removed, left = remove_outputs()
    unreached = [f"{path} (it could not be removed)" for path in left]
    return replace(done, removed=(*done.removed, *removed), unreached=(*done.unreached, *unreached))


def _agreed(session: Session, entities: Sequence[Entity[State]], ids: Sequence[str]) -> bool:
    """Ask whether to forget todos, once.

    Raises:
        UsageError: There is no terminal to ask on.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        unasked = session.typed(session.list.name, f"forget {shlex.join(ids)} --yes")
        raise UsageError(
            "forget asks before it removes data, and there is no terminal to ask on; nothing was forgotten",
            f"to forget without the question: {unasked}",
        )
    for entity in entities[:_MOST_SHOWN]:
        item = item_of(entity)
        sys.stderr.write(f"{entity.number}  {'(forgotten or lost)' if item is None else visible(item.todo.text)}\n")
    if len(entities) > _MOST_SHOWN:
        sys.stderr.write(f"and {len(entities) - _MOST_SHOWN:,} more\n")
    what = "this todo" if len(entities) == 1 else f"these {len(entities):,} todos"
    return asked(f"Forget {what}, in all lists and all history? Nothing can bring back what is forgotten.")


def _print(session: Session, done: Forgot, numbers: str, streams: Sequence[str]) -> None:
    if session.options.json:
        from .. import document

        lists = [{"name": each.list, "archived": each.archived, "events": each.events} for each in done.lists]
        files = {"removed": list(map(printable, done.removed)), "unreached": list(map(printable, done.unreached))}
        print_line(document.encode({"streams": streams, "forgotten": lists, **files}))
        return
    if session.options.plain:
        for each in done.lists:
            print_row(each.list, "archived" if each.archived else "", each.events)
    elif not any(each.events for each in done.lists):
        print_message(session, f"Already forgotten: {numbers}")
    elif not session.options.quiet:
        places = [
            f"{visible(each.list)}{' (archived)' if each.archived else ''} ({count_of(each.events, 'event')})"
            for each in done.lists
            if each.events
        ]
        print_line(f"Forgot {numbers} in {', '.join(places)}. This cannot be undone.")
    for path in done.removed:
        print_message(session, f"Deleted, because it may have held this: {visible(path)}")
    for what in done.unreached:
        print_message(session, f"Not reached: {visible(what)}")
    print_message(session, _ELSEWHERE)
    from ...todo.sync.memory import MemoryFile  # `todo --help` loads this module

    if session.store_url.startswith("jsonl:") and MemoryFile(sync_dir(session.store_url)).load().remotes:
        print_message(session, f"Other machines: run {session.typed(None, 'sync')} here, and then on each of them")


VERB = Verb(
    name="forget",
    help="Erase todos from all history, for ever. It is for a password typed by mistake.",
    examples=("todo forget 3", "todo forget 3 --yes"),
    action=forget,
    group=CHANGE,
    about="all",
    must_name=True,
    arguments=(IDS_IN_ONE_LIST,),
    options=(Option("yes", ("--yes", "-y"), "Do not ask."),),
    writes=True,
    records=False,
)
