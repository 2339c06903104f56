"""`todo backup`: all lists and the configuration in one file."""

from datetime import UTC, datetime

from ..config import config_content
from ..errors import UsageError
from ..exports import cleaning_up, file_name, own_folders
from ..output import print_line, print_message
from ..reports import count_of
from ..session import Session
from ..target import write_file
from ..text import printable, visible
from ..verb import LISTS, Argument, Verb


def backup(session: Session, file: str) -> None:
    """Write all lists, archived ones too, and the configuration to a file.

    Args:
        session: This run of the program.
        file: The file.

    Raises:
        UsageError: The file is stdout.
        DamagedLog: A list is damaged or missing. Nothing was written.
        CqrsError: What reading the lists and writing the file raise.
    """
    from ...todo.backup import saved_lists
    from ..backup_file import archive

    if file == "-":
        raise UsageError("a backup is written to a file, not to stdout", "name a file: todo backup todo-backup.zip")
    session.refuse_at("a backup holds the complete history of each list, and takes no --at")
    session.progress.begin("saving")
    with cleaning_up():
        lists = saved_lists(session.store)
        config = config_content()
        made = datetime.now(UTC).replace(microsecond=0)
        write_file(file_name(file), archive(lists, config, made, session.progress), own_folders(session))
    if session.options.json:
        from .. import document

        rows = [{"name": each.name, "archived": each.archived, "commits": each.lines - 1} for each in lists]
        print_line(document.encode({"backup": printable(file), "lists": rows, "config": config is not None}))
        return
    what = count_of(len(lists), "list") + (" and the configuration" if config is not None else "")
    print_message(session, f"Saved {what} to {visible(printable(file))}")


VERB = Verb(
    name="backup",
    help="Write all lists and the configuration to one file. Archived lists are in it, too. `todo import` brings them back.",
    examples=("todo backup todo-backup.zip", "todo verify todo-backup.zip", "todo import todo-backup.zip"),
    action=backup,
    group=LISTS,
    scope="store",
    arguments=(Argument("file", "FILE", "The file to write."),),
)
