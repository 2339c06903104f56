"""The command `todo`: one way out, an exit code for each class of error, never a traceback."""

import os
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line (default: that of the process); the exit code."""
    args = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever read the output has seen enough; what is left in the buffer must not be tried again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        from .errors import INTERRUPTED

        return INTERRUPTED
    return code


def _run(args: list[str]) -> int:
    from .session import Options, Session

    session = Session(Options())
    try:
        import typer

        from .app import app

        code = typer.main.get_command(app).main(args, prog_name="todo", standalone_mode=False, obj=session)
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:
        from .report import report

        code = report(error, as_json="--json" in args)
    for notice in session.notices():
        from .text import visible

        sys.stderr.write(f"todo: warning: {visible(notice)}\n")
    return code if isinstance(code, int) else 0
