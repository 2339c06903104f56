"""The names of logs: which are allowed, and when two of them are the same."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import InvalidLogName, LogExists, Unrecordable

_DEVICE_NAMES = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


NAME_LIMIT = 64
"""The longest name of a log, in characters after NFC normalization."""
NAME_BYTES = 200
"""The longest name of a log, in bytes of UTF-8. A file name has at most 255, and some of them are needed for endings."""


def check_type(what: str, given: object, wanted: type, advice: str = "") -> None:
    """Refuse an argument of another type than the one that is wanted, where it would lead to an error that says less.

    Args:
        what: What it is, as the beginning of a sentence.
        given: The argument.
        wanted: The type.
        advice: What it must be, in words; '' names only the type.

    Raises:
        TypeError: It is of another type.
    """
    if not isinstance(given, wanted):
        raise TypeError(f"{what} must be {advice or f'of the type {wanted.__name__}'}, not {given!a:.60}")


def check_log_name(name: str, what: str = "a log's name") -> str:
    """Check a name for a log, in the same way for every store.

    A name has 1 to 64 characters: letters and digits of any script (with their marks), space, '.', '_' and '-'. It does not
    begin with '.' or '-', does not begin or end with a space, and is not the name of a device on any system.

    Args:
        name: The name as a person gave it.
        what: What would have it, as the beginning of a sentence. Reactions and projections are named by these rules, too.

    Returns:
        The name in Unicode's normal form NFC, which every store uses.

    Raises:
        InvalidLogName: The name breaks one of these rules. The error says which one.
        TypeError: It is not a text.
    """
    check_type(what, name, str)
    if all(char in _PLAIN for char in name) and 0 < len(name) <= NAME_LIMIT and name.lower() not in _DEVICE_NAMES:
        return name  # most names are like this, and need no Unicode tables

    import unicodedata

    normal = unicodedata.normalize("NFC", name)
    if not normal:
        raise InvalidLogName("cannot be empty", what)
    if len(normal) > NAME_LIMIT:
        raise InvalidLogName(f"has at most {NAME_LIMIT} characters, but this one has {len(normal)}", what)
    if len(normal.encode(errors="surrogatepass")) > NAME_BYTES:
        raise InvalidLogName(f"has at most {NAME_BYTES} bytes in UTF-8, so that file systems can hold it", what)
    for char in normal:
        if unicodedata.category(char)[0] not in "LNM" and char not in " ._-":
            raise InvalidLogName(f"cannot contain {char!a}: use letters, digits, space, '.', '_' or '-'", what)
    if normal[0] in ".-" or normal != normal.strip(" "):
        raise InvalidLogName(f"cannot begin with '.' or '-', or begin or end with a space: {normal!a}", what)
    if normal.split(".")[0].strip().lower() in _DEVICE_NAMES:
        raise InvalidLogName(f"cannot be {normal!r}, because that is a device on some systems", what)
    return normal


RECORDED_BYTES = 1_000
"""The longest name of a stream or type, id of a command, or tag, in bytes of UTF-8. An index of PostgreSQL holds 2,700."""


NOT_RECORDED = "cannot be recorded"
"""With which the error begins for what an append refuses."""


def check_recorded_name(what: str, name: str, result: str = NOT_RECORDED) -> None:
    """Check what names or identifies something in a log, in the same way for every store.

    Args:
        what: What it is, as the beginning of a sentence, such as "the name of a stream".
        name: The name.
        result: What follows if it is not such a name. The error begins with it.

    Raises:
        Unrecordable: It is empty, too long, or has a character that not every store can keep. The text says which.
        TypeError: It is not a text.
    """
    if isinstance(name, str) and name.isprintable() and 0 < len(name) <= RECORDED_BYTES // 4:
        return  # most names are like this
    check_type(f"{result}: {what}", name, str)
    if not name:
        raise Unrecordable(f"{result}: {what} is empty")
    wrong = next((char for char in name if char < " " or "\x7f" <= char < "\xa0" or "\ud800" <= char < "\ue000"), None)
    if wrong is not None:
        raise Unrecordable(f"{result}: {what} contains {wrong!a}")
    if len(name.encode()) > RECORDED_BYTES:
        raise Unrecordable(f"{result}: {what} has more than {RECORDED_BYTES:,} bytes")


def can_be_recorded(name: object) -> bool:
    """Return whether `check_recorded_name` accepts a name. If not, nothing in a log has it, so a store need not look."""
    try:
        check_recorded_name("it", name)  # type: ignore[arg-type]  # it refuses what is not a text
    except (TypeError, ValueError):
        return False
    return True


def check_stream_name(name: str, result: str = NOT_RECORDED) -> None:
    """Check the name of a stream, in the same way for every store: a kind, a slash, and an id.

    Args:
        name: The name.
        result: What follows if it is not such a name. The error begins with it.

    Raises:
        Unrecordable: It is not of that form, or `check_recorded_name` refuses it.
        TypeError: It is not a text.
    """
    check_recorded_name("the name of a stream", name, result)
    kind, _, id = name.partition("/")
    if not (kind and id):
        raise Unrecordable(f"{result}: the name of a stream is KIND/ID, such as 'course/c1', not {name!a}")


def check_streams(streams: Iterable[str]) -> None:
    """Refuse what is not several texts where the names of streams are wanted. The texts may be any.

    Args:
        streams: What was given.

    Raises:
        TypeError: It is one text, or not several, or one of them is not a text.
    """
    check_several("streams", streams)
    for stream in streams:
        check_type("the name of a stream", stream, str)


def check_stream_to_read(name: str) -> None:
    """Check the name of a stream that someone wants to read, because it would seem that the stream has no events.

    Args:
        name: The name.

    Raises:
        Unrecordable: No stream has this name, because `check_stream_name` refuses it.
        TypeError: It is not a text.
    """
    check_stream_name(name, "cannot be read")


def is_stream_name(name: object) -> bool:
    """Return whether `check_stream_name` accepts a name. A log that another program wrote may have other ones."""
    try:
        check_stream_name(name)  # type: ignore[arg-type]  # it refuses what is not a text
    except (TypeError, ValueError):
        return False
    return True


def check_kind(what: str, kind: str) -> None:
    """Check a kind of aggregates, which no stream has if it is empty or contains a slash.

    Args:
        what: What it is, as the beginning of a sentence.
        kind: The kind.

    Raises:
        ValueError: No stream is of this kind. The text says why.
        TypeError: It is not a text.
    """
    check_type(what, kind, str)
    if not kind:
        raise ValueError(f"{what} is empty")
    first, slash, _ = kind.partition("/")
    if slash:
        raise ValueError(f"{what} contains '/': {kind!a}; its streams would be of the kind {first!a}")


def check_several(what: str, given: Iterable[str]) -> None:
    """Refuse a text where several are wanted, because its letters would be taken for them, and what is not several.

    Args:
        what: What they are, as the beginning of a sentence, such as "types".
        given: What was given.

    Raises:
        TypeError: It is one text, or not several.
    """
    if isinstance(given, str):
        raise TypeError(f'{what} is a text: write {{"{given}"}}')
    check_type(what, given, Iterable, "a set of texts")


def name_key(name: str) -> str:
    """Return what names have in common that differ only by case, or by how Unicode composes their letters.

    A case-insensitive file system compares names in this way. So a folder of logs can be copied to any system.

    Args:
        name: The name of a log, as `check_log_name` returns it.
    """
    if name.isascii():
        return name.lower()

    import unicodedata

    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def check_free(name: str, taken: Iterable[tuple[str, bool]], *, instead_of: str | None = None) -> None:
    """Check that a log may get a name, beside a log in use that has the very same name, which the caller notices.

    Args:
        name: The name.
        taken: The names of all logs, each with whether the log is archived.
        instead_of: The name that the log has so far.

    Raises:
        LogExists: An archived log has the name, or any log a name that differs from it only by case.
    """
    key = name_key(name)
    for other, archived in taken:
        if name_key(other) == key and other != instead_of and (archived or other != name):
            raise LogExists(other, name, archived=archived)
