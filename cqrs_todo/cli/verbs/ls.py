"""`todo ls`: show todos."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeAlias

from ...cqrs.struct import Struct
from ...todo.arranging import GROUP_KEYS, SORT_KEYS, GroupKey, group_items, sort_items
from ...todo.service import View
from ...todo.views import Item, attributes_of, open_items
from ..clock import to_local
from ..config import naming
from ..errors import UsageError
from ..output import print_line, print_row
from ..session import Session
from ..tables import Block, Entry, Section, Source, print_blocks, print_waiting
from ..terminal import print_moment
from ..text import visible
from ..verb import EVERYDAY, Argument, Option, Verb

if TYPE_CHECKING:
    from ..columns import Column
    from ..config import Filter

_EXCLUDED = {"all": {"removed", "any"}, "done": {"removed", "any", "waiting"}, "removed": {"any", "waiting"}}
"""The states that a query cannot name beside an option, which wants none of their todos or not all of them."""

Groups: TypeAlias = Sequence[tuple[str | None, Sequence[Entry]]]
"""Todos by what they have in common; None for those that lack it."""


def ls(
    session: Session,
    *,
    words: Sequence[str],
    everything: bool,
    done: bool,
    removed: bool,
    tags: Sequence[str],
    sort: str | None,
    by: str | None,
    summary: bool,
    columns: str | None,
    limit: int | None,
) -> None:
    """Show the todos that a query wants."""
    named = _named_filter(session, words)
    saved_sort = named.sort if named is not None and sort is None else None
    sort = sort or saved_sort
    group = _group_key(by, summary)
    if columns is not None and group is not None:
        raise UsageError("--columns shows one table, and no groups", "leave out --columns, or --by and --summary")
    lists = named.lists if named is not None and not session.names_lists else ()
    views, failure = session.views(all_lists=session.options.all_lists, lists=lists)
    now = session.seen_from(views[0])
    with naming("`sort` of the saved filter") if saved_sort is not None else nullcontext():
        keys = _sort_keys(session, sort or "number", views)
    shown = () if columns is None else _columns(session, columns, views)
    states = [state for state, given in (("all", everything), ("done", done), ("removed", removed)) if given]
    if tags:
        from ...todo.values import check_tag
        from ..fields import valid  # most runs name no tag with an option

        words = [*words, *(f"+{valid(check_tag, tag.removeprefix('+'))}" for tag in tags)]
    finds = [_find(session, view, words, states) for view in views]
    if finds[0].tags:
        from ..queries import check_tags

        check_tags(finds[0].tags, [item for view in views for item in view.items])
    entries: list[Entry] = []
    hidden: list[Item] = []
    for view, found in zip(views, finds, strict=True):
        source = Source(view.list, view.items, session.prefix(view.list))
        entries += [Entry(item, source) for item in found.wanted]
        hidden += found.hidden
    is_flat = sort is not None or group is not None
    rows = sort_items(entries, keys, to_local)[:limit] if is_flat or len(views) == 1 else entries[:limit]
    groups = [] if group is None else group_items(rows, group, lambda entry: entry.source.name, to_local)
    if session.options.json:
        _print_json(session, views, rows, groups, group)
    elif shown:
        from ..columns import print_columns

        print_columns(session, rows, shown)
        print_waiting(session, hidden, now, words, all_lists=session.options.all_lists)
    elif summary and session.options.plain:
        for name, members in groups:
            print_row(name, len(members))
    else:
        if rows or not entries:  # `--limit 0` leaves none, which does not mean that none is open
            _print(session, views, rows, groups, group, summary=summary, is_flat=is_flat, is_query=bool(words or states))
        print_waiting(session, hidden, now, words, all_lists=session.options.all_lists)
    if failure is not None:
        raise failure


def _print(
    session: Session,
    views: Sequence[View],
    rows: Sequence[Entry],
    groups: Groups,
    group: GroupKey | None,
    *,
    summary: bool,
    is_flat: bool,
    is_query: bool,
) -> None:
    print_moment(session, views[0])
    if summary:
        width = max((len(f"{len(members):,}") for _, members in groups), default=0)
        for name, members in groups:
            print_line(f"{len(members):>{width},}  {_title(name, group)}")
    if not summary or not rows:
        blocks = _blocks(views, rows, groups, group, is_flat=is_flat)
        empty = _empty(any(view.items for view in views), is_query=is_query)
        print_blocks(session, blocks, session.seen_from(views[0]), empty=empty)


def _named_filter(session: Session, words: Sequence[str]) -> Filter | None:
    """Return the saved filter that a query names, if it names one."""
    if not any("filter:" in word for word in words):
        return None
    from ..queries import named_filter

    return named_filter(session, words)


def _attributes(session: Session, views: Sequence[View]) -> list[str]:
    """Return the names of the attributes that are declared, or that todos have."""
    return sorted(attributes_of(item for view in views for item in view.items) | set(session.config.attributes))


def _columns(session: Session, text: str, views: Sequence[View]) -> Sequence[Column]:
    """Return the columns in a text such as `number,due,text`."""
    from ..columns import COLUMNS, attribute_column  # few runs choose their columns

    columns = {**{name: attribute_column(name) for name in _attributes(session, views)}, **COLUMNS}
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in columns]
    if unknown:
        raise UsageError(f"{unknown[0]!r} is not a column", f"the columns are {', '.join(columns)}")
    return [columns[name] for name in names]


class _Found(Struct, frozen=True):
    """What a query finds in a list.

    Args:
        wanted: The todos that it wants.
        hidden: The todos that it would want if they were not waiting.
        tags: The tags that it names.
    """

    wanted: Sequence[Item]
    hidden: Sequence[Item] = ()
    tags: Sequence[str] = ()


def _find(session: Session, view: View, words: Sequence[str], states: Sequence[str]) -> _Found:
    """Return the todos of a list that a query and a state want."""
    if not words and not states:
        open_ones = open_items(view.items)
        if not any(item.todo.wait for item in open_ones):
            return _Found(open_ones)
    from ..queries import query_of  # without a query, nothing needs to be parsed

    query = query_of(session, words, view)
    if len(states) > 1:
        raise UsageError(f"--{states[0]} and --{states[1]} contradict each other", "give one of them")
    for state in states:
        named = sorted(query.scopes & _EXCLUDED[state])
        if named:
            raise UsageError(
                f"--{state} and is:{named[0]} both say which states are wanted",
                f"leave out --{state}, and write all states into the query, for instance is:open,done or is:any",
            )
        query = query.within(state)
    return _Found(*query.divided(), query.tags)


def _blocks(
    views: Sequence[View], rows: Sequence[Entry], groups: Groups, group: GroupKey | None, *, is_flat: bool
) -> list[Block]:
    """Return what to show: groups, or the lists one after the other."""
    if group is not None:
        sections = [Section(f"{_title(name, group)} ({len(members):,})", members) for name, members in groups]
        return [Block(sections, trees=False)]
    if is_flat or len(views) == 1:
        return [Block([Section("", rows)], trees=not is_flat)]
    lists = [(view.list, [entry for entry in rows if entry.source.name == view.list]) for view in views]
    return [Block([Section("", members)], name) for name, members in lists if members]


def _print_json(
    session: Session, views: Sequence[View], rows: Sequence[Entry], groups: Groups, group: GroupKey | None
) -> None:
    from .. import document

    shown = [
        document.view_document(view, [entry.item for entry in rows if entry.source.name == view.list]) for view in views
    ]
    content = {"lists": shown} if len(shown) > 1 or session.options.all_lists else shown[0]
    print_line(document.encode({**content, **_groups_document(groups, group)}))


def _sort_keys(session: Session, text: str, views: Sequence[View]) -> list[tuple[str, bool]]:
    """Return the keys in a text such as `due,-priority`, and for each whether the greatest value comes first."""
    words = [word.strip() for word in text.split(",")]
    names = [word.removeprefix("-") for word in words]
    if not set(names) <= set(SORT_KEYS):
        known = dict.fromkeys([*SORT_KEYS, *_attributes(session, views)])
        unknown = next((name for name in names if name not in known), None)
        if unknown is not None:
            raise UsageError(f"{unknown!r} is not a sort key", f"the keys are {', '.join(known)}")
    return [(name, word.startswith("-")) for name, word in zip(names, words, strict=True)]


def _group_key(text: str | None, summary: bool) -> GroupKey | None:
    if text is None and summary:
        raise UsageError("--summary counts groups, and needs --by", f"for instance: --by {GROUP_KEYS[0]}")
    key = next((key for key in GROUP_KEYS if key == text), None)
    if text is not None and key is None:
        raise UsageError(f"todos cannot be grouped by {text!r}", f"the keys are {', '.join(GROUP_KEYS)}")
    return key


def _title(name: str | None, key: GroupKey | None) -> str:
    return f"no {key}" if name is None else f"+{visible(name)}" if key == "tag" else visible(name)


def _groups_document(groups: Groups, key: GroupKey | None) -> dict[str, Any]:
    if key is None:
        return {}
    rows = [
        {
            "name": name,
            "count": len(members),
            "numbers": [entry.label if entry.source.prefix else entry.number for entry in members],
        }
        for name, members in groups
    ]
    return {"by": key, "groups": rows}


def _empty(has_todos: bool, *, is_query: bool) -> str:
    if not has_todos:
        return "The list is empty."
    return "Nothing matches." if is_query else "Nothing is open."


VERB = Verb(
    name="ls",
    help="Show open todos, or those that a query wants.",
    examples=("todo ls milk", "todo ls +home due:..friday --sort due", "todo ls 'pri:H or overdue'", "todo ls --all --json"),
    action=ls,
    group=EVERYDAY,
    scope="lists",
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
        ),
        Option("by", ("--by",), f"Group by {', '.join(GROUP_KEYS[:-1])} or {GROUP_KEYS[-1]}, with counts.", metavar="KEY"),
        Option("summary", ("--summary",), "Show only the counts of the groups."),
        Option("columns", ("--columns",), "Show only these columns, such as number,due,text.", metavar="NAMES"),
        Option("limit", ("--limit", "-n"), "Show at most N todos.", metavar="N", kind=int, least=0),
    ),
    dashes="word",
    paged=True,
    synonyms={"": "find search grep filter query all"},
)
