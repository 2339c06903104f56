"""Conflicts in a list, as people and programs see them: after a merge or a sync, and in the history."""

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from ..cqrs.errors import CqrsError
from ..cqrs.struct import replace
from .clock import to_local
from .output import print_message, print_warning
from .session import Session
from .text import brief, visible

if TYPE_CHECKING:
    from ..cqrs.events import Commit
    from ..cqrs.fold import Entity
    from ..cqrs.replication import Change, Conflict, MergedLog
    from ..cqrs.store import LogHead
    from ..todo.events import TodoEvent
    from ..todo.fields import State
    from ..todo.merges import Elsewhere
    from ..todo.merging import Conflicts, MergedTodos, TooLate
    from ..todo.service import TodoList
    from ..todo.views import Move

    Found = TypeVar("Found", bound=Conflicts)


class ConflictReport:
    """Conflicts in a list, for people and for programs.

    Args:
        session: This run of the program.
        name: The name of the list.
        commits: Its commits.
        found: The conflicts.
    """

    def __init__(self, session: Session, name: str, commits: "Sequence[Commit]", found: "Conflicts") -> None:
        self._session = session
        self._name = name
        self._commits: Mapping[str, Commit] = {commit.metadata.command: commit for commit in commits}
        self._found = found

    def documents(self) -> list[dict[str, Any]]:
        """Return what programs read of each conflict."""
        return [
            *map(self._conflict_document, self._found.conflicts),
            *(self._conflict_document(each.conflict, each.following) for each in self._found.too_late),
        ]

    def losers(self, newest_first: "Iterable[Commit]", streams: Collection[str] | None) -> "Iterator[Commit]":
        """Yield the commits that lost a conflict.

        Args:
            newest_first: The commits of the list. They are read no further than to the first one that lost.
            streams: The streams of the todos that count; None for all.
        """
        count = len(self._losers)
        found = (commit for commit in newest_first if commit.metadata.command in self._losers) if count else iter(())
        for commit in islice(found, count):
            if streams is None or not self._losers[commit.metadata.command].isdisjoint(streams):
                yield commit

    def conflicts_not_good_elsewhere(self) -> "tuple[Conflict, ...]":
        """Return the conflicts in fields of one todo, without those with moves that are good where the todo is."""
        return tuple(each for each in self._found.conflicts if not self._is_good_elsewhere(each))

    def _is_good_elsewhere(self, conflict: "Conflict") -> bool:
        """Return whether a moved todo has, in its new list, the value of a change that lost to the move."""
        from ..todo.merging import is_as_wanted

        move = None if conflict.winner is None else self._move_of(conflict.winner)
        found = None if move is None else self._places.find(conflict.stream, move.target)
        return found is not None and is_as_wanted(conflict.loser.event, found[1].state)

    @cached_property
    def _losers(self) -> Mapping[str, set[str]]:
        """The streams of the todos of which commits lost a conflict, by the command ids."""
        found: dict[str, set[str]] = {}
        for each in self._found.all_conflicts:
            found.setdefault(each.loser.command, set()).add(each.stream)
        return found

    def lines(self, *, bare: bool = False) -> "Iterator[tuple[Commit, str, str]]":
        """Yield a line for each conflict, with the commit of what lost, and the stream of the todo.

        Args:
            bare: Whether to leave out the commands, because the list is not as it is shown.
        """
        for conflict in self._found.conflicts:
            yield self._commits[conflict.loser.command], conflict.stream, self._conflict_line(conflict, bare=bare)
        for late in self._found.too_late:
            conflict = late.conflict
            yield self._commits[conflict.loser.command], conflict.stream, self._line_too_late(late, bare=bare)

    def _conflict_document(self, conflict: "Conflict", following: str | None = None) -> dict[str, Any]:
        from ..todo.views import id_of

        winner = conflict.winner
        return {
            "number": self._found.fold[conflict.stream].number,
            "id": id_of(conflict.stream),
            "field": conflict.field,
            "winner": None if winner is None else self._change_document(winner),
            "loser": self._change_document(conflict.loser),
            "next": None if following is None else self._found.fold[following].number,
        }

    def _change_document(self, change: "Change") -> Mapping[str, Any]:
        return {
            "position": self._commits[change.command].position,
            "by": change.metadata.by,
            "made": change.made,
            "change": self._in_words(change),
        }

    def _conflict_line(self, conflict: "Conflict", *, bare: bool) -> str:
        from ..todo.events import TodoRemoved, TodoRestored

        seconds = conflict.winner is not None and self._when(conflict.winner) == self._when(conflict.loser)
        loser = self._who(conflict.loser, seconds=seconds)
        what = f"Conflict: {self.named(conflict.stream)}: "
        if conflict.winner is None:
            return f"{what}{loser} was left out, because it would close a circle"
        winner = self._who(conflict.winner, seconds=seconds)
        move = self._move_of(conflict.winner)
        if move is not None:
            there = "" if bare else self._way_there(conflict)
            return f"{what}{winner} stands; without effect there: {loser}{there}"
        if isinstance(conflict.winner.event, TodoRemoved):
            number = self._found.fold[conflict.stream].number
            restore = self._session.typed(self._name, f"restore {number}")
            if isinstance(conflict.loser.event, TodoRestored):
                return f"{what}{winner} stands; without effect: {loser}" + ("" if bare else f". To restore it: {restore}")
            restored = "" if bare else f": {restore}"
            return f"{what}{winner} stands; {loser} shows when it is restored{restored}"
        again = "" if bare else self._again_here(conflict)
        return f"{what}{winner} stands; without effect: {loser}{again}"

    def _line_too_late(self, late: "TooLate", *, bare: bool) -> str:
        done, change = late.conflict.winner, late.conflict.loser
        if done is None:
            raise ValueError("a change comes too late for a completion")
        seconds = self._when(done) == self._when(change)
        made = f"{self._who(done, seconds=seconds)} made the next one, {self.named(late.following)}"
        lacking = f"without effect there: {self._who(change, seconds=seconds)}"
        number = self._found.fold[late.following].number
        again = "" if bare else self._again(change, self._name, number, what="do the same there")
        return f"Conflict: {self.named(late.conflict.stream)}: {made}; {lacking}{again}"

    def _move_of(self, change: "Change") -> "Move | None":
        """Return the move that a removal is one half of; None for any other change."""
        from ..todo.events import TodoRemoved
        from ..todo.views import move_of

        return move_of(self._commits[change.command]) if isinstance(change.event, TodoRemoved) else None

    def _way_there(self, conflict: "Conflict") -> str:
        """Return a sentence with the command that makes a change in the list in which the todo is; '' if it is in none."""
        from ..todo.events import TodoRestored

        move = None if conflict.winner is None else self._move_of(conflict.winner)
        found = self._places.find(conflict.stream, None if move is None else move.target)
        if found is None or found[1].state is None:
            return ""
        head, entity = found
        if found[1].state.removed != isinstance(conflict.loser.event, TodoRestored):  # nothing else can be done there
            return ""
        return self._again(conflict.loser, head.name, entity.number, what="do the same there")

    def _again_here(self, conflict: "Conflict") -> str:
        """Return a sentence with the command that lets the loser stand; '' if the todo cannot be changed, as it is removed.

        To undo the winner would often not do that: it leads back to what was there when the winner was recorded.
        """
        entity = self._found.fold[conflict.stream]
        if entity.state is None or entity.state.removed:
            return ""
        return self._again(conflict.loser, self._name, entity.number, what="have that instead")

    def _again(self, change: "Change", name: str, number: int, *, what: str) -> str:
        """Return a sentence with the command that makes a change once more.

        Args:
            change: The change.
            name: The list in which the todo is that is to be changed.
            number: Its number there.
            what: What the command is for. It begins with a verb.
        """
        typed = self._typed_again(change, name)
        if typed is not None:
            return f". To {what}: {self._session.typed(name, shlex.join([*typed[:1], f'{number}', *typed[1:]]))}"
        edit = self._session.typed(name, f"edit {number}")
        return f"{self._shown(change)}. To {what}: {edit}"

    def _shown(self, change: "Change") -> str:
        """Return a sentence with the command that shows all of a change, for whoever has to make it in the editor."""
        position = self._commits[change.command].position
        return f". To see all of it: {self._session.typed(self._name, f'show @{position}')}"

    @cached_property
    def _places(self) -> "_Places":
        return _Places(self._session)

    def _typed_again(self, change: "Change", name: str) -> Sequence[str] | None:
        """Return the verb that makes a change once more, and what follows the number of the todo; None for the editor."""
        from ..todo.events import AttributeChanged, Changed, TodoCompleted, TodoRemoved, TodoReopened, TodoRestored
        from ..todo.fields import FIELD_BY_EVENT, NOTE, TAGS, TEXT, SetField
        from ..todo.views import display_value

        event: TodoEvent = change.event
        if isinstance(event, TodoRemoved):
            move = self._move_of(change)
            return ("rm",) if move is None else ("move", self._name_now(move))
        verb = {TodoCompleted: "done", TodoReopened: "reopen", TodoRestored: "restore"}.get(type(event))
        if verb is not None:
            return (verb,)
        field = FIELD_BY_EVENT.get(type(event))
        if field is None or (field.kind in ("todo", "todos") and name != self._name):  # numbers are of this list
            return None
        if isinstance(field, SetField):
            word, is_added = getattr(event, field.item), type(event) is field.added[1]
            if field is TAGS:
                return "tag", f"{'+' if is_added else '-'}{word}"
            value = self._label(word) if field.kind == "todos" else word
            return ("edit", field.options[0], value) if is_added else None
        if isinstance(event, AttributeChanged):
            return "edit", *field.options, f"{event.key}:{event.new or 'none'}"
        if not isinstance(event, Changed):
            raise TypeError(f"{type(event).__name__} is not a change of a field")
        if event.new is None:
            return "edit", "--clear", field.name
        if not field.options and field is not TEXT:  # only the present reminder can be acknowledged
            return "remind", "--ack"
        value = display_value(field, event.new, to_local, self._label)
        if brief(value) != value or value in ("-", "none") or (field is NOTE and value != event.new):  # these two mean more
            return None
        return ("edit", "--", value) if field is TEXT else ("edit", field.options[0], value)

    def _name_now(self, move: "Move") -> str:
        """Return what the list is called that a todo was moved to."""
        return next((head.name for head in self._places.heads if head.id == move.target), move.target_name)

    def named(self, stream: str) -> str:
        """Return the number and the text of a todo."""
        entity = self._found.fold[stream]
        text = "" if entity.state is None else f" {brief(entity.state.text)}"
        return f"{visible(self._session.prefix(self._name))}{entity.number}{text}"

    def _when(self, change: "Change", *, seconds: bool = False) -> str:
        from ..todo.views import long_instant, short_instant

        return (long_instant if seconds else short_instant)(change.made, to_local)

    def _who(self, change: "Change", *, seconds: bool) -> str:
        when = self._when(change, seconds=seconds)
        return f"{brief(self._in_words(change))} ({visible(change.metadata.by)}, {when})"

    def _in_words(self, change: "Change") -> str:
        from ..todo.history import describe_wanted

        move = self._move_of(change)
        if move is not None:
            return f"moved to {move.target_name}"
        return describe_wanted(change.event, to_local, self._label)

    def _label(self, id: str) -> str:
        from ..todo.model import DECIDER

        entity = self._found.fold.get(DECIDER.stream(id))
        return id if entity is None else f"{entity.number}"


def conflicts_in(session: Session, todos: "TodoList") -> ConflictReport:
    """Return the changes in a list that lost a conflict and still have no effect.

    Args:
        session: This run of the program, which may be about an earlier moment. Then it is not known what has an effect in
            other lists.
        todos: The list.
    """
    from ..todo.merges import changes_left_behind
    from ..todo.merging import lost_changes

    commits = _as_wanted(todos.commits(session.moment))
    found = lost_changes(commits)
    if session.moment is not None:
        return ConflictReport(session, todos.name, commits, found)
    known = {each.lost for each in found.conflicts}
    more = [each for each in changes_left_behind(session.store, commits) if each.lost not in known]
    found = replace(found, conflicts=(*found.conflicts, *more))
    return ConflictReport(session, todos.name, commits, _not_good_elsewhere(session, todos.name, commits, found))


def _not_good_elsewhere(session: Session, name: str, commits: "Sequence[Commit]", found: "Found") -> "Found":
    """Return conflicts without those with moves whose change has an effect in the list where the todo is."""
    report = ConflictReport(session, name, commits, found)
    return replace(found, conflicts=report.conflicts_not_good_elsewhere())


def _as_wanted(commits: "Iterable[Commit]") -> "list[Commit]":
    """Return commits as a merge gives them."""
    from ..cqrs.stores.merging import with_wanted
    from ..todo.merging import RULES
    from ..todo.recorder import TYPES

    return [with_wanted(commit, TYPES, RULES) for commit in commits]


def merged_in(session: Session, name: str, merged: "MergedLog", *, dry_run: bool) -> "MergedTodos":
    """Find out what a merge did to the todos of a list.

    A change that has an effect in the list where a todo is now is not a conflict.

    Args:
        session: This run of the program.
        name: The name of the list.
        merged: The merge.
        dry_run: Whether nothing was changed. Then a todo that another machine moved is not yet in the other list.
    """
    from ..todo.merging import merged_todos

    todos = merged_todos(merged)
    return todos if dry_run else _not_good_elsewhere(session, name, merged.after, todos)


def print_removed(session: Session, elsewhere: "Sequence[Elsewhere]", known: "Iterable[Conflict]") -> None:
    """Print which todos were removed from lists, and which changes did not reach the list that a todo was moved to.

    Args:
        session: This run of the program.
        elsewhere: The todos.
        known: The conflicts that were printed before.
    """
    from ..todo.merges import changes_left_behind
    from ..todo.merging import lost_changes

    printed = {each.lost for each in known}
    for gone in elsewhere:
        print_message(session, _removed_line(session, gone.list, gone.stream, gone.commit))
        commits = _as_wanted(session.open_list(gone.list).commits())
        left = changes_left_behind(session.store, commits, {gone.stream})
        new = tuple(each for each in left if each.lost not in printed)
        if new:
            found = replace(lost_changes(commits), conflicts=new, too_late=())
            found = _not_good_elsewhere(session, gone.list, commits, found)
            for _, _, line in ConflictReport(session, gone.list, commits, found).lines():
                print_warning(line)


def _removed_line(session: Session, name: str, stream: str, commit: "Commit") -> str:
    """Return a line about a todo that was removed from a list, because a newer change has brought it to another one.

    Args:
        session: This run of the program.
        name: The list that it was removed from.
        stream: Its stream.
        commit: The commit that removed it, which has the author of that change.
    """
    from ..todo.views import id_of, move_of

    (entity,) = session.open_list(name).entities([id_of(stream)])
    todo = f"{entity.number}{'' if entity.state is None else f' {brief(entity.state.text)}'}"
    move = move_of(commit)
    found = _Places(session).find(stream, None if move is None else move.target)
    if found is None or _is_gone(found[1].state):
        return f"Removed from {visible(name)}, because it was moved on: {todo}"
    head, there = found
    where = visible(head.name)
    is_moved = move is not None and move.target == head.id
    why = f"{visible(commit.metadata.by)} moved it to {where}" if is_moved else f"it is in {where}"
    back = session.typed(head.name, shlex.join(["move", f"{there.number}", name]))
    return f"Removed from {visible(name)}, because {why}: {todo}. To move it back: {back}"


class _Places:
    """Finds the lists in which todos are that were moved."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._opened: dict[str, TodoList] = {}

    @cached_property
    def heads(self) -> "Sequence[LogHead]":
        """The lists of the store."""
        return self._session.store.heads()

    def find(self, stream: str, target: str | None) -> "tuple[LogHead, Entity[State]] | None":
        """Return the list in which a todo is, with the todo as it is there.

        Args:
            stream: The stream of the todo.
            target: The id of the list that it was moved to. If it is there, no other list is opened.

        Returns:
            The list. If it is in none, the target, from which it was removed. None if that cannot be read, either.
        """
        removed = None
        for head in sorted(self.heads, key=lambda head: head.id != target):
            entity = None if head.archived else self._entity(head, stream)
            if entity is not None and not _is_gone(entity.state):
                return head, entity
            if entity is not None and head.id == target:
                removed = head, entity
        return removed

    def _entity(self, head: "LogHead", stream: str) -> "Entity[State] | None":
        from ..todo.views import id_of

        with suppress(CqrsError):
            if head.id not in self._opened:
                self._opened[head.id] = self._session.open_list(head.name)
            (entity,) = self._opened[head.id].entities([id_of(stream)])
            return entity
        return None


def _is_gone(state: "State") -> bool:
    return state is None or state.removed
