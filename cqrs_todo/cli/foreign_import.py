"""`todo import` of other programs' files: what is read, what is recorded, and what is reported."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from ..cqrs.errors import InvalidLogName
from ..cqrs.names import check_free, check_log_name, name_key
from ..cqrs.struct import Struct, replace
from ..todo.compare import changed_fields
from ..todo.errors import MalformedFile
from ..todo.fields import Todo
from ..todo.formats import Context, Entry, Format, Loss, Report, load
from ..todo.formats.converting import check_parents, closing_links, foreign_ids
from ..todo.formats.parts import skip
from ..todo.importing import MOST_AT_ONCE, MOST_COMPARED, Imported, ManyEntries, import_entries, import_many, plan_for
from ..todo.recorder import Answer
from ..todo.service import TodoList
from ..todo.values import Recurrence, time_in
from ..todo.views import Item, Label, attribute_name, long_instant, number_ranges
from .clock import conversion_to, to_local, zone_name
from .errors import InvalidInput, UsageError, to_install
from .output import print_line, print_message
from .reports import count_of
from .session import Session
from .sources import TEXT_LIMIT, TEXT_LIMITS, Source
from .terminal import shown_value
from .text import printable, visible

_SAMPLE = 5
"""How many todos a dry run shows."""
_CHANGED = 20
"""How many todos are shown that an import changes."""
_KINDS = 1000
"""How many kinds of losses are counted one by one."""
_NOTHING = "; nothing was imported"
_LOSSES = ("kept", "changed", "lost")
"""The kinds of losses, in the order in which they are said."""


class Choices(Struct, frozen=True):
    """What the options of the verb say.

    Args:
        dry_run: Whether to record nothing.
        lenient: Whether to skip what cannot be read.
        headings: Whether headings become projects or tags.
        by_project: Whether each project becomes a list.
    """

    dry_run: bool = False
    lenient: bool = False
    headings: Literal["projects", "tags"] = "projects"
    by_project: bool = False


class Losses:
    """Counts of what cannot be kept as it is, by kind."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], list[int]] = {}
        self.skipped: list[tuple[str, Loss]] = []
        self.skips = 0

    def report(self, name: str) -> Report:
        """Return what receives the losses of a file."""

        def receive(loss: Loss) -> None:
            if loss.kind == "skipped":
                self.skips += 1
                if len(self.skipped) < _KINDS:
                    self.skipped.append((name, loss))
                return
            key = (loss.kind, loss.what, loss.outcome)
            if key not in self._found and len(self._found) >= _KINDS:
                key = (loss.kind, "other things", "they are too many to list")
            found = self._found.setdefault(key, [0, loss.line])
            found[0] += 1

        return receive

    def rows(self) -> list[dict[str, Any]]:
        """Return the counts, for JSON."""
        return [
            {"kind": kind, "what": printable(what), "outcome": printable(outcome), "count": count, "line": line}
            for (kind, what, outcome), (count, line) in self._found.items()
        ]

    def messages(self, place: str, kinds: Sequence[str] = _LOSSES) -> Iterator[str]:
        """Yield the counts in words.

        Args:
            place: What a place is called: a line, or a todo.
            kinds: The kinds of losses that are said, in this order. Those of an import that changes nothing are known.
        """
        said = [each for each in self._found.items() if each[0][0] in kinds]
        for (kind, what, outcome), (count, line) in sorted(said, key=lambda each: kinds.index(each[0][0])):
            times = "" if count == 1 else f"{count:,} times, first: "
            yield f"{_loss_in_words(kind, visible(what), visible(outcome))} ({times}{place} {line:,})"
        for name, loss in self.skipped[:20]:
            yield f"Skipped: {visible(name)}, {place} {loss.line:,}: {visible(loss.outcome)}"
        if self.skips > 20:
            yield f"Skipped: {self.skips - 20:,} more"


def _loss_in_words(kind: str, what: str, outcome: str) -> str:
    if kind == "kept":
        return f"Kept as an attribute: {what}" if outcome == f"attribute {what}" else f"Kept {what} as the {outcome}"
    return f"Changed: {what} → {outcome}" if kind == "changed" else f"Not kept: {what} – {outcome}"


def import_foreign(session: Session, sources: Sequence[Source], format: Format, choices: Choices) -> None:
    """Import files of another program.

    Args:
        session: This run of the program.
        sources: The files.
        format: Their format.
        choices: What the options say.

    Raises:
        InvalidInput: A file is malformed. Nothing was recorded.
        UsageError: An extra is missing.
        CqrsError: What recording raises.
    """
    now = session.list.clock()
    context = Context(
        now=now,
        to_local=to_local,
        zone=zone_name() or "",
        to_zone=conversion_to,
        headings=choices.headings,
        lenient=choices.lenient,
        date_order=session.config.date_order,
    )
    job = _Job(session, sources, format, context)
    losses = Losses()
    is_compared = choices.by_project or _has_todos(session.list, session)
    known, parents, kept = job.check(losses, MOST_COMPARED if is_compared else MOST_AT_ONCE)
    if not known.count and not losses.skips:
        raise InvalidInput(f"{sources[0].name} has no todos ({format.title}){_NOTHING}")
    try:
        check_parents(parents)
    except MalformedFile as error:
        raise job.refused(sources[0], error) from error
    if session.request is not None:
        for source in sources:
            for line in source.lines() if format.by_line else [source.text(TEXT_LIMIT)]:
                session.request.include(line.encode())
    if not session.options.json:
        names = ", ".join(visible(source.name) for source in sources[:3]) + (" and so on" if len(sources) > 3 else "")
        print_message(session, f"Read {count_of(known.count, 'todo')} from {names} ({format.title})")
    if kept is None:
        if is_compared:
            what = "with --list-by" if choices.by_project else "into a list that has todos"
            hint = None if choices.by_project else "choose a new list: -L NAME"
            raise InvalidInput(f"more than {MOST_COMPARED:,} todos cannot be imported {what}{_NOTHING}", hint)
        _import_many(session, job, known, losses, format, choices)
        return
    lists = _by_list(session, kept, losses, choices)
    if len(lists) > 1 and not choices.dry_run:
        for name, entries in lists.items():  # so that a list that cannot be read is noticed before anything is recorded
            plan_for(_opened(session, name), entries, job.file)
    done = [_import_into(name, session, entries, job.file, losses, choices) for name, entries in lists.items()]
    _answer(session, done, losses, format, choices, kept)


class _Job:
    """Reads the files, as often as it is needed.

    Attributes:
        file: The name of the first one, without its folder; "" for stdin.
    """

    def __init__(self, session: Session, sources: Sequence[Source], format: Format, context: Context) -> None:
        self._session = session
        self._sources = sources
        self._format = format
        self._context = context
        self.file = os.path.basename(sources[0].path)
        try:
            self._read: Callable[..., Iterator[Entry]] = getattr(load(format), format.reader)
        except ImportError as error:
            raise missing(error) from error

    def entries(self, losses: Losses) -> Iterator[Entry]:
        """Yield the entries of all files.

        Raises:
            InvalidInput: A file is malformed.
            UsageError: An extra is missing.
        """
        seen: dict[tuple[str, str], int] = {}
        for number, source in enumerate(self._sources):
            limit = TEXT_LIMITS.get(self._format.name, TEXT_LIMIT)
            report = losses.report(source.name)
            try:
                given = source.lines() if self._format.by_line else source.text(limit)
                for entry in self._read(given, self._context, report):
                    placed = _of_file(entry, number)
                    ids = list(foreign_ids(entry.todo.attributes))
                    twice = next((id for id in ids if id in seen), None)
                    if twice is not None:
                        other = "todo" if seen[twice] == number else "file"
                        skip(entry.line, f"another {other} has the id {twice[1]}, too", self._context, report)
                        continue
                    seen |= dict.fromkeys(ids, number)
                    yield placed
            except MalformedFile as error:
                raise self.refused(source, error) from error
            except ImportError as error:
                raise missing(error) from error

    def refused(self, source: Source, error: MalformedFile) -> InvalidInput:
        """Return the error for a file that is malformed."""
        where = "" if error.line is None else f", {self._format.place} {error.line:,}"
        skippable = not self._context.lenient and error.line is not None
        hint = error.hint or ("fix it, or import the rest with --lenient" if skippable else None)
        return InvalidInput(f"{source.name}{where}: {error.reason}{_NOTHING}", hint)

    def check(self, losses: Losses, most: int) -> tuple[ManyEntries, dict[str, tuple[str, int]], list[Entry] | None]:
        """Read everything once.

        Args:
            losses: Receives what cannot be kept as it is.
            most: How many entries to keep.

        Returns:
            What is known of all entries; the parents of entries, for `check_parents`; and the entries, if there are no more.
        """
        count = 0
        named: set[str] = set()
        numbers: dict[str, int] = {}
        parents: dict[str, tuple[str, int]] = {}
        depends: dict[str, Sequence[str]] = {}
        kept: list[Entry] | None = []
        for count, entry in enumerate(self.entries(losses), 1):
            if entry.key in named:
                numbers[entry.key] = count
            if entry.todo.depends:
                named.update(entry.todo.depends)
                depends[entry.key] = entry.todo.depends
            if entry.todo.parent is not None:
                named.add(entry.todo.parent)
                parents[entry.key] = (entry.todo.parent, entry.line)
            if kept is not None:
                kept.append(entry)
                if count > most:
                    kept = None
        return ManyEntries(count, named, numbers, closing_links(depends) if kept is None else set()), parents, kept


def missing(error: ImportError) -> UsageError:
    """Return the error for an extra that is not installed."""
    if (error.name or "").partition(".")[0] != "icalendar":
        raise error
    return UsageError("iCalendar needs the extra `ics`", f"install it {to_install('ics')}")


def _of_file(entry: Entry, number: int) -> Entry:
    """Return an entry whose key is unique in all files."""
    if number == 0 or entry.has_id:
        return entry
    todo = entry.todo
    parent = None if todo.parent is None else f"{number} {todo.parent}"
    linked = replace(todo, parent=parent, depends=tuple(f"{number} {key}" for key in todo.depends))
    return replace(entry, key=f"{number} {entry.key}", todo=linked)


def _has_todos(todos: TodoList, session: Session) -> bool:
    """Return whether a list has todos that are not removed."""
    return todos.name in session.store.names() and any(not item.todo.removed for item in todos.view().items)


def _by_list(session: Session, entries: Sequence[Entry], losses: Losses, choices: Choices) -> dict[str, list[Entry]]:
    """Return the entries of each list. With `--list-by project`, a todo is in the list of the one that it is under.

    Raises:
        InvalidInput: A project cannot be the name of a list.
        LogExists: An archived list has the name of a project.
    """
    if not choices.by_project:
        return {session.list.name: list(entries)}
    store = session.store
    known = {name_key(name): name for name in (session.default_list, session.list.name, *store.names())}
    report = losses.report(session.list.name)
    keys = {entry.key for entry in entries}
    parents = {entry.key: entry.todo.parent for entry in entries if entry.todo.parent in keys}
    names = {entry.key: _list_name(session, entry, known, report, choices) for entry in entries if entry.key not in parents}
    lists: dict[str, list[Entry]] = {}
    for entry in entries:
        key = entry.key
        while (parent := parents.get(key)) is not None:  # no circle, and no more than `DEEPEST`: see `check_parents`
            key = parent
        names[entry.key] = names[key]
        lists.setdefault(names[key], []).append(entry)
    archived = [(name, True) for name in store.names(archived=True)]
    for name, found in lists.items():
        check_free(name, archived)
        found[:] = [_without_other_lists(entry, names, report) for entry in found]
    return lists


def _without_other_lists(entry: Entry, names: Mapping[str, str], report: Report) -> Entry:
    """Return an entry without the dependencies on todos of other lists, which are reported."""
    own = tuple(key for key in entry.todo.depends if names.get(key, names[entry.key]) == names[entry.key])
    for _ in range(len(entry.todo.depends) - len(own)):
        report(Loss(entry.line, "a dependency on a todo of another list", "both have to be in one list", "lost"))
    return entry if own == entry.todo.depends else replace(entry, todo=replace(entry.todo, depends=own))


def _list_name(session: Session, entry: Entry, known: dict[str, str], report: Report, choices: Choices) -> str:
    """Return the name of the list for the project of an entry: what cannot be in one becomes a hyphen.

    Args:
        session: This run of the program, with the list for entries without a project.
        entry: The entry.
        known: The names of lists by their keys. A new name is added, because no two names differ only by case.
        report: Receives the projects whose list has another name.
        choices: With `lenient`, the todos of a project that cannot be a list are in the list in use.
    """
    project = (entry.todo.project or "").partition(".")[0]
    if not project:
        return session.list.name
    try:
        name = check_log_name(re.sub(r"[^\w ._-]+", "-", project).strip(" -."))
    except InvalidLogName as error:
        if choices.lenient:
            report(Loss(entry.line, f"the project {project}", f"the list {session.list.name}", "changed"))
            return session.list.name
        raise InvalidInput(
            f"line {entry.line:,}: the project {project} cannot be a list: the name of a list {error.reason}{_NOTHING}",
            "rename the project, or put its todos into the list in use with --lenient",
        ) from error
    name = known.setdefault(name_key(name), name)
    if name_key(name) != name_key(project):
        report(Loss(entry.line, f"the project {project}", f"the list {name}", "changed"))
    return name


class _Done(Struct, frozen=True):
    """What was imported into a list."""

    list: str
    imported: Imported


def _opened(session: Session, name: str) -> TodoList:
    return session.list if name == session.list.name else session.open_list(name)


def _import_into(
    name: str, session: Session, entries: Sequence[Entry], file: str, losses: Losses, choices: Choices
) -> _Done:
    todos = _opened(session, name)
    session.progress.begin("importing")
    try:
        imported = plan_for(todos, entries, file) if choices.dry_run else import_entries(todos, entries, file)
    except MalformedFile as error:
        raise InvalidInput(f"line {error.line:,}: {error.reason}{_NOTHING}") from error
    for loss in imported.losses:
        losses.report(name)(loss)
    return _Done(todos.name, imported)


def _import_many(session: Session, job: _Job, known: ManyEntries, losses: Losses, format: Format, choices: Choices) -> None:
    """Import many todos into a list that has none but removed ones."""
    todos = session.list
    added = None
    if not choices.dry_run:
        session.progress.begin("importing")
        added = import_many(todos, job.entries(Losses()), job.file, known, losses.report(todos.name))
    if session.options.json:
        from . import document

        row = {"list": todos.name, "new": known.count, "changed": 0, "unchanged": 0, "changes": [], "stayed": []}
        if added is not None:
            row |= document.added_document(added)
        print_line(_document([row], losses, format, choices))
        return
    if added is None:
        _print_sample([*islice(job.entries(Losses()), _SAMPLE)], known.count)
    _print_losses(session, losses, format)
    if added is None:
        print_line(f"Would import {count_of(known.count, 'todo')} into {visible(todos.name)}")
        return
    if not session.options.quiet:
        undo = session.typed(added.list, "undo")
        print_line(f"Imported {added.todos:,} todos in {added.commits:,} commits. Undo: {undo}")


def _print_sample(entries: Sequence[Entry], count: int) -> None:
    texts = {entry.key: entry.todo.text for entry in entries}
    for entry in entries[:_SAMPLE]:
        print_line(f"  {_in_words(entry, texts)}")
    if count > _SAMPLE:
        print_line(f"  and {count - _SAMPLE:,} more")


def _print_losses(session: Session, losses: Losses, format: Format, *, kinds: Sequence[str] = _LOSSES) -> None:
    for message in losses.messages(format.place, kinds):
        print_message(session, message)


def _answer(
    session: Session, done: Sequence[_Done], losses: Losses, format: Format, choices: Choices, entries: Sequence[Entry]
) -> None:
    if session.options.json:
        print_line(_document(_rows(session, done, choices), losses, format, choices))
        return
    if choices.dry_run:
        _print_sample(entries, len(entries))
    is_new = choices.dry_run or any(each.imported.answer.commit is not None for each in done)
    _print_losses(session, losses, format, kinds=_LOSSES if is_new else ("lost",))
    for each in done:
        plan, answer = each.imported.plan, each.imported.answer
        if answer.stayed:
            numbers = number_ranges([item.number for item in answer.stayed])
            print_message(session, f"Not imported, because moved to another list: {numbers}")
        if session.options.quiet:
            continue
        _print_changes(session, each)
        if choices.dry_run:
            counts = f"add {count_of(plan.new, 'todo')}, change {len(plan.changes):,}, and leave {plan.same:,} as they are"
            print_line(f"Would {counts} in {visible(each.list)}")
        else:
            print_line(_recorded(session, each, answer))


def _print_changes(session: Session, done: _Done) -> None:
    """Print what an import changes in todos that were there before."""
    changes = done.imported.plan.changes
    label = _opened(session, done.list).label
    for item, todo in changes[:_CHANGED]:
        what = f"{item.number}{' (removed)' if item.todo.removed and todo.removed else ''} "
        if item.todo.removed != todo.removed:
            what += f"{'removed' if todo.removed else 'restored'}: {visible(item.todo.text)}; "
        print_line(f"  {what}{'; '.join(_changes_in_words(item.todo, todo, label))}".removesuffix("; "))
    if len(changes) > _CHANGED:
        print_line(f"  and {len(changes) - _CHANGED:,} more that change")


def _changes_in_words(before: Todo, after: Todo, label: Label) -> Iterator[str]:
    for name, values in changed_fields(before, after).items():
        if name == "removed":  # this is said first
            continue
        old, new = (shown_value(name, value, label) or "none" for value in values)
        if old == new:
            old, new = (_exactly(old, value) for value in values)
        own = name.removeprefix("attribute:")
        yield f"{name if own == name else attribute_name(own)}: {old} → {new}"


def _exactly(shown: str, value: Any) -> str:
    """Return a value that is shown as the one before: with its seconds, with what it counts from, or as it is recorded."""
    if isinstance(value, Recurrence):
        return " ".join(filter(None, (f"{shown} from {value.anchor}", value.time, value.zone)))
    when = time_in(value) if isinstance(value, str) else value
    return visible(long_instant(when, to_local) if isinstance(when, datetime) else str(value))


def _recorded(session: Session, done: _Done, answer: Answer) -> str:
    if answer.commit is None:
        return f"Nothing to import into {visible(done.list)}: no todo in the file is new or changed"
    numbers = number_ranges([item.number for item in answer.changed])
    into = "" if done.list == session.list.name else f" into {visible(done.list)}"
    plan = done.imported.plan
    known = {item.id for item, _ in plan.changes}
    changed = sum(item.id in known for item in answer.changed)
    new = len(answer.changed) - changed
    parts = [f"{new:,} new"] * bool(new) + [f"{changed:,} changed"] if changed else [count_of(new, "todo")]
    counts = ", ".join([*parts, *([f"{plan.same:,} unchanged"] if plan.same else [])])
    undo = session.typed(done.list, "undo")
    return f"Imported {numbers} ({counts}){into}. Undo: {undo}"


def _in_words(entry: Entry, texts: Mapping[str, str]) -> str:
    """Return an entry as a line of the sample.

    Args:
        entry: The entry.
        texts: The texts of the entries that it may name, by their keys.
    """
    from ..todo.views import bracketed_details

    todo = replace(entry.todo, attributes=tuple(pair for pair in entry.todo.attributes if "\n" not in pair[1]))
    state = "cancelled " if todo.removed else "done " if todo.done else ""
    return visible(f"{state}{todo.text}{bracketed_details(todo, to_local, lambda key: texts.get(key, key))}")


def _rows(session: Session, done: Iterable[_Done], choices: Choices) -> Iterator[dict[str, Any]]:
    """Yield what was imported into each list, for JSON."""
    from . import document

    for each in done:
        plan, answer = each.imported.plan, each.imported.answer
        row = {
            "list": each.list,
            "new": plan.new,
            "changed": len(plan.changes),
            "unchanged": plan.same,
            "changes": [_change_document(item, todo) for item, todo in plan.changes],
            "stayed": [item.number for item in answer.stayed],
        }
        if not choices.dry_run:
            row |= document.answer_document(answer, session.position_of(each.list))
        yield row


def _change_document(item: Item, todo: Todo) -> dict[str, Any]:
    fields = {name: {"old": old, "new": new} for name, (old, new) in changed_fields(item.todo, todo).items()}
    return {"number": item.number, "id": item.id, "fields": fields}


def _document(lists: Iterable[dict[str, Any]], losses: Losses, format: Format, choices: Choices) -> str:
    from . import document

    skipped = [{"file": name, "line": loss.line, "reason": printable(loss.outcome)} for name, loss in losses.skipped]
    return document.encode(
        {
            "recognised": format.name,
            "dry_run": choices.dry_run,
            "lists": [*lists],
            "losses": losses.rows(),
            "skipped": skipped,
        }
    )
