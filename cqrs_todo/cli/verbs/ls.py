"""`todo ls`: show todos."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ...todo.views import GROUP_KEYS, SORT_KEYS, Group, GroupKey, Item, SortKey, group_items, open_items, sort_items
from ..clock import to_local
from ..errors import UsageError
from ..output import print_line, print_row
from ..session import Session
from ..tables import print_groups
from ..terminal import print_moment
from ..text import visible
from ..verb import LOOK, Argument, Option, Verb


def ls(
    session: Session,
    words: Sequence[str],
    everything: bool,
    done: bool,
    removed: bool,
    tags: Sequence[str],
    sort: str,
    by: str | None,
    summary: bool,
    limit: int | None,
) -> None:
    """Show the todos that a query wants."""
    keys, group = _sort_keys(sort), _group_key(by, summary)
    view = session.list.view(session.moment)
    now = session.seen_from(view)
    states = [state for state, given in (("all", everything), ("done", done), ("removed", removed)) if given]
    words = [*words, *(f"+{tag.removeprefix('+')}" for tag in tags)]
    wanted = _wanted(session, view.items, now, words, states) if words or states else open_items(view.items)
    rows = sort_items(wanted, keys, to_local)[:limit]
    groups = [] if group is None else group_items(rows, group, view.list, to_local)
    if session.options.json:
        from .. import document

        print_line(document.encode(document.view_document(view, rows) | _groups_document(groups, group)))
        return
    if summary and session.options.plain:
        for each in groups:
            print_row(each.name, len(each.items))
        return
    print_moment(session, view)
    if summary:
        width = max((len(f"{len(each.items):,}") for each in groups), default=0)
        for each in groups:
            print_line(f"{len(each.items):>{width},}  {_title(each, group)}")
    named = [(f"{_title(each, group)} ({len(each.items):,})", each.items) for each in groups]
    if not summary or not rows:
        print_groups(session, named or [("", rows)], now, empty=_empty(view.items, is_query=bool(words or states)))


def _wanted(
    session: Session, items: Sequence[Item], now: datetime, words: Sequence[str], states: Sequence[str]
) -> Sequence[Item]:
    """Return the todos that a query wants, and that are in a state, if one is given."""
    from ..queries import check_tags, query_of  # without a query, nothing needs to be parsed

    query = query_of(session, words, now)
    if len(states) > 1:
        raise UsageError(f"--{states[0]} and --{states[1]} contradict each other", "give one of them")
    for state in states:
        query = query.within(state)
    check_tags(query.tags, items)
    return query.matching(items)


def _sort_keys(text: str) -> list[tuple[SortKey, bool]]:
    """Return the keys in a text such as `due,-priority`, and for each whether the greatest value comes first."""
    known = {key: key for key in SORT_KEYS}
    keys = []
    for word in text.split(","):
        name = word.strip().removeprefix("-")
        if name not in known:
            raise UsageError(f"{name!r} is not a sort key", f"the keys are {', '.join(SORT_KEYS)}")
        keys.append((known[name], word.strip().startswith("-")))
    return keys


def _group_key(text: str | None, summary: bool) -> GroupKey | None:
    if text is None and summary:
        raise UsageError("--summary counts groups, and needs --by", f"for instance: --by {GROUP_KEYS[0]}")
    key = next((key for key in GROUP_KEYS if key == text), None)
    if text is not None and key is None:
        raise UsageError(f"todos cannot be grouped by {text!r}", f"the keys are {', '.join(GROUP_KEYS)}")
    return key


def _title(group: Group, key: GroupKey | None) -> str:
    return f"no {key}" if group.name is None else f"+{visible(group.name)}" if key == "tag" else visible(group.name)


def _groups_document(groups: Sequence[Group], key: GroupKey | None) -> dict[str, Any]:
    if key is None:
        return {}
    rows = [
        {"name": each.name, "count": len(each.items), "numbers": [item.number for item in each.items]} for each in groups
    ]
    return {"by": key, "groups": rows}


def _empty(items: Sequence[Item], *, is_query: bool) -> str:
    if not items:
        return "The list is empty."
    return "Nothing matches." if is_query else "Nothing is open."


VERB = Verb(
    name="ls",
    help="Show open todos, or those that a query wants.",
    examples=("todo ls milk", "todo ls +home due:..friday --sort due", "todo ls 'pri:H or overdue'", "todo ls --all --json"),
    action=ls,
    group=LOOK,
    arguments=(Argument("words", "QUERY", "Show only these todos; see docs/queries.md.", required=False, several=True),),
    options=(
        Option("everything", ("--all", "-a"), "Also show done todos."),
        Option("done", ("--done",), "Show only done todos."),
        Option("removed", ("--removed",), "Show only removed todos."),
        Option("tags", ("--tag", "-t"), "Show only todos with this tag.", metavar="TAG", multiple=True),
        Option(
            "sort",
            ("--sort",),
            f"Sort by {', '.join(SORT_KEYS)}. Several keys are separated by commas; -KEY reverses the order.",
            metavar="KEYS",
            default="number",
        ),
        Option("by", ("--by",), f"Group by {', '.join(GROUP_KEYS)}, with counts.", metavar="KEY"),
        Option("summary", ("--summary",), "Show only the counts of the groups."),
        Option("limit", ("--limit", "-n"), "Show at most N todos.", metavar="N", kind=int, least=0),
    ),
    dashes="word",
)
