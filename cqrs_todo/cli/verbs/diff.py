"""`todo diff`: what differs between two moments."""

from collections.abc import Iterable, Sequence
from typing import Any

from ...todo.compare import Difference, compare
from ...todo.errors import NotFound, TodoNotFound
from ...todo.service import View
from ...todo.views import Label
from ..errors import UsageError
from ..output import print_line, print_message, print_row
from ..session import Session, check_ids
from ..terminal import print_styled, shown_value
from ..text import visible
from ..verb import SOME_IDS, TRAVEL, Argument, Option, Verb

DIFFERENT = 1
"""The exit code of `todo diff --exit-code` if something differs."""


def diff(session: Session, start: str, end: str | None, ids: Sequence[str], stat: bool, exit_code: bool) -> int:
    """Show what differs between two moments, field by field, and return the exit code."""
    if session.options.at is not None:
        raise UsageError("diff takes its times as arguments, not from --at", "leave out --at: todo diff FROM TO")
    ids = session.in_one_list(ids)
    todos = session.list
    moment = None
    if end is not None:
        from ..positions import check_order

        moment = session.moment_of(end)
        check_order(session, start, end)
    old, new = todos.view(session.moment_of(start)), todos.view(moment)
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
    if session.options.json:
        from .. import document

        print_line(document.encode(_diff_document(old, new, differences)))
    elif session.options.plain:
        _print_plain(differences, todos.label)
    elif stat:
        print_line(_counts(differences))
    elif differences:
        _print_styled(session, differences)
        print_line(_counts(differences, all_kinds=False))
    else:
        print_message(session, "No difference.")
    return DIFFERENT if exit_code and differences else 0


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


def _counts(differences: Sequence[Difference], *, all_kinds: bool = True) -> str:
    """Return how many todos differ in which way."""
    counts = {kind: sum(difference.kind == kind for difference in differences) for kind in _MARKS}
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count or all_kinds)


_MARKS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


def _diff_document(old: View, new: View, differences: Iterable[Difference]) -> dict[str, Any]:
    found: dict[str, list[Any]] = {kind: [] for kind in _MARKS}
    for difference in differences:
        fields = {name: {"old": before, "new": after} for name, (before, after) in difference.fields.items()}
        found[difference.kind].append({"number": difference.number, "id": difference.id, "fields": fields})
    ends = {name: {"position": view.position, "as_of": view.as_of} for name, view in (("from", old), ("to", new))}
    return {"list": new.list, **ends, **found}


def _print_plain(differences: Iterable[Difference], label: Label) -> None:
    for difference in differences:
        for name, (before, after) in difference.fields.items():
            words = [shown_value(name, value, label) for value in (before, after)]
            print_row(difference.number, difference.kind, name, *words)


def _print_styled(session: Session, differences: Iterable[Difference]) -> None:
    for difference in differences:
        mark, style = _MARKS[difference.kind]
        shown = difference.new if difference.kind == "added" else difference.old
        text = "" if shown is None else visible(shown.text)
        print_styled(session, (f"{mark} {difference.number} {text}", style))
        for name, (before, after) in difference.fields.items():
            if name == "text" and difference.kind != "changed":
                continue
            was, now = (shown_value(name, value, session.list.label) for value in (before, after))
            if difference.kind == "changed":
                print_styled(
                    session, (f"    {name:<9} ", "dim"), (was or "none", "red"), (" → ", "dim"), (now or "none", "green")
                )
            else:
                print_styled(session, (f"    {name:<9} ", "dim"), (now or was, style))


VERB = Verb(
    name="diff",
    help="Show what differs between two moments, field by field.",
    examples=("todo diff 1 hour ago", "todo diff last friday today 3", "todo diff @40 @42 --stat"),
    action=diff,
    group=TRAVEL,
    about="all",
    arguments=(
        Argument("start", "FROM", "A time, or @POSITION.", time="moment"),
        Argument("end", "TO", "A time, or @POSITION. Default: now.", required=False, time="moment"),
        SOME_IDS,
    ),
    options=(
        Option("stat", ("--stat",), "Show only how many todos were added, removed and changed."),
        Option("exit_code", ("--exit-code",), "Exit with 1 if something differs."),
    ),
    paged=True,
)
