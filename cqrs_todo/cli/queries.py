"""The queries of the command line: the words after a verb are joined, and parsed once."""

import sys
from collections.abc import Sequence
from datetime import datetime

from ..todo.errors import InvalidQuery
from ..todo.query import Context, Query, filters_named, parse
from ..todo.recorder import Answer
from ..todo.service import View
from ..todo.values import nfc
from ..todo.views import Item
from .clock import to_local
from .config import Filter, naming_filter
from .errors import UsageError, query_error
from .output import print_line, print_message
from .session import Session, check_text
from .text import visible

_UNASKED = 20
"""How many todos a query can change without a question."""
_SHOWN = 10
"""How many of more todos are shown with their texts."""


def query_of(session: Session, words: Sequence[str], view: View) -> Query:
    """Parse the words of a query. However the shell has split them, they mean the same.

    Args:
        session: This run of the program.
        words: The words.
        view: The list that is searched, at the moment from which dates are counted.

    Raises:
        UsageError: They are not a query.
    """
    for word in words:
        if len(word) == 2 and word[0] == "-":
            raise UsageError(f"there is no option {word}", f"to leave out the tag: not +{word[1]}")
    return parsed(session, " ".join(words), view.list, view.items, session.seen_from(view))


def parsed(session: Session, text: str, list_name: str, items: Sequence[Item], now: datetime) -> Query:
    """Parse a query.

    Args:
        session: This run of the program.
        text: The query.
        list_name: The name of the list that is searched.
        items: Its todos.
        now: The time from which dates are counted.

    Raises:
        UsageError: It is not a query.
    """
    config = session.config
    filters = {name: each.where for name, each in config.filters.items()}
    context = Context(
        now=now,
        to_local=to_local,
        list=list_name,
        items=items,
        here=session.list.name,
        filters=filters,
        order=config.date_order,
        attributes=config.attributes,
        lists=session.list_names,
    )
    try:
        return parse(check_text("query", text), context)
    except InvalidQuery as error:
        raise query_error(error) from error


def named_filter(session: Session, words: Sequence[str]) -> Filter | None:
    """Return the saved filter whose lists and order a query means: the only one that it names, unless it excludes that one.

    Raises:
        UsageError: The query names several filters, and one of them has lists, which it might mean or not.
    """
    try:
        found = [(session.config.filters.get(name), excluded) for name, excluded in filters_named(" ".join(words))]
    except InvalidQuery as error:
        raise query_error(error) from error
    wanted = [each for each, excluded in found if each is not None and not excluded]
    if len(found) > 1 and any(each.lists for each in wanted) and not session.names_lists:
        raise UsageError("the query names several filters, and not all of them name a list", "name the list, too: -L NAME")
    return wanted[0] if len(found) == 1 and wanted else None


def use_list_of_filter(session: Session, words: Sequence[str]) -> None:
    """Use the list of the saved filter that a query names, for a verb that is about one list, unless lists were named.

    Raises:
        UsageError: The filter has several lists, and none of them was named.
    """
    lists = lists_of_filter(session, words)
    if len(lists) > 1:
        shown = ", ".join(map(visible, lists))
        raise UsageError(f"this filter is about several lists: {shown}", f"name one: -L {lists[0]}")
    if lists:
        session.use_list(lists[0])
        with naming_filter():
            session.list.check_exists()


def lists_of_filter(session: Session, words: Sequence[str]) -> Sequence[str]:
    """Return the names of the lists of the saved filter that a query names; none if lists were named beside the query.

    Raises:
        UsageError: The query names several filters, and one of them has lists, which it might mean or not.
    """
    named = None if session.names_lists else named_filter(session, words)
    return () if named is None else named.lists


def check_tags(wanted: Sequence[str], items: Sequence[Item]) -> None:
    """Raise `UsageError` if no todo of a list has a tag, not even a done or a removed one."""
    missing = set(wanted)
    for item in items:
        if not missing:
            return
        missing.difference_update(map(nfc, item.todo.tags))
    if missing and items:
        tags = {tag for item in items for tag in item.todo.tags}
        known = ", ".join(sorted(f"+{tag}" for tag in tags))
        first = next(tag for tag in wanted if tag in missing)
        raise UsageError(f"no todo has the tag +{first}", f"the tags are {known}" if known else "no todo has a tag")


def wanted_todos(session: Session, where: str, *, trees: bool) -> str | None:
    """Show the todos of the list that `--where` wants, and if they are many, ask whether to change them.

    Args:
        session: This run of the program.
        where: The query.
        trees: Whether all todos under them are changed as well.

    Returns:
        Their numbers in one word; None if nothing is to be changed.

    Raises:
        UsageError: It is not a query, or is empty, or the command has an id.
    """
    if session.options.command_id is not None:
        raise UsageError(
            "--where and --command-id contradict each other: sent again, a query may want other todos",
            "name the todos instead of --where",
        )
    use_list_of_filter(session, [where])
    view = session.list.view()
    query = query_of(session, [where], view)
    if query.is_empty:  # probably a variable of a script that has no value
        raise UsageError("the query after --where is empty", "to change all open todos, write: --where is:open")
    check_tags(query.tags, view.items)
    wanted, hidden = query.divided()
    items = wanted
    if trees and any(item.todo.parent for item in view.items):
        from ..todo.links import Links  # few lists have trees

        items = [*wanted, *Links(view.items).descendants(*wanted)]
    shown = items if len(items) <= _UNASKED else items[:_SHOWN]
    for item in shown:
        print_message(session, f"{item.number}  {visible(item.todo.text)}")
    if len(items) > len(shown):
        print_message(session, f"and {len(items) - len(shown):,} more")
        if sys.stdin.isatty() and sys.stderr.isatty() and not asked(f"Change these {len(items):,} todos?"):
            items = []
    if not items:
        if session.options.json:
            from . import document

            answer = Answer(list=view.list, position=view.position, commits=(), items=(), changed=())
            print_line(document.encode(document.answer_document(answer, session.list.position_of)))
        print_message(session, "Nothing was changed." if shown else "Nothing matches, so nothing was changed.")
    if hidden:
        import shlex  # few queries hide todos

        command = session.typed(view.list, f"ls {shlex.quote(f'({where}) is:waiting')}")
        print_message(session, f"{len(hidden):,} waiting, and left out: {command}")
    if not items:
        return None
    return ",".join(str(item.number) for item in wanted)


def asked(question: str) -> bool:
    """Ask a question on the terminal, and return whether the answer is yes."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
