"""The errors of the todo service.

    CqrsError                   the base of all errors, from `cqrs.errors`
    ├── Rejected                the decider refused a command
    │   ├── ReminderInPast      a reminder is not after the time of the command
    │   └── TodosRejected       commands on todos were refused; the text has their numbers
    ├── NotApplicable           what is asked of a todo does not apply to it as it is, so no command is given to it
    │   └── ReminderAhead       a reminder that has not come yet cannot be acknowledged
    ├── NotFound                something that was named does not exist
    │   ├── ListNotFound        no list has the name
    │   ├── ListArchived        the list with the name is archived
    │   ├── TodoNotFound        no todo has the number or the id
    │   └── EventNotFound       no event has the position
    ├── NotYet                  the time that was asked for is in the future
    ├── CannotUndo              a command cannot be undone or redone
    │   ├── AboutStep           the same, with the step that people want to see
    │   │   ├── ChangedLater    later changes of the same fields are in the way
    │   │   ├── ChangedByOthers the same, where somebody meant the own last change, and others have made the later ones
    │   │   └── WithoutEffect   a merge has left it without effect, or others have changed all of its fields
    │   ├── StepRefused         the todos that it changed are not as it left them
    │   │   └── InNoList        a todo that another machine has moved would be in no list
    │   └── NotInForce          it was undone, or is itself an undo or a redo
    ├── TooLarge                a change of several lists does not fit into one commit of one of them
    ├── CannotMove              todos cannot be moved to another list
    ├── MovedAway               a todo cannot be changed here, because it was moved to another list
    ├── CannotRestore           a todo cannot be restored, because it was moved since then
    ├── InvalidTodo             a todo to be imported breaks a rule
    │   └── InvalidId           it has an id that no todo can have
    ├── MalformedFile           a file of another program cannot be read
    ├── InvalidCondition        a condition on counts cannot be parsed
    ├── InvalidQuery            a query cannot be parsed
    ├── UnreadableRule          a text does not say when a todo recurs
    ├── InvalidReaction         a reaction of another package did what no reaction may do
    ├── CycleTooDeep            an event follows from too many reactions
    ├── ViewFailed              the code of a view failed, or returned what it must not
    ├── DamagedLog              the bytes of a log are not those that were written
    │   ├── DamagedHere         a list of this machine is damaged, so it cannot be synced
    │   └── DamagedRemote       a list on a hub is damaged
    ├── StoreUnavailable        the store cannot be reached, or refuses to work
    │   ├── RemoteUnavailable   a remote cannot be reached, or not be used
    │   ├── OutdatedStore       the store must be migrated first
    │   │   └── OutdatedRemote  the tables of a remote must be migrated first
    │   └── OutcomeUnknown      it is not known whether the commit was recorded
    │       └── SentPerhaps     it is not known whether a hub has recorded what it was sent
    ├── CannotMerge             two copies of a log cannot be merged
    │   └── UnreadCopy          the copy of a list on a remote is damaged or incomplete
    ├── LogBusy                 another writer holds the log
    │   └── Behind              another machine has changed a list on the remote meanwhile
    ├── Unjoined                there are lists of the same name here and on the remote, and nobody said what to do
    ├── NothingApart            a name was given for a list that has to be kept apart, and there is none
    ├── NameTaken               a list to be kept apart cannot get the name that somebody chose
    ├── TakenThere              a list was not sent, because another one has its name there
    ├── TakenHere               a list was not received, because an archived one has its name here
    ├── TwoLists                a shared folder has two lists of the same name
    ├── WrongRemote             a URL names no place to sync with, or one of another kind
    ├── CommandReused           a command id came again with other events
    │   └── CommandIdTaken      the id that a script gave a command belongs to another one
    ├── UnexpectedState         a list or a todo is not in the state that a script expects
    │   └── StateNotKept        others may write during the command, so no state can be expected
    └── NoVersionToExpect       a command that names no todos cannot expect a version

The text of an error is a sentence for people, and its attributes are data. The command line adds the hints. The errors of
what a script asks of a command are in `request_errors`. Those of reactions, views and syncs are beside what raises them.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from ..cqrs.errors import CqrsError, DamagedLog, OutcomeUnknown, Rejected, StoreUnavailable
from ..cqrs.events import Commit
from ..cqrs.operation_errors import CannotMerge, OutdatedStore
from ..cqrs.struct import Struct


class _WithHint(CqrsError):
    """An error about a remote, with a hint that whoever raises it knows."""

    def __init__(self, message: str, hint: str) -> None:
        """Make the error.

        Args:
            message: What is wrong.
            hint: What to do.
        """
        super().__init__(message)
        self.hint = hint


class NotFound(CqrsError):
    """Something that was named does not exist."""


class ListNotFound(NotFound):
    """The store has no list with this name."""

    def __init__(self, name: str, nearest: str | None = None) -> None:
        """Make the error.

        Args:
            name: The name that was asked for.
            nearest: The most similar name that exists. None if no name is similar.
        """
        super().__init__(f"no list named {name!r}")
        self.name = name
        self.nearest = nearest


class ListArchived(NotFound):
    """The list with this name is archived."""

    def __init__(self, name: str) -> None:
        """Make the error.

        Args:
            name: The name of the archived list.
        """
        super().__init__(f"the list {name!r} is archived")
        self.name = name


class TodoNotFound(NotFound):
    """The list has no todo with these numbers or ids, or more than one."""

    def __init__(self, words: Sequence[str], list: str) -> None:
        """Make the error.

        Args:
            words: What does not name a todo, in words for people, such as `8-9` or `ab (it begins 2 ids)`.
            list: The name of the list.
        """
        super().__init__(f"no todo {', '.join(words)} in {list}")
        self.words = tuple(words)
        self.list = list
        self.hint: str | None = None
        """What a person can do about it; for a front end to set."""


class EventNotFound(NotFound):
    """The list has no event at this position."""

    def __init__(self, position: int, list: str, last: int | None = None) -> None:
        """Make the error.

        Args:
            position: The position.
            list: The name of the list.
            last: The last position of the list, if the position is after it.
        """
        end = "" if last is None else f": it ends at @{last}" if last else ": it is empty"
        super().__init__(f"there is no event @{position} in {list}{end}")
        self.position = position
        self.list = list


class ReminderInPast(Rejected):
    """A reminder is not after the time of the command."""


class NotApplicable(CqrsError):
    """What is asked of a todo does not apply to it as it is, so no command is given to it."""


class ReminderAhead(NotApplicable):
    """A reminder that has not come yet cannot be acknowledged."""

    def __init__(self, at: datetime) -> None:
        """Make the error.

        Args:
            at: When it comes.
        """
        super().__init__(f"its reminder comes later, at {at:%Y-%m-%d %H:%M} UTC")
        self.at = at


class TodosRejected(Rejected):
    """The decider refused commands on todos, or none could be given to them. Nothing was recorded."""

    def __init__(self, message: str, removed: Sequence[int], list: str, blocked: Sequence[int] = ()) -> None:
        """Make the error.

        Args:
            message: Which todos, and why, in words.
            removed: The numbers of the todos that were refused because they were removed.
            list: The name of their list.
            blocked: The numbers of the todos that were refused because they have open children, if that is the only reason.
        """
        super().__init__(message)
        self.removed = tuple(removed)
        self.list = list
        self.blocked = tuple(blocked)
        self.hint: str | None = None
        """What a person can do about it; for a front end to set."""


class NotYet(CqrsError):
    """The time that was asked for is in the future."""


class CannotUndo(CqrsError):
    """A command cannot be undone or redone. Nothing was recorded."""


class AboutStep(CannotUndo):
    """A step cannot be undone, so that people want to know what it changed.

    Attributes:
        positions: The positions that the error names.
    """

    def __init__(self, text: str, step: Sequence[Commit], positions: Iterable[int]) -> None:
        """Make the error.

        Args:
            text: What is wrong, with `{}` for the step.
            step: The commits of the step.
            positions: The positions that people are told besides.
        """
        self._text = text
        self._step = step
        self.positions = {*positions, _position_of(step)}
        super().__init__(self.message_with(lambda step: f"@{_position_of(step)}"))

    def message_with(self, name: Callable[[Sequence[Commit]], str]) -> str:
        """Return the message.

        Args:
            name: Names a step, by its commits.
        """
        return self._text.replace("{}", name(self._step), 1)


def _position_of(step: Iterable[Commit]) -> int:
    """Return the position by which people name a step: that of its first commit."""
    return min(commit.position for commit in step)


class ChangedLater(AboutStep):
    """Later changes of the same fields are in the way of an undo.

    Attributes:
        last: The position of the last of these changes.
    """

    def __init__(self, step: Sequence[Commit], later: Sequence[Commit]) -> None:
        """Make the error.

        Args:
            step: The commits of the step that was to be undone.
            later: The later commits, the last one at the end.
        """
        positions = [commit.position for commit in later]
        super().__init__(f"{{}} cannot be undone alone: {_places(positions)} changed the same fields later", step, positions)
        self.last = positions[-1]


def _places(positions: Iterable[int]) -> str:
    return ", ".join(f"@{position}" for position in positions)


class ChangedByOthers(AboutStep):
    """Others have changed what the last step of an author changed, and nobody asked to undo their changes.

    Attributes:
        last: The position of the last of their changes.
        newer: How many steps were to be undone before the step.
        earlier: The position of the step before it that can be undone; None if there is none.
        created: The numbers of the todos that the step created.
    """

    def __init__(
        self,
        step: Sequence[Commit],
        later: Sequence[Commit],
        authors: Sequence[str],
        *,
        newer: int,
        earlier: int | None,
        created: Sequence[int],
    ) -> None:
        """Make the error.

        Args:
            step: The commits of the step.
            later: The commits that others did or redid, the last one at the end.
            authors: Who did or redid them.
            newer: How many steps were to be undone before it.
            earlier: The position of the step before it that can be undone; None if there is none.
            created: The numbers of the todos that the step created.
        """
        positions = [commit.position for commit in later]
        what = f"your {'change' if newer else 'last change'}, {{}},"
        same = "the same fields" if not created else "that todo" if len(created) == 1 else "those todos"
        super().__init__(
            f"{what} cannot be undone: {', '.join(authors)} changed {same} later: {_places(positions)}",
            step,
            positions if earlier is None else [*positions, earlier],
        )
        self.last = positions[-1]
        self.newer = newer
        self.earlier = earlier
        self.created = created


class WithoutEffect(AboutStep):
    """A step that was to be undone has no effect: it lost in a merge, or others have changed all of its fields since.

    Attributes:
        newer: How many steps were to be undone before the step.
        earlier: The position of the step before it that can be undone; None if there is none.
    """

    def __init__(
        self, step: Sequence[Commit], *, what: str = "{}", since: str, newer: int = 0, earlier: int | None = None
    ) -> None:
        """Make the error.

        Args:
            step: The commits of the step.
            what: Which step it is, in words, with `{}` for its name.
            since: Since when it has no effect, in words.
            newer: How many steps were to be undone before it.
            earlier: The position of the step before it that can be undone; None if there is none.
        """
        super().__init__(f"{what} has no effect since {since}", step, () if earlier is None else (earlier,))
        self.newer = newer
        self.earlier = earlier


class Obstacle(Struct, frozen=True):
    """What is in the way of undoing or redoing a command.

    Args:
        why: What it is, in words.
    """

    why: str


class MovedElsewhere(Obstacle, frozen=True):
    """A todo that the command moved is in a third list now.

    Args:
        list: The name of that list.
        number: The number of the todo there.
        home: The name of the list that it must be moved to before.
    """

    list: str
    number: int
    home: str


class ChangedAfterMove(Obstacle, frozen=True):
    """A todo that the command moved was changed in the other list since then.

    Args:
        list: The name of that list.
        positions: The positions of the changes, the last one at the end.
    """

    list: str
    positions: Sequence[int]


class StepRefused(CannotUndo):
    """A command cannot be undone or redone, because the todos that it changed are not as it left them.

    Attributes:
        verb: "undo" or "redo".
        obstacles: What is in the way, as far as more is known than the text of the error says.
    """

    def __init__(self, position: int, verb: str, past: str, why: str, obstacles: Collection[Obstacle] = ()) -> None:
        """Make the error.

        Args:
            position: The position of a commit of the command.
            verb: "undo" or "redo".
            past: "undone" or "redone".
            why: What is in the way, in words.
            obstacles: The same, as far as more is known.
        """
        super().__init__(f"@{position} cannot be {past}: {why}")
        self.verb = verb
        self.obstacles = obstacles


class InNoList(StepRefused):
    """A command cannot be undone or redone, because a todo that another machine has moved would be in no list then.

    Attributes:
        number: The number of the todo.
        target: The name of the list that it was moved to.
        archived: Whether that list is archived.
    """

    def __init__(self, position: int, verb: str, past: str, number: int, target: str, *, archived: bool) -> None:
        """Make the error.

        Args:
            position: The position of a commit of the command.
            verb: "undo" or "redo".
            past: "undone" or "redone".
            number: The number of the todo.
            target: The name of the list that it was moved to.
            archived: Whether that list is archived.
        """
        why = f"todo {number} would be in no list, because it was restored after it had been moved to {target}"
        super().__init__(position, verb, past, why)
        self.number = number
        self.target = target
        self.archived = archived


class NotInForce(CannotUndo):
    """A command cannot be undone, because it was undone already, or is itself an undo or a redo."""

    def __init__(self, message: str, position: int, *, is_a: str, redone_by: int, in_force: bool) -> None:
        """Make the error.

        Args:
            message: Which command, and why, in words.
            position: The position of that command; if it is an undo or a redo, of the command that it undid or redid.
            is_a: "undo" or "redo" if it is one; otherwise "".
            redone_by: How many steps a redo has to take so that the last one does the command at the position again; 0 if
                no redo does.
            in_force: Whether the command at the position is in force, so that it can be undone.
        """
        super().__init__(message)
        self.position = position
        self.positions = {position}
        self.is_a = is_a
        self.redone_by = redone_by
        self.in_force = in_force


class TooLarge(CqrsError):
    """A change of several lists does not fit into one commit of one of them. Nothing was recorded."""


class CannotMove(CqrsError):
    """Todos cannot be moved to another list. Nothing was recorded."""

    def __init__(self, message: str, removed: Sequence[int] = ()) -> None:
        """Make the error.

        Args:
            message: Why, in words.
            removed: The numbers of the todos that cannot be moved because they were removed.
        """
        super().__init__(message)
        self.removed = tuple(removed)
        self.hint: str | None = None
        """What a person can do about it; for a front end to set."""


class MovedAway(CqrsError):
    """Todos cannot be changed in this list, because they were moved to another one. Nothing was recorded."""

    def __init__(self, message: str, targets: Mapping[str, str]) -> None:
        """Make the error.

        Args:
            message: Which todos, and where they were moved, in words.
            targets: The names of the lists that they were moved to, by their streams.
        """
        super().__init__(message)
        self.targets = targets
        self.hint: str | None = None
        """What a person can do about it; for a front end to set."""


class CannotRestore(CqrsError):
    """A todo cannot be restored to an earlier state, because it was in another list then than it is in now."""


class InvalidTodo(CqrsError):
    """A todo to be imported breaks a rule. Nothing was recorded."""

    def __init__(self, id: str, reason: str) -> None:
        """Make the error.

        Args:
            id: The id of the todo.
            reason: Which rule it breaks.
        """
        super().__init__(f"todo {id}: {reason}")
        self.id = id
        self.reason = reason


class InvalidId(InvalidTodo):
    """A todo to be imported has an id that no todo can have. Nothing was recorded."""

    def __init__(self, id: str) -> None:
        """Make the error.

        Args:
            id: What was given as the id.
        """
        super().__init__(id, "this is not an id")
        self.args = (f"{id!r} is not an id of a todo: write a letter, then letters and digits, all in lower case",)


class MalformedFile(CqrsError):
    """A file of another program, or an entry in it, cannot be read. Nothing was recorded."""

    def __init__(self, line: int | None, reason: str, hint: str | None = None) -> None:
        """Make the error.

        Args:
            line: The number of the line, or the place of the entry in JSON, from 1. None if it is about the complete file.
            reason: What is wrong.
            hint: What to do, if leaving out one entry does not help.
        """
        super().__init__(reason if line is None else f"line {line:,}: {reason}")
        self.line = line
        self.reason = reason
        self.hint = hint


class InvalidCondition(CqrsError):
    """A condition on counts cannot be parsed."""


class UnreadableRule(CqrsError):
    """A text does not say when a todo recurs."""

    def __init__(self, text: str, *examples: str, why: str = "") -> None:
        """Make the error.

        Args:
            text: The text.
            examples: Texts that do.
            why: What is wrong with the text, as a part of a sentence; '' if that is not known.
        """
        super().__init__(f"{text!r} does not say when a todo recurs{why and ': '}{why}")
        self.examples = examples


Setting: TypeAlias = Literal["filters", "date_order", ""]


class InvalidQuery(CqrsError):
    """A query cannot be parsed."""

    def __init__(self, why: str, column: int, hint: str, *, setting: Setting = "") -> None:
        """Make the error.

        Args:
            why: What is wrong, as a sentence.
            column: Where it is in the query, counted from 1 in characters.
            hint: What to write instead.
            setting: The setting that could be changed instead; '' for none.
        """
        super().__init__(f"column {column} of the query: {why}")
        self.column = column
        self.hint = hint
        self.setting = setting


class DamagedHere(DamagedLog):
    """A list of this machine is damaged, so it cannot be synced. Nothing was changed.

    Args:
        message: What is damaged, and where.
        name: The name of the list.
    """

    def __init__(self, message: str, name: str) -> None:
        """Make the error; the arguments are described above."""
        super().__init__(message)
        self.name = name


class RemoteUnavailable(_WithHint, StoreUnavailable):
    """A remote cannot be reached, or not be used. What the error is about was not synced.

    Args:
        message: What is wrong, and why.
        hint: What to do.
    """


class OutdatedRemote(_WithHint, OutdatedStore):
    """The tables of a remote were made by an earlier version of this program. Nothing was synced.

    Args:
        message: Which tables, and what is wrong.
        hint: What to do.
    """


class SentPerhaps(OutcomeUnknown):
    """The connection to a hub was lost while it recorded commits. The next sync finds out whether it has them."""


class UnreadCopy(CannotMerge):
    """The copy of a list on a remote is damaged or incomplete, so it was not merged. Other copies were.

    Args:
        message: Which copy it is, and what is wrong.
        machine: The name of the machine that wrote it; '' if it is not known.
    """

    def __init__(self, message: str, machine: str) -> None:
        """Make the error; the arguments are described above."""
        super().__init__(message)
        self.machine = machine


class NameTaken(CqrsError):
    """A list of this machine was to get a name that another list has on the remote. Nothing was synced.

    Args:
        remote: The remote.
        name: The name.
        other: The name of the other list, which may differ by case.
    """

    def __init__(self, remote: str, name: str, other: str) -> None:
        """Make the error; the arguments are described above."""
        case = "" if other == name else f", which {name!r} differs from only by case"
        super().__init__(f"{remote} has another list named {other!r}{case}; nothing was synced")


class TakenThere(CqrsError):
    """A new list could not be sent to a hub, because another list has its name there. Other lists were synced.

    Args:
        remote: The hub.
        name: The name of the list.
        other: The name of the other list, which may differ by case.
        archived: Whether that is archived.
        free: A name that no list has, here or there.
    """

    def __init__(self, remote: str, name: str, other: str, *, archived: bool, free: str) -> None:
        """Make the error; the arguments are described above."""
        super().__init__(f"{name} was not sent: {remote} has another {'archived ' if archived else ''}list named {other!r}")
        self.remote = remote
        self.name = name
        self.other = other
        self.archived = archived
        self.free = free


class TakenHere(CqrsError):
    """A list was not received, because an archived list of this machine has its name. Other lists were synced.

    Args:
        remote: Where the list is.
        name: Its name there.
        other: The name of the archived list, which may differ by case.
        free: A name that no list has, here or there.
    """

    def __init__(self, remote: str, name: str, other: str, free: str) -> None:
        """Make the error; the arguments are described above."""
        super().__init__(f"{name} of {remote} was not received: the archived list {other!r} here is another one")
        self.other = other
        self.free = free


class TwoLists(CqrsError):
    """A shared folder has two lists of the same name that were made apart, and this machine has just received one of them.

    Args:
        remote: The folder.
        name: The name of the lists.
    """

    def __init__(self, remote: str, name: str) -> None:
        """Make the error; the arguments are described above."""
        super().__init__(f"{remote} has two lists with the name {name}, made apart; only one of them was received")


class DamagedRemote(DamagedLog):
    """A list on a hub is damaged. Nothing was changed there.

    Args:
        message: What is damaged, and where.
        remote: The URL of the hub, without a password.
        name: The name of the list there.
    """

    def __init__(self, message: str, remote: str, name: str) -> None:
        """Make the error; the arguments are described above."""
        super().__init__(message)
        self.remote = remote
        self.name = name


class WrongRemote(_WithHint):
    """A URL names no remote, or one of another kind.

    Args:
        message: What is wrong, and where.
        hint: What to do.
    """
