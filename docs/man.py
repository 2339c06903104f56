"""The man page `todo.1`, made from the declarations of the verbs, as `--help` is."""

import textwrap
from collections.abc import Iterable, Iterator

from cqrs_todo import __version__
from cqrs_todo.cli import verbs
from cqrs_todo.cli.verb import GLOBAL_OPTIONS, GROUPS, SCRIPT_OPTIONS, WHERE_OPTION, Argument, Option, Verb, field_options

_HEAD = f"""\
.TH TODO 1 "" "cqrs-todo {__version__}" "User Commands"
.SH NAME
todo \\- a todo list in which nothing is ever overwritten
.SH SYNOPSIS
.B todo
.RI [ OPTIONS ]\\ [ VERB ]\\ [ ARGUMENTS ]
.SH DESCRIPTION
Every change of a list is an event in a log, to which the program only appends. What you see is computed from the log. So you
can look at any past moment, and undo any change.
.PP
Without a verb, todo shows the open todos of all lists: overdue ones first, then those of today, then the next ones.
"""
_TAIL = """\
.SH ENVIRONMENT
.TP
.B TODO_LIST
The list that is used unless \\-L names another one.
.TP
.B TODO_STORE
Where the lists are, unless \\-\\-store says it.
.TP
.B NO_COLOR
If it is set, colours are not used, unless \\-\\-color asks for them.
.TP
.BR VISUAL ,\\  EDITOR
The editor of
.BR "todo edit" .
.SH FILES
.B todo where
prints the paths of the lists, of config.toml, and of the caches.
.SH EXIT STATUS
0: success. 1: refused. 2: wrong usage. 3: not found. 4: conflict. 5: damaged log. 6: the store cannot be used. 70: an error
in the program. 130: interrupted.
"""


def page() -> str:
    """Return the man page in the language of roff."""
    declared = [(name, verb) for name in verbs.names() if (verb := verbs.load([name])) is not None]
    lines = [_HEAD, ".SH OPTIONS\n", "These may stand before or after the verb.\n", *_options(GLOBAL_OPTIONS)]
    lines += [".PP\nVerbs that change a list also take:\n", *_options((*SCRIPT_OPTIONS, WHERE_OPTION))]
    lines += [".PP\nadd and edit also take the fields of a todo:\n", *_options(field_options())]
    for group in GROUPS:
        lines.append(f".SH {group.upper()}\n")
        for name, verb in declared:
            if verb.group == group:
                lines += _verb([name], verb)
    return _filled("".join([*lines, _TAIL]))


def _verb(path: list[str], verb: Verb) -> Iterator[str]:
    words = " ".join(each.metavar if verb.requires(each) else f"[{each.metavar}]" for each in verb.arguments)
    yield f".SS todo {_text(' '.join(path))} {_text(words)}\n".replace(" \n", "\n")
    yield f"{_text(verb.help)}\n"
    yield from _arguments(verb.arguments)
    yield from _options(verb.options)
    for example in verb.examples:
        yield f".PP\n.EX\n{_text(example)}\n.EE\n"
    for name in verbs.names(path):
        inner = verbs.load([*path, name])
        if inner is not None:
            yield from _verb([*path, name], inner)


def _arguments(arguments: Iterable[Argument]) -> Iterator[str]:
    for argument in arguments:
        yield f".TP\n.I {_text(argument.metavar)}\n{_text(argument.help)}\n"


def _options(options: Iterable[Option]) -> Iterator[str]:
    for option in options:
        names = ", ".join(option.names)
        value = f" {option.metavar}" if option.metavar else ""
        yield f".TP\n.B {_text(names + value)}\n{_text(option.help)}\n"


def _text(text: str) -> str:
    """Return a text in which roff finds nothing of its own."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{text}" if text.startswith(".") else text


def _filled(page: str) -> str:
    """Break long lines, because every sentence of a help is one line."""
    lines = []
    for line in page.splitlines():
        keep = line.startswith(".") or len(line) <= 100
        lines += [line] if keep else textwrap.wrap(line, 100, break_on_hyphens=False, break_long_words=False)
    return "\n".join(lines) + "\n"
