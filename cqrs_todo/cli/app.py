"""The verbs and their options, for Typer. What they do is imported when it is asked for."""

import os
from collections.abc import Callable, Container, Sequence
from typing import Annotated, Any, NoReturn, TypeAlias, TypeVar

import typer
from typer import Argument, Context, Option

from ..todo.views import SORT_KEYS
from . import INTERRUPTED
from .errors import UsageError
from .fields import CLEARABLE
from .grammar import FIELD_VALUES, LITERAL, FieldsVerb, TagVerb, Verb, Verbs, session_of
from .output import output_failed
from .session import Session

app = typer.Typer(
    cls=Verbs,
    add_completion=True,
    rich_markup_mode=None,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    subcommand_metavar="[VERB] [IDS] [OPTIONS]",
    pretty_exceptions_enable=False,
)
store_app = typer.Typer(cls=Verbs, rich_markup_mode=None, invoke_without_command=True, subcommand_metavar="VERB")
lists_app = typer.Typer(cls=Verbs, rich_markup_mode=None, invoke_without_command=True, subcommand_metavar="[VERB NAME]")

F = TypeVar("F", bound=Callable[..., Any])
CHANGE, LOOK, TRAVEL, LISTS = "Change", "Look", "Go back in time", "Lists and places"

Ids: TypeAlias = Annotated[
    list[str], Argument(metavar="IDS", help="Numbers and ranges (1-3,7), @ for the last touched, or ids.")
]
OneIds: TypeAlias = Annotated[
    str, Argument(metavar="IDS", help="Numbers and ranges (1-3,7), @ for the last touched, or an id.")
]


def run(args: Sequence[str], session: Session) -> int:
    """Run a command line; the exit code. Raises `UsageError` for one that can't be understood, and what the verbs raise."""
    command = typer.main.get_command(app)
    try:
        if "_TODO_COMPLETE" in os.environ:
            command.main(list(args), prog_name="todo")
        # not `command.main`, which makes a closed pipe a failure
        with command.make_context("todo", list(args), obj=session) as context:
            command.invoke(context)
    except typer.Exit as ended:
        return ended.exit_code
    except typer.Abort:
        return INTERRUPTED
    except typer.TyperException as error:
        raise _usage(error) from error
    except OSError as error:
        if error.filename is not None:
            raise
        return output_failed(error)  # Typer prints help, version and completions itself
    return 0


def _usage(error: typer.TyperException) -> UsageError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "todo"
    message = error.format_message()
    return UsageError(message[:1].lower() + message[1:].rstrip("."), f"see: {path} --help")


@app.callback()
def root(ctx: Context) -> None:
    """A todo list in which nothing is ever overwritten.

    Without a verb it shows what is open: overdue, today, next. Options may stand before or after the verb.
    """
    if ctx.invoked_subcommand is None:
        from .look import home

        home(session_of(ctx))


def _verb(panel: str, examples: str, name: str | None = None, cls: type[Verb] = Verb, **settings: Any) -> Callable[[F], F]:
    return app.command(name, cls=cls, rich_help_panel=panel, epilog=examples, **settings)


# change


@_verb(
    CHANGE,
    'todo add "Buy milk" +home due:tomorrow pri:H\ntodo add Call the bank -d "friday 17:00"\nseq 3 | todo add -',
    cls=FieldsVerb,
)
def add(
    ctx: Context,
    text: Annotated[list[str], Argument(metavar="TEXT", help="What is to be done; '-' reads one todo a line from stdin.")],
) -> None:
    """Add a todo. Words that are wholly +tag, due:DATE or pri:H are taken as such; after -- none is."""
    from .change import add

    add(session_of(ctx), text, ctx.meta[LITERAL], ctx.meta.get(FIELD_VALUES, {}))


@_verb(CHANGE, "todo done 3\ntodo done 1-3,7\ntodo done @ --on yesterday")
def done(
    ctx: Context,
    ids: Ids,
    on: Annotated[str | None, Option("--on", metavar="DATE", help="When it was done, if not now.")] = None,
) -> None:
    """Complete todos."""
    from .change import done

    done(session_of(ctx), ids, on)


@_verb(CHANGE, "todo reopen 3")
def reopen(ctx: Context, ids: Ids) -> None:
    """Open completed todos again."""
    from .change import reopen

    reopen(session_of(ctx), ids)


@_verb(CHANGE, "todo toggle 1-3")
def toggle(ctx: Context, ids: Ids) -> None:
    """Complete what is open, reopen what is done."""
    from .change import toggle

    toggle(session_of(ctx), ids)


@_verb(CHANGE, "todo edit 3 Buy oat milk\ntodo edit 1-3 pri:H +home --clear due\ntodo edit 3", cls=FieldsVerb)
def edit(
    ctx: Context,
    ids: OneIds,
    text: Annotated[list[str] | None, Argument(metavar="[TEXT]", help="The new text.")] = None,
    clear: Annotated[
        list[str] | None, Option("--clear", metavar="FIELD", help=f"Clear a field: {', '.join(CLEARABLE)}.")
    ] = None,
) -> None:
    """Change todos, or one of them in $EDITOR."""
    from .change import edit
    from .fields import read_fields

    session = session_of(ctx)
    options = ctx.meta.get(FIELD_VALUES, {})
    edit(session, ids, read_fields(session, text or [], options, literal=ctx.meta[LITERAL], clear=clear or []))


@_verb(CHANGE, "todo tag 3 +home\ntodo tag 1-3 +urgent -someday", cls=TagVerb)
def tag(
    ctx: Context,
    words: Annotated[list[str], Argument(metavar="IDS +TAG|-TAG", help="Todos, then tags to add (+) and to remove (-).")],
) -> None:
    """Add tags to todos, and remove them."""
    from .change import tag

    tag(session_of(ctx), words)


@_verb(CHANGE, 'todo note 3 "see **page 12**"\ncat minutes.md | todo note 3 -\ntodo edit 3 --clear note')
def note(
    ctx: Context,
    ids: OneIds,
    text: Annotated[list[str], Argument(metavar="TEXT", help="The note, in Markdown; '-' reads it from stdin.")],
) -> None:
    """Set the note of todos."""
    from .change import note

    note(session_of(ctx), ids, text, literal=ctx.meta[LITERAL] > 0)


@_verb(CHANGE, "todo remind 3 tomorrow 9:00\ntodo remind 3 --off")
def remind(
    ctx: Context,
    ids: OneIds,
    time: Annotated[list[str] | None, Argument(metavar="[WHEN]", help="A time to come; a day means nine o'clock.")] = None,
    off: Annotated[bool, Option("--off", help="Take the reminder off.")] = False,
) -> None:
    """Set the reminder of todos, or take it off."""
    from .change import remind

    remind(session_of(ctx), ids, time or [], off)


@_verb(CHANGE, "todo move 3 work")
def move(ctx: Context, ids: Ids, target: Annotated[str, Argument(metavar="LIST", help="The list they go to.")]) -> None:
    """Give todos to another list."""
    from .change import move

    move(session_of(ctx), ids, target)


@_verb(CHANGE, "todo rm 3\ntodo undo")
def rm(ctx: Context, ids: Ids) -> None:
    """Remove todos; undo brings them back."""
    from .change import remove

    remove(session_of(ctx), ids)


@_verb(CHANGE, "todo undo\ntodo undo 3\ntodo undo @42")
def undo(
    ctx: Context, what: Annotated[str | None, Argument(metavar="[N|@POSITION]", help="How many commits, or which.")] = None
) -> None:
    """Undo the last command, the last N commands, or the one at a position."""
    from .change import undo

    undo(session_of(ctx), what)


@_verb(CHANGE, "todo redo\ntodo redo 3")
def redo(ctx: Context, what: Annotated[str | None, Argument(metavar="[N]", help="How many commits.")] = None) -> None:
    """Do again what was undone last."""
    from .change import redo

    redo(session_of(ctx), what)


# look


def _ls(
    ctx: Context,
    words: Annotated[list[str] | None, Argument(metavar="[WORD]", help="Words that text, note or tags must hold.")] = None,
    everything: Annotated[bool, Option("--all", "-a", help="Done ones too.")] = False,
    done: Annotated[bool, Option("--done", help="Done ones instead.")] = False,
    removed: Annotated[bool, Option("--removed", help="Removed ones instead.")] = False,
    tag: Annotated[list[str] | None, Option("--tag", "-t", metavar="TAG", help="Only with this tag.")] = None,
    sort: Annotated[str, Option("--sort", metavar="KEY", help=f"One of {', '.join(SORT_KEYS)}.")] = "number",
    limit: Annotated[int | None, Option("--limit", metavar="N", min=0, help="At most so many.")] = None,
) -> None:
    """Show open todos."""
    from .look import ls

    states: list[Any] = [state for state, given in (("all", everything), ("done", done), ("removed", removed)) if given]
    ls(session_of(ctx), words or [], tags=tag or (), states=states, sort=sort, limit=limit)


_LS_EXAMPLES = "todo ls milk\ntodo ls -t home --sort due\ntodo ls --all --json"
_verb(LOOK, _LS_EXAMPLES, "ls")(_ls)
_verb(LOOK, _LS_EXAMPLES, "list", hidden=True)(_ls)


@_verb(LOOK, "todo show 3\ntodo show @ --json")
def show(ctx: Context, ids: Ids) -> None:
    """Show everything about todos: fields, note, history."""
    from .look import show

    show(session_of(ctx), ids)


def _history(
    ctx: Context,
    ids: Annotated[list[str] | None, Argument(metavar="[IDS]", help="Only of these todos.")] = None,
    since: Annotated[str | None, Option("--since", metavar="TIME|@POSITION", help="From then on.")] = None,
    until: Annotated[str | None, Option("--until", metavar="TIME|@POSITION", help="Up to then.")] = None,
    by: Annotated[str | None, Option("--by", metavar="WHO", help="Only by authors whose name holds this.")] = None,
    type: Annotated[list[str] | None, Option("--type", metavar="TYPE", help="Only commits with this event type.")] = None,
    limit: Annotated[int | None, Option("-n", metavar="N", min=0, max=10**9, help="At most so many commits.")] = None,
    reverse: Annotated[bool, Option("--reverse", help="Oldest first.")] = False,
    patch: Annotated[bool, Option("--patch", "-p", help="The old and the new value of each field.")] = False,
    text: Annotated[str | None, Option("-S", metavar="TEXT", help="Only commits whose events hold this text.")] = None,
    all_lists: Annotated[bool, Option("--all-lists", help="Of every list.")] = False,
) -> None:
    """Show what happened, newest first."""
    from .look import HistoryFilter, history

    wanted = HistoryFilter(since, until, by, tuple(type or ()), limit, reverse, text)
    history(session_of(ctx), ids or [], wanted, patch=patch, all_lists=all_lists)


_HISTORY_EXAMPLES = 'todo history\ntodo history 3 --reverse\ntodo history --since "last friday" -n 20'
_verb(LOOK, _HISTORY_EXAMPLES, "history")(_history)
_verb(LOOK, _HISTORY_EXAMPLES, "log", hidden=True)(_history)


@_verb(
    TRAVEL,
    "todo at last friday 17:00\ntodo at 3 days ago ls --all\ntodo at @42 show 3",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False},
)
def at(
    ctx: Context,
    words: Annotated[
        list[str],
        Argument(metavar="TIME [VERB …]", help="A time or @POSITION; then any verb that reads."),
    ],
) -> None:
    """Show the list as it was. The time takes as many words as make up a time; what follows is the verb."""
    from ..todo.times import is_time_word

    session = session_of(ctx)
    if session.options.at is not None:
        raise UsageError("the moment is given twice", "leave out --at")
    command = ctx.find_root().command
    verbs = command.commands if isinstance(command, Verbs) else {}
    count = session.words_of_moment(words)
    rest = words[count:]
    if count == 0 or (rest and rest[0] not in verbs and not words[0].startswith("@") and is_time_word(rest[0])):
        _refuse_moment(session, words, verbs)
    session.options.at = " ".join(words[:count])
    with command.make_context("todo", rest, obj=session) as inner:
        command.invoke(inner)


def _refuse_moment(session: Session, words: Sequence[str], verbs: Container[str]) -> NoReturn:
    """Refuse the words before the verb, which are not a moment as a whole."""
    until = next((n for n, word in enumerate(words) if n and (word in verbs or word.startswith("-"))), len(words))
    session.moment_of(" ".join(words[:until]))
    raise AssertionError("the longest moment was not found")


Start: TypeAlias = Annotated[str, Argument(metavar="FROM", help="A time, or @POSITION.")]


@_verb(TRAVEL, 'todo diff yesterday\ntodo diff "last friday" today 3\ntodo diff @40 @42 --stat')
def diff(
    ctx: Context,
    start: Start,
    end: Annotated[str | None, Argument(metavar="[TO]", help="A time, or @POSITION; else now.")] = None,
    ids: Annotated[list[str] | None, Argument(metavar="[IDS]", help="Only these todos.")] = None,
    stat: Annotated[bool, Option("--stat", help="Only how many were added, removed, changed.")] = False,
    exit_code: Annotated[bool, Option("--exit-code", help="Exit with 1 where something differs.")] = False,
) -> None:
    """Show what differs between two moments, field by field."""
    from .travel import diff

    code = diff(session_of(ctx), start, end, ids or [], stat=stat, exit_code=exit_code)
    raise typer.Exit(code)


@_verb(TRAVEL, "todo blame 3")
def blame(ctx: Context, ids: Ids) -> None:
    """Show who set each field of todos, when, and what it had been."""
    from .travel import show_blame

    show_blame(session_of(ctx), ids)


@_verb(TRAVEL, 'todo restore --to "last friday 17:00"\ntodo restore 3 --to @42')
def restore(
    ctx: Context,
    to: Annotated[str, Option("--to", metavar="TIME|@POSITION", help="The moment to go back to.")],
    ids: Annotated[list[str] | None, Argument(metavar="[IDS]", help="Only these todos; else the whole list.")] = None,
) -> None:
    """Make the list, or some todos, what they were; undo takes that back."""
    from .travel import restore

    restore(session_of(ctx), ids or [], to)


@_verb(TRAVEL, "todo when 'open>20'\ntodo when 'overdue>0 and tag:work>=3' --last")
def when(
    ctx: Context,
    condition: Annotated[
        str, Argument(metavar="CONDITION", help="Counts (open, done, overdue, removed, total, tag:NAME) and numbers.")
    ],
    last: Annotated[bool, Option("--last/--first", help="The last time that it began to hold, or the first.")] = False,
) -> None:
    """Show when a condition over counts first held."""
    from .travel import when

    when(session_of(ctx), condition, last=last)


@_verb(TRAVEL, 'todo replay\ntodo replay --from "last monday" --speed 5\ntodo replay --step')
def replay(
    ctx: Context,
    since: Annotated[str | None, Option("--from", metavar="TIME|@POSITION", help="Where to begin.")] = None,
    until: Annotated[str | None, Option("--to", metavar="TIME|@POSITION", help="Where to end.")] = None,
    speed: Annotated[float, Option("--speed", metavar="N", help="So many times as fast.")] = 1.0,
    step: Annotated[bool, Option("--step", help="Wait for a key after each commit.")] = False,
) -> None:
    """Play the history before your eyes; into a pipe, a JSON document for each commit."""
    from .replay import replay

    replay(session_of(ctx), since, until, speed, step=step)


@_verb(LOOK, 'todo stats\ntodo stats --since "3 months ago"')
def stats(
    ctx: Context,
    since: Annotated[str | None, Option("--since", metavar="TIME", help="From that day on.")] = None,
    until: Annotated[str | None, Option("--until", metavar="TIME", help="Up to that day.")] = None,
) -> None:
    """Show burn-down, throughput, cycle time, a calendar, and who did how much."""
    from .charts import stats

    stats(session_of(ctx), since, until)


# lists and places


@lists_app.callback()
def lists(ctx: Context) -> None:
    """Show the lists; make, rename, archive and unarchive them."""
    if ctx.invoked_subcommand is None:
        from .places import lists

        lists(session_of(ctx))


Name: TypeAlias = Annotated[str, Argument(metavar="NAME", help="The list.")]


def _list_verb(examples: str) -> Callable[[F], F]:
    return lists_app.command(cls=Verb, epilog=examples)


@_list_verb("todo lists new work\ntodo lists new work --start-again")
def new(
    ctx: Context,
    name: Name,
    start_again: Annotated[
        bool, Option("--start-again", help="Make it though a list of this name is missing; keep that one's record.")
    ] = False,
) -> None:
    """Make an empty list."""
    from .places import lists_new

    lists_new(session_of(ctx), name, start_again=start_again)


@_list_verb("todo lists rename work job")
def rename(ctx: Context, old: Annotated[str, Argument(metavar="OLD")], new: Annotated[str, Argument(metavar="NEW")]) -> None:
    """Rename a list."""
    from .places import lists_rename

    lists_rename(session_of(ctx), old, new)


@_list_verb("todo lists archive work")
def archive(ctx: Context, name: Name) -> None:
    """Put a list away, with all its history."""
    from .places import lists_archive

    lists_archive(session_of(ctx), name)


@_list_verb("todo lists unarchive work")
def unarchive(ctx: Context, name: Name) -> None:
    """Bring an archived list back."""
    from .places import lists_unarchive

    lists_unarchive(session_of(ctx), name)


app.add_typer(lists_app, name="lists", rich_help_panel=LISTS)


@store_app.callback()
def store(ctx: Context) -> None:
    """Migrate the tables of a store, or check what it can do."""
    if ctx.invoked_subcommand is None:
        raise UsageError("it isn't said what to do with the store: migrate or check", "see: todo store --help")


@store_app.command(cls=Verb, epilog="todo --store postgresql://me@server/lists store migrate")
def migrate(ctx: Context) -> None:
    """Bring the tables of the store to what this program works with; the lists stay as they are."""
    from .care import migrate

    migrate(session_of(ctx))


@store_app.command(cls=Verb, epilog="todo store check postgresql://me@server/lists\ntodo store check jsonl:/mnt/share")
def check(
    ctx: Context, url: Annotated[str | None, Argument(metavar="[URL]", help="The store; else the one in use.")] = None
) -> None:
    """Try all that lists need of a store, in an empty corner of it that is removed afterwards, and say what holds."""
    from .care import check

    check(session_of(ctx), url)


app.add_typer(store_app, name="store", rich_help_panel=LISTS)


@_verb(LISTS, 'eval "$(todo completion bash)"\ntodo completion fish > ~/.config/fish/completions/todo.fish')
def completion(ctx: Context, shell: Annotated[str, Argument(metavar="bash|zsh|fish", help="The shell.")]) -> None:
    """Print the script that lets a shell complete verbs, options and list names."""
    from .places import completion

    completion(session_of(ctx), shell)


@_verb(LISTS, "todo export > todos.json\ntodo export --format events -o inbox.jsonl\ntodo export --at yesterday")
def export(
    ctx: Context,
    format: Annotated[str, Option("--format", metavar="json|events", help="Todos, or the log as it stands.")] = "json",
    output: Annotated[str | None, Option("-o", "--output", metavar="FILE", help="Where to; else to stdout.")] = None,
) -> None:
    """Write the list out: its todos as JSON, or its log, byte for byte."""
    from .transfer import export

    export(session_of(ctx), format, output)


@_verb(LISTS, "todo import todos.json\ntodo -L work import work.jsonl\nssh home todo export | todo import -", "import")
def import_(
    ctx: Context,
    file: Annotated[str, Argument(metavar="FILE|-", help="What `export` wrote; '-' reads stdin.")],
    format: Annotated[
        str | None, Option("--format", metavar="json|events", help="The format of the file; by default it is detected.")
    ] = None,
) -> None:
    """Take in what export wrote. Importing it again changes nothing; todos come in one commit."""
    from .transfer import import_file

    import_file(session_of(ctx), file, format)


@_verb(LISTS, "todo verify\ntodo verify --repair --dry-run\ntodo -L work verify --repair")
def verify(
    ctx: Context,
    repair: Annotated[bool, Option("--repair", help="Repair damaged lists, and print each step.")] = False,
    dry_run: Annotated[bool, Option("--dry-run", "-n", help="With --repair: only say it.")] = False,
) -> None:
    """Check that every list is what was written, byte for byte."""
    from .care import verify

    verify(session_of(ctx), repair=repair, dry_run=dry_run)


@_verb(LISTS, "todo where\ntodo where --json")
def where(ctx: Context) -> None:
    """Show the paths in use."""
    from .places import where

    where(session_of(ctx))
