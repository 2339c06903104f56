"""What a merge did to a list: for people and for programs."""

from itertools import islice
from typing import TYPE_CHECKING, Any

from .conflicts import ConflictReport
from .output import print_message, print_warning
from .session import Session
from .text import brief, printable, visible

if TYPE_CHECKING:
    from ..cqrs.replication import MergedLog
    from ..todo.merging import MergedTodos

_MOST = 20
"""How many renumbered todos, and how many conflicts, are shown."""


class MergeReport:
    """What a merge did, for people and for programs.

    Args:
        session: This run of the program.
        name: The name of the list.
        merged: The merge.
        todos: What it did to the todos.
    """

    def __init__(self, session: Session, name: str, merged: "MergedLog", todos: "MergedTodos") -> None:
        self._session = session
        self._name = name
        self._merged = merged
        self._todos = todos
        self._conflicts = ConflictReport(session, name, merged.after, todos)

    def document(self) -> dict[str, Any]:
        """Return what programs read."""
        merged, todos = self._merged, self._todos
        return {
            "list": self._name,
            "position": merged.after[-1].last if merged.after else 0,
            "received": todos.received,
            "renumbered": [{"old": each.old, "new": each.new, "text": each.text} for each in todos.renumbered],
            "conflicts": self._conflicts.documents(),
            "forgotten": list(merged.forgotten),
            "kept": printable(merged.kept) or None,
        }

    def print_details(self, *, dry_run: bool, in_list: bool = False) -> None:
        """Print what people should know beside the number of commits.

        Args:
            dry_run: Whether nothing was changed.
            in_list: Whether the lines about renumbered todos name the list.
        """
        session, merged, todos = self._session, self._merged, self._todos
        renumbered = "Would be renumbered" if dry_run else "Renumbered"
        renumbered += f" in {visible(self._name)}: " if in_list else ": "
        for number in todos.renumbered[:_MOST]:
            print_message(session, f"{renumbered}{number.old} → {number.new} {brief(number.text)}")
        self._print_rest(len(todos.renumbered), "renumbered todos")
        for _, _, line in islice(self._conflicts.lines(bare=dry_run), _MOST):
            print_warning(line)
        self._print_rest(len(todos.all_conflicts), "conflicts")
        for item in todos.under_closed:
            closed = "removed" if self._is_removed(item.todo.parent) else "done"
            print_message(session, f"Open, under a todo that is {closed}: {item.number} {brief(item.todo.text)}")
        if merged.forgotten:
            count = len(merged.forgotten)
            were, are = ("todo was", "is") if count == 1 else ("todos were", "are")
            would = "would be" if dry_run else are
            copy = f"another copy of {visible(self._name)}"
            print_message(session, f"{count:,} {were} forgotten in {copy}, and {would} forgotten here now")
        if merged.kept and not dry_run:
            print_message(session, f"The list as it was is kept until 30 days after the next sync: {visible(merged.kept)}")

    def named(self, stream: str) -> str:
        """Return the number and the text of a todo."""
        return self._conflicts.named(stream)

    def _is_removed(self, id: str | None) -> bool:
        from ..todo.model import DECIDER

        parent = None if id is None else self._todos.fold.get(DECIDER.stream(id))
        return parent is not None and parent.state is not None and parent.state.removed

    def _print_rest(self, count: int, what: str) -> None:
        if count > _MOST:
            print_message(self._session, f"and {count - _MOST:,} more {what}: see them with --json")
