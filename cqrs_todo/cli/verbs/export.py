"""`todo export`: the todos of a list as JSON, or its log, byte for byte."""

import sys
from collections.abc import Iterable, Iterator

from ...cqrs.errors import CqrsError, DamagedLog
from ...cqrs.operation_errors import ExportRefused
from ...todo.formats import FORMATS
from ..errors import UsageError
from ..exports import check_format, cleaning_up, file_name, own_folders
from ..output import OutputFailed, print_line, print_message
from ..session import Session
from ..target import write_file
from ..text import printable, visible
from ..verb import LISTS, Option, Verb


class NoLines(CqrsError):
    """The store of a list does not keep lines, so its log cannot be exported."""

    hint = "to export the todos without their history: todo export --format json"


def export(session: Session, format: str, output: str | None, where: str | None) -> None:
    """Write todos to a file or to stdout.

    Args:
        session: This run of the program.
        format: The name of the format.
        output: The file; None or '-' for stdout.
        where: A query: only the todos that it wants. None for all todos.
    """
    check_format(format, writing=True)
    if where is not None:
        from ..queries import use_list_of_filter  # most exports are complete

        use_list_of_filter(session, [where])
    if format == "events":
        content = _events(session, where)
    elif format == "json":
        content = _json(session, where)
    else:
        from ..foreign_export import foreign_content

        content = foreign_content(session, FORMATS[format], where)
    if output is None or output == "-":
        _write_stdout(content)
        _check_undamaged(session, "the export holds only what comes before it")
        return
    with cleaning_up():
        content = _undamaged(session, content)
        write_file(file_name(output), content, own_folders(session))
    if session.options.json:
        from .. import document

        print_line(document.encode({"list": session.list.name, "exported": format, "file": printable(output)}))
    else:
        what = "all lists" if session.options.all_lists else visible(session.list.name)
        print_message(session, f"Exported {what} to {visible(output)}")


def _events(session: Session, where: str | None) -> Iterable[bytes]:
    if session.options.at is not None:
        raise UsageError("a log can only be exported completely", "leave out --at, or --format events")
    if where is not None:
        raise UsageError("a log can only be exported completely", "leave out --where, or --format events")
    _check_one_list(session, "events")
    session.list.check_exists()
    try:
        return session.list.log.lines()
    except ExportRefused as error:
        raise NoLines(str(error)) from error


def _check_one_list(session: Session, format: str) -> None:
    """Raise `UsageError` if --all-lists was given, for a format that holds one list."""
    if session.options.all_lists:
        raise UsageError(
            f"export --format {format} writes one list, and takes no --all-lists (-A)",
            "name the list with -L NAME; or write all lists to one file: todo backup FILE",
        )


def _json(session: Session, where: str | None) -> Iterable[bytes]:
    from .. import document
    from ..foreign_export import chosen

    _check_one_list(session, "json")
    view = session.list.view(session.moment)
    items = view.items if where is None else [item for _, item in chosen(session, where)]
    return [f"{document.encode(document.view_document(view, items))}\n".encode()]


def _undamaged(session: Session, content: Iterable[bytes]) -> Iterator[bytes]:
    """Return the content; raise `DamagedLog` at its end if the log is damaged, so that it replaces no complete export."""
    yield from content
    _check_undamaged(session, "nothing was exported")


def _check_undamaged(session: Session, outcome: str) -> None:
    """Raise `DamagedLog`, with what that led to, if a list that was read is damaged."""
    if session.damage is not None:
        raise DamagedLog(f"{session.damage}; {outcome}")


def _write_stdout(content: Iterable[bytes]) -> None:
    try:
        sys.stdout.flush()
        sys.stdout.buffer.writelines(content)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise OutputFailed(error) from error


VERB = Verb(
    name="export",
    help="Write the list to a file, or to stdout. It is JSON, the log byte for byte, or the format of another program.",
    examples=(
        "todo export > todos.json",
        "todo export --format events -o inbox.jsonl",
        "todo export --at yesterday --format todotxt",
    ),
    action=export,
    group=LISTS,
    options=(
        Option(
            "format",
            ("--format",),
            "The format: the todos as JSON, the log with all events, or that of another program.",
            metavar="|".join(format.name for format in FORMATS.values() if format.writes),
            default="json",
        ),
        Option("output", ("-o", "--output"), "The file to write; '-' is stdout, which is the default.", metavar="FILE"),
        Option("where", ("--where",), "Only the todos that a query wants.", metavar="QUERY"),
    ),
    scope="lists",
    synonyms={"": "backup dump save"},
)
