"""The verbs that write, given what was understood of their words."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import IO, TypeAlias

from ..cqrs.errors import Rejected, StoreUnavailable
from ..cqrs.timeline import REDOES, UNDOES, marked
from ..todo.fields import NOTE, REMINDER, TAGS, TEXT
from ..todo.model import DECIDER, Add, Change, Complete, Create, Drop, Remove, Reopen, TodoCommand, Toggle
from ..todo.recorder import COMMIT_LIMIT, COMMIT_TEXT, Answer
from ..todo.service import Added
from ..todo.values import TEXT_LIMIT, day_or_instant
from ..todo.views import Item, extras, short_instant, spans
from . import document
from .clock import to_local
from .errors import UsageError
from .fields import Given, read_fields, read_instant
from .output import out
from .render import say
from .session import Session, check_ids, check_text
from .text import visible

Options: TypeAlias = Mapping[str, str | Sequence[str] | None]
"""What options of the command line gave, by the names of fields."""
NOTHING: Options = {}
_LONGEST_LINE = TEXT_LIMIT + len(b"\r\n")


def add(session: Session, words: Sequence[str], literal: int = 0, options: Options = NOTHING) -> None:
    """Create a todo of words and options, as `read_fields` takes them; or, for the word '-', one of each line of stdin."""
    given = read_fields(session, words, options, literal=literal)
    text = given.values.get(TEXT.name)
    if text is None:
        raise UsageError("what is to be done? the text is missing", 'for instance: todo add "Buy milk" due:tomorrow')
    if text == "-" and not literal:
        _add_lines(session, given)
        return
    todos = session.writable()
    session.progress.begin("adding")
    _added(session, todos.add([_create(given, text, todos.clock())]))


def _create(given: Given, text: str, now: datetime) -> Create:
    others = {name: value for name, value in given.values.items() if name != TEXT.name}
    return Create(text, now, **others)


def _add_lines(session: Session, given: Given) -> None:
    """Create one todo from each line of stdin that is not blank: in one commit, or above its limit in a batch of commits."""
    todos = session.writable()
    now = todos.clock()
    with _temporary_file() as spool:
        count = _spool(spool, lambda line: DECIDER.decide(_create(given, line, now), DECIDER.initial))
        if not count:
            raise UsageError("stdin holds no line of text", "for instance: seq 3 | todo add -")
        size = spool.tell()
        spool.seek(0)
        drafts = (_create(given, line.decode().removesuffix("\n"), now) for line in spool)
        session.progress.begin("adding")
        if count <= COMMIT_LIMIT and size <= COMMIT_TEXT:
            _added(session, todos.add(list(drafts)))
        else:
            _add_batch(session, drafts, count)


def _add_batch(session: Session, drafts: Iterator[Create], count: int) -> None:
    """Add a batch; if SIGINT or SIGTERM ends it, say how much of it was recorded."""
    import signal  # no other way of adding needs it

    from .signals import Terminated, raised

    todos = session.writable()
    with raised(signal.SIGTERM):
        try:
            _added_batch(session, todos.add_batch(drafts, count))
        except (KeyboardInterrupt, Terminated) as ended:
            for note in getattr(ended, "__notes__", ()):
                say(session, f"Interrupted: {note}. To take them back: {session.typed(todos.name, 'undo')}")
            raise


@contextmanager
def _temporary_file() -> Iterator[IO[bytes]]:
    """A temporary file; raises `StoreUnavailable` where none can be made, written or read."""
    import tempfile  # no other way of adding needs it

    try:
        with tempfile.TemporaryFile() as file:
            yield file
    except OSError as error:
        where = f"the temporary folder {tempfile.tempdir or 'TMPDIR'}"
        raise StoreUnavailable(f"{where}: {error.strerror or error}; nothing was recorded") from error


def _spool(spool: IO[bytes], check: Callable[[str], object]) -> int:
    """Copy the lines of stdin that are not blank to a file, in bounded memory; how many they are.

    So each is checked before the first is recorded, however many there are.

    Args:
        spool: A file that is open for writing.
        check: Raises `Rejected` for a line that no todo can be made of.

    Raises:
        UsageError: Stdin can't be read or is not UTF-8; a line is too long.
        Rejected: As `check`, with the number of the line.
    """
    count = number = 0
    try:
        while line := _line_of_stdin():
            number += 1
            if len(line) > _LONGEST_LINE:
                raise Rejected(f"the text has more than {TEXT_LIMIT:,} bytes")
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            if text.strip():
                check(text)
                spool.write(text.encode() + b"\n")
                count += 1
        spool.flush()
    except UnicodeDecodeError as error:
        raise UsageError(f"line {number:,} of stdin is not UTF-8: {error.reason}", "convert it, then try again") from error
    except Rejected as error:
        raise Rejected(f"line {number:,}: {error}") from error
    return count


def _line_of_stdin() -> bytes:
    try:
        return sys.stdin.buffer.readline(_LONGEST_LINE + 1)
    except OSError as error:
        raise UsageError(f"stdin can't be read: {error.strerror}", "give it a file or a pipe to read") from error


def _stdin(limit: int) -> str:
    """All of stdin, with LF as the end of lines.

    Args:
        limit: The most that is taken, in bytes.

    Raises:
        UsageError: Stdin can't be read, is longer, or is not UTF-8.
    """
    try:
        content = sys.stdin.buffer.read(limit + 1)
    except OSError as error:
        raise UsageError(f"stdin can't be read: {error.strerror}", "give it a file or a pipe to read") from error
    if len(content) > limit:
        raise UsageError(f"stdin has more than {limit:,} bytes", "give it less")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"{error.reason} at byte {error.start}"
        raise UsageError(f"stdin is not UTF-8: {where}", "convert it, then try again") from error
    return text.replace("\r\n", "\n")


def _added(session: Session, answer: Answer) -> None:
    _report_new_list(session, answer)
    understood = visible(extras(answer.items[0].todo, to_local)) if len(answer.items) == 1 else ""
    _answer(session, answer, f"Added {_named(answer.items)}{understood}")


def _added_batch(session: Session, added: Added) -> None:
    _report_new_list(session, added)
    if session.options.json:
        out(document.encode(document.added_document(added)))
    elif not session.options.quiet:
        undo = session.typed(added.list, "undo")
        out(f"Added {added.todos:,} todos in {added.commits:,} commits. Undo: {undo}")


def _report_new_list(session: Session, answer: Answer | Added) -> None:
    if answer.new_list and answer.list != session.default_list:
        say(session, f"New list: {visible(answer.list)}")


def change(
    session: Session, ids: Sequence[str], commands: Callable[[Item], Sequence[TodoCommand]], verb: str, already: str
) -> None:
    """Give the todos commands; `verb` tells what was done ('Done'), `already` what was found where nothing changed."""
    todos = session.writable()
    answer = todos.change(todos.select(check_ids(ids)), commands)
    tell(session, answer, verb, already)


def tell(session: Session, answer: Answer, verb: str, already: str) -> None:
    """Tell what was done to which todos, and which of those named were so `already`."""
    same = [item.number for item in answer.items if item not in answer.changed]
    if same and not session.options.json:
        say(session, f"{already}: {spans(same)}")
    _answer(session, answer, f"{verb} {_named(answer.changed)}" if answer.changed else None)


def _named(items: Sequence[Item]) -> str:
    if not items:
        return "nothing: this store keeps nothing"
    if len(items) == 1:
        return f"{items[0].number}: {visible(items[0].todo.text)}"
    return f"{spans([item.number for item in items])} ({len(items)} todos)"


def _answer(session: Session, answer: Answer, line: str | None, back: str = "undo") -> None:
    """Tell what was recorded: as JSON, or in a line that ends with how to go `back`."""
    if session.options.json:
        out(document.encode(document.answer_document(answer)))
    elif line is not None and not session.options.quiet:
        way = f". {back.title()}: {session.typed(answer.list, back)}"
        out(line + (way if answer.commit is not None else ""))


def done(session: Session, ids: Sequence[str], on: str | None = None) -> None:
    """Complete todos, now or on an earlier day."""
    now = session.writable().clock()
    completed = day_or_instant(now)
    if on is not None:
        value = session.time_of(on, "past")
        completed = completed if value == session.now else day_or_instant(value)
    change(session, ids, lambda _: [Complete(completed, now)], "Done", "Already done")


def reopen(session: Session, ids: Sequence[str]) -> None:
    """Open todos again."""
    change(session, ids, lambda _: [Reopen()], "Reopened", "Open already")


def toggle(session: Session, ids: Sequence[str]) -> None:
    """Complete what is open, reopen what is done."""
    now = session.writable().clock()
    change(session, ids, lambda _: [Toggle(now)], "Toggled", "Unchanged")


def remove(session: Session, ids: Sequence[str]) -> None:
    """Remove todos; an event like any other, which undo takes back."""
    change(session, ids, lambda _: [Remove()], "Removed", "Removed already")


def edit(session: Session, ids: str, given: Given) -> None:
    """Change fields of todos, or one todo in the editor when nothing is said."""
    todos = session.writable()
    chosen = todos.select(check_ids([ids]))

    def apply(given: Given, *, unchanged: bool) -> Answer:
        now = todos.clock()
        return todos.change(chosen, lambda item: list(given.commands(item, now)), unchanged=unchanged)

    if given:
        answer = apply(given, unchanged=False)
    elif len(chosen) == 1:
        from .editor import edited  # subprocesses and temporary files, which no other way needs

        answer = edited(session, chosen[0], lambda given: apply(given, unchanged=True))
    else:
        raise UsageError("the editor takes one todo at a time", "say what to change, for instance: todo edit 1-3 pri:H")
    tell(session, answer, "Changed", "Unchanged")


def tag(session: Session, words: Sequence[str]) -> None:
    """Add and remove tags: words that begin with + or - are tags, the others ids."""
    tags = [word for word in words if word[:1] in "+-" and len(word) > 1]
    ids = [word for word in words if word not in tags]
    if not tags or not ids:
        raise UsageError("tag takes todos and tags", "for instance: todo tag 1-3 +home -work")
    commands: list[TodoCommand] = [
        Add(TAGS, check_text("tag", word[1:])) if word[0] == "+" else Drop(TAGS, check_text("tag", word[1:]))
        for word in tags
    ]
    change(session, ids, lambda _: commands, "Tagged", "Unchanged")


def note(session: Session, id: str, words: Sequence[str], *, literal: bool) -> None:
    """Set a todo's note from words, or from stdin for '-', unless that stood after `--`."""
    text = " ".join(check_text("note", word) for word in words)
    if list(words) == ["-"] and not literal:
        text = _stdin(2 * TEXT_LIMIT).rstrip("\n")
    if not text.strip():
        raise UsageError("the note is empty", f"to clear it: todo edit {id} --clear note")
    change(session, [id], lambda _: [Change(NOTE, text)], "Noted", "Unchanged")


def remind(session: Session, ids: str, words: Sequence[str], off: bool) -> None:
    """Set a reminder, or take it off."""
    if off == bool(words):
        raise UsageError("remind takes a time or --off", "for instance: todo remind 3 tomorrow 9:00")
    todos = session.writable()
    at = None if off else read_instant(session, " ".join(words))
    now = todos.clock()
    verb = "No reminder for" if at is None else f"Reminder {short_instant(at, to_local)} for"
    change(session, [ids], lambda _: [Change(REMINDER, at, now)], verb, "Unchanged")


def move(session: Session, ids: Sequence[str], target: str) -> None:
    """Give todos to another list."""
    source = session.writable()
    chosen = source.select(check_ids(ids))
    answer = source.move(chosen, session.open_list(target))
    if session.options.json:
        _answer(session, answer, None)
        return
    moved = {item.stream: item.number for item in answer.changed}
    leaving = [item for item in chosen if item.stream in moved]
    same = [item.number for item in chosen if item.stream not in moved]
    if same:
        say(session, f"Already in {visible(answer.list)}: {spans(same)}")
    if leaving and not session.options.quiet:
        there = spans(list(moved.values()))
        line = f"Moved {_named(leaving)} to {visible(answer.list)}, as {there}"
        out(f"{line}. Undo: {session.typed(source.name, 'undo')}")


def undo(session: Session, what: str | None = None) -> None:
    """Take back the last commit, the last N, or the one at @POSITION."""
    todos = session.writable()
    if what is not None and re.fullmatch(r"@[0-9]{1,18}", what):
        answer = todos.undo_at(int(what[1:]))
    else:
        answer = todos.undo(_steps(what))
    _answer_step(session, answer, "Undid", UNDOES, "redo")


def redo(session: Session, what: str | None = None) -> None:
    """Do the last undone commit again, or the last N."""
    _answer_step(session, session.writable().redo(_steps(what)), "Redid", REDOES, "undo")


def _steps(what: str | None) -> int:
    if what is None:
        return 1
    if not re.fullmatch(r"[1-9][0-9]{0,8}", what):
        raise UsageError(f"{what!r} is no number of steps", "for instance: todo undo 3, or for one commit: todo undo @42")
    return int(what)


def _answer_step(session: Session, answer: Answer, verb: str, mark: str, back: str) -> None:
    positions = [position for commit in answer.commits for position in marked(commit.metadata, mark)]
    which = f"@{positions[0]}" if len(positions) == 1 else f"{len(positions)} commits, back to @{min(positions, default=0)}"
    also = f", and the same in {visible(', '.join(answer.also))}" if answer.also else ""
    _answer(session, answer, f"{verb} {which}: {_named(answer.items)}{also}", back)
