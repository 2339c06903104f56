"""`todo import`: what `todo export` wrote, and the files of other programs."""

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO

from ...todo.formats import FORMATS, Format
from ..errors import InvalidInput, UsageError
from ..exports import check_format, cleaning_up, file_name
from ..session import Session
from ..verb import LISTS, Argument, Option, Verb

if TYPE_CHECKING:
    from ..foreign_import import Choices
    from ..sources import Source

_BOM = b"\xef\xbb\xbf"
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_HEADINGS = ("projects", "tags")


def import_list(
    session: Session,
    *,
    file: str,
    format: str | None,
    headings: str,
    list_by: str | None,
    encoding: str | None,
    dry_run: bool,
    lenient: bool,
    git: bool,
) -> None:
    """Read a file into the list.

    Args:
        session: This run of the program.
        file: The file; "-" for stdin; or a folder with calendars.
        format: The name of its format; None to find out from its content.
        headings: "projects" or "tags": what headings become.
        list_by: "project" for a list of each project; None for one list.
        encoding: The encoding of the file; None for UTF-8, or what its byte order mark says.
        dry_run: Whether to record nothing, and only say what would be recorded.
        lenient: Whether to skip what cannot be read.
        git: Whether the history of the file in git is imported.
    """
    check_format(format)
    if headings not in _HEADINGS:
        raise UsageError(f"headings cannot become {headings!r}", f"write one of {', '.join(_HEADINGS)}")
    if list_by not in (None, "project"):
        raise UsageError(f"--list-by takes only project, and not {list_by!r}", "write --list-by project")
    if encoding is not None:
        from ..sources import known_encoding

        encoding = known_encoding(encoding)
    if git:
        from ..git_import import import_git

        _refuse({"--lenient": lenient, "--list-by": list_by is not None}, "the import of a history")
        import_git(session, file, format, encoding, headings, dry_run=dry_run)
        return
    from ..foreign_import import Choices

    choices = Choices(dry_run, lenient, "tags" if headings == "tags" else "projects", list_by is not None)
    session.progress.begin("importing")
    with ExitStack() as stack:
        stack.enter_context(cleaning_up())
        if file != "-" and os.path.isdir(file_name(file)):
            _import_folder(session, file, format, encoding, choices)
        else:
            _import_file(session, file, format, encoding, choices, stack)


def _import_file(
    session: Session, file: str, format: str | None, encoding: str | None, choices: "Choices", stack: ExitStack
) -> None:
    from ..own_imports import HEADER_LIMIT, import_events, open_input, read_line

    name = "stdin" if file == "-" else file
    opened = stack.enter_context(open_input(file))
    first = read_line(name, opened, HEADER_LIMIT).removeprefix(_BOM)
    if first.startswith((_ZIP, _EMPTY_ZIP)) and format is None:
        from ..restoring import restore_backup

        _refuse(_given(choices, encoding), "restoring a backup")
        restore_backup(session, file, dry_run=choices.dry_run)
        return
    if format == "events" or (format is None and b'"cqrs-log"' in first[:100]):
        _refuse({**_given(choices, encoding), "--dry-run": choices.dry_run}, "the import of a log")
        import_events(session, name, first, opened)
        return
    if format == "json":
        _import_json(session, name, first, opened, choices, encoding)
        return
    _import_foreign_or_json(
        session,
        name,
        "" if file == "-" else file,
        format=format,
        encoding=encoding,
        choices=choices,
        begun=(first, opened),
        stack=stack,
    )


def _import_foreign_or_json(
    session: Session,
    name: str,
    path: str,
    *,
    format: str | None,
    encoding: str | None,
    choices: "Choices",
    begun: tuple[bytes, BinaryIO],
    stack: ExitStack,
) -> None:
    from ...todo.formats.recognition import foreign, recognise
    from ..own_imports import HEADER_LIMIT, NO_EXPORT
    from ..sources import Source, copy, decoded_head
    from ..stdin import temporary_file

    first, opened = begun
    head = first + (opened.read(HEADER_LIMIT) if len(first) <= HEADER_LIMIT else b"")
    shown = decoded_head(head, encoding)
    found = "json" if not head.strip() else format or recognise(shown, os.path.basename(path))
    if found == "json":  # a file that begins with so many blanks may be one of ours
        _import_json(session, name, head, opened, choices, encoding)
        return
    what = foreign(shown)
    if what is not None:
        raise InvalidInput(f"{name} is {what}; nothing was imported", f"the formats are {', '.join(FORMATS)}")
    if found is None and path.lower().endswith(".zip"):
        raise InvalidInput(f"{name} is not a backup: it is not a zip archive; nothing was imported", NO_EXPORT)
    if found is None:
        raise InvalidInput(
            f"the format of {name} is not recognised; nothing was imported", "say what it is: --format todotxt"
        )
    if found == "events":
        raise InvalidInput(f"{name} is a log in another encoding; nothing was imported", "convert it to UTF-8")
    file = None
    if not path or not os.path.isfile(file_name(path)):  # it cannot be read twice
        file = stack.enter_context(temporary_file())
        copy(head, opened, file, name)
    source = Source(name, path, file, encoding)
    sources = [source, *_beside(path, FORMATS[found], encoding)]
    _run(session, sources, FORMATS[found], choices)


def _run(session: Session, sources: "list[Source]", format: Format, choices: "Choices") -> None:
    from ..foreign_import import import_foreign

    import_foreign(session, sources, format, choices)


def _beside(path: str, format: Format, encoding: str | None) -> "list[Source]":
    """Return the file `done.txt` that is beside a `todo.txt`, if it is there."""
    from ..sources import Source

    folder, name = os.path.split(path)
    done = os.path.join(folder, "done.txt")
    if format.name != "todotxt" or name.lower() != "todo.txt" or not os.path.isfile(file_name(done)):
        return []
    return [Source(done, done, None, encoding)]


def _import_folder(session: Session, folder: str, format: str | None, encoding: str | None, choices: "Choices") -> None:
    from ..sources import Source, calendar_files

    if format not in (None, "ics"):
        raise UsageError(f"{folder} is a folder, and only calendars are imported from folders", "give a file")
    sources = []
    for path in calendar_files(file_name(folder), folder):
        name = os.fsdecode(path)
        sources.append(Source(name, name, None, encoding))
    _run(session, sources, FORMATS["ics"], choices)


def _import_json(
    session: Session, name: str, head: bytes, opened: BinaryIO, choices: "Choices", encoding: str | None
) -> None:
    from ..own_imports import import_todos

    if head.strip():  # an empty file is refused in any case, and may be of any format
        _refuse({**_given(choices, encoding), "--dry-run": choices.dry_run}, "the import of JSON of todo export")
    import_todos(session, name, head, opened)


def _given(choices: "Choices", encoding: str | None) -> dict[str, bool]:
    """Return which options are given that only imports of other programs' files take."""
    return {
        "--lenient": choices.lenient,
        "--list-by": choices.by_project,
        "--headings": choices.headings == "tags",
        "--encoding": encoding is not None,
    }


def _refuse(given: dict[str, bool], what: str) -> None:
    """Refuse the options that something does not take."""
    for option, is_given in given.items():
        if is_given:
            raise UsageError(f"{what} takes no {option}", "leave it out")


VERB = Verb(
    name="import",
    help=(
        "Import a file of this program or of another one. It reads what `todo export` wrote, and todo.txt, Taskwarrior, "
        "iCalendar, Todoist, Markdown, Org and CSV. A second import adds only what is new or changed. It also restores what "
        "`todo backup` wrote."
    ),
    examples=(
        "todo import todo.txt --dry-run",
        "task export | todo -L work import -",
        "ssh home todo export | todo import -",
    ),
    action=import_list,
    group=LISTS,
    arguments=(Argument("file", "FILE|-|DIR", "The file; '-' reads stdin; a folder of .ics files is a calendar."),),
    options=(
        Option(
            "format", ("--format",), "The format of the file. Default: detected from the file.", metavar="|".join(FORMATS)
        ),
        Option("dry_run", ("--dry-run",), "Show what would be imported, and record nothing."),
        Option("lenient", ("--lenient",), "Skip what cannot be read, and say what was skipped."),
        Option("headings", ("--headings",), "What headings become.", metavar="projects|tags", default="projects"),
        Option("list_by", ("--list-by",), "Import each project into a list of its own.", metavar="project"),
        Option("encoding", ("--encoding",), "The encoding of the file, such as latin-1. Default: UTF-8.", metavar="NAME"),
        Option("git", ("--git",), "Import the history of the file in git, each revision as a commit."),
    ),
    writes=True,
    synonyms={"": "load read"},
)
