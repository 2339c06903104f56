"""The command `todo`: one way out, an exit code for each class of error, never a traceback."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from .session import Session

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line (default: that of the process); the exit code."""
    args = list(sys.argv[1:] if argv is None else argv)
    _prepare_streams()
    code = _run(args)
    try:
        sys.stdout.flush()
    except OSError as error:
        code = code or _output_failed(error)
    try:
        sys.stderr.flush()
    except OSError:  # nobody listens: the exit code still tells
        _give_up(sys.stderr)
    return code


def _prepare_streams() -> None:
    # Python gives None for a stream that was closed before it started
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115  # for as long as the process lives
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _output_failed(error: OSError) -> int:
    """Stop writing to stdout; a pipe that was closed is no error, anything else is told."""
    _give_up(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return 0
    with suppress(OSError):  # nobody listens: the exit code still tells
        sys.stderr.write(f"todo: the output can't be written: {error.strerror}; what was recorded stays recorded\n")
    return 1


def _give_up(stream: TextIO) -> None:
    """Whoever read the stream has seen enough; what is left in its buffer must not be tried again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run(args: list[str]) -> int:
    session = None
    try:
        from .session import Options, Session, as_utf8

        args = [as_utf8(arg) for arg in args]
        session = Session(Options())
        code = _invoke(args, session)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        from .report import report

        code = report(error, as_json="--json" in args[: args.index("--") if "--" in args else None])
    for notice in session.notices() if session is not None else ():
        from .text import visible

        with suppress(OSError):  # nobody listens: the exit code still tells
            sys.stderr.write(f"todo: warning: {visible(notice)}\n")
    return code


def _invoke(args: list[str], session: "Session") -> int:
    import typer

    from .app import app
    from .render import OutputFailed

    command = typer.main.get_command(app)
    if "_TODO_COMPLETE" in os.environ:
        command.main(args, prog_name="todo")
    try:
        # not `command.main`, which makes a closed pipe a failure
        with command.make_context("todo", args, obj=session) as context:
            command.invoke(context)
    except typer.Exit as ended:
        return ended.exit_code
    except OutputFailed as failed:
        return _output_failed(failed.cause)
    except BrokenPipeError as error:  # of Typer's own help
        return _output_failed(error)
    return 0
