"""One round of a sync: which lists it is about, and which of them must wait for the next round."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from ...cqrs.errors import CqrsError, LogNotFound
from .remotes import Behind
from .results import SyncWarning
from .sides import Sides

T = TypeVar("T")


class Untaken:
    """What could not be taken or sent in any round of a sync."""

    def __init__(self, sides: Sides) -> None:
        """Begin with nothing.

        Args:
            sides: Both sides of the sync.
        """
        self._sides = sides
        self._unread: set[tuple[str, str]] = set()  # the ids of lists, and the labels of copies that could not be read
        self._held: set[tuple[str, str]] = set()  # those of which the end was held back
        self._warned: set[tuple[str, str]] = set()

    def add_unread(self, id: str, label: str, error: CqrsError) -> None:
        """Report once that a copy of a list cannot be read, for example because it is still on its way."""
        if (id, label) not in self._unread:
            self._unread.add((id, label))
            named = self._sides.heads[id] if id in self._sides.heads else self._sides.theirs[id]
            self._sides.done.errors.append(self._sides.unread_copy(f"{named.name}, {label}", label, error))

    def add_held(self, id: str, label: str, name: str, target: str) -> None:
        """Warn once that the end of a copy of a list is held back because of a move to another list."""
        self._held.add((id, label))
        self._warn_of_move("held", id, name, self._sides.remote.writer(label), target)

    def add_unsent(self, id: str, name: str, count: int, target: str) -> None:
        """Warn once that commits of a list were not sent because of a move to another list."""
        self._warn_of_move("waiting", id, name, str(count), target)

    def is_complete(self, id: str, label: str) -> bool:
        """Return whether all of a copy was taken."""
        return (id, label) not in self._unread and (id, label) not in self._held

    def _warn_of_move(self, kind: str, id: str, name: str, other: str, target: str) -> None:
        if (kind, id) not in self._warned:
            self._warned.add((kind, id))
            self._sides.done.warnings.append(SyncWarning(kind, name, other, self._sides.remote.url, target))


class Round:
    """A round.

    Attributes:
        sides: Both sides of the sync.
        untaken: What could not be taken so far.
        chosen: The ids of all lists of the sync. Those that todos were moved to are added.
        changed: Those of this round.
        again: Those of the next one.
        is_last: Whether nothing is tried again.
    """

    def __init__(self, sides: Sides, untaken: Untaken, chosen: list[str], ids: Sequence[str], *, is_last: bool) -> None:
        """Begin a round.

        Args:
            sides: As above.
            untaken: As above.
            chosen: As above.
            ids: The ids of the lists that may have changed.
            is_last: As above.
        """
        self.sides, self.untaken, self.chosen, self.is_last = sides, untaken, chosen, is_last
        self.changed = [id for id in ids if id not in sides.failed and not sides.is_same(id)]
        self.again: list[str] = []

    def add(self, id: str) -> None:
        """Add a list that is not among the chosen ones."""
        self.chosen.append(id)
        self.changed.append(id)

    def take_turn(self, id: str, act: Callable[[str], T]) -> T | None:
        """Receive or send a list, or a part of it, if that is not in vain in this round."""
        if id not in self.sides.failed and id not in self.again:
            try:
                return act(id)
            except CqrsError as error:
                self.put_aside(id, error)
        return None

    def _was_renamed(self, id: str, error: CqrsError) -> bool:
        """Return whether a list was not found because it was renamed here meanwhile."""
        if not isinstance(error, LogNotFound) or id not in self.sides.heads:
            return False
        now = next((head for head in self.sides.store.heads() if head.id == id and not head.archived), None)
        return now is not None and now.name != self.sides.heads[id].name

    def put_aside(self, id: str, error: CqrsError) -> None:
        """Leave a list for the next round, or, if that does not help, as it is."""
        if not isinstance(error, Behind) and (self.is_last or not self._was_renamed(id, error)):
            self.sides.fail(id, error)
        elif self.is_last:  # then it may have another reason
            self.sides.fail(id, error.__cause__ if isinstance(error.__cause__, CqrsError) else error)
        else:
            self.again.append(id)
