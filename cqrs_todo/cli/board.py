"""The board, which `todo` shows without a verb: the open todos that are overdue, those of today, and the next ones."""

from ..todo.views import board, open_items
from .clock import to_local
from .output import print_line, print_message
from .session import Session
from .tables import print_groups
from .terminal import print_moment


def show_board(session: Session) -> int:
    """Print the open todos in three groups, and return the exit code."""
    view = session.list.view(session.moment)
    if session.options.json:
        from . import document

        print_line(document.encode(document.view_document(view, open_items(view.items))))
        return 0
    print_moment(session, view)
    if view.items:
        now = session.seen_from(view)
        parts = board(view.items, now, to_local)
        groups = [("Overdue", parts.overdue), ("Today", parts.today), ("Next", parts.next)]
        if not parts.overdue and not parts.today:
            groups = [("", parts.next)]
        print_groups(session, groups, now, empty="Nothing is open.")
    else:
        first = ' Add something: todo add "Buy milk" due:tomorrow' if session.moment is None else ""
        print_message(session, f"The list is empty.{first}")
    return 0
