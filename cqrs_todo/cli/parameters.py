"""The parameters of the command line: global options, and those made from the declarations of verbs and fields."""

import copy
from typing import Any

import typer

# Typer keeps its own copy of click, and gives no public name to what these signatures need
from typer._click.core import Context, Parameter, ParameterSource
from typer._click.types import ParamType
from typer.core import TyperArgument, TyperOption

from .. import __version__
from ..todo.fields import FIELDS, Declared, Field
from .config import COLORS
from .errors import UsageError
from .session import Session
from .time_words import Names, given_twice
from .verb import GLOBAL_OPTIONS, SCRIPT_OPTIONS, WHERE_OPTION, Argument, Option, Verb

GIVEN_FIELDS = "fields"
"""The key in a context's `meta` of what the options of fields gave, by the names of the fields."""


def session_of(ctx: Context) -> Session:
    """Return the run of the program that a context belongs to."""
    session: Session = ctx.obj
    return session


def _take(ctx: Context, param: Parameter, value: Any) -> None:
    """Keep the value of a global option, if it was given: it may stand before the verb, after it, or in both places."""
    if param.name is not None and ctx.get_parameter_source(param.name) is ParameterSource.COMMANDLINE:
        _check_not_empty(param.opts[0], param.metavar, value)
        first = session_of(ctx).options.at
        if param.name == "at" and first is not None:
            raise given_twice("--at", first, value)
        setattr(session_of(ctx).options, param.name, value)


def _check_not_empty(name: str, metavar: str | None, value: Any) -> None:
    """Refuse an empty value: a script whose variable has no value must not get the default instead. A query may be empty.

    Raises:
        UsageError: The value is an empty text.
    """
    if isinstance(value, str) and not value.strip() and metavar != WHERE_OPTION.metavar:
        raise UsageError(f"{name} is empty", f"leave it out, or write: {name} {metavar}")


def _take_color(ctx: Context, param: Parameter, value: str | None) -> None:
    if value is not None and value not in COLORS:
        raise UsageError(f"--color cannot be {value!r}", f"it is one of {', '.join(COLORS)}")
    _take(ctx, param, value)


def _version(_ctx: Context, _param: Parameter, value: bool) -> None:
    if value:
        typer.echo(f"todo {__version__}")
        raise typer.Exit


def _option(*names: str, help: str, metavar: str | None = None, **settings: Any) -> TyperOption:
    flag = {"is_flag": True, "default": False} if metavar is None else {"metavar": metavar}
    return TyperOption(param_decls=list(names), help=help, expose_value=False, **{"callback": _take, **flag, **settings})


def _declared(option: Option, **settings: Any) -> TyperOption:
    return _option(*option.names, help=option.help, metavar=option.metavar or None, **settings)


_SPECIAL: dict[str, dict[str, Any]] = {
    "color": {"callback": _take_color},
    "version": {"is_eager": True, "callback": _version},
}
"""What some of the global options need besides their declarations, by their names."""

GLOBAL = [_declared(option, **_SPECIAL.get(option.name, {})) for option in GLOBAL_OPTIONS]


GLOBAL_TIMES: Names = {"--at": ("moment", "--at")}


def _hidden(option: TyperOption) -> TyperOption:
    twin = copy.copy(option)
    twin.hidden = True
    return twin


FOR_SCRIPTS = [_declared(option) for option in SCRIPT_OPTIONS]
WHERE = _declared(WHERE_OPTION)

TAKE_A_VALUE = {name for option in (*GLOBAL, *FOR_SCRIPTS, WHERE) if not option.is_flag for name in option.opts}
GLOBAL_HIDDEN = [_hidden(option) for option in GLOBAL]


def global_option_takes_value(name: str) -> bool | None:
    """Return whether a global option takes a value; None if there is no global option of this name."""
    if name in ("-h", "--help"):
        return False
    return next((not option.is_flag for option in GLOBAL if name in option.opts), None)


class _Text(ParamType):
    """A text that an option takes."""

    name = "text"

    def __init__(self, option: Option) -> None:
        self._option = option

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> Any:
        """Return the text.

        Raises:
            UsageError: It is empty.
        """
        _check_not_empty(self._option.names[0], self._option.metavar, value)
        return value


class _Number(ParamType):
    """A number that an option takes. Its message names the option, and says which numbers it takes."""

    name = "number"

    def __init__(self, option: Option) -> None:
        self._option = option

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> Any:
        """Return the number.

        Raises:
            UsageError: The text is not such a number.
        """
        option = self._option
        try:
            number = int(value) if option.kind is int else float(value)
        except (ValueError, OverflowError):
            number = None
        if number is not None and (option.least is None or number >= option.least):
            if option.most is None or number <= option.most:
                return number
            raise UsageError(f"{option.names[0]} must be at most {option.most:,}", self._example())
        what = "a whole number" if option.kind is int else "a number"
        range = "" if option.least is None else f", {option.least} or more"
        raise UsageError(f"{option.names[0]} must be {what}{range}, not {value!r}", self._example())

    def _example(self) -> str:
        return f"for instance: {self._option.names[-1]} {self._option.default or 3}"


class _CheckedLater(TyperArgument):
    """Words that must be given, although Typer does not check that; its help says so."""

    def make_metavar(self, ctx: Context, *, usage: bool = False) -> str:
        """Return what stands for the words in the help."""
        return TyperArgument.make_metavar(self._as_required(), ctx, usage=usage)

    def get_help_record(self, ctx: Context) -> tuple[str, str] | None:
        """Return the line of the help."""
        return TyperArgument.get_help_record(self._as_required(), ctx)

    def _as_required(self) -> TyperArgument:
        return TyperArgument(
            param_decls=[str(self.name)], metavar=self.metavar, help=self.help, required=True, nargs=self.nargs
        )


def argument_of(argument: Argument, verb: Verb) -> TyperArgument:
    """Return the argument of a verb, made from its declaration."""
    # of too few words, Typer gives the last argument its word, so that it would miss the first one
    required = verb.requires(argument)
    checked_later = required and argument.several and argument is not verb.arguments[-1]
    return (_CheckedLater if checked_later else TyperArgument)(
        param_decls=[argument.name],
        metavar=argument.metavar if required else f"[{argument.metavar}]",
        help=argument.help,
        required=required and not checked_later,
        nargs=-1 if argument.several else 1,
    )


def option_of(option: Option) -> TyperOption:
    """Return the option of a verb, made from its declaration."""
    if not option.metavar:
        return TyperOption(param_decls=[*option.names, option.name], help=option.help, is_flag=True, default=False)
    return TyperOption(
        param_decls=[*option.names, option.name],
        help=option.help,
        metavar=option.metavar,
        type=_Text(option) if option.kind is str else _Number(option),
        default=option.default,
        show_default=True,
        multiple=option.multiple,
        required=option.required,
    )


def _field_option(field: Declared) -> TyperOption:
    """Return the option that sets a field, made from the declaration of the field."""

    def take(ctx: Context, _param: Parameter, value: Any) -> None:
        ctx.meta.setdefault(GIVEN_FIELDS, {})[field.name] = value

    several: dict[str, Any] = {"multiple": True} if not isinstance(field, Field) else {}
    return _option(*field.options, help=field.help, metavar=field.metavar, callback=take, **several)


FIELD_OPTIONS = [_field_option(field) for field in FIELDS if field.options]
FIELD_TIMES: Names = {
    name: ("future", field.options[0])
    for field in FIELDS
    if field.kind in ("day or instant", "instant")
    for name in field.options
}
