"""The verbs that write, given what was understood of their words."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from ..cqrs.timeline import REDOES, UNDOES, marked
from ..todo.model import (
    AddTag,
    ChangeDue,
    ChangeNote,
    ChangePriority,
    ChangeReminder,
    ChangeText,
    Complete,
    Create,
    Remove,
    RemoveTag,
    Reopen,
    TodoCommand,
    Toggle,
    day_or_instant,
)
from ..todo.service import Answer
from ..todo.views import Item, extras, short_instant, spans
from . import document
from .clock import to_local
from .errors import UsageError
from .fields import FIELDS, Fields, remind_at, understand
from .output import out
from .render import say
from .session import Session, check_ids, check_text
from .text import visible


def add(session: Session, words: Sequence[str], literal: int = 0, **options: Any) -> None:
    """Create a todo of words and options, as `fields.understand` takes them, or, for the word '-', of each line of stdin."""
    given = understand(session, words, literal=literal, **options)
    if given.text is None:
        raise UsageError("what is to be done? the text is missing", 'for instance: todo add "Buy milk" due:tomorrow')
    if given.text == "-" and not literal:
        _add_lines(session, given)
    else:
        _add(session, [given])


def _add_lines(session: Session, given: Fields) -> None:
    """Create one todo from each line of stdin that is not blank, all in one commit."""
    texts = _stdin().split("\n")
    drafts = [
        Fields(text, given.note, given.due, given.reminder, given.priority, given.tags) for text in texts if text.strip()
    ]
    if not drafts:
        raise UsageError("stdin holds no line of text", "for instance: seq 3 | todo add -")
    _add(session, drafts)


def _stdin() -> str:
    """All of stdin, with LF as the end of lines."""
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(
            f"stdin can't be read: {error.strerror}", "give it something to read, for instance a pipe"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"stdin is not UTF-8: {error.reason} at byte {error.start}", "convert it, then try again"
        ) from error
    return text.replace("\r\n", "\n")


def _add(session: Session, drafts: Sequence[Fields]) -> None:
    todos = session.writable()
    session.progress.begin("adding")
    now = todos.clock()
    answer = todos.add(
        [
            Create(draft.text or "", now, draft.note, draft.due, draft.reminder, draft.priority, draft.tags)
            for draft in drafts
        ]
    )
    if todos.created and todos.name != session.default_list:
        say(session, f"New list: {visible(todos.name)}")
    understood = visible(extras(answer.items[0].todo, to_local)) if len(answer.items) == 1 else ""
    _answer(session, answer, f"Added {_named(answer.items)}{understood}")


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


def edit(session: Session, ids: str, given: Fields, clear: Sequence[str]) -> None:
    """Change fields of todos, or one todo in the editor when nothing is said."""
    unknown = [name for name in clear if name not in FIELDS]
    if unknown:
        raise UsageError(
            f"there is no field {', '.join(map(repr, unknown))} to clear", f"the fields are {', '.join(FIELDS)}"
        )
    todos = session.writable()
    chosen = todos.select(check_ids([ids]))

    def apply(given: Fields, clear: Sequence[str], *, unchanged: bool) -> Answer:
        now = todos.clock()
        return todos.change(chosen, lambda item: list(_edits(item, given, clear, now)), unchanged=unchanged)

    if given != Fields() or clear:
        answer = apply(given, clear, unchanged=False)
    elif len(chosen) == 1:
        from .editor import edited  # subprocesses and temporary files, which no other way needs

        answer = edited(session, chosen[0], lambda given, clear: apply(given, clear, unchanged=True))
    else:
        raise UsageError("the editor takes one todo at a time", "say what to change, for instance: todo edit 1-3 pri:H")
    tell(session, answer, "Changed", "Unchanged")


def _edits(item: Item, given: Fields, clear: Sequence[str], now: datetime) -> Iterator[TodoCommand]:
    if given.text is not None:
        yield ChangeText(given.text)
    if given.note is not None or "note" in clear:
        yield ChangeNote(given.note)
    if given.due is not None or "due" in clear:
        yield ChangeDue(given.due)
    if given.reminder is not None or "reminder" in clear:
        yield ChangeReminder(given.reminder, now)
    if given.priority is not None or "priority" in clear:
        yield ChangePriority(given.priority)
    if "tags" in clear:
        yield from (RemoveTag(tag) for tag in item.todo.tags if tag not in given.tags)
    yield from (AddTag(tag) for tag in given.tags)


def tag(session: Session, words: Sequence[str]) -> None:
    """Add and remove tags: words that begin with + or - are tags, the others ids."""
    tags = [word for word in words if word[:1] in "+-" and len(word) > 1]
    ids = [word for word in words if word not in tags]
    if not tags or not ids:
        raise UsageError("tag takes todos and tags", "for instance: todo tag 1-3 +home -work")
    commands: list[TodoCommand] = [
        AddTag(check_text("tag", word[1:])) if word[0] == "+" else RemoveTag(check_text("tag", word[1:])) for word in tags
    ]
    change(session, ids, lambda _: commands, "Tagged", "Unchanged")


def note(session: Session, id: str, words: Sequence[str], *, literal: bool) -> None:
    """Set a todo's note from words, or from stdin for '-', unless that stood after `--`."""
    text = " ".join(check_text("note", word) for word in words)
    if list(words) == ["-"] and not literal:
        text = _stdin().rstrip("\n")
    if not text.strip():
        raise UsageError("the note is empty", f"to clear it: todo edit {id} --clear note")
    change(session, [id], lambda _: [ChangeNote(text)], "Noted", "Unchanged")


def remind(session: Session, ids: str, words: Sequence[str], off: bool) -> None:
    """Set a reminder, or take it off."""
    if off == bool(words):
        raise UsageError("remind takes a time or --off", "for instance: todo remind 3 tomorrow 9:00")
    todos = session.writable()
    at = None if off else remind_at(session, " ".join(words))
    now = todos.clock()
    verb = "No reminder for" if at is None else f"Reminder {short_instant(at, to_local)} for"
    change(session, [ids], lambda _: [ChangeReminder(at, now)], verb, "Unchanged")


def move(session: Session, ids: Sequence[str], target: str) -> None:
    """Give todos to another list."""
    source = session.writable()
    chosen = source.select(check_ids(ids))
    answer = source.move(chosen, session.open_list(target))
    there = spans([item.number for item in answer.items])
    line = f"Moved {_named(chosen)} to {visible(answer.list)}, as {there}"
    if session.options.json:
        _answer(session, answer, None)
    elif not session.options.quiet:
        out(f"{line}. Undo here: {session.typed(source.name, 'undo')}; there: {session.typed(answer.list, 'undo')}")


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
    positions = () if answer.commit is None else marked(answer.commit.metadata, mark)
    which = f"@{positions[0]}" if len(positions) == 1 else f"{len(positions)} commits, back to @{min(positions, default=0)}"
    _answer(session, answer, f"{verb} {which}: {_named(answer.items)}", back)
