"""Markers: words of the command line, or of a line of stdin, that set a field of a todo, such as `+home` or `due:friday`.

A word is a marker if it begins like one, whether its value has spaces or not: `due:"next friday"` and `"due: next friday"`
are the same. A word that begins like a marker, but whose value the field cannot have, is refused: it is more often a
mistake than a text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from ..cqrs.struct import Struct, replace
from ..todo.fields import ATTRIBUTES, FIELDS, NOTE, TEXT, Declared, Field, KeyedField, Kind, SetField
from ..todo.values import AttributeKind, attribute_named, nfc
from .clock import to_local
from .errors import UsageError
from .session import Session

_BEGINNINGS: tuple[tuple[str, Declared], ...] = tuple(
    (beginning, field)
    for field in FIELDS
    for beginning in dict.fromkeys(
        (
            field.marker,
            *field.other_markers,
            f"{field.name}:" if isinstance(field, Field) and field not in (TEXT, NOTE) else "",
        )
    )
    if beginning
)
"""What markers begin with, and the fields that they set. The name of a field does what its marker does: `priority:H`."""

_CLEARS: dict[str, Declared] = {
    f"{beginning}none": field
    for field in FIELDS
    if field is not TEXT
    for beginning in (f"{field.name}:", field.marker)
    if beginning.endswith(":")
}
"""The words that clear a field. `+none` is a tag."""

_ALL_BEGINNINGS = (*(beginning for beginning, _ in _BEGINNINGS), *_CLEARS)
"""What any marker begins with."""


def _long_options(field: Declared) -> tuple[str, ...]:
    """Return the options of a field with keys, such as `attribute`, without the hyphens."""
    return tuple(option.removeprefix("--") for option in field.options) if isinstance(field, KeyedField) else ()


_OTHERS: dict[str, Declared] = {
    name: field
    for field in FIELDS
    if field is not TEXT and (f"{field.name}:", field) not in _BEGINNINGS
    for name in (field.name, *((field.item,) if isinstance(field, SetField) else ()), *_long_options(field))
}
"""The fields that are not set by their names, by these names."""

_NAME = r"[^\W\d_][\w.-]*"
"""What the beginning of a marker looks like, without its colon."""

_MOST_FOLLOWING = 6
"""How many words after a marker may belong to a value that was not quoted."""

_KINDS_OF_WORDS = ("day or instant", "instant", "recurrence")
"""The kinds of fields whose values may have several words."""


class Marker(Struct, frozen=True):
    """A word that sets or clears a field.

    Args:
        word: The word, as it was typed.
        field: The field.
        value: The value, as it was typed; None to clear the field.
        following: The words after it that could belong to its value.
        attribute: The name of the attribute that it sets; '' if it sets another field.
        kind: The kind of the value.
    """

    word: str
    field: Declared
    value: str | None
    following: tuple[str, ...] = ()
    attribute: str = ""
    kind: Kind = "text"


KIND_OF_VALUE: Mapping[AttributeKind, Kind] = {"text": "text", "number": "text", "date": "day or instant"}
"""How the values of attributes are read."""
NO_ATTRIBUTES: Mapping[str, AttributeKind] = {}


def split_words(
    words: Sequence[str], literal: int = 0, attributes: Mapping[str, AttributeKind] = NO_ATTRIBUTES
) -> tuple[list[str], list[Marker]]:
    """Divide words into the words of the text and the markers.

    Args:
        words: The words.
        literal: How many of the last words are text, whatever they look like.
        attributes: The declared attributes.

    Raises:
        UsageError: A marker has no value.
    """
    marked = len(words) - literal
    found = [
        _marker_in(word, *words[place + 1 : marked][:1]) or _attribute_in(word, attributes)
        for place, word in enumerate(words[:marked])
    ]
    text: list[str] = []
    markers: list[Marker] = []
    for place, marker in enumerate(found):
        if marker is None:
            text.append(words[place])
        elif marker.kind in _KINDS_OF_WORDS:
            following = words[place + 1 : min(marked, place + 1 + _MOST_FOLLOWING)]
            count = next((n for n, word in enumerate(following) if found[place + 1 + n] or len(word.split()) != 1), None)
            markers.append(replace(marker, following=tuple(following[:count])))
        else:
            markers.append(marker)
    return [*text, *words[marked:]], markers


def split_line(line: str, attributes: Mapping[str, AttributeKind] = NO_ATTRIBUTES) -> tuple[str, list[Marker]]:
    """Divide a line of stdin into its text and its markers, as if its words had been typed after `todo add`.

    Words after `--` are text, if the line begins with it, or if one of them begins like a marker; otherwise `--` is a dash
    of the text. A text without markers keeps its spaces.

    Args:
        line: The line.
        attributes: The declared attributes.

    Raises:
        UsageError: A marker has no value.
    """
    if line.startswith("-- "):
        return line.removeprefix("-- "), []
    if not _may_have_markers(line):
        return line, []
    words = _words_of_line(line, tuple(attributes))
    literal = 0
    if "--" in words:
        place = words.index("--")
        beginnings = (*_ALL_BEGINNINGS, *(f"{name.lower()}:" for name in attributes))
        if any(word.lower().startswith(beginnings) for word in words[place + 1 :]):
            del words[place]
            literal = len(words) - place
    text, markers = split_words(words, literal, attributes)
    return (" ".join(text), markers) if markers or literal else (line, [])


def _words_of_line(line: str, attributes: tuple[str, ...]) -> list[str]:
    """Return the words of a line, without the quotation marks of markers."""
    import re  # few texts may have markers inside

    matches = re.finditer(_word_of_line(attributes), line, re.IGNORECASE)
    return [match[1] + match[3] if match[1] else match[5] or match[0] for match in matches]


@lru_cache(1)
def _word_of_line(attributes: tuple[str, ...]) -> str:
    """Return the form of a word of a line. Only a marker or its value may be in quotes, because texts contain quotes too."""
    import re

    names = [beginning for beginning, _ in _BEGINNINGS if beginning[-1] == ":"] + [
        f"{re.escape(name)}:" for name in attributes
    ]
    return rf"""({_NAME}:)(["'])([^"']*)\2(?!\S)|(["'])((?:{"|".join(names)})[^"']*)\4(?!\S)|\S+"""


def inside_texts(words: Sequence[str], attributes: Mapping[str, AttributeKind]) -> list[str]:
    """Return the markers inside words with spaces, such as `due:friday` in `"Buy milk due:friday"`. They are text."""
    found: list[str] = []
    for word in words:
        parts = _words_of_line(word, tuple(attributes)) if _may_have_markers(word) and " " in word else ()
        for part in parts[1:]:
            try:
                marker = _marker_in(part) or _attribute_in(part, attributes)
            except UsageError:  # a beginning without a value: a word of the text
                continue
            if marker is not None:
                found.append(part)
    return found


def looks_like_marker(word: str) -> bool:
    """Return whether a word has the form of a marker, such as `estimate:2`, whatever its beginning."""
    import re  # only for an edit that gives a todo another text

    return re.fullmatch(rf"{_NAME}:(?!//)\S+", word) is not None


def _may_have_markers(text: str) -> bool:
    """Whether a text may contain markers. This is fast, because there may be millions of lines."""
    return "+" in text or ":" in text


def _marker_in(word: str, following: str = "") -> Marker | None:
    """Return the marker that a word is; None for a word of the text.

    Args:
        word: The word.
        following: The word after it, which is probably the value of a marker without one.

    Raises:
        UsageError: It is a marker without a value, or it names a field that is set in another way.
    """
    for beginning, field in _BEGINNINGS:
        if not word.startswith(beginning) and word[: len(beginning)].lower() != beginning:
            continue
        typed = word[len(beginning) :]
        if not word.startswith(beginning) and not typed[:1].strip():
            return None  # "Due: in May", as the beginning of a sentence
        value = typed.strip()
        if beginning == "+" and (not value or value != typed.rstrip()):
            return None  # a plus between two words
        if typed.startswith("//"):
            return None  # a URL
        if not value:
            clearing = f", or {beginning}none to clear the field" if f"{beginning}none" in _CLEARS else ""
            raise UsageError(
                f"{beginning} has no value",
                f"write {beginning}{following if following.isalnum() else field.metavar}{clearing}; {as_text(beginning)}",
            )
        if beginning in field.other_markers:
            value = f"{beginning.removesuffix(':')} {value}"
        return Marker(word, field, None if f"{beginning}{value.lower()}" in _CLEARS else value, kind=field.kind)
    name, colon, rest = word.partition(":")
    other = _OTHERS.get(name.lower()) if colon and word.lower() not in _CLEARS else None
    if other is not None and rest[:1].strip():  # "note: call Bob" is a text
        import shlex  # only for errors

        value = f"KEY:{rest}" if isinstance(other, KeyedField) and ":" not in rest else rest
        instead = f"{other.marker}{rest}" if other.marker else f"{other.options[0]} {shlex.quote(value)}"
        raise UsageError(f"{word!r} is not how the field {other.name} is set", f"write {instead}; {as_text(word)}")
    cleared = _CLEARS.get(word.lower())
    return None if cleared is None else Marker(word, cleared, None)


def _attribute_in(word: str, attributes: Mapping[str, AttributeKind]) -> Marker | None:
    """Return the marker of a declared attribute that a word is; None if it is none.

    Raises:
        UsageError: It is a marker without a value.
    """
    key, colon, typed = word.partition(":")
    name = attribute_named(key, attributes) if colon else None
    if name is None or typed.startswith("//"):
        return None
    value = typed.strip()
    if not value:
        if nfc(key) != name:
            return None  # "Estimate: two hours", as the beginning of a sentence
        raise UsageError(f"{name}: has no value", f"write {name}:VALUE, or {name}:none to clear it; {as_text(word)}")
    cleared = value.lower() == "none"
    return Marker(word, ATTRIBUTES, None if cleared else value, attribute=name, kind=KIND_OF_VALUE[attributes[name]])


def check_complete(session: Session, marker: Marker) -> None:
    """Check that the words after a marker do not belong to its value, as in `due:friday 17:00`.

    Raises:
        UsageError: They could belong to it.
    """
    count = _words_of_value(session, marker)
    if count > 1:
        more = " ".join(marker.following[: count - 1])
        raise UsageError(f"{marker.word!r} does not include {more!r}", f"{quoted(marker, count)}; {as_text(more)}")


def refusal(session: Session, marker: Marker, error: UsageError) -> UsageError:
    """Return the error for a marker whose value the field cannot have."""
    count = _words_of_value(session, marker)
    hint = quoted(marker, count) if count > 1 else error.hint
    return UsageError(str(error), f"{hint}; {as_text(marker.word)}")


def quoted(marker: Marker, count: int) -> str:
    """Return how to write a marker whose value has several words."""
    beginning, _, value = marker.word.partition(":")
    value = " ".join([value.strip(), *marker.following[: count - 1]])
    return f'write {beginning}:"{value}" or {beginning}:{value.replace(" ", "-")}'


def as_text(word: str) -> str:
    """Return how to write a word as a part of the text."""
    import shlex  # only for errors

    return f"or, to use it as text: -- {shlex.quote(word)}"


def _words_of_value(session: Session, marker: Marker) -> int:
    """Return how many words make up the longest time, or the longest rule, that begins with the value of a marker."""
    if marker.value is None or not marker.following:
        return 0
    words = [marker.value, *marker.following]
    if marker.kind == "recurrence":
        from ..todo.rules import leading_words_of_rule

        return leading_words_of_rule(words, session.now.date())
    from ..todo.times import leading_words

    return leading_words(words, session.now, to_local, "future", session.config.date_order)
