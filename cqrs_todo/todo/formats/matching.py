"""Matching the lines of two revisions of a file: which line continues which, if lines have no ids.

The rule has two steps. First, lines with the same text are the same todo; if several have it, they keep their order. Then
the lines that are left are paired, the most similar pair first, as long as they are similar enough.

Two texts are similar if they share many pairs of neighbouring letters. Words that many lines have count less: in a file
where every other line begins with "Add support for", "Add support for CSV" and "Add support for JSON" are two todos. A text
of two or more words, or of one longer word, to which only words were added is similar enough, unless it became five times as
long.
"""

import math
import re
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import chain, pairwise

from ...cqrs.struct import Struct

SIMILAR = 0.6
"""How similar two texts must be to be the same todo, between 0 (nothing in common) and 1 (the same letters)."""
_ALL_PAIRS = 40_000
"""With more pairs of lines than this, only lines that share a rare word, or two words in a row, are compared."""
_RARE = 50
"""A word, or two words in a row, are rare if no more lines than this have them."""
_COMPARED = 2_000
"""How much of a text is compared, in characters."""
_LONGEST = 5
"""How many times as long a text may become by words that are added."""
_LONG_WORD = 4
"""The length of a word that is enough to recognise a text, in characters."""
_WORD = re.compile(r"\w+|[^\w\s]+")


def match(old: Sequence[str], new: Sequence[str], same: Iterable[str] = ()) -> list[int | None]:
    """Find the old line that each new line continues.

    Args:
        old: The texts of the old lines, without what else a line says: whether it is done, its priority, dates and tags.
        new: The texts of the new lines.
        same: The texts of other lines that are in both revisions. They only count for which words are common.

    Returns:
        For each new line the index of an old line; None for a new todo. No index occurs twice. The same texts always give
        the same result.
    """
    found: list[int | None] = [None] * len(new)
    waiting: dict[str, deque[int]] = {}
    for number, text in enumerate(old):
        waiting.setdefault(text, deque()).append(number)
    for number, text in enumerate(new):
        if numbers := waiting.get(text):
            found[number] = numbers.popleft()
    left = sorted(number for numbers in waiting.values() for number in numbers)
    added = [number for number, index in enumerate(found) if index is None]
    if not left or not added:
        return found
    compared = chain((old[number] for number in left), (new[number] for number in added))
    rarity = _Rarity(chain(old, same), set().union(*map(_word_set, compared)))
    profiles = {number: _Profile.of(old[number], rarity) for number in left}
    pairs: list[tuple[float, int, int]] = []
    for number, candidates in _candidates(old, new, left, added):
        profile = _Profile.of(new[number], rarity)
        for candidate in candidates:
            score = _similarity(profiles[candidate], profile)
            if score >= SIMILAR:
                pairs.append((-score, candidate, number))
    taken: set[int] = set()
    for _, candidate, number in sorted(pairs):
        if found[number] is None and candidate not in taken:
            found[number] = candidate
            taken.add(candidate)
    return found


def _candidates(
    old: Sequence[str], new: Sequence[str], left: Sequence[int], added: Sequence[int]
) -> Iterable[tuple[int, Iterable[int]]]:
    """Yield, for each new line that is left, the old lines with which it is compared."""
    if len(left) * len(added) <= _ALL_PAIRS:
        for number in added:
            yield number, left
        return
    lines: dict[str, list[int]] = {}
    for number in left:
        for key in _keys(old[number]):
            lines.setdefault(key, []).append(number)
    for number in added:
        shared = (lines.get(key, ()) for key in _keys(new[number]))
        yield number, sorted({each for numbers in shared if len(numbers) <= _RARE for each in numbers})


def _keys(text: str) -> set[str]:
    words = _words(text)
    return {*words, *map(" ".join, pairwise(words))}


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text[:_COMPARED].casefold()))


@lru_cache(maxsize=4096)
def _word_set(text: str) -> frozenset[str]:
    return frozenset(_words(text))


class _Rarity:
    """The weight of each word: 1 if at most one old line has it, and less the more lines do."""

    def __init__(self, texts: Iterable[str], words: AbstractSet[str]) -> None:
        """Count words in texts."""
        self._lines: Counter[str] = Counter()
        for text in texts:
            self._lines.update(words & _word_set(text))

    def weight(self, word: str) -> float:
        return 1 / (1 + math.log(max(1, self._lines[word])))


class _Profile(Struct, frozen=True):
    """What is compared of a text.

    Args:
        words: Its words, in small letters.
        letters: The weight of each pair of neighbouring letters in its words; the ends of a word count as letters.
        weight: The sum of these weights.
    """

    words: tuple[str, ...]
    letters: Mapping[str, float]
    weight: float

    @classmethod
    def of(cls, text: str, rarity: _Rarity) -> "_Profile":
        words = _words(text)
        letters: dict[str, float] = {}
        for word in words:
            weight = rarity.weight(word)
            padded = f" {word} "
            for start in range(len(word) + 1):
                pair = padded[start : start + 2]
                letters[pair] = letters.get(pair, 0.0) + weight
        return cls(words, letters, math.fsum(letters.values()))


def _similarity(one: _Profile, other: _Profile) -> float:
    """Return the similarity of two texts, between 0 and 1."""
    if len(one.words) > len(other.words):
        one, other = other, one
    if not one.words:
        return 0.0
    distinct = len(one.words) > 1 or len(one.words[0]) >= _LONG_WORD
    extended = distinct and other.weight <= _LONGEST * one.weight and _are_among(one.words, other.words)
    both = one.weight + other.weight
    if not extended and 2 * min(one.weight, other.weight) < SIMILAR * both:
        return 0.0
    shared = math.fsum(min(weight, other.letters.get(pair, 0.0)) for pair, weight in one.letters.items())
    similarity = 2 * shared / both
    return SIMILAR + (1 - SIMILAR) * similarity if extended else similarity


def _are_among(words: Iterable[str], others: Iterable[str]) -> bool:
    """Return whether some words are among others, in the same order."""
    rest = iter(others)
    return all(word in rest for word in words)
