"""One run of the program: its settings, from options, the environment and `config.toml`, and the list that they lead to."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from ..cqrs.cursor import Cursor
from ..cqrs.errors import CqrsError, OutcomeUnknown
from ..cqrs.events import CAUSATION, CORRELATION, Commit, Moment, PositionOf
from ..cqrs.snapshots import Snapshots
from ..cqrs.store import Store
from ..cqrs.stores import open_store
from ..cqrs.stores.snapshots import Folder, SnapshotStore
from ..todo.fields import SCHEMA, State
from ..todo.model import DECIDER, EVENTS
from ..todo.recorder import TYPES, Recorder
from ..todo.service import DEFAULT_LIST, TodoList, View
from ..todo.values import nfc
from ..todo.views import Item
from .clock import check_zone, conversion_to, to_local
from .config import (
    Color,
    Config,
    cache_dir,
    default_author,
    default_store,
    load_config,
    naming,
    naming_filter,
    renumbered_file,
)
from .errors import ORDER_IN_CONFIG, UsageError, position_of_one_list
from .output import ProgressLine
from .text import visible

if TYPE_CHECKING:
    from ..cqrs.verification import Stray
    from ..todo.requests import Request
    from ..todo.times import Lean, Span, UnreadableTime
    from .verb import Verb

T = TypeVar("T")


NARROWEST = 40
"""The narrowest terminal, in columns, in which tables are drawn."""


IN_REACTION, CAUSED_BY, CORRELATED = "TODO_REACTION", "TODO_CAUSATION", "TODO_CORRELATION"
"""The environment variables in which a program finds the reaction that runs it, the event, and what that belongs to."""

LONGEST_CAUSE = 300
"""How long what the environment says about a cause may be, in characters."""

_BEGINNINGS = ("beginning", "the beginning", "the start", "begin", "origin")
"""Words that people use for the moment `start`."""


class Options:
    """The global options, which may stand before or after the verb, and the options of every verb that changes a list.

    They are None if they were not given.
    """

    command_id: str | None = None
    expect: str | None = None
    because: str | None = None
    where: str | None = None

    def __init__(self) -> None:
        self.list: str | None = None
        self.store: str | None = None
        self.at: str | None = None
        self.json = False
        self.plain = False
        self.color: Color | None = None
        self.no_pager = False
        self.quiet = False
        self.all_lists = False


class Session:
    """What every verb works with. Nothing is read or opened before it is needed."""

    list_type: type[TodoList] = TodoList
    """The class of the lists that are opened."""

    recording = True
    """Whether what the verbs change is recorded; `todo explain` only shows it."""

    verb: Verb | None = None
    """The verb that runs."""

    request: Request | None = None
    """What a script asks of the verb beside the change itself: `--command-id`, `--expect` and `--because`."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._lists: list[TodoList] = []
        self._is_unread = False
        self._recorded: dict[str, tuple[int, Sequence[Commit]]] = {}  # what `OnRecorded` gets, by the names of the lists
        self._left_out: set[str] = set()  # the copies of lists that were not read with the other lists

    @cached_property
    def config(self) -> Config:
        """The settings in `config.toml`."""
        return load_config()

    @cached_property
    def store(self) -> Store:
        """The store in use."""
        check_zone()  # before anything is written, so that no change is recorded and then not shown
        typed = _first(self.options.store, _environment("TODO_STORE"))
        with naming("`store`") if typed is None and self.config.store else nullcontext():
            return open_store(self.store_url, TYPES, progress=self.progress, cache=cache_dir())

    @cached_property
    def progress(self) -> ProgressLine:
        """The line that shows the progress of long work."""
        return ProgressLine(quiet=self.options.quiet)

    @property
    def store_url(self) -> str:
        """The URL of the store in use."""
        return self.url_of(_first(self.options.store, _environment("TODO_STORE"), self.config.store) or default_store())

    def url_of(self, text: str) -> str:
        """Return the URL of the store that a text means.

        Raises:
            UsageError: The text is not UTF-8, or begins with the home folder of an unknown user.
        """
        scheme, colon, rest = text.partition(":")
        if scheme == "jsonl" and rest.startswith("~"):
            folder = os.path.expanduser(rest)
            if folder.startswith("~"):
                raise UsageError(
                    f"{text}: there is no such user with a home folder", "write the complete path of the folder"
                )
            text = f"{scheme}{colon}{folder}"
        return check_text("store's URL", text)

    @property
    def default_list(self) -> str:
        """The name of the list that is used unless an option or the environment names another one."""
        return self.config.list or DEFAULT_LIST

    @property
    def list_name(self) -> str:
        """The name of the list in use."""
        return nfc(_first(self.options.list, _environment("TODO_LIST")) or self.default_list)

    @property
    def names_a_list(self) -> bool:
        """Whether an option or the environment names the list in use."""
        return not self.options.all_lists and bool(self.options.list or _environment("TODO_LIST"))

    @property
    def names_lists(self) -> bool:
        """Whether the list in use was named, or all lists were."""
        return self.options.all_lists or self.names_a_list

    @property
    def at_position(self) -> bool:
        """Whether this run looks at a position, which belongs to one list. Each list has a start, at position 0."""
        return bool(self.moment) and isinstance(self.moment, int)

    @property
    def shows_all_lists(self) -> bool:
        """Whether a verb that shows all lists unless one is named shows them in this run."""
        return self.options.all_lists or not (self.names_a_list or self.at_position)

    @cached_property
    def list(self) -> TodoList:
        """The list in use."""
        return self.open_list(self.list_name)

    def views(self, *, all_lists: bool, lists: Sequence[str] = ()) -> tuple[Sequence[View], CqrsError | None]:
        """Read the list in use, or all lists, now or at the moment of this run.

        Args:
            all_lists: Whether to read all lists.
            lists: The names of the lists of a saved filter, to read instead of the list in use.

        Returns:
            The lists, the one in use first; and the error of the first list that cannot be read, to be raised at the end.

        Raises:
            UsageError: There are several lists, and the moment is a position of one.
            CqrsError: What `read_lists` raises.
        """
        names = self.all_names() if all_lists else lists or [self.list.name]
        if len(names) > 1 and self.at_position:
            raise position_of_one_list()

        def read(todos: TodoList) -> View:
            with naming_filter() if lists else nullcontext():
                view = todos.view(self.moment)
            self._numbers_shown(todos)
            return view

        return self.read_lists(names, read)

    def read_lists(self, names: Iterable[str], read: Callable[[TodoList], T]) -> tuple[Sequence[T], CqrsError | None]:
        """Read something of lists. A list that cannot be read hides no other list, unless it was named.

        Args:
            names: The names of the lists.
            read: Reads it.

        Returns:
            What was read of each list that can be read; and the error of the first other list, to be raised at the end.

        Raises:
            CqrsError: A list that was named cannot be read, or none of the lists can.
        """
        found: list[T] = []
        failure: CqrsError | None = None
        for name in names:
            try:
                found.append(read(self.list if name == self.list_name else self.open_list(name)))
            except CqrsError as error:
                if name == self.list_name and self.names_a_list:
                    raise
                failure = failure or error
        self._is_unread |= failure is not None
        if failure is not None and not found:
            raise failure
        return found, failure

    @property
    def damage(self) -> str | None:
        """What is wrong with a list that this run has read, up to the damage; None if nothing is."""
        return next((opened.log.damage for opened in self._lists if opened.log.damage is not None), None)

    @property
    def has_read_everything(self) -> bool:
        """Whether each list that this run wanted to read could be read to its end."""
        return not self._is_unread and self.damage is None

    def list_names(self) -> Sequence[str]:
        """Return the names of all lists that are not archived: the one in use first, then the others by name."""
        return [self.list.name, *(name for name in sorted(self.store.names()) if name != self.list.name)]

    def all_names(self) -> Sequence[str]:
        """Return the names of the lists that `--all-lists` means: the one in use first, then the others by name."""
        others = [name for name in sorted(self.originals()) if name != self.list_name]
        if others and not self.names_a_list:
            try:
                self.list.check_exists()
            except CqrsError as error:  # whoever reads the list reports any other error
                from ..todo.errors import NotFound

                if isinstance(error, NotFound):  # it was archived, or renamed
                    return others
        return [self.list_name, *others]

    def originals(self) -> Sequence[str]:
        """Return the names of all lists in use, without copies of other lists, of which this run then warns."""
        originals = self.store.originals()
        self._left_out |= set(self.store.names()) - set(originals)
        return originals

    def prefix(self, list_name: str) -> str:
        """Return what people type before the numbers of the todos of a list: '' for the one in use, otherwise its name."""
        return "" if list_name == self.list_name else f"{list_name}/"

    def use_list(self, name: str) -> None:
        """Use another list from now on."""
        if name != self.list.name:
            self.options.list = name
            self.list = self.open_list(name)
            self.__dict__.pop("moment", None)  # a position such as @-1 belongs to the list in use

    def choose(self, words: Sequence[str], *, then: bool = False, as_sent: bool = True) -> Sequence[Item]:
        """Find the todos that a person named. If they are in another list, that list is used from now on.

        Args:
            words: Numbers, ranges, ids, `@`, todos of another list such as `work/3`, or texts such as `/milk/`.
            then: Whether they are looked for at the moment of this run, instead of now.
            as_sent: See `TodoList.select`.

        Raises:
            UsageError: A word has a wrong form, the todos are in several lists, or a text names no todo or several.
            CqrsError: What `TodoList.select` raises.
        """
        words = self.in_one_list(words)
        return self.select(self.list, words, self.moment if then else None, as_sent=as_sent)

    def in_one_list(self, words: Sequence[str]) -> Sequence[str]:
        """Return words that name todos of one list by numbers or ids. If that is another list, it is used from now on.

        Args:
            words: See `choose`.

        Raises:
            UsageError: A word has a wrong form, the todos are in several lists, or a text names no todo or several.
        """
        if not any("/" in word for word in words):
            return words
        from .choosing import in_one_list  # most runs name todos by their numbers

        return in_one_list(self, words)

    def select(
        self, todos: TodoList, words: Sequence[str], moment: Moment | None = None, *, as_sent: bool = True
    ) -> Sequence[Item]:
        """Find todos of a list by numbers and ids. Arguments, result and errors are those of `TodoList.select`."""
        if self.verb is not None and self.verb.writes:
            self.check_numbers(todos, words)
        try:
            return todos.select(check_ids(words), moment, as_sent=as_sent)
        except CqrsError as error:
            from ..todo.errors import TodoNotFound

            if isinstance(error, TodoNotFound):
                error.hint = f"see the numbers: {self.typed_then(todos.name, 'ls --all')}"
            raise

    def check_numbers(self, todos: TodoList, words: Sequence[str]) -> None:
        """Raise `NumbersChanged` if words name todos by numbers from before a merge, which the person cannot know."""
        if os.path.exists(renumbered_file(todos.log.id)):
            from .renumbered import refuse  # rarely needed

            refuse(todos, words, self.typed(todos.name, "ls"))

    def check_position(self, text: str) -> None:
        """Raise `NumbersChanged` if a text names a commit of the list in use by a position from before a merge."""
        if os.path.exists(renumbered_file(self.list.log.id)):
            from .renumbered import refuse_position  # rarely needed

            refuse_position(self.list, text, self.typed(self.list.name, "history"))

    def positions_shown(self, todos: TodoList, shown: Collection[int] | None) -> None:
        """Note that a person has seen present positions of a list.

        Args:
            todos: The list.
            shown: The positions; None for all.
        """
        if self.moment is None and os.path.exists(renumbered_file(todos.log.id)):
            from .renumbered import positions_shown  # rarely needed

            positions_shown(todos.log.id, shown)

    def _numbers_shown(self, todos: TodoList) -> None:
        """Note that a person has seen the present numbers of a list."""
        if self.moment is None and os.path.exists(renumbered_file(todos.log.id)):
            from .renumbered import numbers_shown  # rarely needed

            numbers_shown(todos.log.id)

    @cached_property
    def snapshots(self) -> Snapshots:
        """The snapshots of the store's lists, in the cache folder, and on the server if the store is on one."""
        # the same log may be in a file and on a server, and a position in the one means nothing in the other
        kind = self.store.url.partition(":")[0]
        own = Folder(os.path.join(cache_dir(), "snapshots", kind))
        shared = self.store.shared_snapshots()
        if shared is None:
            return SnapshotStore(own, State, SCHEMA)
        from ..cqrs.stores.shared_snapshots import SharedSnapshots  # only for lists on a server

        return SharedSnapshots(own, shared, State, SCHEMA)

    def clear_caches(self, log_id: str) -> Sequence[str]:
        """Remove all that the cache folder holds of a log: snapshots, and the states of views; also all read models.

        Returns:
            What could not be removed, in words.
        """
        from .due_reminders import EVERYTHING, reminders_folder  # only for `forget`
        from .read_models import clear_read_models
        from .view_cache import ALL_LISTS, views_folder

        kinds = os.path.join(cache_dir(), "snapshots")
        try:
            places = [(os.path.join(kinds, kind), log_id) for kind in sorted(os.listdir(kinds))]
        except FileNotFoundError:  # no snapshot was ever taken
            places = []
        except OSError as error:
            return [f"{kinds} ({error.strerror})"]
        places += [(views_folder(), scope) for scope in (log_id, ALL_LISTS)]
        places.append((reminders_folder(), EVERYTHING))
        left = [os.path.join(folder, name) for folder, name in places if not Folder(folder).clear(name)]
        return [f"{path} (it could not be removed)" for path in (*left, *clear_read_models())]

    def snapshot_cursor(self, log_id: str) -> Cursor | None:
        """Return the cursor of the newest snapshot of a log; None if there is no snapshot that can be read."""
        for info in reversed(self.snapshots.infos(log_id, DECIDER.kind)):
            snapshot = self.snapshots.load(log_id, DECIDER.kind, info.position)
            if snapshot is not None:
                return snapshot.cursor
        return None

    def open_list(self, name: str) -> TodoList:
        """Open a list of the store by its name."""
        author = check_text("author", self.config.author or default_author())
        opened = self.list_type(
            self.store,
            check_text("list's name", name),
            author,
            default=name == self.default_list,
            zones=conversion_to,
            snapshots=self.snapshots,
            progress=self.progress,
            on_recorded=self._note_recorded,
        )
        opened.request = self.request
        if IN_REACTION in os.environ:
            opened.cause = _cause()
        self._lists.append(opened)
        return opened

    def _note_recorded(self, todos: Recorder, position: int, commits: Sequence[Commit]) -> None:
        self._recorded[todos.name] = position, commits

    @cached_property
    def now(self) -> datetime:
        """The time of this run, aware, in local time."""
        check_zone()
        return to_local(datetime.now(UTC))

    @cached_property
    def moment(self) -> Moment | None:
        """The moment at which this run looks; None for now."""
        if self.options.at is None:
            return None
        return self.moment_of(self.options.at)

    def time_of(self, text: str, lean: Lean) -> date | datetime:
        """Return the local day or the instant that a text means, as the value of a field.

        Args:
            text: The text that was typed.
            lean: Whether a text such as "friday" means the past or the future.

        Raises:
            UsageError: The text is not a time.
        """
        from ..todo.times import UnreadableTime, read_value  # most runs read no time

        try:
            return read_value(check_text("time", text), self.now, to_local, lean, self.config.date_order)
        except UnreadableTime as error:
            raise _usage(error.forms, error) from error

    def span_of(self, text: str, now: datetime | None = None) -> Span:
        """Return the time in the past that a text means, from its first to its last instant.

        Args:
            text: The text that was typed.
            now: The time from which words such as "last week" count; None for the time of this run.

        Raises:
            UsageError: The text is not a time.
        """
        from ..todo.times import UnreadableTime, read

        try:
            return read(check_text("time", text), now or self.now, to_local, "past", self.config.date_order)
        except UnreadableTime as error:
            if error.ahead is not None and self.list.has_commit_at_or_after(error.ahead.start):
                return error.ahead  # a clock that ran ahead recorded it, and the program printed it
            forms = ("start",) if text.lower() in _BEGINNINGS else error.forms
            raise _usage(forms, error) from error

    def moment_of(self, text: str) -> Moment:
        """Return the position that a text means, or the last instant, but no instant after all that is recorded.

        Raises:
            UsageError: The text is neither a position nor a time.
        """
        position = self._position_of(text)
        if position is not None:
            return position
        end = self.span_of(text).end
        return end if end <= self.now else min(end, self.list.latest_moment(self.now))

    def beginning_of(self, text: str) -> Moment:
        """Return the position that a text means, or the first instant.

        Raises:
            UsageError: The text is neither a position nor a time.
            EventNotFound: The list does not have the position.
        """
        position = self._position_of(text)
        if position is None:
            return self.span_of(text).start
        self.list.check_position(position)
        return position

    def _position_of(self, text: str) -> int | None:
        """Return the position that a text such as @42, @-1, @42~1 or start means; None for other texts."""
        position = _position(text)
        if position is None and (text.startswith("@") or text.lower() == "start"):
            from .positions import find_position  # most runs name no position, or a plain one

            return find_position(self.list, text)
        return position

    def words_of_moment(self, words: Sequence[str]) -> int:
        """Return how many words make up the longest moment that the words begin with; 0 if they begin with none."""
        if words and words[0].startswith("@"):
            from .positions import is_position

            return int(is_position(words[0]))
        count = self.words_of_time(words, "past")
        return count or int(bool(words) and words[0].lower() == "start")

    def words_of_time(self, words: Sequence[str], lean: Lean) -> int:
        """Return how many words make up the longest time that the words begin with; 0 if they begin with none."""
        from ..todo.times import leading_words

        return leading_words(words, self.now, to_local, lean, self.config.date_order)

    def seen_from(self, view: View) -> datetime:
        """Return the time that decides what is overdue: that of the moment at which this run looks."""
        return self.now if view.as_of is None else to_local(view.as_of)

    def typed(self, list_name: str | None, verb: str) -> str:
        """Return what a person must type for a verb on a list of this store, without any password.

        Args:
            list_name: The name of the list; None for a verb that is not about one list, or names it itself.
            verb: The verb, with its words as they are typed.
        """
        words = self.places(list_name)
        if not words:
            return f"todo {verb}"
        import shlex

        return visible(f"todo {shlex.join(words)} {verb}")

    def typed_then(self, list_name: str, verb: str) -> str:
        """Return what a person must type for a verb that reads a list of this store at the moment of this run."""
        if self.options.at is None:
            return self.typed(list_name, verb)
        import shlex

        return self.typed(list_name, visible(f"at {shlex.join(self.options.at.split())} {verb}"))

    def places(self, list_name: str | None) -> Sequence[str]:
        """Return the options that name the store and a list in a command, as far as they are needed.

        Args:
            list_name: The name of the list; None if the command is about no list.
        """
        words: list[str] = []
        if self.options.store is not None:
            from ..cqrs.stores.passwords import without_password

            words += ["--store", without_password(self.options.store)]
        default = _environment("TODO_LIST") or self.default_list
        if list_name is not None and not list_name == self.list_name == default:  # a run about another list names each
            words += ["-L", list_name]
        return words

    def refuse_at(self, why: str) -> None:
        """Raise `UsageError` if --at was given, for a verb that reads and has no past.

        Args:
            why: What the verb does, in a sentence.
        """
        if self.options.at is not None:
            raise UsageError(why, "leave out --at")

    def check_verb(self, verb: Verb) -> None:
        """Raise `UsageError` if this run cannot run a verb: the past cannot be changed."""
        if verb.writes:
            self.require_present(verb.name)
        if self.options.all_lists:
            if verb.scope == "list":
                hint = "leave it out" + (", or name a list: -L NAME" if verb.group else "")
                if verb.takes_a_query:
                    hint = "leave it out, and name todos of other lists as in work/3, or a list: -L NAME"
                raise UsageError(f"{verb.name} takes no --all-lists (-A), which is for sync, and for verbs that read", hint)
            self.check_all_lists()

    def check_all_lists(self) -> None:
        """Raise `UsageError` if --all-lists was given, and one list or a position of one list was named."""
        if self.options.list is not None:
            raise UsageError("--list and --all-lists contradict each other", "give one of them")
        if self.at_position:
            raise position_of_one_list()

    def require_present(self, verb: str) -> None:
        """Raise `UsageError` if this run looks at the past, for a verb that changes something."""
        if self.options.at is not None:
            raise UsageError(
                f"the past cannot be changed, and {verb} works on the present",
                "leave out --at; to go back to a past state: todo restore --help",
            )

    @property
    def color(self) -> Color:
        """Whether to use colours: from the option, the environment, or the configuration."""
        if self.options.color is not None:
            return self.options.color
        return "never" if os.environ.get("NO_COLOR") else self.config.color

    @cached_property
    def rich(self) -> bool:
        """Whether the output goes to a terminal that can show colours and tables."""
        if self.options.json or self.options.plain or self.color == "never":
            return False
        asked = self.color == "always" or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")
        return asked and self.columns >= NARROWEST

    @property
    def pages(self) -> bool:
        """Whether the output goes to a terminal on which a pager can show what is longer than the screen."""
        options = self.options
        if options.json or options.plain or options.no_pager or os.environ.get("TERM") == "dumb":
            return False
        return sys.stdout.isatty()

    @cached_property
    def columns(self) -> int:
        """The width of the terminal."""
        import shutil

        return shutil.get_terminal_size().columns

    def close(self) -> None:
        """Close the store, if it was opened."""
        if "progress" in self.__dict__:
            self.progress.wipe()
        if "store" in self.__dict__:
            self.store.close()

    def position_of(self, name: str) -> PositionOf:
        """Return what finds the commits of a list by their command ids, for example those that an undo names.

        Args:
            name: The name of the list.
        """
        opened = next((each for each in self._lists if each.name == name), None)
        return (opened or self.open_list(name)).position_of

    def outcome(self, error: Exception) -> Exception:
        """Return what to report of an error. If it came after the command was recorded, that must be said."""
        recorded = next(iter(self._recorded.items()), None)
        if recorded is None or not isinstance(error, CqrsError) or isinstance(error, OutcomeUnknown):
            return error
        name, (position, _) = recorded
        place = f"@{position} was recorded in {name}"
        return OutcomeUnknown(f"{place}, but the answer could not be given: {error}")

    def announce_reminders(self, *, all_lists: bool) -> None:
        """Print the reminders that came due, if a person looks at the present on a terminal."""
        options = self.options
        if sys.stderr.isatty() and self.recording and not (options.quiet or options.json or options.at):
            from .due_reminders import announce  # scripts need none

            announce(self, all_lists=all_lists)

    def react_inline(self) -> None:
        """Run the reactions that run right after a command, if one of them may want what this run has recorded."""
        wanted = [table.get("on") for table in self.config.reaction if table.get("inline")]
        recorded = self._recorded if wanted and self.recording else {}
        if not recorded or IN_REACTION in os.environ:
            return
        types = {event.type for _, commits in recorded.values() for commit in commits for event in commit.events}
        others = [each for each in EVENTS if each not in types]
        # a table with an event that does not exist must be reported
        if all(isinstance(on, list) and on and all(each in others for each in on) for on in wanted):
            return
        from .inline_reactions import react  # few commands have a consequence of this kind

        react(self, recorded)

    def warnings(self) -> dict[str, None]:
        """Return what the logs found that the person should know, each once."""
        found = [
            f"{warning}{self._to_merge(opened) if warning == opened.log.read_only else ''}"
            for opened in self._lists
            for warning in opened.warnings
        ]
        return dict.fromkeys([*found, *self._about_copies()])

    def _about_copies(self) -> Iterator[str]:
        """Yield what to know of the copies of lists that were left out, and were not opened by their names."""
        unread = self._left_out - {opened.name for opened in self._lists}
        if not unread:
            return
        from .reports import in_words

        with suppress(CqrsError):  # they were left out all the same
            for stray in self._strays:
                if stray.name in unread and not stray.archived:
                    yield in_words(self, stray)

    @cached_property
    def _strays(self) -> Sequence[Stray]:
        """The files beside the lists, which are compared with them byte by byte."""
        return self.store.strays()

    def _to_merge(self, opened: TodoList) -> str:
        """Return a sentence that says how to merge a list that is a copy of another one; '' if it is none."""
        from .reports import to_merge

        with suppress(CqrsError):  # the warning is shown all the same
            for stray in self._strays:
                if stray.name == opened.name and not stray.archived:
                    return to_merge(self, stray)
        return ""


def _position(text: str) -> int | None:
    """Return the position in a text such as @42; None for other texts."""
    digits = text.removeprefix("@")
    return int(digits) if digits != text and len(digits) <= 18 and digits.isascii() and digits.isdecimal() else None


def _usage(forms: Sequence[str], error: UnreadableTime) -> UsageError:
    """Return the error for a text that is not a time, with examples of times."""
    examples = ", ".join(f'"{form}"' if " " in form else form for form in forms)
    return UsageError(str(error), f"write, for instance: {examples}{ORDER_IN_CONFIG * error.order_decides}")


def _cause() -> dict[str, str]:
    """Return what the commits of this run have in their `meta`, because a program of a reaction runs it."""
    found = ((CAUSATION, _environment(CAUSED_BY)), (CORRELATION, _environment(CORRELATED)))
    return {key: value for key, value in found if value and value.isascii() and len(value) < LONGEST_CAUSE}


def _environment(name: str) -> str | None:
    value = os.environ.get(name)
    return None if value is None else as_utf8(value)


def as_utf8(text: str) -> str:
    """Return a word of the command line or the environment, which Python decoded by the locale, decoded as UTF-8."""
    return os.fsencode(text).decode("utf-8", "surrogateescape")


def check_text(what: str, text: str) -> str:
    """Return a text of the command line.

    Raises:
        UsageError: The text is not valid UTF-8.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"the {what} is not valid UTF-8: {text!a}", "give it in UTF-8") from error
    return text


def check_ids(words: Sequence[str]) -> list[str]:
    """Return words that name todos.

    Raises:
        UsageError: A word is not valid UTF-8, or looks like a number or a range and is none.
    """
    if not all(word.isdecimal() for word in words):
        from .ids import check_form  # most runs name todos by their numbers

        check_form(words)
    return [check_text("id", word) for word in words]


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value), None)
