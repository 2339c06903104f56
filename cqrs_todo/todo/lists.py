"""The lists of a store: making, renaming and archiving them."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from ..cqrs.errors import LogExists
from ..cqrs.names import check_log_name, name_key
from ..cqrs.store import Log, Store
from .errors import ListArchived, ListNotFound


class Lists:
    """The lists of a store."""

    def __init__(self, store: Store, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Work with the lists of a store.

        Args:
            store: The store.
            clock: Returns the time at which a list is made, in UTC.
        """
        self.store = store
        self._clock = clock

    def names(self, *, archived: bool = False) -> list[str]:
        """Return the names of the lists, including lists that are missing.

        Args:
            archived: Whether to return the names of the archived lists instead of those in use.
        """
        return self.store.names(archived=archived)

    def new(self, name: str) -> Log:
        """Make a list.

        Args:
            name: Its name.

        Returns:
            Its log, which is empty.

        Raises:
            LogExists: A list in use or an archived one has this name, or one that differs from it only by case.
            InvalidLogName: No list can have this name.
            MissingLog: A list with this name had been recorded and is gone.
        """
        return self.store.create(name, self._clock())

    def start_again(self, name: str) -> tuple[Log, list[str], bool]:
        """Make a list in place of one that is missing. What had been recorded of the missing list is kept in a file.

        If the file of another list is in its place, that file becomes the list.

        Args:
            name: The name of the list.

        Returns:
            The log of the list; the files that keep the records of missing lists, empty if no list was missing; and whether
            the list was made, so that it is empty.

        Raises:
            LogExists: A list has this name already; see `new`.
            InvalidLogName: No list can have this name.
        """
        aside = [self.store.set_aside(name, archived=archived) for archived in (False, True)]
        kept = [file for file in aside if file]
        if kept and check_log_name(name) in self.names():
            return self.store.open(name), kept, False
        return self.new(name), kept, True

    def rename(self, old: str, new: str) -> None:
        """Give a list another name.

        Args:
            old: The name that it has.
            new: The name that it gets.

        Raises:
            ListNotFound: No list has the old name.
            LogExists: Another list has the new name; see `new`.
            InvalidLogName: No list can have the new name.
        """
        self._check(old)
        self.store.rename(old, new)

    def archive(self, name: str) -> None:
        """Archive a list with all its history.

        Args:
            name: Its name.

        Raises:
            ListNotFound: No list in use has this name.
            LogExists: An archived list has this name.
            MissingLog: The list had been recorded and is gone.
        """
        self._check(name)
        self.store.archive(name)

    def unarchive(self, name: str) -> None:
        """Bring an archived list back into use.

        Args:
            name: Its name.

        Raises:
            ListNotFound: No archived list has this name.
            LogExists: A list in use has this name.
            MissingLog: The list had been recorded and is gone.
        """
        self._check(name, archived=True)
        self.store.unarchive(name)

    def _check(self, name: str, *, archived: bool = False) -> None:
        names = self.names(archived=archived)
        if check_log_name(name) not in names:
            if archived and name in self.names():
                raise LogExists(name)  # it is in use already
            raise list_not_found(name, names, () if archived else self.names(archived=True))


def list_not_found(name: str, names: Iterable[str], archived: Iterable[str] = ()) -> ListNotFound | ListArchived:
    """Return the error for a list that is not in use, with the most similar name.

    Args:
        name: The name that was asked for.
        names: The names of the lists in use.
        archived: The names of the archived lists.
    """
    nearest = differing_only_by_case(name, names)
    if nearest is None:
        meant = differing_only_by_case(name, archived)
        if meant is not None:
            return ListArchived(meant)
        import difflib  # only for this error

        nearest = next(iter(difflib.get_close_matches(name, names, n=1)), None)
    return ListNotFound(name, nearest)


def differing_only_by_case(name: str, names: Iterable[str]) -> str | None:
    """Return the first name that is equal to a name, or differs from it only by case. None if there is no such name."""
    key = name_key(check_log_name(name))
    return next((other for other in names if name_key(other) == key), None)
