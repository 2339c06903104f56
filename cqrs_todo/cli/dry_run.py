"""Running a command line without recording anything, to show what it would do.

The command line is parsed and run as always. Only its store differs: see `cqrs.stores.dry_run`.
"""

import io
import shlex
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import cached_property

from ..cqrs.errors import CqrsError, Rejected, WrongExpectedVersion
from ..cqrs.events import REDOES, UNDOES, Recorded
from ..cqrs.snapshots import Snapshots
from ..cqrs.store import Store
from ..cqrs.stores.dry_run import Appended, DryRunRefused, DryRunSnapshots, DryRunStore, Trace
from ..cqrs.struct import Struct
from ..todo.events import TodoEvent
from ..todo.model import TodoCommand
from ..todo.recorder import TYPES, Todos
from ..todo.service import TodoList
from .errors import UsageError
from .report import Failure, failure
from .session import Options, Session, as_utf8
from .steps import reversed_steps
from .verb import Verb


class Decision(Struct, kw_only=True):
    """What was decided about the commands on one todo.

    Args:
        log: The name of the list.
        stream: The name of the todo's stream.
        version: The version of the stream that was loaded; 0 for a new todo.
        number: The number of the todo; 0 for a new one.
        text: The text of the todo; '' for a new one.
        commands: The commands; none for what undo, redo, restore, move and import record, which follows from the history.
        events: The events that the commands give; None if they were refused.
        refusal: Why they were refused.
        attempt: Counts from 1. After a conflict the commands are decided again.
    """

    log: str
    stream: str
    version: int
    number: int
    text: str
    commands: tuple[TodoCommand, ...]
    events: tuple[TodoEvent, ...] | None = None
    refusal: str = ""
    attempt: int = 1


class DryRun(Struct, frozen=True, kw_only=True):
    """What a command line would do.

    Args:
        words: The command line, without `todo`.
        outcome: "accepted" if it appends something or makes a list, "unchanged" if it has nothing to do or was sent before;
            otherwise the name of the kind of error, such as "refused", "not-found" or "conflict".
        error: The error, with its exit code; None if there is none.
        decisions: What was decided about each todo.
        trace: What was read and appended.
        answer: What the command line would print.
        way_back: The verb that would reverse it; '' if nothing was appended.
        back: What that verb would append.
        back_error: Why the verb would be refused; None if it would not.
    """

    words: tuple[str, ...]
    outcome: str
    error: Failure | None
    decisions: tuple[Decision, ...]
    trace: Trace
    answer: str
    way_back: str
    back: tuple[Appended, ...]
    back_error: Failure | None


class _TracedStore(DryRunStore):
    """A dry run's store that also keeps the decisions."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, TYPES)
        self.decisions: list[Decision] = []


class _TracedList(TodoList):
    """A list that reports what it decides to its store."""

    def decide(self, fold: Todos, commands: Sequence[tuple[str, TodoCommand]]) -> dict[str, list[TodoEvent]]:
        store = self.store
        if not isinstance(store, _TracedStore):
            raise TypeError("a traced list needs the store of a dry run")
        traced: dict[str, Decision] = {}
        for stream in dict.fromkeys(stream for stream, _ in commands):
            entity = fold.get(stream)
            number = 0 if entity is None else entity.number
            text = "" if entity is None or entity.state is None else entity.state.text
            given = tuple(command for of, command in commands if of == stream)
            attempt = len(store.trace.conflicts) + 1
            version = fold.version_of(stream)
            traced[stream] = Decision(
                log=self.name, stream=stream, version=version, number=number, text=text, commands=given, attempt=attempt
            )
        store.decisions += traced.values()
        try:
            changes = super().decide(fold, commands)
        except Rejected as error:
            for decision in traced.values():
                decision.refusal = str(error)
            raise
        for stream, decision in traced.items():
            decision.events = tuple(changes.get(stream, ()))
        return changes


class DryRunSession(Session):
    """A run of the program that records nothing."""

    list_type = _TracedList
    recording = False

    def __init__(self, outer: Session) -> None:
        """Prepare a dry run.

        Args:
            outer: The run whose list and store are meant, unless the command line names others.
        """
        options = Options()
        options.list, options.store, options.at = outer.options.list, outer.options.store, outer.options.at
        options.color = "never"
        super().__init__(options)
        self._lists = outer._lists  # so that the outer run prints the warnings of the lists that are opened here
        self.explained_verb: Verb | None = None

    @cached_property
    def store(self) -> _TracedStore:
        """The store of the dry run."""
        return _TracedStore(super().store)

    @cached_property
    def snapshots(self) -> Snapshots:
        """The snapshots, which are read and not written."""
        return DryRunSnapshots(super().snapshots, self.store)

    def check_verb(self, verb: Verb) -> None:
        """Raise `UsageError` for a verb that changes nothing, because there is nothing to show."""
        super().check_verb(verb)
        if not verb.writes:
            own = next((example for example in verb.examples if "--dry-run" in example), None)
            if own is not None:
                raise UsageError(f"explain cannot show what {verb.name} changes", f"to see it: {own}")
            raise UsageError(f"{verb.name} changes nothing, so there is nothing to explain", _FOR_INSTANCE)
        self.explained_verb = verb


class CannotExplain(CqrsError):
    """A command does something that a dry run cannot show."""

    def __init__(self, what: str) -> None:
        # people call a log a list; what is imported is the log of a list
        forgets = what.endswith("of streams")
        shown = "what forget does" if forgets else what.replace("ing of a log", "ing of a list")
        super().__init__(f"explain cannot show {shown}")
        self.hint = "see: todo forget --help" if forgets else _FOR_INSTANCE


_NOT_EXPLAINED = (2, 6)
"""The exit codes of errors that say nothing about the command: it cannot be parsed, or the store cannot be reached."""

_FOR_INSTANCE = 'give a command that changes something, for instance: todo explain "done 3"'


def dry_run(outer: Session, words: Sequence[str]) -> DryRun:
    """Run a command line without recording anything.

    Args:
        outer: This run of the program.
        words: The command line, with or without `todo`; its first word may hold several words.

    Raises:
        UsageError: The command line cannot be parsed, or changes nothing.
        CannotExplain: The command line does something that a dry run cannot show.
        StoreUnavailable: The store cannot be reached.
    """
    words = _split(words)
    session = DryRunSession(outer)
    printed = io.StringIO()
    error: Failure | None = None
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            try:
                _run(session, words)
            except CqrsError as raised:
                conflicts = session.store.trace.conflicts
                if isinstance(raised, WrongExpectedVersion) and raised not in conflicts:
                    conflicts.append(raised)  # the command itself expected a version
                error = failure(raised, session)
                if isinstance(raised, DryRunRefused):
                    raise CannotExplain(raised.what) from raised
                if error is None or error.exit_code in _NOT_EXPLAINED:
                    raise
        if session.explained_verb is None:
            raise UsageError("this shows help and changes nothing, so there is nothing to explain", _FOR_INSTANCE)
        store = session.store
        trace = store.trace
        store.trace = Trace()  # what was read until here belongs to the command
        earlier = _sent_before(session) if error is None and not trace.appended else []
        trace.appended += earlier
        decisions = [] if earlier else [*store.decisions, *_without_commands(trace, store.decisions)]
        way_back, back_error = "", None
        accepted = any(not appended.again for appended in trace.appended)
        if accepted:
            way_back, back_error = _reverse(session, trace)
        outcome = "accepted" if accepted or trace.created else "unchanged"
        return DryRun(
            words=tuple(words),
            outcome=outcome if error is None else error.code,
            error=error,
            decisions=tuple(decisions),
            trace=trace,
            answer=printed.getvalue().rstrip("\n"),
            way_back=way_back,
            back=tuple(store.trace.appended) if way_back else (),
            back_error=back_error,
        )
    finally:
        session.close()


def _without_commands(trace: Trace, decisions: Sequence[Decision]) -> Iterator[Decision]:
    """Return what was appended to streams that no command was decided for, as decisions without commands."""
    decided = {(decision.log, decision.stream) for decision in decisions}
    for appended in trace.appended:
        events: dict[str, list[Recorded]] = {}
        for event in appended.commit.events:
            events.setdefault(event.stream, []).append(event)
        for stream, each in events.items():
            if (appended.log, stream) not in decided:
                data = tuple(event.data for event in each)
                yield Decision(
                    log=appended.log, stream=stream, version=each[0].version - 1, number=0, text="", commands=(), events=data
                )


def _split(words: Sequence[str]) -> list[str]:
    if words:
        try:
            # a verb has no blanks, so that a first word with blanks is a command line in quotes
            words = [*shlex.split(words[0]), *words[1:]]
        except ValueError as error:
            raise UsageError(f"the command line cannot be parsed: {error}", "close the quotes") from error
    if words and words[0] == "todo":
        words = words[1:]
    if not words:
        raise UsageError("the command line to explain is missing", _FOR_INSTANCE)
    return [as_utf8(word) for word in words]


def _run(session: Session, words: Sequence[str]) -> None:
    from . import parse_fast

    action = parse_fast(words, session)
    if action is not None:
        action(session)
        return
    from .app import run_command_line

    run_command_line(words, session)


def _sent_before(session: DryRunSession) -> list[Appended]:
    """Return what this command recorded when it was sent before; nothing if it is new, or has no id."""
    if session.request is None:
        return []
    todos = session.list
    recorded = session.request.find(todos) or ()
    return [Appended(todos.name, commit, {}, None, again=True) for commit in recorded]


def _reverse(session: DryRunSession, done: Trace) -> tuple[str, Failure | None]:
    """Reverse what was done, in the same dry run, by the command that the answer names.

    Returns:
        The verb that reverses it, and the error if it would be refused.
    """
    session.request = None  # the options belong to the command itself
    logs = [appended.log for appended in done.appended]
    todos = session.open_list(session.list_name if session.list_name in logs else logs[0])
    commits = [appended.commit for appended in done.appended if appended.log == todos.name]
    undone, redone = (len(reversed_steps(todos, commits, key)) for key in (UNDOES, REDOES))
    verb = "redo" if undone else "undo"
    try:
        if undone:
            todos.redo(undone)
        else:
            todos.undo(redone or 1)
    except CqrsError as error:
        return verb, failure(error, session)
    return verb, None
