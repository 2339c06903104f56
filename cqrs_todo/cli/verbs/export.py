"""`todo export`: the todos of a list as JSON, or its log, byte for byte."""

import os
import sys
from collections.abc import Iterable, Iterator

from ...cqrs.errors import DamagedLog
from ..config import default_store
from ..errors import UsageError
from ..exports import FORMATS, check_format, cleaning_up, file_name
from ..output import OutputFailed, print_line, print_message
from ..session import Session
from ..target import write_file
from ..text import printable, visible
from ..verb import LISTS, Option, Verb


def export(session: Session, format: str, output: str | None) -> None:
    """Write the list to a file or to stdout.

    Args:
        session: This run of the program.
        format: "json" for the todos, "events" for the lines of the log.
        output: The file; None or '-' for stdout.
    """
    check_format(format)
    if format == "events":
        if session.options.at is not None:
            raise UsageError("a log can only be exported completely", "leave out --at, or --format events")
        session.list.check_exists()
        content: Iterable[bytes] = session.list.log.lines()
    else:
        from .. import document

        view = session.list.view(session.moment)
        content = [f"{document.encode(document.view_document(view, view.items))}\n".encode()]
    if output is None or output == "-":
        _write_stdout(content)
        return
    with cleaning_up():
        content = _undamaged(session, content)
        write_file(file_name(output), content, _store_folders(session))
    if session.options.json:
        from .. import document

        print_line(document.encode({"list": session.list.name, "exported": format, "file": printable(output)}))
    else:
        print_message(session, f"Exported {visible(session.list.name)} to {visible(output)}")


def _undamaged(session: Session, content: Iterable[bytes]) -> Iterator[bytes]:
    """Return the content; raise `DamagedLog` at its end if the log is damaged, so that it replaces no complete export."""
    yield from content
    damage = session.list.log.damage
    if damage is not None:
        raise DamagedLog(f"{damage}; nothing was exported")


def _write_stdout(content: Iterable[bytes]) -> None:
    try:
        sys.stdout.flush()
        sys.stdout.buffer.writelines(content)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise OutputFailed(error) from error


def _store_folders(session: Session) -> list[bytes]:
    """Return the folders of the stores that this run and its configuration name: no export may overwrite their files."""
    urls = (session.store.url, session.config.store or "", default_store())
    folders = (url.removeprefix("jsonl:") for url in urls if url.startswith("jsonl:"))
    return sorted({os.fsencode(os.path.expanduser(folder)) for folder in folders})


VERB = Verb(
    name="export",
    help="Write the list to a file, or to stdout. It is written as JSON, or as its log, byte for byte.",
    examples=("todo export > todos.json", "todo export --format events -o inbox.jsonl", "todo export --at yesterday"),
    action=export,
    group=LISTS,
    options=(
        Option(
            "format",
            ("--format",),
            "The todos as JSON, or the log with all events.",
            metavar="|".join(FORMATS),
            default="json",
        ),
        Option("output", ("-o", "--output"), "The file to write; '-' is stdout, which is the default.", metavar="FILE"),
    ),
)
