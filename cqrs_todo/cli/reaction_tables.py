"""The reactions and the way to deliver reminders that `config.toml` declares.

Only what runs reactions or delivers reminders loads this module. `config` checks no more than that there are tables.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ..cqrs.errors import InvalidLogName
from ..cqrs.names import check_log_name
from ..cqrs.struct import Struct
from ..todo.errors import InvalidQuery
from ..todo.model import EVENTS
from ..todo.query import Context, parse
from .clock import to_local
from .config import Config, config_file
from .errors import UsageError, query_error

TIMEOUT = 30.0
"""For how many seconds a program may run, if its reaction does not say so."""
_LONGEST = 3600.0
"""For how many seconds a program may run at most."""
PLACEHOLDERS = ("text", "number", "list", "id")
"""The names in braces that the arguments of a program may hold."""
_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_KEYS = ("name", "on", "where", "run", "inline", "timeout", "list")


class ProgramReaction(Struct, frozen=True):
    """A program that runs when something happens.

    Args:
        name: The name of the reaction.
        on: The type strings of the events; none for every event.
        where: The query that the todo must match, as it is after the event; '' for every todo.
        run: The program and its arguments, with placeholders.
        inline: Whether it also runs right after the command that caused it.
        timeout: For how many seconds the program may run.
        lists: The names of the lists; none for every list.
    """

    name: str
    on: tuple[str, ...]
    where: str
    run: tuple[str, ...]
    inline: bool
    timeout: float
    lists: tuple[str, ...]


def program_reactions(config: Config) -> list[ProgramReaction]:
    """Return the reactions that the configuration declares.

    Raises:
        UsageError: A table is wrong; the message says which, and which key.
    """
    found: dict[str, ProgramReaction] = {}
    for place, table in enumerate(config.reaction, 1):
        reaction = _reaction(f"{config_file()}: reaction {place}", table, config)
        if reaction.name.lower() in map(str.lower, found):
            raise UsageError(
                f"{config_file()}: reaction {place}: another reaction is named {reaction.name!r}", "give it another `name`"
            )
        found[reaction.name] = reaction
    return list(found.values())


def notify_command(config: Config) -> tuple[str, ...] | str | None:
    """Return how reminders are delivered: the arguments of a program, or "bell"; None for the usual way.

    Raises:
        UsageError: The table `[remind]` is wrong.
    """
    table = config.remind
    where = f"{config_file()}: remind"
    _refuse_unknown(where, table, ("notify",))
    notify = table.get("notify")
    if notify is None or notify == "bell":
        return notify
    return _command(where, "notify", notify)


def filled(command: Sequence[str], values: Mapping[str, object]) -> list[str]:
    """Return the arguments of a program with the values in place of the placeholders.

    A value stays part of its argument, whatever it holds. An argument that begins with a value gets a space before it if it
    would otherwise be an option: if it begins with a hyphen, and no argument `--` stands before it.

    Args:
        command: The program and its arguments.
        values: The values by the names of the placeholders.
    """
    words: list[str] = []
    for argument in command:
        # no argument of a program can hold NUL
        word = _BRACES.sub(lambda match: _value(match, values), argument).replace("\0", "")
        is_option = word.startswith("-") and not argument.startswith("-") and "--" not in words
        words.append(f" {word}" if is_option else word)
    return words


def _value(match: re.Match[str], values: Mapping[str, object]) -> str:
    return match[0][0] if match[0] in ("{{", "}}") else str(values[match[1]])


def _reaction(where: str, table: Mapping[str, Any], config: Config) -> ProgramReaction:
    name = table.get("name")
    if not isinstance(name, str):
        raise UsageError(f"{where} needs `name`, a text in quotes", 'write, for instance: name = "thanks"')
    try:
        name = check_log_name(name)
    except InvalidLogName as error:
        raise UsageError(f"{where}: `name` {error.reason}", "give it another name") from error
    where = f"{where} ({name!r})"
    _refuse_unknown(where, table, _KEYS)
    inline = table.get("inline", False)
    if not isinstance(inline, bool):
        raise UsageError(f"{where}: `inline` must be true or false", "write: inline = true")
    if "run" not in table:
        raise UsageError(f"{where} needs `run`, a program and its arguments", _EXAMPLE)
    return ProgramReaction(
        name=name,
        on=_types(where, table.get("on", [])),
        where=_query(where, table.get("where", ""), config),
        run=_command(where, "run", table["run"]),
        inline=inline,
        timeout=_timeout(where, table.get("timeout", TIMEOUT)),
        lists=tuple(_texts(where, "list", table.get("list", []), 'write, for instance: list = ["work"]')),
    )


_EXAMPLE = 'write, for instance: run = ["notify-send", "--", "Done", "{text}"]'


def _refuse_unknown(where: str, table: Mapping[str, Any], keys: Sequence[str]) -> None:
    for key in table:
        if key not in keys:
            raise UsageError(f"{where} has no key {key!r}", f"the keys are: {', '.join(keys)}")


def _texts(where: str, key: str, value: Any, example: str) -> list[str]:
    texts = [value] if isinstance(value, str) and key != "run" else value
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise UsageError(f"{where}: `{key}` must be a list of texts", example)
    return texts


def _types(where: str, value: Any) -> tuple[str, ...]:
    types = _texts(where, "on", value, 'write, for instance: on = ["todo_completed"]')
    for type in types:
        if type not in EVENTS:
            raise UsageError(f"{where}: `on`: there is no event {type!r}", _nearest(type, EVENTS))
    return tuple(dict.fromkeys(types))


def _nearest(word: str, known: Iterable[str]) -> str:
    import difflib  # only for an error

    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"the events are: {', '.join(known)}"


def _query(where: str, value: Any, config: Config) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{where}: `where` must be a query in quotes", 'write, for instance: where = "+home"')
    filters = {name: each.where for name, each in config.filters.items()}
    # `here` names another list, so that the numbers of todos are not looked up in this empty one
    now = to_local(datetime.now(UTC))
    context = Context(
        now=now,
        to_local=to_local,
        list="",
        items=(),
        here="-",
        filters=filters,
        order=config.date_order,
        attributes=config.attributes,
    )
    try:
        parse(value, context)
    except InvalidQuery as error:
        raise query_error(error, f"{where}: `where`: ") from error
    return value


def _timeout(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= _LONGEST:
        raise UsageError(
            f"{where}: `timeout` must be a number of seconds, at most {_LONGEST:,.0f}", "write, for instance: timeout = 10"
        )
    return float(value)


def _command(where: str, key: str, value: Any) -> tuple[str, ...]:
    words = _texts(where, key, value, _EXAMPLE.replace("run", key)) if isinstance(value, list) else []
    if not words or not words[0]:
        raise UsageError(
            f"{where}: `{key}` must be a program and its arguments, each in quotes", _EXAMPLE.replace("run", key)
        )
    for word in words:
        if "\0" in word:
            raise UsageError(f"{where}: `{key}` must not contain the character NUL", "correct the file")
        for match in _BRACES.finditer(word):
            if match[0] in ("{{", "}}"):
                continue
            if match[1] not in PLACEHOLDERS:
                known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
                raise UsageError(f"{where}: `{key}`: {match[0]} means nothing", f"write {known}, and {{{{ for a brace")
            if word is words[0]:
                raise UsageError(f"{where}: `{key}`: the program itself must not be {match[0]}", "name the program")
    return tuple(words)
