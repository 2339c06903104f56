"""One run of the program: its options over the environment over `config.toml`, and the list and output they lead to."""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from ..cqrs.store import Cursor, Store
from ..cqrs.stores import open_store
from ..cqrs.stores.snapshots import Folder, SnapshotStore
from ..cqrs.timeline import Moment
from ..todo.fields import SCHEMA, State
from ..todo.recorder import TYPES
from ..todo.service import DEFAULT_LIST, TodoList, View
from .clock import check_zone, to_local
from .config import Color, Config, cache_dir, default_author, default_store, load_config
from .errors import UsageError
from .progress import ProgressLine
from .text import visible

if TYPE_CHECKING:
    from ..todo.times import Lean, Span

T = TypeVar("T")


NARROWEST = 40
"""The narrowest terminal, in columns, in which tables are drawn."""


class Options:
    """The global options, as given before or after the verb; None where not given."""

    def __init__(self) -> None:
        self.list: str | None = None
        self.store: str | None = None
        self.at: str | None = None
        self.json = False
        self.plain = False
        self.color: Color | None = None
        self.quiet = False


class Session:
    """What every verb works with. Nothing is read or opened before it is asked for."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._lists: list[TodoList] = []

    @cached_property
    def config(self) -> Config:
        return load_config()

    @cached_property
    def store(self) -> Store:
        check_zone()  # before anything is written, so that no change is recorded and then not shown
        return open_store(self.store_url, TYPES, progress=self.progress)

    @cached_property
    def progress(self) -> ProgressLine:
        """What is told how far a long piece of work is."""
        return ProgressLine(quiet=self.options.quiet)

    @property
    def store_url(self) -> str:
        return self.url_of(_first(self.options.store, _environment("TODO_STORE"), self.config.store) or default_store())

    def url_of(self, text: str) -> str:
        """The URL of a store that a text means; raises `UsageError`."""
        scheme, colon, rest = text.partition(":")
        if scheme == "jsonl" and rest.startswith("~"):
            folder = os.path.expanduser(rest)
            if folder.startswith("~"):
                raise UsageError(f"{text}: it can't be told whose home that is", "write the folder's whole path")
            text = f"{scheme}{colon}{folder}"
        return check_text("store's URL", text)

    @property
    def default_list(self) -> str:
        return self.config.list or DEFAULT_LIST

    @property
    def list_name(self) -> str:
        return _first(self.options.list, _environment("TODO_LIST")) or self.default_list

    @cached_property
    def list(self) -> TodoList:
        """The list that this run is about."""
        return self.open_list(self.list_name)

    @cached_property
    def snapshots(self) -> SnapshotStore[State]:
        """The snapshots of the store's lists, in the cache folder."""
        # the same log may stand in a file and on a server: marks of the one mean nothing to the other
        kind = self.store.url.partition(":")[0]
        return SnapshotStore(Folder(os.path.join(cache_dir(), "snapshots", kind)), State, SCHEMA)

    def newest_mark(self, log_id: str) -> Cursor | None:
        """The mark of the newest snapshot of a log; None if there is no snapshot that can be read."""
        for info in reversed(self.snapshots.infos(log_id)):
            snapshot = self.snapshots.load(log_id, info.position)
            if snapshot is not None:
                return snapshot.cursor
        return None

    def open_list(self, name: str) -> TodoList:
        """Another list of the same store."""
        author = check_text("author", self.config.author or default_author())
        opened = TodoList(
            self.store,
            check_text("list's name", name),
            author,
            default=name == self.default_list,
            snapshots=self.snapshots,
            progress=self.progress,
        )
        self._lists.append(opened)
        return opened

    @cached_property
    def now(self) -> datetime:
        """The time of this run, aware, in local time."""
        check_zone()
        return to_local(datetime.now(UTC))

    @cached_property
    def moment(self) -> Moment | None:
        """The moment that the run looks at: None for now."""
        if self.options.at is None:
            return None
        return self.moment_of(self.options.at)

    def time_of(self, text: str, lean: "Lean") -> date | datetime:
        """The whole local day or the instant that a field gets by a text; raises `UsageError`."""
        from ..todo.times import UnreadableTime, read_value  # most runs read no time, and need not import how

        try:
            return read_value(check_text("time", text), self.now, to_local, lean, self.config.date_order)
        except UnreadableTime as error:
            raise _usage(error.forms, str(error)) from error

    def span_of(self, text: str) -> "Span":
        """The time in the past that a text means, from its first to its last instant; raises `UsageError`."""
        from ..todo.times import UnreadableTime, read

        try:
            return read(check_text("time", text), self.now, to_local, "past", self.config.date_order)
        except UnreadableTime as error:
            raise _usage(error.forms, str(error)) from error

    def moment_of(self, text: str) -> Moment:
        """The position, or the last instant that a text means, which is at most now; raises `UsageError`."""
        position = _position(text)
        return min(self.span_of(text).end, self.now) if position is None else position

    def beginning_of(self, text: str) -> Moment:
        """The position, or the first instant that a text means; raises `UsageError`."""
        position = _position(text)
        return self.span_of(text).start if position is None else position

    def words_of_moment(self, words: Sequence[str]) -> int:
        """How many of these words make up the longest moment that they begin with; 0 when they begin with none."""
        from ..todo.times import leading_words

        if words and _position(words[0]) is not None:
            return 1
        return leading_words(words, self.now, to_local, "past", self.config.date_order)

    def seen_from(self, view: View) -> datetime:
        """The time against which due dates are seen: that of the moment looked at."""
        return self.now if view.as_of is None else to_local(view.as_of)

    def typed(self, list_name: str, verb: str) -> str:
        """What to type for a verb on a list of this run's store, from where the person stands; never a password."""
        words: list[str] = []
        if self.options.store is not None:
            from ..cqrs.stores.passwords import without_password

            words += ["--store", without_password(self.options.store)]
        if list_name != (_environment("TODO_LIST") or self.default_list):
            words += ["-L", list_name]
        if not words:
            return f"todo {verb}"
        import shlex

        return visible(f"todo {shlex.join(words)} {verb}")

    def writable(self) -> TodoList:
        """The list, for a verb that writes; raises as `check_now` does."""
        self.check_now()
        return self.list

    def check_now(self) -> None:
        """Raise `UsageError` where the past is looked at, for a verb that writes."""
        if self.options.at is not None:
            raise UsageError("the past can't be changed: this verb writes", "leave out --at, or see: todo restore --help")

    @property
    def color(self) -> Color:
        if self.options.color is not None:
            return self.options.color
        return "never" if os.environ.get("NO_COLOR") else self.config.color

    @cached_property
    def rich(self) -> bool:
        """Whether people read this on a terminal that takes colours and boxes."""
        if self.options.json or self.options.plain or self.color == "never":
            return False
        asked = self.color == "always" or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")
        return asked and self.columns >= NARROWEST

    @cached_property
    def columns(self) -> int:
        """The width of the terminal."""
        import shutil

        return shutil.get_terminal_size().columns

    def close(self) -> None:
        """Let go of the store, if it was opened."""
        if "progress" in self.__dict__:
            self.progress.wipe()
        if "store" in self.__dict__:
            self.store.close()

    def notices(self) -> dict[str, None]:
        """What the logs met that the person should know, each once."""
        return dict.fromkeys(notice for opened in self._lists for notice in opened.notices)


def _position(text: str) -> int | None:
    """The position of a log that a text such as @42 names; None for other texts."""
    digits = text.removeprefix("@")
    return int(digits) if digits != text and len(digits) <= 18 and digits.isascii() and digits.isdecimal() else None


def _usage(forms: Sequence[str], message: str) -> UsageError:
    """The error for a text that is not a time, with forms that are."""
    return UsageError(message, "write, for instance: " + ", ".join(f'"{form}"' if " " in form else form for form in forms))


def _environment(name: str) -> str | None:
    value = os.environ.get(name)
    return None if value is None else as_utf8(value)


def as_utf8(text: str) -> str:
    """A word of the command line or the environment, which came in the locale's encoding, as the UTF-8 that it is."""
    return os.fsencode(text).decode("utf-8", "surrogateescape")


def check_text(what: str, text: str) -> str:
    """The text itself; raises `UsageError` where the command line held bytes that are no text."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"the {what} is not valid UTF-8: {text!a}", "give it in UTF-8") from error
    return text


def check_ids(words: Sequence[str]) -> list[str]:
    """Words that name todos; raises `UsageError` where they are no text."""
    return [check_text("id", word) for word in words]


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value), None)
