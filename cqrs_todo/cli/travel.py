"""The verbs of the time machine: diff, blame, restore, when."""

from collections.abc import Iterable, Sequence
from typing import Any

from ..todo.compare import Difference, Origin, blame, compare
from ..todo.service import View
from ..todo.statistics import MatchingMoment, moments_when, parse_condition
from ..todo.values import day_or_instant
from ..todo.views import Item, number_ranges, short_instant
from . import document, render
from .change import tell
from .clock import to_local
from .errors import UsageError
from .output import out
from .render import say, shown_value
from .session import Session, check_ids, check_text
from .text import visible

DIFFERENT = 1
"""The exit code of `diff --exit-code` where something differs."""


def diff(session: Session, start: str, end: str | None, ids: Sequence[str], *, stat: bool, exit_code: bool) -> int:
    """What differs between two moments, field by field; the exit code."""
    if session.options.at is not None:
        raise UsageError("diff is told its moments by its own words", "leave out --at: todo diff FROM TO")
    todos = session.list
    moment = None if end is None else session.moment_of(end)
    old, new = todos.view(session.moment_of(start)), todos.view(moment)
    differences = compare(old.items, new.items)
    if ids:
        chosen = {item.id for item in todos.select(check_ids(ids))}
        differences = [difference for difference in differences if difference.id in chosen]
    if session.options.json:
        out(document.encode(_diff_document(old, new, differences)))
    elif session.options.plain:
        _plain_differences(differences)
    elif stat:
        counts = {kind: sum(difference.kind == kind for difference in differences) for kind in _MARKS}
        out(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    elif differences:
        _show_differences(session, differences)
    else:
        say(session, "No difference.")
    return DIFFERENT if exit_code and differences else 0


_MARKS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


def _diff_document(old: View, new: View, differences: Iterable[Difference]) -> dict[str, Any]:
    found: dict[str, list[Any]] = {kind: [] for kind in _MARKS}
    for difference in differences:
        fields = {name: {"old": before, "new": after} for name, (before, after) in difference.fields.items()}
        found[difference.kind].append({"number": difference.number, "id": difference.id, "fields": fields})
    ends = {name: {"position": view.position, "as_of": view.as_of} for name, view in (("from", old), ("to", new))}
    return {"list": new.list, **ends, **found}


def _plain_differences(differences: Iterable[Difference]) -> None:
    for difference in differences:
        for name, (before, after) in difference.fields.items():
            words = [shown_value(name, value) for value in (before, after)]
            render.fields(difference.number, difference.kind, name, *words)


def _show_differences(session: Session, differences: Iterable[Difference]) -> None:
    for difference in differences:
        mark, style = _MARKS[difference.kind]
        shown = difference.new if difference.kind == "added" else difference.old
        text = "" if shown is None else visible(shown.text)
        render.styled(session, (f"{mark} {difference.number} {text}", style))
        for name, (before, after) in difference.fields.items():
            if name == "removed" or (name == "text" and difference.kind != "changed"):
                continue
            was, now = shown_value(name, before), shown_value(name, after)
            if difference.kind == "changed":
                render.styled(
                    session, (f"    {name:<9} ", "dim"), (was or "none", "red"), (" → ", "dim"), (now or "none", "green")
                )
            else:
                render.styled(session, (f"    {name:<9} ", "dim"), (now or was, style))


def show_blame(session: Session, ids: Sequence[str]) -> None:
    """For each field of todos who set it, when, in which commit, and what it had been."""
    todos = session.list
    chosen = todos.select(check_ids(ids), session.moment)
    view = todos.view(session.moment)
    commits = todos.commits(session.moment)
    told = [(item, blame(item.stream, commits)) for item in chosen]
    if session.options.json:
        rows = [
            {
                "number": item.number,
                "id": item.id,
                "fields": {
                    name: {
                        "value": origin.value,
                        "previous": origin.previous,
                        "position": origin.position,
                        "at": origin.at,
                        "by": origin.by,
                    }
                    for name, origin in origins.items()
                },
            }
            for item, origins in told
        ]
        out(document.encode({**document.head(view), "todos": rows}))
        return
    render.show_as_of(session, view)
    for place, (item, origins) in enumerate(told):
        if session.options.plain:
            for name, origin in origins.items():
                words = [shown_value(name, value) for value in (origin.value, origin.previous)]
                render.fields(item.number, name, origin.position, day_or_instant(origin.at), origin.by, *words)
            continue
        if place:
            out("")
        _show_origins(session, item, origins.items())


def _show_origins(session: Session, item: Item, origins: Iterable[tuple[str, Origin]]) -> None:
    render.styled(session, (f"{item.number} ", "bold"), (visible(item.todo.text), ""))
    for name, origin in origins:
        was = shown_value(name, origin.previous)
        render.styled(
            session,
            (f"  {name:<9} ", "dim"),
            (f"@{origin.position:<5} ", "bold"),
            (f"{short_instant(origin.at, to_local)}  ", "cyan"),
            (f"{visible(origin.by)}  ", "dim"),
            (shown_value(name, origin.value) or "none", ""),
            (f"  (was {was})" if was else "", "dim"),
        )


def restore(session: Session, ids: Sequence[str], to: str) -> None:
    """Make the list, or some todos, what they were at a moment, by new events in one commit."""
    todos = session.writable()
    chosen = todos.select(check_ids(ids)) if ids else None
    answer = todos.restore(session.moment_of(to), chosen)
    if answer.commit is None and not ids and not session.options.json:
        say(session, "Nothing to restore.")
    else:
        tell(session, answer, "Restored", "As it was")
    if answer.stayed and not session.options.json:
        numbers = number_ranges([item.number for item in answer.stayed])
        say(session, f"Left as it is, because it was moved between lists since then: {numbers}")


def when(session: Session, condition: str, *, last: bool) -> None:
    """The first, or last, moment at which a condition over counts began to hold."""
    todos = session.list
    view = todos.view(session.moment)
    comparisons = parse_condition(check_text("condition", condition))
    commits = todos.commits(session.moment)
    found: MatchingMoment | None = None
    for moment in moments_when(comparisons, commits, session.seen_from(view), to_local):
        found = moment
        if not last:
            break
    if session.options.json:
        position, at = (None, None) if found is None else (found.position, found.at)
        out(document.encode({"list": view.list, "condition": condition, "position": position, "at": at}))
    elif session.options.plain:
        if found is not None:
            render.fields(found.position, day_or_instant(found.at))
    elif found is None:
        say(session, "It never held.")
    else:
        out(f"@{found.position}  {short_instant(found.at, to_local)}")
