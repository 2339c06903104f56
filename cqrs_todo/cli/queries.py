"""The queries of the command line: the words after a verb are joined, and parsed once."""

from collections.abc import Sequence
from datetime import datetime

from ..todo.errors import InvalidQuery
from ..todo.query import Context, Query, parse
from ..todo.values import nfc
from ..todo.views import Item
from .clock import to_local
from .errors import UsageError
from .session import Session, check_text


def query_of(session: Session, words: Sequence[str], now: datetime) -> Query:
    """Parse the words of a query. However the shell has split them, they mean the same.

    Args:
        session: This run of the program.
        words: The words.
        now: The time from which dates are counted.

    Raises:
        UsageError: They are not a query.
    """
    for word in words:
        if len(word) == 2 and word[0] == "-":
            raise UsageError(f"there is no option {word}", f"to leave out the tag: not +{word[1]}")
    text = check_text("query", " ".join(words))
    if not text:
        return Query()
    config = session.config
    try:
        return parse(text, Context(now, to_local, session.list_name, config.filters, config.date_order))
    except InvalidQuery as error:
        raise UsageError(str(error), error.hint) from error


def check_tags(wanted: Sequence[str], items: Sequence[Item]) -> None:
    """Raise `UsageError` if no todo of a list has a tag, not even a done or a removed one."""
    tags = {tag for item in items for tag in item.todo.tags} if wanted and items else set()
    unknown = [tag for tag in wanted if items and tag not in map(nfc, tags)]
    if unknown:
        known = ", ".join(sorted(f"+{tag}" for tag in tags))
        raise UsageError(f"no todo has the tag +{unknown[0]}", f"the tags are {known}" if known else "no todo has a tag")
