"""How Typer parses the command line: commands made from the declarations of the verbs.

Global options may stand before or after the verb. Words after `--` are counted, and `-tag` may be a word.
"""

import re
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import typer

# Typer keeps its own copy of click, and gives no public name to what a subclass of its commands needs for its signatures
from typer._click.core import Command, Context, Parameter
from typer._click.formatting import HelpFormatter
from typer.core import TyperCommand, TyperGroup, TyperOption

from . import verbs
from .board import show_board
from .errors import UsageError
from .ids import names_todos
from .parameters import (
    FIELD_OPTIONS,
    FIELD_TIMES,
    FOR_SCRIPTS,
    GIVEN_FIELDS,
    GLOBAL,
    GLOBAL_HIDDEN,
    GLOBAL_TIMES,
    TAKE_A_VALUE,
    WHERE,
    argument_of,
    option_of,
    session_of,
)
from .session import NARROWEST, Session
from .time_words import is_negative, join_arguments, join_options, split_options
from .verb import GROUPS, IDS, Verb

_GLOBAL_FLAGS = ("-h", *(name for option in GLOBAL if option.is_flag for name in option.opts))
"""The options without a value that may stand after any verb."""

_LITERAL = "literal"
"""The key in a context's `meta` of the number of words after `--`."""

WANTED = "\0"
"""Stands for the todos that `--where` wants among the words of a verb. Nobody can type it."""

_WIDEST = 100
"""The most columns that the help takes."""

_NARROW, _NARROW_TERM = 50, 10
"""How many columns the help has on a narrow terminal at most, and how many a term has there beside what it means."""

_TYPED = "typed"
"""The key in a context's `meta` of the words of the command line."""


def root() -> "_Group":
    """Return the command `todo`."""
    return _Group(
        name="todo",
        help=(
            "A todo list in which nothing is ever overwritten.\n\n"
            "Without a verb, it shows the open todos: overdue ones first, then those of today, then the next ones. "
            "Global options may stand before or after the verb.\n\n"
            "Signs: ⊘8 is blocked by todo 8, ↻ recurs, (1/3) has three children of which one is done, "
            "├ and └ are children of the todo above, ≡ has a note."
        ),
        subcommand_metavar="[VERB …]",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _WIDEST},
    )


class _Help(HelpFormatter):
    """A page of help, which also fits on a narrow terminal."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        if width is None:
            # Typer never goes below 50
            width = max(min(shutil.get_terminal_size().columns, max_width or _WIDEST) - 2, NARROWEST - 2)
        super().__init__(indent_increment, width, max_width)

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write terms and what they mean; on a narrow terminal, a long term stands above what it means."""
        super().write_dl(rows, col_max if self.width > _NARROW else _NARROW_TERM, col_spacing)


class _Context(Context):
    """What Typer knows of a command line while it is parsed."""

    formatter_class = _Help


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

    context_class = _Context

    def __init__(self, *, verb: Verb | None = None, path: Sequence[str] = (), **settings: Any) -> None:
        # Typer asks for a dict, but only reads it
        commands = cast(dict[str, Command], _Commands(path))
        super().__init__(commands=commands, rich_markup_mode=None, invoke_without_command=True, **settings)
        self.declaration = verb
        self._path = path
        self.epilog = None if verb is None else "\n".join(verb.examples)

    def get_params(self, ctx: Context) -> list[Parameter]:
        """Return the parameters, with the global options, which only `todo --help` shows."""
        return [*super().get_params(ctx), *(GLOBAL if ctx.parent is None else GLOBAL_HIDDEN)]

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Parse the options before the verb."""
        return super().parse_args(ctx, join_options(session_of(ctx), args, GLOBAL_TIMES, takes_numbers=False, stops=True))

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
        for group in ("", *GROUPS):
            rows = [
                (f"{name:<{width}}", self.commands[name].get_short_help_str(len(verb.help)))
                for name, verb in declared.items()
                if verb is not None and verb.group == group
            ]
            if rows:
                with formatter.section(group or "Verbs"):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the examples."""
        _write_examples(self, formatter)


class _Command(TyperCommand):
    """A verb, made from its declaration."""

    context_class = _Context

    def __init__(self, verb: Verb) -> None:
        rest = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
        super().__init__(
            verb.name,
            params=[*(argument_of(argument, verb) for argument in verb.arguments), *map(option_of, verb.options)],
            help=verb.help,
            epilog="\n".join(verb.examples),
            context_settings=rest if verb.dashes == "rest" else None,
            rich_markup_mode=None,
        )
        self.declaration = verb

    def get_params(self, ctx: Context) -> list[Parameter]:
        """Return the parameters of the verb: its own, those of fields and for scripts, and the hidden global ones."""
        verb = self.declaration
        fields = FIELD_OPTIONS if verb.fields else ()
        for_scripts = FOR_SCRIPTS if verb.changes_a_list else ()
        where = [WHERE] if verb.takes_a_query else ()
        return [*super().get_params(ctx), *fields, *where, *for_scripts, *GLOBAL_HIDDEN]

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Parse the arguments, and count the words after `--`."""
        if self.declaration.dashes == "rest":
            args = _with_quoted_command(args)
        ctx.meta[_LITERAL] = len(args) - args.index("--") - 1 if "--" in args else 0
        typed = tuple(args)
        alone = {option.alone: option.names[0] for option in self.declaration.options if option.alone}
        followed = zip(args, [*args[1:], "-"], strict=False)
        args = [alone[arg] if arg in alone and after.startswith("-") else arg for arg, after in followed]
        if self.declaration.takes_a_query and any(word.partition("=")[0] == "--where" for word in args):
            args = [WANTED, *args]
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
            **GLOBAL_TIMES,
            **{name: (each.time, each.names[0]) for each in verb.options if each.time for name in each.names},
        }
        if verb.fields:
            names |= FIELD_TIMES
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
        tag = ""
        if (
            self.declaration.fields
            and self.declaration.arguments[0].name == IDS.name
            and text[1] != "-"
            and ":" not in text
            and len(text.split()) == 1
        ):
            named = next((word for word in typed if names_todos(word, lambda: ())), "IDS")
            tag = f"to remove a tag: todo tag {named} {shlex.quote(text)}; "
        as_text = f"to use it as text, put -- before it: -- {shlex.quote(text)}"
        return UsageError(str(error), f"{tag}{as_text}; otherwise {error.hint}")

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
            if argument.required and values[argument.name] == () and not verb.picks:
                raise UsageError(f"missing argument {verb.arguments[-1].metavar!r}", f"for instance: {verb.examples[0]}")
        if verb.fields:
            values["fields"] = ctx.meta.get(GIVEN_FIELDS, {})
        if verb.literal:
            values["literal"] = ctx.meta[_LITERAL]
        session = session_of(ctx)
        options = session.options
        if options.where is not None:
            from .queries import wanted_todos

            session.check_verb(verb)
            self._refuse_ids(session, values)
            numbers = wanted_todos(session, options.where, trees=verb.trees or bool(values.get("with_children")))
            if numbers is None:
                return 0
            values = {name: _with_wanted(value, numbers) for name, value in values.items()}
        if options.command_id is not None or options.expect is not None or options.because is not None:
            from .scripting import request_of  # most commands have none of these options

            session.request = request_of(verb, values, options)
        try:
            return verb.run(session, values)
        except UsageError as error:
            spaced = [word for word in ctx.meta[_TYPED] if len(word.split()) > 1 or word == "--"]
            raise self._with_hint(ctx, spaced, error) from error

    def _refuse_ids(self, session: Session, values: Mapping[str, Any]) -> None:
        """Raise `UsageError` if words name todos besides those that `--where` wants."""
        first, *others = self.declaration.arguments
        hint = "leave out one of the two"
        if first.several:
            words = [word for word in values[first.name] if word != WANTED and word[:1] not in "+-"]
        else:
            following = values[others[0].name] if others else ()
            literal = values.get("literal", 0)
            words = [word for word in following[: len(following) - literal][:1] if names_todos(word, session.list_names)]
            hint += f"; to use {' '.join(map(repr, words))} as text, put -- before it"
        if words:
            raise UsageError(f"--where and {words[0]!r} both name todos", hint)

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the examples."""
        _write_examples(self, formatter)


def _with_wanted(value: Any, numbers: str) -> Any:
    """Return the value of a parameter, with the numbers of todos in the place of `WANTED`."""
    if isinstance(value, tuple):
        return tuple(_with_wanted(word, numbers) for word in value)
    return numbers if value == WANTED else value


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
    """A verb whose words may begin with '-': `-home` is a word, unless it is an option of the verb or a global one."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Put the options before the words, so that no word is taken for an option."""
        options: list[str] = []
        words: list[str] = []
        own = {name: option for option in self.params if isinstance(option, TyperOption) for name in option.opts}
        rest = iter(self.join_times(ctx, args))
        for arg in rest:
            if arg == "--":
                words.extend(rest)
            elif arg in TAKE_A_VALUE or (arg in own and not own[arg].is_flag):
                value = next(rest, None)
                if value is None:
                    raise UsageError(f"option {arg} requires an argument", f"see: {ctx.command_path} --help")
                options += [arg, value]
            elif arg.startswith("--") or arg in own or arg in _GLOBAL_FLAGS:
                options.append(arg)
            else:
                words.append(arg)
        return super().parse_args(ctx, [*options, "--", *words])


def _write_examples(command: Command, formatter: HelpFormatter) -> None:
    if command.epilog:
        with formatter.section("Examples"):
            for line in command.epilog.splitlines():
                formatter.write(_broken(line, formatter.width, " " * formatter.current_indent))


def _broken(line: str, width: int, indent: str) -> str:
    """Return an indented command line, with its last line feed, broken where a shell allows it if it is too long."""
    lines = [indent]
    for word in re.findall(r"""(?:'[^']*'|"[^"]*"|\S)+""", line):
        if lines[-1].strip() and len(f"{lines[-1]} {word} \\") > width:
            lines.append(f"{indent}  ")
        lines[-1] += f" {word}" if lines[-1].strip() else word
    return " \\\n".join(lines) + "\n"
