"""The lists of a store: made, renamed, archived and brought back."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from ..cqrs.errors import LogExists
from ..cqrs.names import check_log_name, name_key
from ..cqrs.store import Log, Store
from .selection import NotFound


def now_utc() -> datetime:
    """The wall time, as it is read."""
    return datetime.now(UTC)


class Lists:
    """The lists of a store."""

    def __init__(self, store: Store, clock: Callable[[], datetime] = now_utc) -> None:
        self.store = store
        self._clock = clock

    def names(self, *, archived: bool = False) -> list[str]:
        """The names of the lists in use, or of the archived ones; lists that are missing are among them."""
        return self.store.names(archived=archived)

    def new(self, name: str) -> Log:
        """Make a list.

        Raises:
            LogExists: The name, or one that differs from it only by case, is taken.
            Rejected: An archived list has the name.
            InvalidLogName: No list can have the name.
            MissingLog: A list of this name had been recorded and is gone.
        """
        self._check_free(name)
        return self.store.create(name, self._clock())

    def start_again(self, name: str) -> tuple[Log, list[str], bool]:
        """Make a list though one of its name is missing; the record of the missing one is kept in a file.

        If another list's file stands in its place, that file becomes the list.

        Returns:
            The list, the files that keep what had been recorded of missing ones (none if none was missing), and whether the
            list was made, so that it is empty.

        Raises:
            LogExists, Rejected, InvalidLogName: As for `new`.
        """
        aside = [self.store.set_aside(name, archived=archived) for archived in (False, True)]
        kept = [file for file in aside if file]
        if kept and check_log_name(name) in self.names():
            return self.store.open(name), kept, False
        return self.new(name), kept, True

    def rename(self, old: str, new: str) -> None:
        """Give a list another name; raises `NotFound` if there is no list with the old name, and what `new` raises."""
        self._check(old)
        self._check_free(new)
        self.store.rename(old, new)

    def archive(self, name: str) -> None:
        """Put a list away, with all its history; raises `NotFound`, `LogExists`, `MissingLog`."""
        self._check(name)
        self.store.archive(name)

    def unarchive(self, name: str) -> None:
        """Bring an archived list back; raises `NotFound`, `LogExists`, `MissingLog`."""
        self._check(name, archived=True)
        self.store.unarchive(name)

    def _check_free(self, name: str) -> None:
        if check_log_name(name) not in self.names(archived=True):
            return
        for missing in self.store.missing():
            if missing.archived and missing.name == check_log_name(name):
                raise missing
        raise LogExists(name, archived=True)

    def _check(self, name: str, *, archived: bool = False) -> None:
        names = self.names(archived=archived)
        if check_log_name(name) not in names:
            raise no_such_list(name, names, () if archived else self.names(archived=True))


def no_such_list(name: str, names: Iterable[str], archived: Iterable[str] = ()) -> NotFound:
    """Return the error for a list that is not in use.

    Args:
        name: The name that was asked for.
        names: The names of the lists in use. The error names the most similar one.
        archived: The names of the archived lists. If one of them is meant, the error says how to bring it back.
    """
    near = same_but_for_case(name, names)
    away = same_but_for_case(name, archived) if near is None else None
    if away is not None:
        import shlex  # only for this error

        return NotFound(f"the list {away!r} is archived", f"to bring it back: todo lists unarchive {shlex.quote(away)}")
    if near is None:
        import difflib

        near = next(iter(difflib.get_close_matches(name, names, n=1)), None)
    hint = "see: todo lists" if near is None else f"did you mean {near!r}?"
    return NotFound(f"no list named {name!r}", hint)


def same_but_for_case(name: str, names: Iterable[str]) -> str | None:
    """The one of some names that differs from a name only by case; None if there is none."""
    key = name_key(check_log_name(name))
    return next((other for other in names if name_key(other) == key), None)
