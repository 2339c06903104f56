"""`todo import --git`: the history of a file in git becomes a list, each revision a commit."""

import codecs
import io
import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence

from ..cqrs.operation_errors import ImportRefused
from ..todo.errors import MalformedFile
from ..todo.file_history import HistoryImport, Imported, Revision
from ..todo.formats import FORMATS, Context, Entry, Loss, load
from ..todo.formats.reading import ReadRevision, by_section, cut_markdown, cut_org, cut_todotxt
from ..todo.formats.recognition import recognise
from ..todo.formats.revisions import UNKNOWN
from .clock import to_local, zone_name
from .errors import InvalidInput, UsageError
from .git import Contents, FileInGit, FileRevision
from .output import print_line, print_message
from .reports import count_of
from .session import Session
from .text import printable, visible

LIMIT = 64 << 20
"""The largest revision of a file that is read, in bytes."""
_CUTS = {"todotxt": cut_todotxt, "markdown": cut_markdown, "org": cut_org}
"""The formats of which histories can be imported, and how their files are cut into sections."""
_ONLY = "the history of a todo.txt, of Markdown or of Org can be imported"
_HEAD = 64 << 10
"""How much of a file decides what its format is, in bytes."""
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DATED_BY_REVISION = "a completion without a date"
"""What the readers report and is not lost here: the time of the revision takes its place."""
_SHOWN = 5
"""How many skipped revisions are named."""


def import_git(
    session: Session, place: str, format: str | None, encoding: str | None, headings: str, *, dry_run: bool
) -> None:
    """Import the history of a file into the list in use, which must be new, or one that this verb made.

    Args:
        session: This run of the program.
        place: The path of the file; or the path of a repository, a colon, and the path of the file in it.
        format: The format of the file; None to find out.
        encoding: The encoding of the file; None for UTF-8, or UTF-16 with a byte order mark.
        headings: Whether headings become projects or tags.
        dry_run: Whether to record nothing, and only say what would be recorded.

    Raises:
        UsageError: The place names no file in a repository, or an option does not fit.
        InvalidInput: The repository cannot be read, or the list has another history.
    """
    if session.request is not None:
        raise UsageError(
            "the import of a history gives each commit its own id, so it takes no --command-id, --expect or --because",
            "leave them out: a second import of the same history changes nothing",
        )
    if format is not None and format not in _CUTS:
        raise UsageError(f"the history of a file in the format {format} cannot be imported", _ONLY)
    file = FileInGit(place)
    revisions = file.revisions()
    file.check_complete(revisions)
    for note in file.notes():
        print_message(session, f"todo: warning: {note}")
    todos = session.list
    try:
        job = HistoryImport(todos, file.shown, [revision.hash for revision in revisions], to_local)
    except ImportRefused as error:
        again = f"import it into a new list: todo -L NEW import --git {shlex.quote(place)}"
        raise InvalidInput(str(error), again) from error
    session.progress.begin("importing")
    with file.contents(LIMIT) as contents:
        formats: dict[bytes, str] = {}
        for revision in reversed(revisions):
            if revision.blob and revision.path not in formats:
                formats[revision.path] = format or _format_of(file, revision, contents)
        reader = _Reader(formats, encoding, _context(headings))
        done = job.record((reader.revision(each, contents) for each in revisions), dry_run=dry_run)
    _answer(session, file, revisions, job.earlier, reader, done, dry_run=dry_run)


def _context(headings: str) -> Context:
    return Context(
        now=UNKNOWN,
        to_local=to_local,
        zone=zone_name() or "",
        headings="tags" if headings == "tags" else "projects",
        lenient=True,
    )


class _Reader:
    """Reads the revisions of one file.

    Attributes:
        skipped: The revisions that cannot be read, and why.
        losses: What cannot be kept of the newest revision.
    """

    def __init__(self, formats: Mapping[bytes, str], encoding: str | None, context: Context) -> None:
        """Begin to read.

        Args:
            formats: The format of the file under each path that it had.
            encoding: Its encoding; see `import_git`.
            context: What reading depends on.
        """
        self.skipped: list[tuple[FileRevision, str]] = []
        self.losses: Sequence[Loss] = ()
        self._formats = formats
        self._encoding = encoding
        self._context = context
        self._readers: dict[str, ReadRevision] = {}
        self._last: tuple[str, str] = ("", "")
        self._entries: Sequence[Entry] | None = ()

    def revision(self, revision: FileRevision, contents: Contents) -> Revision:
        """Read one revision."""
        format = self._formats.get(revision.path, "")
        if (revision.blob, format) != self._last:
            self._last = (revision.blob, format)
            try:
                self._entries = self._read(revision, format, contents)
            except _Skipped as skipped:
                self._entries = None
                self.skipped.append((revision, str(skipped)))
        return Revision(
            hash=revision.hash,
            at=revision.at,
            by=revision.by,
            file=printable(os.fsdecode(revision.path)),
            entries=self._entries,
        )

    def _read(self, revision: FileRevision, format: str, contents: Contents) -> Sequence[Entry]:
        if not revision.is_file:
            raise _Skipped("it is a symbolic link, or another repository")
        if not revision.blob:
            return ()
        content = contents.read(revision.blob)
        if content is None:
            raise _Skipped(f"it is larger than {LIMIT:,} bytes")
        reader = self._readers.get(format)
        if reader is None:
            read = load(FORMATS[format]).read
            reader = self._readers[format] = by_section(read, self._context, _CUTS[format])
        try:
            entries, self.losses = reader(list(io.StringIO(_decoded(content, self._encoding), newline=None)))
        except MalformedFile as error:
            raise _Skipped(str(error)) from error
        return entries


class _Skipped(Exception):
    """A revision cannot be read; the text says why."""


def _format_of(file: FileInGit, revision: FileRevision, contents: Contents) -> str:
    """Return the format of a file, by its name and by what one of its revisions holds.

    Raises:
        UsageError: Histories of such files cannot be imported.
    """
    content = (contents.read(revision.blob) if revision.is_file else None) or b""
    head = content[:_HEAD].decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig", "replace")
    found = recognise(head, os.fsdecode(revision.path)) or "todotxt"
    if found not in _CUTS:
        raise UsageError(f"{file.shown} looks like {FORMATS[found].title}, of which no history can be imported", _ONLY)
    return found


def _decoded(content: bytes, encoding: str | None) -> str:
    """Return the text of a revision."""
    if content.startswith(_UTF_16):
        encoding = "utf-16"
    elif encoding is None or content.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    if encoding == "utf-8-sig" and b"\0" in content:
        raise _Skipped("it is binary")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise _Skipped(f"it is not {encoding.removesuffix('-sig').upper()}: {error.reason} at byte {error.start}") from error


def _answer(
    session: Session,
    file: FileInGit,
    revisions: Sequence[FileRevision],
    earlier: int,
    reader: _Reader,
    done: Imported,
    *,
    dry_run: bool,
) -> None:
    skipped = [(revision.hash, why) for revision, why in reader.skipped]
    if session.options.json:
        from . import document

        found = {
            "list": done.list,
            "position": done.position,
            "file": file.shown,
            "revisions": len(revisions),
            "imported": done.revisions,
            "todos": done.todos,
            "before": done.before,
            "skipped": [{"revision": hash, "reason": printable(why)} for hash, why in skipped],
            "dry_run": dry_run,
        }
        print_line(document.encode(found))
        return
    for hash, why in skipped[:_SHOWN]:
        print_message(session, f"Skipped {hash[:12]}: {visible(why)}")
    if len(skipped) > _SHOWN:
        print_message(session, f"Skipped {len(skipped) - _SHOWN:,} more revisions")
    if done.before:
        older = f"{count_of(done.before, 'revision')} of {file.shown}"
        print_message(
            session,
            f"todo: warning: {older} cannot be imported into {visible(done.list)}: they are older than the first one there; "
            f"import the file into a new list: -L NAME",
        )
    losses = Counter((loss.what, loss.outcome, loss.kind) for loss in reader.losses if loss.what != _DATED_BY_REVISION)
    for (what, outcome, kind), count in losses.items():
        print_message(session, f"In the last revision, {kind}, {count:,} times: {visible(what)}: {visible(outcome)}")
    if session.options.quiet:
        return
    verb = "Would import" if dry_run else "Imported"
    if done.revisions:
        todos = count_of(done.todos, "todo")
        print_line(f"{verb} {count_of(done.revisions, 'revision')} of {file.shown} into {visible(done.list)}: {todos} now")
    elif earlier:
        print_line(f"Nothing to import: {visible(done.list)} has all revisions of {file.shown}")
    else:
        print_line(f"Nothing to import: no revision of {file.shown} has a todo")
