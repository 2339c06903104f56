"""The words that name todos of other lists, such as `work/3`, or by their texts, such as `/milk/`."""

import re
from collections.abc import Iterator, Sequence

from ..todo.errors import NotFound
from ..todo.values import nfc, searchable
from ..todo.views import open_items
from .errors import UsageError
from .session import Session, check_ids, check_text
from .text import visible

_MOST_SHOWN = 10
"""How many todos that match a text are shown."""


class NoTodoContains(NotFound):
    """No open todo contains a text."""

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(f"no open todo contains {text!r}")
        self.hint = hint


def by_list(session: Session, words: Sequence[str]) -> dict[str, list[str]]:
    """Divide words that name todos by the lists of these todos.

    Args:
        session: This run of the program.
        words: The words. `work/3` names todo 3 of the list work, and `work/1-3,7,home/2` several, of two lists; a text
            between slashes names the one open todo of the list in use that contains it. Other words name todos of the list
            in use.

    Returns:
        The words by the names of the lists, in the order in which the lists were named first. They name todos by numbers
        or ids.

    Raises:
        UsageError: A word has a wrong form, or several todos contain a text.
        NoTodoContains: No open todo contains a text.
    """
    found: dict[str, list[str]] = {}
    for word in _joined(words):
        if _is_text(word):
            found.setdefault(session.list.name, []).append(_number_of(session, word))
            continue
        for name, part in parts_of(word, session):
            found.setdefault(name, []).append(part)
    return found


def parts_of(word: str, session: Session) -> Iterator[tuple[str, str]]:
    """Return the numbers and ids in a word, each with the name of its list: `work/1,3,home/2` are three todos of two lists.

    Args:
        word: The word.
        session: This run of the program, whose list is meant where none is named.

    Raises:
        UsageError: The word has a wrong form.
    """
    names = sorted(session.store.names(), key=len, reverse=True) if "/" in word else []
    name, left = session.list.name, nfc(word).lstrip(", ")
    while True:
        known = next((each for each in names if left.startswith(f"{each}/")), None)  # its name may have spaces
        if known is None and "/" in (unknown := left.partition(",")[0]):
            known = unknown.rpartition("/")[0]
        if known is not None:
            name, left = known, left[len(known) + 1 :]
        part = re.split("[, ]", left, maxsplit=1)[0]
        if not (name and part):
            raise UsageError(f"{word!r} does not name a todo", "write for instance work/3, or /milk/ for a text")
        yield name, part
        left = left[len(part) :].lstrip(", ")
        if not left:
            return


def _is_text(word: str) -> bool:
    return len(word) > 1 and word[0] == word[-1] == "/"


def _joined(words: Sequence[str]) -> list[str]:
    """Join the words of a text between slashes that the shell has split: `/oat milk/`."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1].startswith("/") and not _is_text(joined[-1]):
            joined[-1] += f" {word}"
        else:
            joined.append(word)
    return joined


def _number_of(session: Session, word: str) -> str:
    """Return the number of the one open todo of the list in use that contains a text."""
    if session.options.command_id is not None:
        raise UsageError(
            f"{word} and --command-id contradict each other: sent again, the text may name another todo",
            "name the todo by its number or its id",
        )
    text = check_text("text", word[1:-1].strip())
    if not text:
        raise UsageError("there is no text between the slashes", "for instance: /milk/")
    part = searchable(text)
    items = [item for item in open_items(session.list.view(session.moment).items) if part in searchable(item.todo.text)]
    if len(items) == 1:
        return f"{items[0].number}"
    if not items:
        raise NoTodoContains(text, f"see all: {session.typed_then(session.list.name, 'ls')}")
    shown = [f"{item.number} {visible(item.todo.text)}" for item in items[:_MOST_SHOWN]]
    more = [f"and {len(items) - _MOST_SHOWN:,} more"] if len(items) > _MOST_SHOWN else []
    raise UsageError(f"{len(items)} open todos contain {text!r}: {'; '.join([*shown, *more])}", "name one by its number")


def in_one_list(session: Session, words: Sequence[str]) -> list[str]:
    """Return words that name todos of one list by numbers or ids, and use this list from now on.

    Args:
        session: This run of the program.
        words: The words; see `by_list`.

    Raises:
        UsageError: They name todos of several lists, or what `by_list` raises.
    """
    found = by_list(session, words)
    if len(found) > 1:
        raise UsageError(f"these todos are in several lists: {', '.join(map(visible, found))}", "name todos of one list")
    [(name, ids)] = found.items()
    session.use_list(name)
    return check_ids(ids)
