"""What a merge did to a list: for people and for programs."""

import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from ..cqrs.errors import CqrsError
from .clock import to_local
from .output import print_message, print_warning
from .session import Session
from .text import brief, printable, visible

if TYPE_CHECKING:
    from ..cqrs.events import Commit
    from ..cqrs.replication import Change, Conflict, MergedLog
    from ..cqrs.store import LogHead
    from ..todo.events import TodoEvent
    from ..todo.merging import MergedTodos, TooLate
    from ..todo.views import Move

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

    @cached_property
    def _commits(self) -> "Mapping[str, Commit]":
        """The commits of the list, by their command ids."""
        return {commit.metadata.command: commit for commit in self._merged.after}

    def document(self) -> dict[str, Any]:
        """Return what programs read."""
        merged, todos = self._merged, self._todos
        return {
            "list": self._name,
            "position": merged.after[-1].last if merged.after else 0,
            "received": todos.received,
            "renumbered": [{"old": each.old, "new": each.new, "text": each.text} for each in todos.renumbered],
            "conflicts": [
                *map(self._conflict_document, todos.conflicts),
                *(self._conflict_document(each.conflict, each.following) for each in todos.too_late),
            ],
            "forgotten": list(merged.forgotten),
            "kept": printable(merged.kept) or None,
        }

    def _conflict_document(self, conflict: "Conflict", following: str | None = None) -> dict[str, Any]:
        from ..todo.views import id_of

        winner = conflict.winner
        return {
            "number": self._todos.fold[conflict.stream].number,
            "id": id_of(conflict.stream),
            "field": conflict.field,
            "winner": None if winner is None else self._change_document(winner),
            "loser": self._change_document(conflict.loser),
            "next": None if following is None else self._todos.fold[following].number,
        }

    def _change_document(self, change: "Change") -> Mapping[str, Any]:
        return {
            "position": self._commits[change.command].position,
            "by": change.metadata.by,
            "made": change.made,
            "change": self._in_words(change),
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
        lines = [partial(self._conflict_line, conflict) for conflict in todos.conflicts]
        lines += [partial(self._line_too_late, each) for each in todos.too_late]
        for line in lines[:_MOST]:
            print_warning(line(dry_run=dry_run))
        self._print_rest(len(lines), "conflicts")
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

    def _is_removed(self, id: str | None) -> bool:
        from ..todo.model import DECIDER

        parent = None if id is None else self._todos.fold.get(DECIDER.stream(id))
        return parent is not None and parent.state is not None and parent.state.removed

    def _print_rest(self, count: int, what: str) -> None:
        if count > _MOST:
            print_message(self._session, f"and {count - _MOST:,} more {what}: see them with --json")

    def _conflict_line(self, conflict: "Conflict", *, dry_run: bool) -> str:
        from ..todo.events import TodoRemoved, TodoRestored

        seconds = conflict.winner is not None and self._when(conflict.winner) == self._when(conflict.loser)
        loser = self._who(conflict.loser, seconds=seconds)
        what = f"Conflict: {self.named(conflict.stream)}: "
        if conflict.winner is None:
            return f"{what}{loser} was left out, because it would close a circle"
        winner = self._who(conflict.winner, seconds=seconds)
        move = self._move_of(conflict.winner)
        if move is not None:
            there = "" if dry_run else self._way_there(conflict)
            return f"{what}{winner} stands; without effect there: {loser}{there}"
        if isinstance(conflict.winner.event, TodoRemoved):
            number = self._todos.fold[conflict.stream].number
            restore = self._session.typed(self._name, f"restore {number}")
            if isinstance(conflict.loser.event, TodoRestored):
                return f"{what}{winner} stands; without effect: {loser}" + ("" if dry_run else f". To restore it: {restore}")
            restored = "" if dry_run else f": {restore}"
            return f"{what}{winner} stands; {loser} shows when it is restored{restored}"
        undo = self._session.typed(self._name, f"undo @{self._commits[conflict.winner.command].position}")
        # after a dry run, the position is that of another commit, or of none
        return f"{what}{winner} stands; without effect: {loser}" + ("" if dry_run else f". Undo: {undo}")

    def _line_too_late(self, late: "TooLate", *, dry_run: bool) -> str:
        done, change = late.conflict.winner, late.conflict.loser
        if done is None:
            raise ValueError("a change comes too late for a completion")
        seconds = self._when(done) == self._when(change)
        made = f"{self._who(done, seconds=seconds)} made the next one, {self.named(late.following)}"
        lacking = f"without effect there: {self._who(change, seconds=seconds)}"
        again = "" if dry_run else f". To do the same there: {self._command_again(change, late.following)}"
        return f"Conflict: {self.named(late.conflict.stream)}: {made}; {lacking}{again}"

    def _move_of(self, change: "Change") -> "Move | None":
        """Return the move that a removal is one half of; None for any other change."""
        from ..todo.events import TodoRemoved
        from ..todo.views import move_of

        return move_of(self._commits[change.command]) if isinstance(change.event, TodoRemoved) else None

    def _way_there(self, conflict: "Conflict") -> str:
        """Return a sentence with the command that makes a change in the list in which the todo is; '' if it is in none."""
        from ..todo.events import TodoCompleted, TodoRemoved, TodoReopened
        from ..todo.fields import DEPENDS, FIELD_BY_EVENT, PARENT

        found = _place_of(self._session, conflict.stream)
        if found is None:
            return ""
        head, number = found
        event = conflict.loser.event
        verb: str
        words: Sequence[str]
        if isinstance(event, (TodoCompleted, TodoReopened)):
            verb, words = "done" if isinstance(event, TodoCompleted) else "reopen", ()
        elif isinstance(event, TodoRemoved):
            verb, words = "rm", ()
        elif FIELD_BY_EVENT.get(type(event)) in (None, PARENT, DEPENDS):  # the numbers of other todos are of this list
            verb, words = "edit", ()
        else:
            verb, words = self._typed_again(event)
        command = self._session.typed(head.name, shlex.join([verb, f"{number}", *words]))
        return f". To {'edit it' if verb == 'edit' and not words else 'do the same'} there: {command}"

    def _command_again(self, change: "Change", stream: str) -> str:
        """Return the command that makes a change of a todo in the next one of its series, too."""
        number = self._todos.fold[stream].number
        verb, words = self._typed_again(change.event)
        return self._session.typed(self._name, shlex.join([verb, str(number), *words]))

    def _typed_again(self, event: "TodoEvent") -> tuple[str, Sequence[str]]:
        """Return the verb and the words that make a change once more. Without words, a person makes it in the editor."""
        from ..todo.events import AttributeChanged, Changed, TodoRemoved
        from ..todo.fields import FIELD_BY_EVENT, NOTE, TEXT, SetField
        from ..todo.views import display_value

        if isinstance(event, TodoRemoved):
            return "rm", ()
        field = FIELD_BY_EVENT[type(event)]
        if isinstance(field, SetField):
            sign = "+" if type(event) is field.added[1] else "-"
            return "tag", (f"{sign}{getattr(event, field.item)}",)
        if isinstance(event, AttributeChanged):
            return "edit", (*field.options, f"{event.key}:{event.new or 'none'}")
        if not isinstance(event, Changed):
            raise TypeError(f"{type(event).__name__} is no change of a series")
        if event.new is None:
            return "edit", ("--clear", field.name)
        value = display_value(field.kind, event.new, to_local, self._label)
        if brief(value) != value or (field is NOTE and value != event.new):
            return "edit", ()
        return "edit", ("--", value) if field is TEXT else (field.options[0], value)

    def named(self, stream: str) -> str:
        """Return the number and the text of a todo."""
        entity = self._todos.fold[stream]
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

        entity = self._todos.fold.get(DECIDER.stream(id))
        return id if entity is None else f"{entity.number}"


def removed_line(session: Session, name: str, stream: str, commit: "Commit") -> str:
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
    found, move = _place_of(session, stream), move_of(commit)
    if found is None:
        return f"Removed from {visible(name)}, because it was moved on: {todo}"
    head, number = found
    where = visible(head.name)
    is_moved = move is not None and move.target == head.id
    why = f"{visible(commit.metadata.by)} moved it to {where}" if is_moved else f"it is in {where}"
    back = session.typed(head.name, shlex.join(["move", f"{number}", name]))
    return f"Removed from {visible(name)}, because {why}: {todo}. To move it back: {back}"


def _place_of(session: Session, stream: str) -> "tuple[LogHead, int] | None":
    """Return the list in which a todo is, and its number there; None if it is in none, or that list cannot be read."""
    from ..todo.views import id_of

    for head in session.store.heads():
        if not head.archived:
            with suppress(CqrsError):
                (entity,) = session.open_list(head.name).entities([id_of(stream)])
                if entity.state is not None and not entity.state.removed:
                    return head, entity.number
    return None
