"""Finding the todos that a person names by numbers, ranges, `@` or the beginnings of stable ids. This module is pure."""

from collections.abc import Callable, Iterable, Sequence

from ..cqrs.fold import Entity, Fold
from .fields import State
from .model import DECIDER
from .values import ID
from .views import Item, items_of

SHORTEST_BEGINNING = 4
"""How many characters of a stable id name a todo at least. In a list of 12 todos, half of the letters begin just one id."""
_MOST_NAMED = 10
"""How many wrong numbers, ranges and ids an error names."""


def select(words: Sequence[str], fold: Fold[State], last_changed: Callable[[], Iterable[str]], list_name: str) -> list[Item]:
    """Find the todos that a person named.

    Args:
        words: Each word is numbers and ranges (`3`, `1-3,7`), `@` for the todos of the last commit, a stable id, or the
            beginning of one that only one todo has, with at least `SHORTEST_BEGINNING` characters.
        fold: The list.
        last_changed: Returns the ids of the todos in the last commit.
        list_name: The name of the list, for the error.

    Returns:
        The todos, each once, in the order in which they were named.

    Raises:
        TodoNotFound: Some words name no todo, or more than one. The error has all of these words.
    """
    return items_of(select_entities(words, fold, last_changed, list_name, _is_there))


def _is_there(entity: Entity[State]) -> bool:
    """Return whether the creation of a todo was neither lost nor forgotten."""
    return entity.state is not None


def select_entities(
    words: Sequence[str],
    fold: Fold[State],
    last_changed: Callable[[], Iterable[str]],
    list_name: str,
    wanted: Callable[[Entity[State]], bool] = lambda _: True,
) -> list[Entity[State]]:
    """Find the entities that a person named. The arguments, and the error, are those of `select`.

    Args:
        words: See there.
        fold: See there.
        last_changed: See there.
        list_name: See there.
        wanted: Whether an entity counts. By default all do, also todos that were lost or forgotten.
    """
    chosen: dict[str, Entity[State]] = {}
    bad: list[str] = []
    for part in (part for word in words for part in word.replace(",", " ").split() or [word]):
        numbers = number_range(part)
        if numbers is not None:
            found, wrong = _in_range(*numbers, fold, wanted)
        elif part == "@":
            entities = [fold.get(DECIDER.stream(id)) for id in last_changed()]
            present = [entity for entity in entities if entity is not None and wanted(entity)]
            found = sorted(present, key=lambda entity: entity.number)
            wrong = None if found else repr(part)
        else:
            found, wrong = _by_id(part, fold, wanted)
        if wrong is not None:
            bad.append(wrong)
        chosen.update((entity.stream, entity) for entity in found)
    if bad:
        from .errors import TodoNotFound  # most runs raise none of the errors there, and start faster without them

        raise TodoNotFound(_summary(bad), list_name)
    return list(chosen.values())


def number_range(part: str) -> tuple[int, int] | None:
    """Return the first and the last number of a range such as `3` or `5-7`; None for anything else."""
    first, dash, last = part.partition("-")
    numbers = (first, last) if dash else (first,)
    if all(number.isascii() and number.isdecimal() and len(number) <= 18 for number in numbers):
        return int(first), int(last or first)
    return None


def _summary(bad: Sequence[str]) -> list[str]:
    """Return what names no todo, in words: numbers and ranges, joined where they touch, and of many parts only the first."""
    ranges = sorted(found for part in bad if (found := number_range(part)) is not None)
    joined: list[tuple[int, int]] = []
    for first, last in ranges:
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    parts = [f"{first}" if first == last else f"{first}-{last}" for first, last in joined]
    parts += dict.fromkeys(part for part in bad if number_range(part) is None)
    if len(parts) <= _MOST_NAMED:
        return parts
    return [*parts[: _MOST_NAMED - 1], f"{parts[_MOST_NAMED - 1]} and {len(parts) - _MOST_NAMED:,} more"]


def _in_range(
    first: int, last: int, fold: Fold[State], wanted: Callable[[Entity[State]], bool]
) -> tuple[list[Entity[State]], str | None]:
    """Return the todos with these numbers, and which numbers are wrong: those that no todo has, or a range without todos."""
    highest = len(fold)
    entities = (fold.numbered(number) for number in range(first, min(last, highest) + 1))
    inside = [entity for entity in entities if entity is not None and wanted(entity)]
    if last > highest:
        outside = max(first, highest + 1)
        return inside, f"{outside}" if outside == last else f"{outside}-{last}"
    if first == last and not inside and first >= 1:  # a todo that only `entities` finds
        return inside, f"{first} (forgotten or lost)"
    if not inside or first < 1:
        return inside, f"{first}" if first == last else f"{first}-{last}"
    return inside, None


def _by_id(part: str, fold: Fold[State], wanted: Callable[[Entity[State]], bool]) -> tuple[list[Entity[State]], str | None]:
    """Return the todo with this stable id, or the only one whose id begins like this; otherwise what is wrong with it."""
    import re  # few people write ids

    if not re.fullmatch(ID, part):
        return [], repr(part)
    entity = fold.get(DECIDER.stream(part))
    if entity is not None and wanted(entity):
        return [entity], None
    found = [entity for entity in fold.starting(DECIDER.stream(part)) if wanted(entity)]
    if found and len(part) < SHORTEST_BEGINNING:
        return [], f"{part} (write at least {SHORTEST_BEGINNING} characters of a stable id)"
    if len(found) > 1:
        return [], f"{part} (it begins {len(found)} ids)"
    return found, None if found else repr(part)
