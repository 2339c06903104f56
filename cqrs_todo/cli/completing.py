"""Completion of command lines: what a shell asks for when a person presses Tab.

A shell runs `todo __complete SHELL WORDS…` and gets one proposal in each line: a word, a tab, and what it means. The texts
of todos are only shown, and never become part of a command line. A word that a terminal cannot show is not proposed.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice

from ..cqrs.errors import CqrsError
from ..cqrs.struct import Struct
from ..todo.arranging import GROUP_KEYS, SORT_KEYS
from ..todo.fields import FIELDS, TAGS, Declared, SetField
from ..todo.model import EVENTS
from ..todo.selection import number_range
from ..todo.views import attributes_of
from . import verbs
from .choosing import parts_of
from .config import COLORS
from .errors import UsageError
from .output import print_line
from .session import Session
from .states import likely_todos
from .text import visible
from .verb import (
    GLOBAL_OPTIONS,
    IDS,
    LIST_NAME,
    ONE_IDS_IN_ONE_LIST,
    SCRIPT_OPTIONS,
    WHERE_OPTION,
    Argument,
    Option,
    TimeKind,
    Verb,
    field_options,
)

_LONGEST = 60
"""How many characters of a text are shown."""
_MOST_COMMITS = 20
"""How many positions are proposed."""

_TIMES = ("today", "tomorrow", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "next-week")
_PAST_TIMES = ("today", "yesterday", "last-week", "last-month", "1-hour-ago")
_RULES = ("day", "weekday", "week", "2-weeks", "month", "month-on-last", "year", "monday,thursday", "last-friday")
_CHOICES = re.compile(r"[a-z-]+(\|[a-z-]+)+")
"""How the choices of an option or an argument are written in place of its value."""
_PERIODS = ("today", "yesterday", "this-week", "last-week", "this-month", "last-month", "this-year")


class Proposal(Struct, frozen=True):
    """A word that may stand at the end of the command line, and what it means."""

    word: str
    help: str = ""


def complete(session: Session, words: Sequence[str]) -> int:
    """Print the proposals for the last word of a command line, and return the exit code.

    Args:
        session: This run of the program.
        words: The name of the shell, and the words after `todo`, the last of which is not complete. For bash, the complete
            line up to the cursor, and the characters at which bash splits words.
    """
    shell, *typed = words or [""]
    line = breaks = ""
    if shell == "bash":
        line, breaks = (*typed, "", "")[:2]
        typed = _words_of(line)
    current = typed[-1] if typed else ""
    try:
        found = [each for each in _proposals(session, typed[:-1], current) if each.word.startswith(current)]
    except CqrsError:  # a list that cannot be read, or a wrong option: there is nothing to propose
        return 0
    unique = list(dict.fromkeys(found))
    for proposed in _bash_lines(unique, line, current, breaks) if shell == "bash" else _lines(unique):
        print_line(proposed)
    return 0


def _words_of(line: str) -> list[str]:
    """Return the words after the program's name in a line that need not be complete, as bash reads it."""
    for end in ("", '"', "'"):
        try:
            words = shlex.split(line + end)
        except ValueError:
            continue
        return [*words[1:], ""] if not end and line[-1:].isspace() and not line.endswith("\\ ") else words[1:]
    return [""]


def _lines(found: Sequence[Proposal]) -> Iterator[str]:
    """Return the proposals as zsh and fish need them."""
    for proposal in found:
        if visible(proposal.word) == proposal.word and proposal.word.isprintable():
            yield f"{proposal.word}\t{visible(proposal.help)[:_LONGEST]}"


def _bash_lines(found: Sequence[Proposal], line: str, current: str, breaks: str) -> Iterator[str]:
    """Return the proposals as bash needs them, which inserts them as they are.

    Args:
        found: The proposals.
        line: The line up to the cursor.
        current: The last word of the line, without its quotation marks.
        breaks: The characters at which bash splits words.
    """
    quote, inside = _open_quote(line)
    if quote:  # bash replaces what comes after the quotation mark, and closes it
        kept = max(len(current) - len(inside), 0)
    else:  # it replaces what comes after the last character at which it splits words
        kept = max((current.rfind(char) for char in ":=" if char in breaks), default=-1) + 1
    for line in _lines(found):
        word, _, help = line.partition("\t")
        rest = word[kept:]
        if quote == "'":
            rest = rest.replace("'", r"'\''")
        elif quote:  # a backslash before ! would stay, so it stands in marks of another kind
            rest = re.sub(r'[$`"\\]', r"\\\g<0>", rest).replace("!", "\"'!'\"")
        else:
            rest = re.sub(r"[^\w@%+=:,./-]", r"\\\g<0>", rest, flags=re.ASCII)
        # several proposals are only shown, and what they have in common is inserted
        yield f"{rest}  {help}" if len(found) > 1 and help else rest


def _open_quote(line: str) -> tuple[str, str]:
    """Return the quotation mark that is open at the end of a line, and the text after it; '' for both if none is."""
    quote, start, is_escaped = "", 0, False
    for place, char in enumerate(line):
        if is_escaped:
            is_escaped = False
        elif char == "\\" and quote != "'":
            is_escaped = True
        elif quote and char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote, start = char, place + 1
    inside = line[start:] if quote else ""
    return quote, re.sub(r'\\([$`"\\])', r"\1", inside) if quote == '"' else inside


def _proposals(session: Session, before: Sequence[str], current: str) -> Iterator[Proposal]:
    """Return what may follow some words, whatever the current word begins with."""
    rest = list(before)
    path: list[str] = []
    verb: Verb | None = None
    given: list[str] = []
    while rest:
        word = rest.pop(0)
        option = _option(verb, word)
        if option is not None and option.metavar:
            if not rest:
                yield from _values(session, option, current)
                return
            _set(session, option, rest.pop(0))
        if option is not None:
            continue
        inner = verbs.load([*path, word]) if not given and re.fullmatch("[a-z]+", word) else None
        if inner is not None and (verb is None or not verb.arguments):
            verb, path = inner, [*path, word]
        else:
            given.append(word)
    if current.startswith("-"):
        yield from _options(verb)
        if verb is None or verb.dashes != "word":
            return
    inner_verbs = list(verbs.names(path)) if verb is None or not verb.arguments else []
    if not given:
        for name in inner_verbs:
            found = verbs.load([*path, name])
            yield Proposal(name, "" if found is None else found.help.partition(". ")[0])
    if verb is not None:
        yield from _words(session, verb, given, current)


def _option(verb: Verb | None, word: str) -> Option | None:
    return next((option for option in _all_options(verb) if word in _names(option)), None)


def _all_options(verb: Verb | None) -> Iterator[Option]:
    yield from GLOBAL_OPTIONS
    if verb is None:
        return
    yield from verb.options
    if verb.fields:
        yield from field_options()
    if verb.changes_a_list:
        yield from SCRIPT_OPTIONS
    if verb.takes_a_query:
        yield WHERE_OPTION


def _names(option: Option) -> list[str]:
    """Return the names of an option, with its negative form."""
    return [name for names in option.names for name in names.split("/")]


def _options(verb: Verb | None) -> Iterator[Proposal]:
    for option in _all_options(verb):
        for name in _names(option):
            if name.startswith("--"):
                yield Proposal(name, option.help)
    yield Proposal("--help", "Show how the verb is used.")


def _set(session: Session, option: Option, value: str) -> None:
    """Take a global option that decides which list is read."""
    if option.name in ("list", "store", "at"):
        setattr(session.options, option.name, value)


# what each kind of word can be


def _values(session: Session, option: Option, current: str) -> Iterator[Proposal]:
    """Return the values of an option."""
    match option.name:
        case "list":
            yield from _lists(session)
        case "color":
            yield from map(Proposal, COLORS)
        case "sort":
            keys = dict.fromkeys([*SORT_KEYS, *_attributes(session)])
            yield from _one_more([*keys, *(f"-{key}" for key in keys)], current)
        case "columns":
            from .columns import COLUMNS  # it needs what draws tables

            yield from _one_more([*COLUMNS, *_attributes(session)], current)
        case "by" if option.metavar == "KEY":
            yield from map(Proposal, GROUP_KEYS)
        case "where":
            yield from _query(session)
        case "clear":
            yield from (Proposal(field.name, field.help) for field in FIELDS if field.name != "text")
            yield from map(Proposal, session.config.attributes)
        case "types":
            yield from map(Proposal, EVENTS)
        case _ if option.time is not None:
            yield from _times(session, option.time)
        case _ if _CHOICES.fullmatch(option.metavar):
            yield from map(Proposal, option.metavar.split("|"))
        case _:
            for field in FIELDS:
                if option.name == field.name or set(option.names) & set(field.options):
                    yield from _field_values(session, field, "")


def _words(session: Session, verb: Verb, given: Sequence[str], current: str) -> Iterator[Proposal]:
    """Return the words that a verb takes after the words that are given."""
    argument = _argument(verb, len(given))
    if argument is None:
        return
    if argument.propose is not None:
        yield from (Proposal(word, help) for word, help in argument.propose(session, current))
    if argument.metavar.startswith(IDS.metavar):
        yield from _ids(session, verb, current)
        if "TAG" in argument.metavar:
            yield from (Proposal(f"{sign}{tag}") for tag in _words_in_todos(session, TAGS) for sign in "+-")
    elif argument.metavar == "QUERY":
        yield from _query(session)
    elif argument.metavar == "TEXT" and verb.fields:
        yield from _markers(session, given[:1] if verb.arguments[0] is ONE_IDS_IN_ONE_LIST else ())
    elif argument.metavar == "LIST" and verb.takes_a_query:
        yield from (each for each in _lists(session) if each.word != session.list.name)
    elif argument.metavar in ("LIST", "OLD") or argument is LIST_NAME:
        yield from _lists(session)
    elif argument.metavar == "VERB" or (argument.metavar == "COMMAND" and not given):
        yield from (Proposal(name) for name in verbs.names())
    elif argument.metavar == "PERIOD":
        yield from map(Proposal, _PERIODS)
    elif argument.metavar.startswith("N|@"):
        yield from (Proposal(word, help) for word, help in positions(session))
    elif argument.metavar.startswith("TIME"):
        if given and "VERB" in argument.metavar:
            yield from map(Proposal, verbs.names())
        yield from _times(session, "moment")
    elif argument.time is not None:
        yield from _times(session, argument.time)
    elif _CHOICES.fullmatch(argument.metavar):
        yield from map(Proposal, argument.metavar.split("|"))


def _argument(verb: Verb, place: int) -> Argument | None:
    """Return the argument that the word at a place after the verb belongs to."""
    for number, argument in enumerate(verb.arguments, 1):
        # where another argument follows, such as the list of `move 1,2 work`, it is wanted after the first word
        if place == 0 or (argument.several and number == len(verb.arguments)):
            return argument
        place -= 1
    return None


def _attributes(session: Session) -> list[str]:
    """Return the names of the attributes that are declared, or that todos have."""
    return sorted(attributes_of(session.list.view().items) | set(session.config.attributes))


def _one_more(names: Iterable[str], current: str) -> Iterator[Proposal]:
    """Return names that may stand after the last comma of a word, without those that stand before it."""
    before = current[: current.rfind(",") + 1]
    there = {name.removeprefix("-") for name in before.split(",")}
    yield from (Proposal(f"{before}{name}") for name in names if name.removeprefix("-") not in there)


def _lists(session: Session) -> Iterator[Proposal]:
    yield from map(Proposal, session.store.names())


def _ids(session: Session, verb: Verb, current: str) -> Iterator[Proposal]:
    """Return the numbers of todos with their texts, and the beginnings of those of other lists."""
    name, slash, _ = current.rpartition("/")
    if "," in name and name not in session.store.names():
        name = name.rpartition(",")[2].lstrip()  # the words before it name todos of other lists
    todos = session.open_list(name) if slash else session.list
    before = current[: max(current.rfind(","), current.rfind("/")) + 1]
    taken: list[tuple[int, int]] = []
    with suppress(UsageError):  # what has a wrong form names no todo
        named = before.rpartition(",")[0]
        parts = parts_of(named, session) if named else ()
        taken = [found for place, part in parts if place == todos.name and (found := number_range(part)) is not None]
    likely = likely_todos(todos, verb.about, session.moment)
    items = [item for item in likely if not any(first <= item.number <= last for first, last in taken)]
    # open todos first, because they are wanted more often
    for item in sorted(items, key=lambda item: item.todo.done):
        yield Proposal(f"{before}{item.number}", item.todo.text)
    if not slash and verb.dashes != "rest":
        yield from (Proposal(f"{other}/", "another list") for other in session.store.names() if other != todos.name)


def _words_in_todos(session: Session, field: Declared) -> list[str]:
    """Return the words that a field of kind `words` has in the todos. Of a `word` also what it is a part of."""
    values = {getattr(item.todo, field.name) for item in session.list.view().items if not item.todo.removed}
    if field.kind == "words":
        return sorted({word for words in values for word in words})
    parts = [value.split(".") for value in values if value]
    return sorted({".".join(words[:count]) for words in parts for count in range(1, len(words) + 1)})


def _markers(session: Session, ids: Sequence[str]) -> Iterator[Proposal]:
    """Return the words that set fields of the todos with some ids; a todo cannot be linked with itself."""
    own: set[str] = set()
    if ids and "/" not in ids[0]:
        with suppress(CqrsError):  # it names no todo, and the command will say so
            own = {f"{item.number}" for item in session.list.select(ids)}
    for field in FIELDS:
        if field.marker:
            links = field.kind in ("todo", "todos")
            values = _field_values(session, field, field.marker)
            yield from (each for each in values if not (links and each.word.removeprefix(field.marker) in own))
        for marker in field.other_markers:
            yield from (Proposal(f"{marker}{value}", field.help) for value in ("1d", "3d", "1w", "1m"))
    yield from _attribute_values(session, ("none",))


def _query(session: Session) -> Iterator[Proposal]:
    from ..todo.query import STATES, name_in_query

    yield from (Proposal(f"{sign}{tag}") for tag in _words_in_todos(session, TAGS) for sign in "+-")
    yield from (Proposal(f"is:{state}") for state in STATES)
    for name, each in session.config.filters.items():
        if (written := name_in_query(name)) is not None:
            yield Proposal(f"filter:{written}", each.where)
    yield from (Proposal(f"list:{written}") for name in session.store.names() if (written := name_in_query(name)))
    for field in FIELDS:
        if field.marker.endswith(":"):
            yield from _field_values(session, field, field.marker)
            yield Proposal(f"no:{field.name}", f"without {field.name}")
            yield Proposal(f"has:{field.name}", f"with {field.name}")
    for name in _attributes(session):
        yield Proposal(f"no:{name}", "attribute")
        yield Proposal(f"has:{name}", "attribute")
    yield from _attribute_values(session, ("any", "none"))
    yield from map(Proposal, ("or", "not"))


def _field_values(session: Session, field: Declared, marker: str) -> Iterator[Proposal]:
    """Return values of a field, each after its marker."""
    values: Iterable[tuple[str, str]]
    match field.kind:
        case "day or instant" | "instant":
            values = ((time, "") for time in _TIMES)
        case "choice":
            values = ((words[0], words[-1]) for words in field.choices)
        case "word" | "words":
            values = ((word, "") for word in _words_in_todos(session, field))
        case "todo" | "todos":
            values = ((f"{item.number}", item.todo.text) for item in likely_todos(session.list, "open"))
        case "recurrence":
            values = ((rule, "") for rule in _RULES)
        case "attributes":
            yield from _attribute_values(session, ("none",))
            return
        case _:
            values = ()
    yield from (Proposal(f"{marker}{value}", help or field.help) for value, help in values)
    if marker.endswith(":") and not isinstance(field, SetField):
        yield Proposal(f"{marker}none", f"no {field.name}")


def _attribute_values(session: Session, more: Sequence[str]) -> Iterator[Proposal]:
    """Return the values that todos have in declared attributes, and some more, each after the name of its attribute."""
    declared = session.config.attributes
    if declared:
        pairs = {pair for item in session.list.view().items for pair in item.todo.attributes}
        found = sorted((key, value) for key, value in pairs if key in declared and not any(map(str.isspace, value)))
        yield from (Proposal(f"{key}:{value}", "attribute") for key, value in found)
        yield from (Proposal(f"{key}:{word}", "attribute") for key in declared for word in more)


def _times(session: Session, kind: TimeKind) -> Iterator[Proposal]:
    """Return times of a kind. A moment can also be the position of one of the last commits."""
    yield from map(Proposal, _TIMES if kind == "future" else _PAST_TIMES)
    if kind == "moment":
        yield Proposal("start")
        yield from (Proposal(word, help) for word, help in positions(session))


def positions(session: Session) -> Iterator[tuple[str, str]]:
    """Yield the positions of the last commits, and what was changed there."""
    from ..todo.history import describe_event
    from .clock import to_local

    todos = session.list
    for commit in islice(todos.history(), _MOST_COMMITS):
        first = commit.events[0]
        yield f"@{commit.position}", describe_event(first, to_local, todos.label)
