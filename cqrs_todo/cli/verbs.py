"""What each verb does, given what was understood of its words. Both ways in, short and Typer, end here."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from pathlib import Path

from ..cqrs.core import Commit
from ..cqrs.struct import Struct
from ..cqrs.timeline import Moment
from ..todo.model import (
    PRIORITIES,
    AddTag,
    ChangeDue,
    ChangeNote,
    ChangePriority,
    ChangeReminder,
    ChangeText,
    Complete,
    Create,
    DayOrInstant,
    Priority,
    Remove,
    RemoveTag,
    Reopen,
    TodoCommand,
    Toggle,
    day_or_instant,
)
from ..todo.service import Answer, Lists
from ..todo.views import SORT_KEYS, Filter, Item, SortKey, in_words, ordered, short_instant, spans
from . import document, render
from .config import cache_dir, config_file, state_dir
from .errors import UsageError
from .render import out, say, to_local
from .session import Session, check_text
from .text import visible
from .times import parse_moment, parse_time, start_of

FIELDS = ("note", "due", "reminder", "priority", "tags")


class Fields(Struct, frozen=True):
    """What `add` and `edit` were told of a todo; None and () where nothing was said."""

    text: str | None = None
    note: str | None = None
    due: DayOrInstant | None = None
    reminder: datetime | None = None
    priority: Priority | None = None
    tags: tuple[str, ...] = ()


def understand(
    session: Session,
    words: Sequence[str],
    *,
    literal: int = 0,
    due: str | None = None,
    priority: str | None = None,
    tags: Sequence[str] = (),
    reminder: str | None = None,
    note: str | None = None,
) -> Fields:
    """What words and options say of a todo.

    Words that are wholly `+tag`, `due:…` or `pri:…` are taken out, except among the last `literal` ones, which stood after
    `--`; the others are the text.
    """
    text: list[str] = []
    found = list(tags)
    for place, word in enumerate(words):
        match = re.fullmatch(r"\+(\S+)|due:(\S+)|pri:(\S+)", check_text("text", word))
        if match is None or place >= len(words) - literal:
            text.append(word)
        elif match[1]:
            found.append(match[1])
        elif match[2]:
            due = match[2]
        else:
            priority = match[3]
    return Fields(
        " ".join(text) or None,
        None if note is None else check_text("note", note),
        None if due is None else when(session, due),
        None if reminder is None else remind_at(session, reminder),
        None if priority is None else _priority(priority),
        tuple(check_text("tag", tag.removeprefix("+")) for tag in found),
    )


def _priority(text: str) -> Priority:
    names: dict[str, Priority] = {"high": "H", "medium": "M", "low": "L", **{level.lower(): level for level in PRIORITIES}}
    if text.lower() not in names:
        raise UsageError(f"{text!r} is no priority", "the priorities are H, M and L")
    return names[text.lower()]


def when(session: Session, text: str) -> DayOrInstant:
    """A due date as typed, leaning to the future."""
    return day_or_instant(parse_time(check_text("time", text), session.now, "future", session.config.date_order))


def remind_at(session: Session, text: str) -> datetime:
    """A reminder as typed; a whole day means nine in the morning."""
    value = parse_time(check_text("time", text), session.now, "future", session.config.date_order)
    if isinstance(value, datetime):
        return value
    return datetime.combine(value, datetime.min.time().replace(hour=9)).astimezone()


# writing


def add(session: Session, given: Fields) -> None:
    """Create one todo."""
    if given.text is None:
        raise UsageError("what is to be done? the text is missing", 'for instance: todo add "Buy milk" due:tomorrow')
    _add(session, [given])


def add_lines(session: Session, given: Fields) -> None:
    """Create one todo from each line of stdin that is not blank, all in one commit."""
    try:
        lines = sys.stdin.buffer.read().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"stdin is not UTF-8: {error.reason} at byte {error.start}", "convert it, then try again"
        ) from error
    texts = [line.removesuffix("\r") for line in lines]
    drafts = [
        Fields(text, given.note, given.due, given.reminder, given.priority, given.tags) for text in texts if text.strip()
    ]
    if not drafts:
        raise UsageError("stdin holds no line of text", "for instance: seq 3 | todo add -")
    _add(session, drafts)


def _add(session: Session, drafts: Sequence[Fields]) -> None:
    todos = session.writable()
    now = todos.clock()
    answer = todos.add(
        [
            Create(draft.text or "", now, draft.note, draft.due, draft.reminder, draft.priority, draft.tags)
            for draft in drafts
        ]
    )
    if todos.created and todos.name != session.default_list:
        say(session, f"New list: {visible(todos.name)}")
    if len(answer.items) == 1:
        _answer(session, answer, f"Added {_named(answer.items)}{_echo(answer.items[0])}")
    else:
        _answer(session, answer, f"Added {_named(answer.items)}")


def _echo(item: Item) -> str:
    todo = item.todo
    parts = [f"+{visible(tag)}" for tag in todo.tags]
    if todo.due is not None:
        parts.append(f"due {_weekday(todo.due)}")
    if todo.priority is not None:
        parts.append(f"priority {todo.priority}")
    if todo.reminder is not None:
        parts.append(f"reminder {short_instant(todo.reminder, to_local)}")
    return f" ({', '.join(parts)})" if parts else ""


def _weekday(value: DayOrInstant) -> str:
    words = in_words(value, to_local)
    return f"{date.fromisoformat(words[:10]):%a} {words}"


def change(
    session: Session, ids: Sequence[str], commands: Callable[[Item], Sequence[TodoCommand]], verb: str, already: str
) -> None:
    """Give the todos commands; `verb` tells what was done ('Done'), `already` what was found where nothing changed."""
    todos = session.writable()
    answer = todos.change(todos.select(_checked(ids)), commands)
    _tell(session, answer, verb, already)


def _tell(session: Session, answer: Answer, verb: str, already: str) -> None:
    same = [item.number for item in answer.items if item not in answer.changed]
    if same and not session.options.json:
        say(session, f"{already}: {spans(same)}")
    _answer(session, answer, f"{verb} {_named(answer.changed)}" if answer.changed else None)


def _named(items: Sequence[Item]) -> str:
    if len(items) == 1:
        return f"{items[0].number}: {visible(items[0].todo.text)}"
    return f"{spans([item.number for item in items])} ({len(items)} todos)"


def _answer(session: Session, answer: Answer, line: str | None) -> None:
    if session.options.json:
        out(document.encode(document.answer_document(answer)))
    elif line is not None and not session.options.quiet:
        undo = "todo undo" if session.list_name == session.default_list else f"todo -L {shlex.quote(answer.list)} undo"
        out(f"{line}. Undo: {visible(undo)}" if answer.commit is not None else line)


def done(session: Session, ids: Sequence[str], on: str | None) -> None:
    """Complete todos, now or on an earlier day."""
    now = session.writable().clock()
    completed = day_or_instant(now)
    if on is not None:
        value = parse_time(check_text("time", on), session.now, "past", session.config.date_order)
        completed = completed if value == session.now else day_or_instant(value)
        if start_of(value) > session.now:
            raise UsageError(f"{on!r} has not come yet", "give a day in the past")
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
    chosen = todos.select(_checked([ids]))
    if given == Fields() and not clear:
        if len(chosen) != 1:
            raise UsageError("the editor takes one todo at a time", "say what to change, for instance: todo edit 1-3 pri:H")
        given, clear = _edited(session, chosen[0])
    now = todos.clock()
    answer = todos.change(chosen, lambda item: list(_edits(item, given, clear, now)))
    _tell(session, answer, "Changed", "Unchanged")


def _edits(item: Item, given: Fields, clear: Sequence[str], now: datetime) -> Iterator[TodoCommand]:
    if "note" in clear:
        yield ChangeNote(None)
    if "due" in clear:
        yield ChangeDue(None)
    if "reminder" in clear:
        yield ChangeReminder(None, now)
    if "priority" in clear:
        yield ChangePriority(None)
    if "tags" in clear:
        yield from (RemoveTag(tag) for tag in item.todo.tags if tag not in given.tags)
    if given.text is not None:
        yield ChangeText(given.text)
    if given.note is not None:
        yield ChangeNote(given.note)
    if given.due is not None:
        yield ChangeDue(given.due)
    if given.reminder is not None:
        yield ChangeReminder(given.reminder, now)
    if given.priority is not None:
        yield ChangePriority(given.priority)
    yield from (AddTag(tag) for tag in given.tags)


def _edited(session: Session, item: Item) -> tuple[Fields, list[str]]:
    """What a person made of a todo in their editor: the new fields, and those that they emptied."""
    todo = item.todo
    heads = {
        "text": visible(todo.text),
        "due": in_words(todo.due, to_local),
        "reminder": "" if todo.reminder is None else short_instant(todo.reminder, to_local),
        "priority": todo.priority or "",
        "tags": " ".join(todo.tags),
    }
    before = "".join(f"{name}: {value}".rstrip() + "\n" for name, value in heads.items())
    before += "\n" + (todo.note or "")
    after = _in_editor(before)
    head, _, note = after.partition("\n\n")
    values: dict[str, str] = {}
    for line in head.split("\n"):
        name, colon, value = line.partition(":")
        if not colon or name.strip() not in heads:
            raise UsageError(
                f"the edited text has the line {line!r}", f"its first lines are {', '.join(heads)}, then a blank one"
            )
        values[name.strip()] = value.strip()
    changed = {name: value for name, value in values.items() if value != heads[name].strip()}
    if changed.get("text") == "":
        raise UsageError("the edited text is empty", f"to remove the todo: todo rm {item.number}")
    clear = [name for name, value in changed.items() if not value]
    tags = changed.get("tags", "").split()
    if tags:
        clear.append("tags")
    note = note.rstrip("\n")
    if not note and todo.note:
        clear.append("note")
    given = understand(
        session,
        [changed["text"]] if "text" in changed else [],
        literal=1,
        due=changed.get("due") or None,
        priority=changed.get("priority") or None,
        tags=tags,
        reminder=changed.get("reminder") or None,
        note=note if note and note != (todo.note or "").rstrip("\n") else None,
    )
    return given, clear


def _in_editor(text: str) -> str:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.NamedTemporaryFile("w", suffix=".md", prefix="todo-", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        try:
            finished = subprocess.run([*shlex.split(editor), file.name], check=False)
        except (OSError, ValueError) as error:
            raise UsageError(f"the editor {editor!r} can't be run: {error}", "set EDITOR, or say what to change") from error
        if finished.returncode != 0:
            raise UsageError(f"the editor {editor!r} failed with exit code {finished.returncode}", "nothing was changed")
        try:
            return Path(file.name).read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the edited text can't be read: {error}", "nothing was changed") from error


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


def note(session: Session, id: str, words: Sequence[str]) -> None:
    """Set a todo's note from words, or from stdin for '-'."""
    text = " ".join(check_text("note", word) for word in words)
    if list(words) == ["-"]:
        try:
            text = sys.stdin.buffer.read().decode().rstrip("\n")
        except UnicodeDecodeError as error:
            raise UsageError(f"stdin is not UTF-8: {error.reason} at byte {error.start}", "convert it first") from error
    if not text.strip():
        raise UsageError("the note is empty", f"to clear it: todo edit {id} --clear note")
    change(session, [id], lambda _: [ChangeNote(text)], "Noted", "Unchanged")


def remind(session: Session, ids: str, words: Sequence[str], off: bool) -> None:
    """Set a reminder, or take it off."""
    if off == bool(words):
        raise UsageError("remind takes a time or --off", "for instance: todo remind 3 tomorrow 9:00")
    now = session.writable().clock()
    at = None if off else remind_at(session, " ".join(words))
    verb = "No reminder for" if at is None else f"Reminder {short_instant(at, to_local)} for"
    change(session, [ids], lambda _: [ChangeReminder(at, now)], verb, "Unchanged")


def move(session: Session, ids: Sequence[str], target: str) -> None:
    """Give todos to another list."""
    source = session.writable()
    chosen = source.select(_checked(ids))
    answer = source.move(chosen, session.open_list(target))
    undo = f"todo undo; todo -L {shlex.quote(answer.list)} undo"
    if session.options.json:
        out(document.encode(document.answer_document(answer)))
    elif not session.options.quiet:
        there = spans([item.number for item in answer.items])
        out(f"Moved {_named(chosen)} to {visible(answer.list)}, as {there}. Undo, in both lists: {visible(undo)}")


def undo(session: Session, what: str | None) -> None:
    """Take back the last commit, the last N, or the one at @POSITION."""
    todos = session.writable()
    if what is not None and re.fullmatch(r"@[0-9]+", what):
        answer = todos.undo_at(int(what[1:]))
    else:
        answer = todos.undo(_steps(what))
    _answer_step(session, answer, "Undid", "undoes", "Redo: todo redo")


def redo(session: Session, what: str | None) -> None:
    """Do the last undone commit again, or the last N."""
    _answer_step(session, session.writable().redo(_steps(what)), "Redid", "redoes", "Undo: todo undo")


def _steps(what: str | None) -> int:
    if what is None:
        return 1
    if not re.fullmatch(r"[1-9][0-9]{0,8}", what):
        raise UsageError(f"{what!r} is no number of steps", "for instance: todo undo 3, or for one commit: todo undo @42")
    return int(what)


def _answer_step(session: Session, answer: Answer, verb: str, key: str, hint: str) -> None:
    if session.options.json:
        out(document.encode(document.answer_document(answer)))
    elif not session.options.quiet and answer.commit is not None:
        positions = answer.commit.metadata.meta[key]
        commits = f"@{positions[0]}" if len(positions) == 1 else f"{len(positions)} commits, back to @{min(positions)}"
        out(f"{verb} {commits}: {_named(answer.items)}. {hint}")


# reading


def ls(session: Session, shown: Filter, sort: str, limit: int | None) -> None:
    """Show todos."""
    if sort not in SORT_KEYS:
        raise UsageError(f"{sort!r} is no sort key", f"the keys are {', '.join(SORT_KEYS)}")
    key: SortKey = sort
    view = session.list.view(session.moment)
    rows = ordered((item for item in view.items if shown.passes(item.todo)), key, to_local)[:limit]
    if session.options.json:
        out(document.encode(document.view_document(view, rows)))
        return
    render.show_as_of(session, view)
    render.show_items(session, rows, empty=_nothing(shown, view.items))


def _nothing(shown: Filter, items: Sequence[Item]) -> str:
    if not items:
        return "The list is empty."
    return "Nothing matches." if shown != Filter() else "Nothing is open."


def home(session: Session) -> None:
    """What is open: overdue, today, next."""
    view = session.list.view(session.moment)
    if session.options.json:
        rows = [item for item in view.items if Filter().passes(item.todo)]
        out(document.encode(document.view_document(view, rows)))
        return
    render.show_as_of(session, view)
    if view.items:
        render.show_board(session, view)
    else:
        first = ' Add something: todo add "Buy milk" due:tomorrow' if session.moment is None else ""
        say(session, f"The list is empty.{first}")


def show(session: Session, ids: Sequence[str]) -> None:
    """Everything about todos."""
    todos = session.list
    chosen = todos.select(_checked(ids), session.moment)
    view = todos.view(session.moment)
    streams = {item.stream for item in chosen}
    commits = [commit for commit in todos.history(session.moment) if any(event.stream in streams for event in commit.events)]
    commits.reverse()
    if session.options.json:
        out(document.encode(document.view_document(view, chosen, commits)))
        return
    render.show_as_of(session, view)
    if session.options.plain:
        for item in chosen:
            for name, value in document.todo_document(item).items():
                render.fields(item.number, name, " ".join(value) if name == "tags" else value)
        return
    for place, item in enumerate(chosen):
        if place:
            out("")
        render.show_one(session, item, commits)


class HistoryFilter(Struct, frozen=True):
    """Which commits a history tells of."""

    since: str | None = None
    until: str | None = None
    by: str | None = None
    types: tuple[str, ...] = ()
    limit: int | None = None
    reverse: bool = False


def history(session: Session, ids: Sequence[str], wanted: HistoryFilter) -> None:
    """What happened, newest first."""
    todos = session.list
    view = todos.view(session.moment)
    chosen = todos.select(_checked(ids), session.moment) if ids else None
    streams = None if chosen is None else {item.stream for item in chosen}
    since, until = _since(session, wanted.since), _until(session, wanted.until)

    def tells(commit: Commit) -> bool:
        meta = commit.metadata
        if wanted.by is not None and wanted.by.casefold() not in meta.by.casefold():
            return False
        if not _after(commit, since) or not _before(commit, until):
            return False
        return any(
            (streams is None or event.stream in streams) and (not wanted.types or event.type in wanted.types)
            for event in commit.events
        )

    commits: Iterable[Commit] = islice(filter(tells, todos.history(session.moment)), wanted.limit)
    if wanted.reverse:
        commits = reversed(list(commits))
    if session.options.json:
        out(document.encode(document.history_document(view, commits)))
        return
    render.show_as_of(session, view)
    render.show_history(session, view, commits, streams)


def _since(session: Session, text: str | None) -> Moment | None:
    if text is None or text.startswith("@"):
        return None if text is None else parse_moment(text, session.now)
    return start_of(parse_time(check_text("time", text), session.now, "past", session.config.date_order))


def _until(session: Session, text: str | None) -> Moment | None:
    return None if text is None else parse_moment(check_text("time", text), session.now, session.config.date_order)


def _after(commit: Commit, since: Moment | None) -> bool:
    if since is None:
        return True
    return commit.last >= since if isinstance(since, int) else commit.metadata.at >= since


def _before(commit: Commit, until: Moment | None) -> bool:
    if until is None:
        return True
    return commit.position <= until if isinstance(until, int) else commit.metadata.at <= until


# lists and places


def lists(session: Session) -> None:
    """The lists of the store, with how much is open and done in each."""
    service = Lists(session.store)
    rows = []
    for name in service.names():
        view = session.open_list(name).view(session.moment)
        items = [item.todo for item in view.items if not item.todo.removed]
        done_count = sum(todo.done for todo in items)
        rows.append({"name": name, "archived": False, "open": len(items) - done_count, "done": done_count})
    rows += [{"name": name, "archived": True, "open": None, "done": None} for name in service.names(archived=True)]
    if session.options.json:
        out(document.encode({"lists": rows}))
    elif session.options.plain:
        for row in rows:
            render.fields(row["name"], "archived" if row["archived"] else "in use", row["open"], row["done"])
    elif not rows:
        say(session, "There are no lists yet: todo add makes the first.")
    else:
        width = max(len(str(row["name"])) for row in rows)
        for row in rows:
            state = "archived" if row["archived"] else f"{row['open']} open, {row['done']} done"
            mark = "*" if row["name"] == session.list_name else " "
            out(f"{mark} {visible(str(row['name'])):<{width}}  {state}")


def lists_new(session: Session, name: str) -> None:
    """Make an empty list."""
    log = Lists(_writable_store(session, name).store).new(name)
    _answer_list(session, log.name, f"New list: {log.name}")


def lists_rename(session: Session, old: str, new: str) -> None:
    """Call a list otherwise."""
    Lists(_writable_store(session, old, new).store).rename(old, new)
    _answer_list(session, new, f"Renamed {old} to {new}. Back: todo lists rename {shlex.quote(new)} {shlex.quote(old)}")


def lists_archive(session: Session, name: str) -> None:
    """Put a list away, with all its history."""
    Lists(_writable_store(session, name).store).archive(name)
    _answer_list(session, name, f"Archived {name}. Back: todo lists unarchive {shlex.quote(name)}")


def lists_unarchive(session: Session, name: str) -> None:
    """Bring an archived list back."""
    Lists(_writable_store(session, name).store).unarchive(name)
    _answer_list(session, name, f"{name} is in use again")


def _writable_store(session: Session, *names: str) -> Session:
    for name in names:
        check_text("list's name", name)
    if session.options.at is not None:
        raise UsageError("the past can't be changed: this verb writes", "leave out --at")
    return session


def _answer_list(session: Session, name: str, line: str) -> None:
    if session.options.json:
        out(document.encode({"list": name}))
    elif not session.options.quiet:
        out(visible(line))


def where(session: Session) -> None:
    """The paths in use."""
    paths = {
        "store": session.store.url,
        "list": session.list_name,
        "configuration": str(config_file()),
        "cache": str(cache_dir()),
        "state": str(state_dir()),
    }
    if session.options.json:
        out(document.encode({"paths": paths}))
        return
    for name, value in paths.items():
        if session.options.plain:
            render.fields(name, value)
        else:
            out(f"{name:<14}{visible(value)}")


def _checked(ids: Sequence[str]) -> list[str]:
    return [check_text("id", word) for word in ids]
