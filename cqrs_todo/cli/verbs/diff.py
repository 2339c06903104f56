"""`todo diff`: what differs between two moments."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ...cqrs.events import Moment
from ...cqrs.struct import Struct
from ...todo.compare import Difference, compare
from ...todo.errors import NotFound, TodoNotFound
from ...todo.fields import NOTE
from ...todo.service import TodoList, View
from ...todo.views import Label, bracketed_details, display_day_or_instant
from ..clock import to_local
from ..errors import UsageError, position_of_one_list
from ..output import print_line, print_message, print_row
from ..session import Session, check_ids
from ..terminal import draw, plain_value, print_styled, shown_value
from ..text import visible
from ..verb import SOME_IDS, TRAVEL, Argument, Option, Verb

DIFFERENT = 1
"""The exit code of `todo diff --exit-code` if something differs."""


def diff(session: Session, start: str, end: str | None, ids: Sequence[str], stat: bool, exit_code: bool) -> int:
    """Show what differs between two moments, field by field, and return the exit code."""
    if session.options.at is not None:
        raise UsageError("diff takes its times as arguments, not from --at", "leave out --at: todo diff FROM TO")
    several = session.options.all_lists and not ids
    ids = session.in_one_list(ids)
    until = None
    if end is not None:
        from ..positions import check_order

        until = session.moment_of(end)
        check_order(session, start, end)
    since = session.moment_of(start)
    if several and any(isinstance(each, int) and each for each in (since, until)):  # each list has a start
        raise position_of_one_list()
    names = session.all_names() if several else [session.list.name]
    compared, failure = session.read_lists(names, lambda todos: _compared(todos, since, until, ids))
    differences = [difference for each in compared for difference in each.differences]
    if session.options.json:
        from .. import document

        documents = [_diff_document(each) for each in compared]
        print_line(document.encode({"lists": documents} if several else documents[0]))
    elif session.options.plain:
        for each in compared:
            _print_plain(each, *([each.todos.name] if several else []))
    elif stat:
        print_line(_counts(differences))
    elif differences:
        for each in compared:
            if several and each.differences:
                print_styled(session, (visible(each.todos.name), "bold underline"))
            _print_sections(session, each)
        print_line(_counts(differences, all_sections=False))
    else:
        print_message(session, "No difference.")
    if failure is not None:
        raise failure
    return DIFFERENT if exit_code and differences else 0


class _Compared(Struct, frozen=True):
    """A list at two moments, and what differs."""

    todos: TodoList
    old: View
    new: View
    differences: Sequence[Difference]


def _compared(todos: TodoList, since: Moment, until: Moment | None, ids: Sequence[str]) -> _Compared:
    """Compare a list, or some of its todos, at two moments."""
    old, new = todos.view(since), todos.view(until)
    differences = compare(old.items, new.items)
    if ids:
        try:
            chosen = {item.id for item in todos.select(check_ids(ids))}
        except TodoNotFound as error:
            misspelt = _misspelt_time(ids)
            if misspelt is None:
                raise
            raise _NeitherTimeNorTodo(*misspelt, error.list) from error
        differences = [difference for difference in differences if difference.id in chosen]
    return _Compared(todos, old, new, differences)


class _NeitherTimeNorTodo(NotFound):
    """A word that names no todo is probably a time that is misspelt."""

    def __init__(self, word: str, near: str, list: str) -> None:
        super().__init__(f"{word!r} is neither a time nor a todo of {list}")
        self.hint = f"did you mean: {near}?"


def _misspelt_time(words: Sequence[str]) -> tuple[str, str] | None:
    """Return the first word that is probably a time that is misspelt, and that time; None if there is none."""
    from difflib import get_close_matches

    from ...todo.times.words import VOCABULARY

    for word in words:
        near = get_close_matches(word.lower(), VOCABULARY, 1, 0.75)
        if near and len(word) > 2:
            return word, near[0]
    return None


_SECTIONS = {"completed": ("x", "green"), "added": ("+", "cyan"), "changed": ("~", "magenta"), "removed": ("-", "red")}
"""The sections in which people read the differences, each with the mark and the style of its todos."""

_KINDS = ("added", "removed", "changed")


def _section(difference: Difference) -> str:
    """Return the section of a todo. One that was done in between is completed, also if it was added in between."""
    old, new = difference.old, difference.new
    is_completed = new is not None and new.done and not new.removed and (old is None or not old.done)
    return "completed" if is_completed else difference.kind


def _counts(differences: Sequence[Difference], *, all_sections: bool = True) -> str:
    """Return how many todos are in each section."""
    found = Counter(map(_section, differences))
    return ", ".join(f"{found[section]:,} {section}" for section in _SECTIONS if found[section] or all_sections)


def _diff_document(compared: _Compared) -> dict[str, Any]:
    found: dict[str, list[Any]] = {kind: [] for kind in _KINDS}
    for difference in compared.differences:
        fields = {name: {"old": before, "new": after} for name, (before, after) in difference.fields.items()}
        found[difference.kind].append({"number": difference.number, "id": difference.id, "fields": fields})
    moments = (("from", compared.old), ("to", compared.new))
    ends = {name: {"position": view.position, "as_of": view.as_of} for name, view in moments}
    return {"list": compared.new.list, **ends, **found}


def _print_plain(compared: _Compared, *list_name: str) -> None:
    for difference in compared.differences:
        for name, (before, after) in difference.fields.items():
            words = [plain_value(name, value, compared.todos.label) for value in (before, after)]
            print_row(*list_name, difference.number, difference.kind, name, *words)


def _print_sections(session: Session, compared: _Compared) -> None:
    """Print the todos of each section under its title."""
    for section, (mark, style) in _SECTIONS.items():
        if session.rich and mark == "x":
            mark = "✓"
        chosen = [difference for difference in compared.differences if _section(difference) == section]
        if not chosen:
            continue
        print_styled(session, (section.title(), "bold"))
        width = max(len(f"{difference.number}") for difference in chosen)
        for difference in chosen:
            _print_todo(session, difference, section, f"{mark} {difference.number:>{width}} ", style, compared.todos.label)
        print_line("")


def _print_todo(session: Session, difference: Difference, section: str, head: str, style: str, label: Label) -> None:
    """Print a todo of a section: all that there is to say of one that was added or removed, and otherwise what changed."""
    shown = difference.old if section == "removed" else difference.new
    if shown is None:
        raise AssertionError("a todo that differs is there at one of the two moments")
    changes = difference.fields
    is_whole = difference.kind != "changed"
    done = ""
    if section == "completed" or is_whole:
        changes.pop("completed", None)
        done = f"  {display_day_or_instant(shown.completed, to_local)}"
    details = visible(bracketed_details(shown, to_local, label)) if is_whole else ""
    _print_hanging(session, (head, style), (visible(shown.text), style), (details, "dim"), (done, "cyan"))
    indent = " " * len(head)
    for name, (before, after) in changes.items():
        was, now = (shown_value(name, value, label) for value in (before, after))
        if not is_whole:
            values = ((was or "none", "red"), (" → ", "dim"), (now or "none", "green"))
            _print_hanging(session, (f"{indent}{name:<9} ", "dim"), *values)
        elif name == NOTE.name:
            _print_hanging(session, (f"{indent}{name:<9} ", "dim"), (now or was, ""))


def _print_hanging(session: Session, left: tuple[str, str], *parts: tuple[str, str]) -> None:
    """Print a line whose rest continues below its right part, on a terminal."""
    if not session.rich:
        print_line("".join(text for text, _ in (left, *parts)).rstrip())
        return
    from rich.text import Text

    from ..hanging import HangingLines

    draw(session, HangingLines([(Text.assemble(left), Text.assemble(*parts))]))


VERB = Verb(
    name="diff",
    help="Show what differs between two moments, field by field.",
    examples=("todo diff 1 hour ago", "todo diff -A last friday today", "todo diff @40 @42 --stat"),
    action=diff,
    group=TRAVEL,
    about="all",
    scope="lists",
    arguments=(
        Argument("start", "FROM", "A time, or @POSITION.", time="moment"),
        Argument("end", "TO", "A time, or @POSITION. Default: now.", required=False, time="moment"),
        SOME_IDS,
    ),
    options=(
        Option("stat", ("--stat",), "Show only how many todos were completed, added, changed and removed."),
        Option("exit_code", ("--exit-code",), "Exit with 1 if something differs."),
    ),
    paged=True,
)
