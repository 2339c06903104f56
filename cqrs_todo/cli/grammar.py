"""How Typer parses the command line: commands made from the declarations of the verbs.

Global options may stand before or after the verb. Words after `--` are counted, and `-tag` may be a word.
"""

import copy
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import typer

# Typer keeps its own copy of click, and gives no public name to what a subclass of its commands needs for its signatures
from typer._click.core import Command, Context, Parameter, ParameterSource
from typer._click.formatting import HelpFormatter
from typer._click.types import ParamType
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_install_completion_arguments

from .. import __version__
from ..todo.fields import FIELDS, SetField
from . import verbs
from .board import show_board
from .config import COLORS
from .errors import UsageError
from .markers import Declared
from .session import Options, Session
from .time_words import Names, given_twice, is_negative, join_arguments, join_options, split_options
from .verb import GROUPS, IDS, Argument, Option, Verb

_LITERAL = "literal"
"""The key in a context's `meta` of the number of words after `--`."""

_TYPED = "typed"
"""The key in a context's `meta` of the words of the command line."""

_FIELDS = "fields"
"""The key in a context's `meta` of what the options of fields gave, by the names of the fields."""


def root() -> "_Group":
    """Return the command `todo`."""
    return _Group(
        name="todo",
        help=(
            "A todo list in which nothing is ever overwritten.\n\n"
            "Without a verb, it shows the open todos: overdue ones first, then those of today, then the next ones. "
            "Global options may stand before or after the verb."
        ),
        params=list(get_install_completion_arguments()),
        subcommand_metavar="[VERB …]",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )


def session_of(ctx: Context) -> Session:
    """Return the run of the program that a context belongs to."""
    session: Session = ctx.obj
    return session


def _take(ctx: Context, param: Parameter, value: Any) -> None:
    """Keep the value of a global option, if it was given: it may stand before the verb, after it, or in both places."""
    if param.name is not None and ctx.get_parameter_source(param.name) is ParameterSource.COMMANDLINE:
        first = session_of(ctx).options.at
        if param.name == "at" and first is not None:
            raise given_twice("--at", first, value)
        setattr(session_of(ctx).options, param.name, value)


def _take_color(ctx: Context, param: Parameter, value: str | None) -> None:
    if value is not None and value not in COLORS:
        raise UsageError(f"--color cannot be {value!r}", f"it is one of {', '.join(COLORS)}")
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
    _option(
        "--list",
        "-L",
        metavar="NAME",
        help="The list. Default: TODO_LIST, then config.toml, then inbox.",
        autocompletion=_complete_list,
    ),
    _option(
        "--store",
        metavar="URL",
        help="Where the lists are: jsonl:DIR or postgresql://… Default: TODO_STORE, then config.toml.",
    ),
    _option("--at", metavar="TIME|@POSITION", help="Show the list as it was then. Only for verbs that read."),
    _option("--json", help="Print one JSON document."),
    _option("--plain", help="Print tab-separated fields, without colours and never truncated."),
    _option("--color", metavar="WHEN", help="Use colours: auto, always or never.", callback=_take_color),
    _option("--quiet", "-q", help="Print only lists, JSON and errors."),
    _option("--version", "-V", help="Print the version.", is_eager=True, callback=_version),
]


_GLOBAL_TIMES: Names = {"--at": ("moment", "--at")}


def _hidden(option: TyperOption) -> TyperOption:
    twin = copy.copy(option)
    twin.hidden = True
    return twin


_FOR_SCRIPTS = [
    _option(
        "--command-id",
        metavar="ID",
        help="Record the command once, however often it is sent with this id.",
    ),
    _option(
        "--expect",
        metavar="VERSION|@POSITION",
        help="Refuse the change unless each named todo has this version, or the list ends at this position.",
    ),
    _option("--because", metavar="TEXT", help="Keep the reason for the change in the history."),
]
"""The options of every verb that changes a list."""

_TAKE_A_VALUE = {name for option in (*_GLOBAL, *_FOR_SCRIPTS) if not option.is_flag for name in option.opts}
_GLOBAL_HIDDEN = [_hidden(option) for option in _GLOBAL]


def global_option_takes_value(name: str) -> bool | None:
    """Return whether a global option takes a value; None if there is no global option of this name."""
    if name in ("-h", "--help"):
        return False
    return next((not option.is_flag for option in _GLOBAL if name in option.opts), None)


class _Commands(Mapping[str, Command]):
    """The commands of the verbs, by name. Each is made when it is asked for."""

    def __init__(self, path: Sequence[str]) -> None:
        self._path = path

    def __getitem__(self, name: str) -> Command:
        path = [*self._path, name]
        verb = verbs.load(path)
        if verb is None:
            raise KeyError(name)
        if any(True for _ in verbs.names(path)):
            return _Group(name=name, verb=verb, path=path, help=verb.help, subcommand_metavar="[VERB]")
        return (_WithDashes if verb.dashes == "word" else _Command)(verb)

    def __iter__(self) -> Iterator[str]:
        return verbs.names(self._path)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Group(TyperGroup):
    """The verbs, in the groups that the help shows; or the verbs of a verb.

    Args:
        verb: The verb that runs if none of its verbs is given; None for the board.
        path: The words that lead to these verbs.
        settings: What Typer's groups take.
    """

    def __init__(self, *, verb: Verb | None = None, path: Sequence[str] = (), **settings: Any) -> None:
        # Typer asks for a dict, but only reads it
        commands = cast(dict[str, Command], _Commands(path))
        super().__init__(commands=commands, rich_markup_mode=None, invoke_without_command=True, **settings)
        self.declaration = verb
        self._path = path
        self.epilog = None if verb is None else "\n".join(verb.examples)

    def get_params(self, ctx: Context) -> list[Parameter]:
        """Return the parameters, with the global options, which only `todo --help` shows."""
        return [*super().get_params(ctx), *(_GLOBAL if ctx.parent is None else _GLOBAL_HIDDEN)]

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Parse the options before the verb."""
        return super().parse_args(ctx, join_options(session_of(ctx), args, _GLOBAL_TIMES, takes_numbers=False, stops=True))

    def invoke(self, ctx: Context) -> Any:
        """Run the verb that was given, or without one the board or the verb itself."""
        if ctx._protected_args:
            return super().invoke(ctx)
        session = session_of(ctx)
        return show_board(session) if self.declaration is None else self.declaration.run(session, {})

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Find the verb that the words begin with.

        Raises:
            UsageError: They begin with no verb. It names the verb that is probably meant.
        """
        if (
            not ctx.resilient_parsing
            and self.get_command(ctx, args[0]) is None
            and (not args[0].startswith("-") or is_negative(args[0]))
        ):
            from .suggestions import unknown_verb

            raise unknown_verb(session_of(ctx), self._path, args)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the verbs in their groups."""
        declared = {name: verbs.load([*ctx.command_path.split()[1:], name]) for name in self.commands}
        width = max(len(name) for name in declared)
        room = formatter.width - width - 6
        for group in ("", *GROUPS):
            rows = [
                (f"{name:<{width}}", self.commands[name].get_short_help_str(room))
                for name, verb in declared.items()
                if verb is not None and verb.group == group
            ]
            if rows:
                with formatter.section(group or "Verbs"):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the examples."""
        _format_examples(self, formatter)


class _Command(TyperCommand):
    """A verb, made from its declaration."""

    def __init__(self, verb: Verb) -> None:
        rest = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
        super().__init__(
            verb.name,
            params=[*(_argument(argument, verb) for argument in verb.arguments), *map(_verb_option, verb.options)],
            help=verb.help,
            epilog="\n".join(verb.examples),
            context_settings=rest if verb.dashes == "rest" else None,
            rich_markup_mode=None,
        )
        self.declaration = verb

    def get_params(self, ctx: Context) -> list[Parameter]:
        """Return the parameters of the verb: its own, those of fields and for scripts, and the hidden global ones."""
        verb = self.declaration
        fields = _FIELD_OPTIONS if verb.fields else ()
        for_scripts = _FOR_SCRIPTS if verb.changes_a_list else ()
        return [*super().get_params(ctx), *fields, *for_scripts, *_GLOBAL_HIDDEN]

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Parse the arguments, and count the words after `--`."""
        if self.declaration.dashes == "rest":
            args = _with_quoted_command(args)
        ctx.meta[_LITERAL] = len(args) - args.index("--") - 1 if "--" in args else 0
        typed = tuple(args)
        try:
            return super().parse_args(ctx, self.join_times(ctx, args))
        except typer.TyperException as error:
            message = error.format_message()
            message = _without_global_options(message[:1].lower() + message[1:].rstrip("."), typed)
            raise self._with_hint(ctx, typed, self._in_our_words(ctx, typed, message)) from error
        finally:
            ctx.meta[_TYPED] = typed

    def _in_our_words(self, ctx: Context, typed: Sequence[str], message: str) -> UsageError:
        """Return the error for what Typer says of a command line."""
        hint = f"see: {ctx.command_path} --help"
        extra = re.fullmatch(r"got unexpected extra arguments?(?:\(s\))? \((.*)\)", message, re.DOTALL)
        if extra is not None:
            if any("--output" in option.names for option in self.declaration.options):
                hint = f"to write it to a file: {ctx.command_path} -o {shlex.quote(extra[1])}"
            return UsageError(f"{ctx.command_path} does not take {extra[1]!r}", hint)
        if "--replay" in typed and message.startswith("no such option"):
            return UsageError(message.partition(" (")[0], "the player has more options: todo replay --help")
        return UsageError(message, hint)

    def join_times(self, ctx: Context, args: list[str]) -> list[str]:
        """Join the words of each time, so that it needs no quotation marks."""
        verb, session = self.declaration, session_of(ctx)
        names = {
            **_GLOBAL_TIMES,
            **{name: (each.time, each.names[0]) for each in verb.options if each.time for name in each.names},
        }
        if verb.fields:
            names |= _FIELD_TIMES
        numbers = any(argument.metavar == IDS.metavar for argument in verb.arguments)
        args = join_options(session, args, names, takes_numbers=numbers, stops=verb.dashes == "rest")
        if not any(argument.time for argument in verb.arguments):
            return args
        flags = {name for param in self.get_params(ctx) if getattr(param, "is_flag", False) for name in param.opts}
        known = {name for param in self.get_params(ctx) for name in param.opts}
        options, words = split_options(args, lambda name: name in known and name not in flags)
        return [*options, "--", *join_arguments(session, verb, words)]

    def _with_hint(self, ctx: Context, typed: Sequence[str], error: UsageError) -> UsageError:
        """Return an error about options with a hint, if a word that looks like options could be text: `-5 degrees`."""
        if not self.declaration.literal:
            return error
        words = [
            word
            for word in typed[: typed.index("--") if "--" in typed else None]
            if word.startswith("-") and word.strip("-")
        ]
        known = {name for param in self.get_params(ctx) for name in param.opts}
        text = next((word for word in words if word.partition("=")[0] not in known), None)
        if text is None:
            return error
        return UsageError(str(error), f"to use it as text, put -- before it: -- {shlex.quote(text)}; otherwise {error.hint}")

    def invoke(self, ctx: Context) -> int:
        """Run the verb, and return the exit code."""
        verb = self.declaration
        values = dict(ctx.params)
        values |= {argument.name: tuple(values[argument.name] or ()) for argument in verb.arguments if argument.several}
        values |= {option.name: tuple(values[option.name] or ()) for option in verb.options if option.multiple}
        values |= {
            argument.name: values[argument.name] or None
            for argument in verb.arguments
            if argument.time and not argument.several
        }
        for argument in verb.arguments:
            if argument.required and values[argument.name] == ():
                raise UsageError(f"missing argument {verb.arguments[-1].metavar!r}", f"for instance: {verb.examples[0]}")
        if verb.fields:
            values["fields"] = ctx.meta.get(_FIELDS, {})
        if verb.literal:
            values["literal"] = ctx.meta[_LITERAL]
        session = session_of(ctx)
        options = session.options
        if options.command_id is not None or options.expect is not None or options.because is not None:
            from .scripting import request_of  # most commands have none of these options

            session.request = request_of(verb, values, options)
        try:
            return verb.run(session, values)
        except UsageError as error:
            spaced = [word for word in ctx.meta[_TYPED] if len(word.split()) > 1 or word == "--"]
            raise self._with_hint(ctx, spaced, error) from error

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the examples."""
        _format_examples(self, formatter)


def _without_global_options(message: str, typed: Sequence[str]) -> str:
    """Return a message about an option that does not exist, with the word that was typed, and without --version and --help.

    Of a cluster such as `-home`, Typer names only the first letter that it does not know.
    """
    wrong, parenthesis, possible = message.removeprefix("no such option: ").partition(" (")
    if not message.startswith("no such option: "):
        return message
    if len(wrong) == 2 and wrong not in typed:
        wrong = next((word for word in typed if word[:1] == "-" != word[1:2] and wrong[1] in word), wrong)
    names = possible.rstrip(")").rpartition(": ")[2].split(", ") if parenthesis else []
    names = [name for name in names if name not in ("--version", "--help") or name[:3] == wrong[:3]]
    return f"no such option: {wrong}" + (f"; did you mean {' or '.join(names)}?" if names else "")


def _with_quoted_command(args: list[str]) -> list[str]:
    """Return arguments with `--` before a command line in quotes that begins with an option, such as "-L work done 3"."""
    for place, arg in enumerate(args):
        if not arg.startswith("-"):
            break
        if " " in arg:
            return [*args[:place], "--", *args[place:]]
    return args


class _WithDashes(_Command):
    """A verb whose words may begin with '-': `-home` is a word, and only global options are options."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Put the options before the words, so that no word is taken for an option."""
        options: list[str] = []
        words: list[str] = []
        rest = iter(self.join_times(ctx, args))
        for arg in rest:
            if arg == "--":
                words.extend(rest)
            elif arg in _TAKE_A_VALUE:
                value = next(rest, None)
                if value is None:
                    raise UsageError(f"option {arg} requires an argument", f"see: {ctx.command_path} --help")
                options += [arg, value]
            elif arg.startswith("--") or arg in ("-q", "-h"):
                options.append(arg)
            else:
                words.append(arg)
        return super().parse_args(ctx, [*options, "--", *words])


def _format_examples(command: Command, formatter: HelpFormatter) -> None:
    if command.epilog:
        with formatter.section("Examples"):
            for line in command.epilog.splitlines():
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


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
        return f"for instance: {self._option.names[-1]} 3"


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


def _argument(argument: Argument, verb: Verb) -> TyperArgument:
    # of too few words, Typer gives the last argument its word, so that it would miss the first one
    checked_later = argument.required and argument.several and argument is not verb.arguments[-1]
    return (_CheckedLater if checked_later else TyperArgument)(
        param_decls=[argument.name],
        metavar=argument.metavar if argument.required else f"[{argument.metavar}]",
        help=argument.help,
        required=argument.required and not checked_later,
        nargs=-1 if argument.several else 1,
    )


def _verb_option(option: Option) -> TyperOption:
    if not option.metavar:
        return TyperOption(param_decls=[*option.names, option.name], help=option.help, is_flag=True, default=False)
    return TyperOption(
        param_decls=[*option.names, option.name],
        help=option.help,
        metavar=option.metavar,
        type=str if option.kind is str else _Number(option),
        default=option.default,
        show_default=True,
        multiple=option.multiple,
        required=option.required,
    )


def _field_option(field: Declared) -> TyperOption:
    """Return the option that sets a field, made from the declaration of the field."""

    def take(ctx: Context, _param: Parameter, value: Any) -> None:
        ctx.meta.setdefault(_FIELDS, {})[field.name] = value

    several: dict[str, Any] = {"multiple": True} if isinstance(field, SetField) else {}
    return _option(*field.options, help=field.help, metavar=field.metavar, callback=take, **several)


_FIELD_OPTIONS = [_field_option(field) for field in FIELDS if field.options]
_FIELD_TIMES: Names = {
    name: ("future", field.options[0])
    for field in FIELDS
    if field.kind in ("day or instant", "instant")
    for name in field.options
}
