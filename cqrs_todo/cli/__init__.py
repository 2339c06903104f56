"""The command `todo`: every way in and out of the process, with an exit code for each class of error."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from signal import SIG_IGN, SIGINT, default_int_handler, getsignal, signal
from typing import TYPE_CHECKING, NoReturn

from .. import INTERRUPTED
from .postponed import import_msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from .session import Session

COMPLETE = "__complete"
"""The word with which a shell asks for completions; the name of the shell and the words of the command line follow."""

COUNTS = (["remind", "--count"], ["remind", "--count", "-A"])
"""The command lines that a shell prompt runs each time, which must be quick although they have options."""


def run() -> NoReturn:
    """Run the command line of this process, and end the process.

    Taking the interpreter apart at the end would take longer than most verbs. Nothing depends on it, because `main` flushes
    everything.
    """
    try:
        if sys.getfilesystemencoding() != "utf-8" and sys.executable:
            _start_with_utf8()
        import_msgspec()  # while Ctrl-C still ends the process at once
        if getsignal(SIGINT) is not SIG_IGN:
            signal(SIGINT, default_int_handler)
        os._exit(main())
    except KeyboardInterrupt:  # where `main` could not catch it, or a second one
        os._exit(INTERRUPTED)


def _start_with_utf8() -> NoReturn:
    """Start Python again, with file names in UTF-8, because the encoding of the locale cannot express all of them.

    Otherwise a list would have one file in one locale, and another file or none in the next. Output keeps its encoding.
    """
    encoding = sys.stdout.encoding if sys.stdout else "ascii"
    env = {"PYTHONIOENCODING": encoding, **os.environ}
    os.execve(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]], env)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Args:
        argv: The arguments; None for those of the process.
    """
    from .output import give_up, output_failed

    args = list(sys.argv[1:] if argv is None else argv)
    _prepare_streams()
    code = _run(args)
    try:
        sys.stdout.flush()
    except OSError as error:
        code = code or output_failed(error)
    try:
        sys.stderr.flush()
    except OSError:  # nobody reads it; the exit code still tells
        give_up(sys.stderr)
    return code


def _prepare_streams() -> None:
    # Python sets a stream to None if it was closed when the process started
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115  # open as long as the process lives
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115  # likewise
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115  # likewise
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run(args: list[str]) -> int:
    from .output import OutputFailed, output_failed

    code = 0
    session = None
    failed: Exception | None = None
    try:
        from .session import Options, Session, as_utf8

        args = [as_utf8(arg) for arg in args]
        session = Session(Options())
        action = parse_fast(args, session)
        if action is not None:
            code = action(session)
        else:
            from .app import run_command_line

            code = run_command_line(args, session)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except OutputFailed as unwritten:
        code = output_failed(unwritten.cause)
    except Exception as error:
        from .report import report

        failed = error if session is None else session.outcome(error)
        code = report(failed, session, as_json="--json" in args[: args.index("--") if "--" in args else None])
    if session is not None:
        for warning in session.warnings():
            damage = warning.rpartition("; ")[0]
            if damage and damage in str(failed):  # the error has said so
                continue
            from .text import visible

            with suppress(OSError):  # nobody reads it; the exit code still tells
                sys.stderr.write(f"todo: warning: {visible(warning)}\n")
        try:
            session.close()
        except Exception as error:  # the store is one of another package, which may raise anything
            from .report import report

            code = code or report(error, session, as_json=False)
    return code


def parse_fast(args: Sequence[str], session: "Session") -> "Callable[[Session], int] | None":
    """Parse a command line of a verb and words, without options, and without Typer, which takes longer than the rest.

    The verb's own declaration says how many words it takes. Everything else goes to Typer, wrong command lines included.

    Args:
        args: The arguments, without the name of the program.
        session: This run of the program.

    Returns:
        A function that runs the command line and returns the exit code; None if Typer must parse it.
    """
    if not args:
        from .board import show_board

        return show_board
    if args[0] == COMPLETE:
        from .completing import complete

        return lambda session: complete(session, args[1:])
    if args in COUNTS:
        from .due_reminders import print_count

        session.options.all_lists = len(args) > len(COUNTS[0])
        return print_count
    if any(arg.startswith("-") for arg in args):
        return None
    from .verbs import find

    found = find(args)
    if found is None:
        return None
    verb, words = found
    values = verb.values(words, session)
    return None if values is None else lambda session: verb.run(session, values)
