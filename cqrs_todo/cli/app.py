"""Running command lines with Typer: those with options, those that ask for help or completion, and wrong ones."""

from collections.abc import Sequence

import typer

from .. import INTERRUPTED
from .errors import UsageError
from .grammar import root
from .output import output_failed
from .session import Session


def run_command_line(args: Sequence[str], session: Session) -> int:
    """Run a command line.

    Args:
        args: The arguments, without the name of the program.
        session: This run of the program, whose options are set.

    Returns:
        The exit code.

    Raises:
        UsageError: The command line cannot be parsed.
        CqrsError: What the verb raises.
    """
    command = root()
    try:
        # not `command.main`, which makes a closed pipe a failure
        with command.make_context("todo", list(args), obj=session) as context:
            code: int | None = command.invoke(context)
    except typer.Exit as ended:
        return ended.exit_code
    except typer.Abort:
        return INTERRUPTED
    except typer.TyperException as error:
        raise _usage_error(error) from error
    except OSError as error:
        from ..cqrs.stores.installed import failure_of_store  # few runs come here

        if error.filename is not None or failure_of_store(error) is not None:
            raise
        return output_failed(error)  # Typer prints help, version and completions itself
    return code or 0


def _usage_error(error: typer.TyperException) -> UsageError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "todo"
    message = error.format_message()
    return UsageError(message[:1].lower() + message[1:].rstrip("."), f"see: {path} --help")
