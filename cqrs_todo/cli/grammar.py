"""How the command line is read: global options before or after the verb, verbs in groups, `--` and `-tag` kept apart."""

import copy
from typing import Any

import typer

# Typer keeps its own copy of click, and gives no public name to what a subclass of its commands needs for its signatures
from typer._click.core import Command, Context, Parameter, ParameterSource
from typer._click.formatting import HelpFormatter
from typer.core import TyperCommand, TyperGroup, TyperOption

from .. import __version__
from ..todo.fields import FIELDS, SetField
from .config import COLORS
from .errors import UsageError
from .fields import Declared
from .session import Options, Session

LITERAL = "literal"
"""The key in a context's `meta` of how many words stood after `--`."""


def session_of(ctx: Context) -> Session:
    """The run that a context belongs to."""
    session: Session = ctx.obj
    return session


def _take(ctx: Context, param: Parameter, value: Any) -> None:
    if param.name is not None and ctx.get_parameter_source(param.name) is ParameterSource.COMMANDLINE:
        setattr(session_of(ctx).options, param.name, value)


def _take_color(ctx: Context, param: Parameter, value: str | None) -> None:
    if value is not None and value not in COLORS:
        raise UsageError(f"--color can't be {value!r}", f"it is one of {', '.join(COLORS)}")
    _take(ctx, param, value)


def _version(_ctx: Context, _param: Parameter, value: bool) -> None:
    if value:
        typer.echo(f"todo {__version__}")
        raise typer.Exit


def _complete_list(_ctx: Context, _args: list[str], incomplete: str) -> list[str]:
    return [name for name in Session(Options()).store.names() if name.startswith(incomplete)]


def _option(*names: str, help: str, metavar: str | None = None, **settings: Any) -> TyperOption:
    flag = {"is_flag": True, "default": False} if metavar is None else {"metavar": metavar}
    return TyperOption(param_decls=list(names), help=help, expose_value=False, **{"callback": _take, **flag, **settings})


_GLOBAL = [
    _option("--list", "-L", metavar="NAME", help="The list (env TODO_LIST; else inbox).", autocompletion=_complete_list),
    _option("--store", metavar="URL", help="Where lists are kept: jsonl:DIR, postgresql://… or memory: (env TODO_STORE)."),
    _option("--at", metavar="TIME|@POSITION", help="Look at the list as it was then; for verbs that read."),
    _option("--json", help="One JSON document on stdout."),
    _option("--plain", help="Tab-separated fields: no colour, no truncation."),
    _option("--color", metavar="WHEN", help="Use colours: auto, always or never.", callback=_take_color),
    _option("--quiet", "-q", help="Print only data: no notices, no answers."),
    _option("--version", "-V", help="Print the version.", is_eager=True, callback=_version),
]


def _hidden(option: TyperOption) -> TyperOption:
    twin = copy.copy(option)
    twin.hidden = True
    return twin


_TAKE_A_VALUE = {name for option in _GLOBAL if not option.is_flag for name in option.opts}
_GLOBAL_HIDDEN = [_hidden(option) for option in _GLOBAL]


class Verb(TyperCommand):
    """A verb, which takes the global options too."""

    def get_params(self, ctx: Context) -> list[Parameter]:
        return [*super().get_params(ctx), *_GLOBAL_HIDDEN]

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        ctx.meta[LITERAL] = len(args) - args.index("--") - 1 if "--" in args else 0
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        if self.epilog:
            with formatter.section("Examples"):
                for line in self.epilog.splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


FIELD_VALUES = "fields"
"""The key in a context's `meta` of what the options of fields gave, by the names of the fields."""


def _field_option(field: Declared) -> TyperOption:
    """The option of the command line that sets a field, made from its declaration."""

    def take(ctx: Context, _param: Parameter, value: Any) -> None:
        ctx.meta.setdefault(FIELD_VALUES, {})[field.name] = value

    several: dict[str, Any] = {"multiple": True} if isinstance(field, SetField) else {}
    return _option(*field.options, help=field.help, metavar=field.metavar, callback=take, **several)


_FIELD_OPTIONS = [_field_option(field) for field in FIELDS if field.options]


class FieldsVerb(Verb):
    """A verb that takes the options of all fields."""

    def get_params(self, ctx: Context) -> list[Parameter]:
        own = super().get_params(ctx)
        places = [place for place, param in enumerate(own) if param in _GLOBAL_HIDDEN]
        first = places[0] if places else len(own)
        return [*own[:first], *_FIELD_OPTIONS, *own[first:]]


class TagVerb(Verb):
    """A verb whose words may begin with '-': `-home` is a word, and only `-q` and the like are options."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        options: list[str] = []
        words: list[str] = []
        rest = iter(args)
        for arg in rest:
            if arg == "--":
                words.extend(rest)
            elif arg in _TAKE_A_VALUE:
                value = next(rest, None)
                if value is None:
                    raise UsageError(f"option {arg} requires an argument", "see: todo tag --help")
                options += [arg, value]
            elif arg.startswith("--") or arg in ("-q", "-h"):
                options.append(arg)
            else:
                words.append(arg)
        return super().parse_args(ctx, [*options, "--", *words])


class Verbs(TyperGroup):
    """The verbs, in the groups that `todo --help` shows."""

    def get_params(self, ctx: Context) -> list[Parameter]:
        return [*super().get_params(ctx), *(_GLOBAL if ctx.parent is None else _GLOBAL_HIDDEN)]

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, Command]]] = {}
        for name, command in self.commands.items():
            if not command.hidden:
                groups.setdefault(getattr(command, "rich_help_panel", None) or "Commands", []).append((name, command))
        width = max(len(name) for name in self.commands)
        for title, commands in groups.items():
            with formatter.section(title):
                room = formatter.width - width - 6
                formatter.write_dl([(f"{name:<{width}}", command.get_short_help_str(room)) for name, command in commands])
