"""Programs that merge two copies of a list in a naive way. Each fails in few histories, and the trial must catch it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from cqrs_todo.cqrs import replication
from cqrs_todo.cqrs.events import MERGED, Commit, Metadata, Recorded
from cqrs_todo.cqrs.replication import Copy, Merged, aggregates, moving
from cqrs_todo.cqrs.replication.moving import Moving
from cqrs_todo.cqrs.replication.registers import CHANGED, CREATION, NO_KEY, Clock, Key, Registers, made_at
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo import merging
from cqrs_todo.todo.events import TagRemoved
from tests import replicas

Any3 = Moving[Any, Any, Any]


def _drops_without_effect() -> None:
    """A change that makes no difference where it is moved to is not kept, as `git rebase` drops commits."""
    placed = Moving._placed

    def without_wishes(self: Any3, event: Recorded, key: Key) -> Iterator[Any]:
        for each in placed(self, event, key):
            yield replace(each, data=Merged(TagRemoved("nothing"))) if each.type == MERGED else each

    Moving._placed = without_wishes  # type: ignore[method-assign]  # the weakness itself


def _wall_clock() -> None:
    """The clock of the machine decides which change is newer."""
    Clock.stamp = lambda self, metadata: made_at(metadata).astimezone(UTC)  # type: ignore[method-assign]  # noqa: ARG005  # the weakness ignores its arguments


def _last_wins() -> None:
    """What comes last in the log is in force."""
    Registers.newest = lambda self, stream, field: None  # type: ignore[method-assign]  # noqa: ARG005  # the weakness ignores its arguments


def _theirs_is_the_trunk() -> None:
    """Each machine puts its commits behind those of the other one."""
    replication.choose_trunk = lambda one, other: (other, one)


def _with_time(time: Callable[[Metadata], datetime]) -> None:
    move = Moving._move

    def moved(self: Any3, commit: Commit, key: Key) -> Commit:
        result = move(self, commit, key)
        return replace(result, metadata=replace(result.metadata, at=time(result.metadata)))

    Moving._move = moved  # type: ignore[method-assign]  # the weakness itself


def _original_time() -> None:
    """A commit that is moved keeps its time."""
    _with_time(made_at)


def _time_of_the_merge() -> None:
    """A commit that is moved gets the present time."""
    _with_time(lambda _: datetime.now(UTC))


def _marks_blindly() -> None:
    """An undo or redo that is moved applies to the same commits as before, whatever was undone and redone meanwhile."""
    moving._End.newest_step = lambda self, command: NO_KEY  # type: ignore[method-assign]  # noqa: ARG005  # the weakness ignores its arguments


def _undo_blindly() -> None:
    """Undo inverts events whose fields have other values by now."""
    replicas.fitting = lambda copy, changes: changes  # type: ignore[assignment,return-value]  # noqa: ARG005  # the weakness ignores its arguments


def _creation_resets() -> None:
    """A creation counts as a change of all fields."""
    aggregates.CREATED = CHANGED  # type: ignore[attr-defined]  # the weakness itself


def _ties_by_digest() -> None:
    """Digests, which depend on the texts of todos, decide which copy is the trunk."""

    def preference(copy: Copy, base: int) -> Any:
        commits = copy.commits[base:]
        return -copy.held, -len(copy.commits), copy.header, commits[0].sum if commits else "", ""

    replication._preference = preference


def _reads_text() -> None:
    """A change to the value that is there already is left out."""
    move = Moving._move

    def moved(self: Any3, commit: Commit, key: Key) -> Commit:
        def is_needed(event: Recorded) -> bool:
            wanted = self._aggregates.wanted(event)
            if wanted is None or self._rules.field_of(wanted) == CREATION:
                return True
            return bool(self._rules.express(wanted, self._aggregates.state(event.stream)))

        needed = tuple(filter(is_needed, commit.events)) or commit.events[:1]
        return move(self, replace(commit, events=needed), key)

    Moving._move = moved  # type: ignore[method-assign]  # the weakness itself


def _closes_circles() -> None:
    """Links are made although they close a circle."""
    merging.RULES = replace(merging.RULES, circle=lambda *_: None)


def _changes_removed() -> None:
    """A todo that was removed is changed as if it was there."""
    Moving._restored = lambda self, stream, placed: placed  # type: ignore[method-assign]  # noqa: ARG005  # the weakness ignores its arguments


def _moves_apart() -> None:
    """Each list is merged without looking at the others."""
    merging.settle = lambda lists, streams: []  # noqa: ARG005  # the weakness ignores its arguments


MERGES: dict[str, Callable[[], None]] = {
    "merge-drops-without-effect": _drops_without_effect,
    "merge-wall-clock": _wall_clock,
    "merge-last-wins": _last_wins,
    "merge-theirs-is-trunk": _theirs_is_the_trunk,
    "merge-original-time": _original_time,
    "merge-time-of-merge": _time_of_the_merge,
    "merge-marks-blindly": _marks_blindly,
    "merge-undo-blindly": _undo_blindly,
    "merge-creation-resets": _creation_resets,
    "merge-ties-by-digest": _ties_by_digest,
    "merge-reads-text": _reads_text,
    "merge-closes-circles": _closes_circles,
    "merge-changes-removed": _changes_removed,
    "merge-moves-apart": _moves_apart,
}
