"""The board, which `todo` shows without a verb: the open todos that are overdue, those of today, and the next ones."""

from collections.abc import Sequence

from ..cqrs.struct import replace
from ..todo.arranging import board
from ..todo.service import View
from ..todo.views import Item, open_items
from .clock import to_local
from .output import print_line, print_nothing
from .session import Session
from .tables import Block, Entry, Section, Source, print_blocks, print_waiting
from .terminal import print_moment

_FIRST_STEPS = """The list is empty. Three things to try:
  todo add "Buy milk" due:tomorrow
  todo add "Water the plants" every:week
  todo help add"""


def show_board(session: Session) -> int:
    """Print the open todos of every list, in three groups, and return the exit code.

    A list other than the one in use that cannot be read hides no other list: its error is reported after the board.
    """
    if session.options.all_lists:
        session.check_all_lists()
    all_lists = session.shows_all_lists
    session.announce_reminders(all_lists=all_lists)
    views, failure = session.views(all_lists=all_lists)
    if session.options.json:
        from . import document

        lists = [document.view_document(view, open_items(view.items)) for view in views]
        print_line(document.encode({"lists": lists}))
    else:
        _print_board(session, views)
    if failure is not None:
        raise failure
    return 0


def _print_board(session: Session, views: Sequence[View]) -> None:
    print_moment(session, views[0])
    now = session.seen_from(views[0])
    blocks: list[Block] = []
    waiting: list[Item] = []
    elsewhere = False
    for view in views:
        parts = board(view.items, now, to_local)
        waiting += parts.waiting
        elsewhere |= bool(parts.waiting) and view is not views[0]
        groups = [("Overdue", parts.overdue), ("Today", parts.today), ("Next", parts.next)]
        counts = ", ".join(f"{len(items):,} {title.lower()}" for title, items in groups[:2] if items)
        if not counts:
            groups = [("", parts.next)]
        source = Source(view.list, view.items, session.prefix(view.list))
        sections = [Section(title, [Entry(item, source) for item in items]) for title, items in groups if items]
        if sections:
            blocks.append(Block(sections, view.list, counts))
    if len(blocks) == 1 and not blocks[0].sections[0].entries[0].source.prefix:  # only the list in use has something to show
        blocks = [replace(blocks[0], name="")]
    if any(view.items for view in views):
        print_blocks(session, blocks, now, empty="Nothing is open.")
        print_waiting(session, waiting, now, all_lists=elsewhere)
    elif session.moment is None:
        from .hints import complete_hint  # needed once in the life of a list

        print_nothing(session, complete_hint(_FIRST_STEPS, session))
    else:
        print_nothing(session, "The list is empty.")
