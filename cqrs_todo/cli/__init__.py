"""The command `todo`: one way out, an exit code for each class of error, never a traceback."""

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import NoReturn

INTERRUPTED = 130


def run() -> NoReturn:
    """The process `todo`: the command line, and out.

    It is over so soon that looking for cycles in what was just imported and taking the interpreter apart would be a sixth of
    all the work; nothing depends on either, since `main` leaves nothing unflushed.
    """
    gc.set_threshold(100_000)
    os._exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line (default: that of the process); the exit code."""
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
    except OSError:  # nobody listens: the exit code still tells
        give_up(sys.stderr)
    return code


def _prepare_streams() -> None:
    # Python gives None for a stream that was closed before it started
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115  # for as long as the process lives
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run(args: list[str]) -> int:
    from .output import OutputFailed, output_failed

    code = 0
    session = None
    try:
        from .quick import form_of
        from .session import Options, Session, as_utf8

        args = [as_utf8(arg) for arg in args]
        session = Session(Options())
        act = form_of(args) if "_TODO_COMPLETE" not in os.environ else None
        if act is not None:
            code = act(session) or 0
        else:
            from .app import run

            code = run(args, session)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except OutputFailed as failed:
        code = output_failed(failed.cause)
    except Exception as error:
        from .report import report

        code = report(error, as_json="--json" in args[: args.index("--") if "--" in args else None])
    if session is not None:
        for notice in session.notices():
            from .text import visible

            with suppress(OSError):  # nobody listens: the exit code still tells
                sys.stderr.write(f"todo: warning: {visible(notice)}\n")
        session.close()
    return code
