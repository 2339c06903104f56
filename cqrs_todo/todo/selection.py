"""Which todos a person means: numbers, ranges, `@`, the beginnings of stable ids. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence

from ..cqrs.errors import CqrsError
from ..cqrs.fold import Fold
from .fields import State
from .model import DECIDER
from .views import Item, item_of, items_of


class NotFound(CqrsError):
    """Something that was named is not there; `hint` says what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


_MOST_NAMED = 10
"""How many wrong numbers, spans and ids an error names."""

_SPAN = re.compile("([0-9]{1,18})(?:-([0-9]{1,18}))?")
ID = re.compile("[a-z][0-9a-z]{0,63}")
"""The stable id of a todo."""


def select(words: Sequence[str], fold: Fold[State], last_touched: Callable[[], Iterable[str]], where: str) -> list[Item]:
    """The todos that a person named, each once, in the order given.

    A word is numbers and ranges (`3`, `1-3,7`), `@` (the todos of the last commit, whose ids `last_touched` gives) or the
    beginning of a stable id that only one todo has. Raises `NotFound` naming everything that is not there `where` it
    was looked for, or has two meanings.
    """
    chosen: dict[str, Item] = {}
    bad: list[str] = []
    for part in (part for word in words for part in re.findall("[^, ]+", word) or [word]):
        span = _SPAN.fullmatch(part)
        if span:
            found, wrong = _in_span(int(span[1]), int(span[2] or span[1]), fold)
        elif part == "@":
            entities = [fold.get(DECIDER.stream(id)) for id in last_touched()]
            found = sorted(items_of(entity for entity in entities if entity is not None), key=lambda item: item.number)
            wrong = None if found else repr(part)
        else:
            found, wrong = _by_id(part, fold)
        if wrong is not None:
            bad.append(wrong)
        chosen.update((item.id, item) for item in found)
    if bad:
        raise NotFound(f"no todo {_summary(bad)} in {where}", "see the numbers: todo ls --all")
    return list(chosen.values())


def _summary(bad: Sequence[str]) -> str:
    """Return what names no todo, in words: numbers and spans, joined where they touch, and of many parts only the first."""
    spans = sorted((int(span[1]), int(span[2] or span[1])) for part in bad if (span := _SPAN.fullmatch(part)))
    joined: list[tuple[int, int]] = []
    for first, last in spans:
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    parts = [f"{first}" if first == last else f"{first}-{last}" for first, last in joined]
    parts += dict.fromkeys(part for part in bad if not _SPAN.fullmatch(part))
    more = len(parts) - _MOST_NAMED
    return ", ".join(parts[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _in_span(first: int, last: int, fold: Fold[State]) -> tuple[list[Item], str | None]:
    """The todos with these numbers, and which numbers are wrong: those that no todo has yet, or a span of none."""
    highest = len(fold)
    entities = (fold.numbered(number) for number in range(first, min(last, highest) + 1))
    inside = items_of(entity for entity in entities if entity is not None)
    if last > highest:
        outside = max(first, highest + 1)
        return inside, f"{outside}" if outside == last else f"{outside}-{last}"
    if not inside or first < 1:
        return inside, f"{first}" if first == last else f"{first}-{last}"
    return inside, None


def _by_id(part: str, fold: Fold[State]) -> tuple[list[Item], str | None]:
    """The todo with this stable id, or the one whose id begins so; else what is wrong with it."""
    if not ID.fullmatch(part):
        return [], repr(part)
    entity = fold.get(DECIDER.stream(part))
    exact = None if entity is None else item_of(entity)
    found = [exact] if exact is not None else items_of(fold.starting(DECIDER.stream(part)))
    if len(found) > 1:
        return [], f"{part} (it begins {len(found)} ids)"
    return found, None if found else repr(part)
