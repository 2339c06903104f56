"""How a verb is declared: its name, its words, its options, its help, and the function that does the work.

docs/how-to/add-a-verb.md shows how to add one. Nothing here imports Typer, because most commands run without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from ..cqrs.struct import Struct, replace
from ..todo.fields import FIELDS
from .session import Session

GROUPS = EVERYDAY, CHANGE, LOOK, TRAVEL, LISTS = ("Every day", "Change", "Look", "Go back in time", "Lists and places")
"""The groups of verbs, in the order in which `todo --help` shows them."""


# as text: every run imports this, and typing takes long to evaluate it
TimeKind: TypeAlias = 'Literal["moment", "past", "future"]'
"""What kind of time a value is: a "moment" is a time in the past or a position; the others are times that fields get."""


class Argument(Struct, frozen=True):
    """Words after the verb.

    Args:
        name: The parameter of the action that receives the word, or a tuple of the words.
        metavar: What stands for the words in `--help`.
        help: What the words mean, in a sentence.
        required: Whether at least one word must be given. The action receives None, or an empty tuple, for no word.
        several: Whether there may be more than one word. At most one argument of a verb has several words.
        time: What kind of time it is, if it is one. It then takes as many words as belong to the time, or all that are left
            if it has several, and a word such as `-2h` is not an option.
        propose: Gives words that completion proposes for the beginning of a word, and what each of them means. Others follow
            from the metavar.
    """

    name: str
    metavar: str
    help: str
    required: bool = True
    several: bool = False
    time: TimeKind | None = None
    propose: Callable[[Session, str], Iterable[tuple[str, str]]] | None = None


class Option(Struct, frozen=True):
    """An option of a verb.

    Args:
        name: The parameter of the action that receives the value.
        names: How people write the option, such as `--limit` and `-n`. A flag may have a negative, as `--last/--first`.
        help: What the option does, in a sentence.
        metavar: What stands for the value in `--help`. Without one, the option is a flag.
        kind: The type of the value.
        least: The lowest value, for numbers.
        most: The highest value, for numbers.
        default: What the action receives if the option is not given. A flag is then False, a repeated option is ().
        multiple: Whether the option may be repeated. The action then receives a tuple.
        required: Whether the option must be given.
        time: What kind of time the value is, if it is one. It then takes as many words as belong to the time.
        alone: A global option that takes a value, and means this option if no value follows it.
    """

    name: str
    names: tuple[str, ...]
    help: str
    metavar: str = ""
    kind: type[str | int | float] = str
    least: int | None = None
    most: int | None = None
    default: str | float | None = None
    multiple: bool = False
    required: bool = False
    time: TimeKind | None = None
    alone: str = ""


class Verb(Struct, frozen=True):
    """A verb of the command line.

    Args:
        name: The word that people type.
        help: What the verb does. `todo --help` shows the first sentence.
        examples: Command lines that `--help` shows.
        action: Does the work, given the session and one value for each argument and option, by name. It returns the exit
            code, or None for 0.
        group: The group in `todo --help`; '' for the verbs of another verb, such as `todo lists new`.
        arguments: The words that the verb takes, in order.
        options: Its options, besides the global ones.
        writes: Whether it changes something. Such a verb refuses `--at`. If it has a group, it changes a list, and takes
            the options `--command-id`, `--expect` and `--because`.
        scope: What it is about: one "list"; one of the "lists", or all with `-A`; the whole "store"; or "nothing" of these.
            Only the first refuses `-A`. In a hint, the command names the list and the store for the first two.
        trees: Whether it changes all todos under the named ones as well.
        about: The state of the todos that it is likely to be about, which completion and the picker propose;
            "recurring" means open and recurring, "all" open or done.
        must_name: Whether its todos must be named. Otherwise a person can choose them on the terminal.
        records: Whether it records what it changes as a command. Otherwise it takes none of these options.
        fields: Whether it takes the options of all fields. The action receives them as `fields`: what was given, by the
            names of the fields.
        literal: Whether words after `--` are read differently. The action receives their number as `literal`.
        reminds: Whether it first prints the reminders that came due. The verbs of the group for lists and places never do.
        paged: Whether what is longer than the screen is shown with a pager.
        live: The options with which it shows what happens while it happens, and then without a pager.
        synonyms: Words that people write for it in other programs, with spaces between them: `{"": "delay defer"}`. The key
            holds the words after the verb that they mean, such as `IDS due:DATE`. Whoever writes one is told the verb.
        dashes: What a word that begins with a hyphen is: an "option"; a "word", unless it is an option of the verb or a
            global one; or, after the first word, part of the "rest", which is another command line.
    """

    name: str
    help: str
    examples: tuple[str, ...]
    action: Callable[..., int | None]
    group: str = ""
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    writes: bool = False
    scope: Literal["list", "lists", "store", "nothing"] = "list"
    trees: bool = False
    about: Literal["open", "done", "removed", "recurring", "all"] = "open"
    must_name: bool = False
    records: bool = True
    fields: bool = False
    literal: bool = False
    reminds: bool = True
    paged: bool = False
    live: tuple[str, ...] = ()
    synonyms: Mapping[str, str] = {}
    dashes: Literal["option", "word", "rest"] = "option"

    @property
    def changes_a_list(self) -> bool:
        """Whether it records a change of a list, as the verbs that make or rename lists do not."""
        return self.writes and self.records and self.group != ""

    @property
    def takes_a_query(self) -> bool:
        """Whether it changes todos that can also be named by `--where`."""
        return self.writes and any(argument.metavar.startswith(IDS.metavar) for argument in self.arguments)

    @property
    def picks(self) -> bool:
        """Whether a person chooses the todos on the terminal if none are named."""
        if self.must_name or not self.arguments or self.arguments[0].name != IDS.name or not self.arguments[0].required:
            return False
        return self.arguments[0].several or not any(argument.required for argument in self.arguments[1:])

    def requires(self, argument: Argument) -> bool:
        """Return whether one of its arguments must be typed."""
        return argument.required and not (self.picks and argument is self.arguments[0])

    def run(self, session: Session, values: Mapping[str, Any]) -> int:
        """Run the verb.

        Args:
            session: This run of the program.
            values: A value for each parameter of the action.

        Returns:
            The exit code.

        Raises:
            UsageError: The session cannot run the verb. For instance, the past cannot be changed.
        """
        session.check_verb(self)
        session.verb = self
        if self.picks and not values[self.arguments[0].name]:
            from .picker import pick  # most commands name their todos

            picked = pick(session, self, values)
            if not picked:
                return 0
            values = {**values, self.arguments[0].name: [picked] if self.arguments[0].several else picked}
        if self.reminds and self.group not in ("", LISTS):
            session.announce_reminders(all_lists=session.options.all_lists)
        code = self._act(session, values)
        if self.changes_a_list and session.config.reaction:
            session.react_inline()
        return code

    def _act(self, session: Session, values: Mapping[str, Any]) -> int:
        """Call the action, with a pager for what is longer than the screen."""
        if self.paged and session.pages and not any(values[name] for name in self.live):
            from .pager import paged, pager  # only on a terminal

            command = pager()
            if command is not None:
                with paged(command):
                    return self.action(session, **values) or 0
        return self.action(session, **values) or 0

    def values(self, words: Sequence[str], session: Session) -> dict[str, Any] | None:
        """Give the action its values for words without any options.

        Args:
            words: The words.
            session: This run of the program, which knows how to read times.

        Returns:
            A value for each parameter of the action; None if the verb does not take so many words, or needs an option.
        """
        if len(words) < sum(argument.required for argument in self.arguments) - self.picks:
            return None
        values: dict[str, Any] = {}
        left = list(words)
        for number, argument in enumerate(self.arguments, 1):
            if argument.several:
                count = max(len(left) - (len(self.arguments) - number), 0)
                values[argument.name] = tuple(left[:count])
                del left[:count]
            elif argument.time is not None:
                from .time_words import take_argument  # few verbs have such an argument

                values[argument.name] = take_argument(session, argument, left)
            else:
                values[argument.name] = left.pop(0) if left else None
        if left:
            return None
        for option in self.options:
            if option.required:
                return None
            values[option.name] = () if option.multiple else option.default if option.metavar else False
        if self.fields:
            values["fields"] = {}
        if self.literal:
            values["literal"] = 0
        return values


IDS = Argument(
    "ids",
    "IDS",
    "Numbers and ranges (1-3,7), todos of other lists (work/3), a text (/milk/), stable ids (all, or the first 4 "
    "characters or more), or @ for the last change.",
    several=True,
)
"""Todos, in one or more words, perhaps of several lists."""

ONE_IDS = replace(IDS, several=False)
"""Todos in one word, because other words follow."""

IDS_IN_ONE_LIST = replace(IDS, help=IDS.help.replace("other lists", "one other list"))
"""Todos of one list, in one or more words."""

ONE_IDS_IN_ONE_LIST = replace(IDS_IN_ONE_LIST, several=False)
"""Todos of one list in one word, because other words follow."""

SOME_IDS = Argument("ids", "IDS", "Only these todos.", required=False, several=True)
"""Todos; without them the verb is about the whole list."""

LIST_NAME = Argument("name", "NAME", "The list.")


def field_options() -> Iterator[Option]:
    """Yield the options of the fields, which `add` and `edit` take."""
    for field in FIELDS:
        if field.options:
            yield Option(field.name, field.options, field.help, field.metavar)


GLOBAL_OPTIONS = (
    Option("list", ("--list", "-L"), "The list. Default: TODO_LIST, then config.toml, then inbox.", "NAME"),
    Option(
        "store",
        ("--store",),
        "Where the lists are: jsonl:DIR or postgresql://… Default: TODO_STORE, then config.toml.",
        "URL",
    ),
    Option(
        "all_lists", ("--all-lists", "-A"), "Use all lists that are not archived. Most verbs that change a list refuse it."
    ),
    Option("at", ("--at",), "Show the list as it was then. Verbs that show todos take it.", "TIME|@POSITION", time="moment"),
    Option("json", ("--json",), "Print one JSON document."),
    Option("plain", ("--plain",), "Print tab-separated fields, without colours and never truncated."),
    Option("color", ("--color",), "Use colours: auto, always or never.", "WHEN"),
    Option("no_pager", ("--no-pager",), "Show no pager for what is longer than the screen."),
    Option("quiet", ("--quiet", "-q"), "Print only what was asked for, and errors."),
    Option("version", ("--version", "-V"), "Print the version."),
)
"""The options that may stand before or after any verb."""

SCRIPT_OPTIONS = (
    Option("command_id", ("--command-id",), "Record the command once, however often it is sent with this id.", "ID"),
    Option(
        "expect",
        ("--expect",),
        "Refuse the change if a named todo has another version, or if the list ends at another position.",
        "VERSION|@POSITION",
    ),
    Option("because", ("--because",), "Keep the reason for the change in the history.", "TEXT"),
)
"""The options of every verb that changes a list."""

WHERE_OPTION = Option("where", ("--where",), "Select the todos by a query. IDS are not needed then.", "QUERY")
"""The option of every verb that changes todos; see `queries`."""
