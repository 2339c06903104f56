"""The checkpoints of views, in the cache folder. Losing them costs time, and nothing else.

Only a state is kept that is read back as exactly what it was. Being equal is not enough: a `Counter` is equal to a
dictionary, and two equal dictionaries do not change together as one that is in two places does.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from itertools import chain, repeat
from operator import is_
from typing import Any

import msgspec

from ..cqrs.stores.hash_chain import CHECKSUM_LENGTH, is_whole, with_checksum
from ..cqrs.stores.snapshots import Folder
from ..todo.projections.fold import Checkpoint, Reached
from .clock import to_local
from .config import cache_dir

FORMAT = "cqrs-todo-view/2"

PERIODS = 12
"""How many of the latest closed periods are kept. A checkpoint may be large: that of a statement holds every todo."""


ALL_LISTS = "all"
"""The scope of a view over all lists."""


def views_folder() -> str:
    """Return the folder in which the checkpoints of all views are, in a folder for each scope."""
    return os.path.join(cache_dir(), "views")


class _Kept(msgspec.Struct, frozen=True):
    period: str
    reached: dict[str, Reached]
    state: msgspec.Raw


class _Document(msgspec.Struct, frozen=True):
    format: str
    schema: str
    checkpoints: list[_Kept]


_decode = msgspec.json.Decoder(_Document).decode


class ViewCache:
    """The checkpoints of one view over one list or all lists.

    Args:
        store: The URL of the store.
        scope: The id of the list's log, or `ALL_LISTS`.
        view: What tells the view from all others: its file or name, and its options.
        schema: Changes whenever old states can no longer be used.
        initial: The initial state. Its type is that of all states.
    """

    def __init__(self, store: str, scope: str, view: str, schema: str, initial: object) -> None:
        self._folder = Folder(views_folder())
        self._scope = scope
        self._name = hashlib.sha256("\0".join((store, view)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        self._schema = "\0".join((schema, _zone()))
        self._decoder = _decoder_of(initial)
        self._checkpoints = self._load()
        self._changed = False

    def load(self) -> Sequence[Checkpoint]:
        """Return the checkpoints, oldest first."""
        return list(self._checkpoints)

    def state_of(self, checkpoint: Checkpoint) -> Any:
        """Return the state of a checkpoint, which the caller may change; None if it cannot be used."""
        return None if self._decoder is None else _read(self._decoder, checkpoint.state)

    def save(self, period: str, reached: Mapping[str, Reached], state: Any) -> None:
        """Keep a state, if it can be read back as it is. Otherwise the view is folded from the beginning each time."""
        if self._decoder is None:
            return
        encoded = _written(period, state)
        if encoded is None or not _is_same(state, _read(self._decoder, encoded)):
            return
        others = [each for each in self._checkpoints if each.period != period]
        older = next((each for each in self._checkpoints if each.period == period), None)
        if older is not None and not period and _total(older.reached) > _total(reached):
            return  # this one is of a moment in the past
        kept = sorted([*others, Checkpoint(period, dict(reached), encoded)], key=lambda each: each.period)
        self._checkpoints, self._changed = kept[-PERIODS:], True

    def write(self) -> None:
        """Write the checkpoints to the cache folder, if there are new ones and it is possible."""
        if not self._changed:
            return
        self._changed = False
        kept = [_Kept(each.period, dict(each.reached), msgspec.Raw(each.state)) for each in self._checkpoints]
        content = msgspec.json.encode(_Document(FORMAT, self._schema, kept))
        self._folder.write(self._scope, self._name, with_checksum(content))

    def _load(self) -> list[Checkpoint]:
        if self._decoder is None:
            return []
        content = self._folder.read(self._scope, self._name) or b""
        if not is_whole(content):
            return []
        try:
            document = _decode(content[CHECKSUM_LENGTH:])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return []
        if (document.format, document.schema) != (FORMAT, self._schema):
            return []
        return [Checkpoint(each.period, each.reached, bytes(each.state)) for each in document.checkpoints]


def _decoder_of(initial: object) -> msgspec.json.Decoder[Any] | None:
    """Return what reads states of the type of an initial state; None if its annotations have no meaning in JSON."""
    kind = type(initial)
    typed = is_dataclass(kind) or issubclass(kind, msgspec.Struct)
    try:
        return msgspec.json.Decoder(kind if typed else Any)
    except Exception:  # anything can be in an annotation, such as a name that does not exist when the program runs
        return None


def _read(decoder: msgspec.json.Decoder[Any], encoded: bytes) -> Any:
    """Read a state; None if it cannot be read, and the events must be folded again."""
    try:
        return decoder.decode(encoded)
    except KeyboardInterrupt:
        raise
    except BaseException:  # a class of the view may raise anything when an object of it is made
        return None


def _written(period: str, state: Any) -> bytes | None:
    """Write a state; None if it cannot be written as JSON, or its period cannot."""
    try:
        period.encode()
        return msgspec.json.encode(state)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return None


_COMPARED: tuple[type, ...] = (str, int, bool, type(None), date)
"""Types whose equal values cannot be told apart."""


def _is_same(state: Any, again: Any) -> bool:
    """Whether a state that was read behaves as the one that was written does, whatever is done with it."""
    try:
        return _are_same([state], [again], set())
    except KeyboardInterrupt:
        raise
    except BaseException:  # reading an attribute may run code of the view, and a field may be deleted
        return False


def _are_same(states: list[Any], again: list[Any], seen: set[int]) -> bool:
    """Compare values by their exact types and all that they consist of.

    Values of one type are compared together, which is faster than one after the other.

    Args:
        states: Values.
        again: What was read after they were written.
        seen: The ids of all objects so far that can be changed. An object in two places would be read as two objects.
    """
    kinds = list(map(type, states))
    if kinds != list(map(type, again)):
        return False
    different = set(kinds)
    for kind in different:
        old, new = states, again
        if len(different) > 1:
            old, new = ([each for each in values if type(each) is kind] for values in (states, again))
        if not _are_same_kind(kind, old, new, seen):
            return False
    return True


def _are_same_kind(kind: type, old: list[Any], new: list[Any], seen: set[int]) -> bool:
    if kind in _COMPARED:
        return old == new
    if kind in (float, datetime):  # 0.0 is equal to -0.0, and times are equal in different zones
        return list(map(repr, old)) == list(map(repr, new))
    if issubclass(kind, Enum):
        return all(map(is_, old, new))
    if kind is not tuple:
        ids = set(map(id, chain(old, new)))
        if len(ids) < len(old) + len(new) or not seen.isdisjoint(ids):
            return False
        seen |= ids
    if kind in (tuple, list, dict):
        if list(map(len, old)) != list(map(len, new)):
            return False
        parts = [(chain(*old), chain(*new))]
        if kind is dict:
            parts.append((chain(*(each.values() for each in old)), chain(*(each.values() for each in new))))
        return all(_are_same(list(some), list(others), seen) for some, others in parts)
    names = _declared_in(kind)
    if names is None or not all(map(_own_are_same, repeat(set(names)), old, new)):
        return False
    columns = ([[getattr(each, name) for each in values] for values in (old, new)] for name in names)
    return all(_are_same(some, others, seen) for some, others in columns)


def _declared_in(kind: type) -> tuple[str, ...] | None:
    """Return the names of the fields of a dataclass or a struct; None for a class with anything beside them."""
    if issubclass(kind, msgspec.Struct):
        return kind.__struct_fields__
    # a class above it that is not a dataclass could hold something that is not a field, as `dict` does
    if is_dataclass(kind) and all("__dataclass_fields__" in vars(each) for each in kind.__mro__[:-1]):
        slots = (vars(each).get("__slots__", ()) for each in kind.__mro__)
        names = tuple(field.name for field in fields(kind))
        if set(chain(*((each,) if isinstance(each, str) else each for each in slots))) <= {*names, "__weakref__"}:
            return names
    return None


def _own_are_same(names: set[str], old: object, new: object) -> bool:
    """Whether two objects have the same attributes of their own, and none but some."""
    own = getattr(old, "__dict__", {}).keys()
    return own == getattr(new, "__dict__", {}).keys() and own <= names


def _total(reached: Mapping[str, Reached]) -> int:
    return sum(each.position for each in reached.values())


def _zone() -> str:
    """Return a digest of the time zone: views see local times, so that their states are those of one zone."""
    times = [datetime(year, month, 1, tzinfo=UTC) for year in range(1990, 2041) for month in (1, 7)]
    return hashlib.sha256(repr([to_local(time).utcoffset() for time in times]).encode()).hexdigest()[:16]
