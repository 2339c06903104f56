"""The program git: the history of one file, and its content in each revision.

Git is called with a list of arguments, never through a shell. It gets an environment of its own, in which no other variable
of git is set. A repository can name programs in its configuration, so git is only asked for what starts none of them: no
hooks, no other programs for differences or signatures, and nothing from the network.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO

from ..cqrs.struct import Struct, replace
from .errors import InvalidInput, UsageError
from .exports import file_name
from .text import printable, visible

_OPTIONS = (
    "--no-pager",
    "--no-optional-locks",
    "--no-replace-objects",
    "--literal-pathspecs",
    *("-c", "core.quotePath=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
)
_FORMAT = "--format=%x01%H%x02%at%x02%ct%x02%ae%x02%an"
_KEPT = ("PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "SUDO_UID")
"""The variables that git gets: where programs and its configuration are, and whose repositories count as ours under sudo."""
_NOTHING = "; nothing was imported"
_SHOWN = 5
"""How many files a message names at most."""
_EMPTY = ("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813")
"""The hashes of an empty content. Git takes any two empty files for one that was renamed."""
_FILE_MODES = (b"100644", b"100755", b"100664")
"""The modes of files in git. Anything else is a symbolic link or another repository."""


class FileRevision(Struct, frozen=True, kw_only=True):
    """One revision of a file.

    Args:
        hash: The hash of the commit.
        at: The author's time, in UTC.
        by: The author, as `Name <mail>`.
        path: The path of the file in the repository.
        blob: The hash of its content; '' if the revision deleted the file.
        is_file: Whether it is a file, and not a symbolic link or another repository.
    """

    hash: str
    at: datetime
    by: str
    path: bytes
    blob: str
    is_file: bool


class FileInGit:
    """A file in a git repository.

    Attributes:
        shown: What the person called it, safe for messages.
    """

    def __init__(self, text: str) -> None:
        """Find the file.

        Args:
            text: The path of a file; or the path of a repository or a folder in it, a colon, and the path of a file in it.
                The file may have been deleted.

        Raises:
            UsageError: The text names no file, or the file is in no repository.
            InvalidInput: Git is not installed, or refuses to read the repository.
        """
        self.shown = visible(printable(text))
        program = shutil.which("git")
        if program is None:
            raise InvalidInput("git is not installed, or not in PATH" + _NOTHING, "install it: https://git-scm.com")
        self._program = program
        self._folder, self._file = _split(file_name(text))
        self._run("rev-parse", "--git-dir")
        if not self._file:
            named = f"{self.shown} is a folder: name the file in it"
            raise UsageError(named, self._files() or "write FOLDER:FILE, for instance: todo import --git .:todo.txt")

    def revisions(self) -> list[FileRevision]:
        """Return the revisions of the file on the line of first parents, oldest first. Renames are followed.

        Raises:
            UsageError: The history has no such file.
            InvalidInput: The repository cannot be read.
        """
        found: list[FileRevision] = []
        prefix = self._run("rev-parse", "--show-prefix").removesuffix(b"\n")  # of the folder, from the top of the repository
        path, start = os.path.normpath(prefix + self._file), "HEAD"
        while start:
            path, start = self._walk(path, start, prefix, found)
        if not found:
            raise UsageError(f"{self.shown}: no commit has this file", self._files() or "see: git log --stat")
        if not found[0].blob:
            self._check_not_renamed(found[0], prefix)
        found.reverse()
        return found

    def _walk(self, path: bytes, start: str, prefix: bytes, found: list[FileRevision]) -> tuple[bytes, str]:
        """Go back through the revisions of a file, and follow renames.

        Args:
            path: The path of the file in the first commit.
            start: The commit to begin with.
            prefix: The path of the folder.
            found: Receives the revisions, newest first.

        Returns:
            Where to go on: a path and a commit. Git itself would go on with the history of another file, of which this one
            became a copy. The commit is "" at the end.
        """
        options = ("--first-parent", "--diff-merges=first-parent", "--follow", "-M", "--raw", "-z", "--no-abbrev")
        plain = ("--no-show-signature", "--no-color", "--no-ext-diff", "--encoding=UTF-8", _FORMAT)
        output = self._run("log", *options, *plain, start, "--", os.path.relpath(path, prefix or b"."))
        for revision, status, source in _parse(output):
            if revision.path == path:
                found.append(revision)
                if status == b"C" or (status == b"R" and revision.blob in _EMPTY):
                    return path, f"{revision.hash}^"
                path = source
            elif status == b"R" and source == path:  # into a folder that has the name of the file
                found.append(replace(revision, path=path, blob="", is_file=True))
        return path, ""

    def _check_not_renamed(self, revision: FileRevision, prefix: bytes) -> None:
        """Check that the newest revision, which has the file no more, did not rename it.

        Raises:
            UsageError: It did.
        """
        changes = self._run("diff-tree", "-r", "-M", "--raw", "-z", "--no-abbrev", f"{revision.hash}^", revision.hash)
        fields = iter(changes.split(b"\0"))
        for change in fields:
            source = next(fields, b"")
            renamed = next(fields) if change.rpartition(b" ")[2].startswith(b"R") else source
            if source == revision.path != renamed:
                name, folder, file = (
                    visible(printable(os.fsdecode(each)))
                    for each in (renamed, self._folder, os.path.relpath(renamed, prefix or b"."))
                )
                raise UsageError(
                    f"{self.shown}: commit {revision.hash[:12]} renamed it to {name}{_NOTHING}",
                    f"give its new name: todo import --git {folder}:{file}",
                )

    def notes(self) -> Sequence[str]:
        """Return what a person should know about the repository, in words."""
        found = []
        if self._run("rev-parse", "--is-shallow-repository").strip() == b"true":
            more = "what came before is missing (git fetch --unshallow brings it)"
            found.append(f"the repository is a shallow clone: the history begins at its oldest commit, and {more}")
        if self._is_partial():
            found.append(
                "the repository is a partial clone: it has the content of the revisions only as far as it was fetched"
            )
        return found

    def _is_partial(self) -> bool:
        patterns = r"^(remote\..*\.promisor|extensions\.partialclone)$"
        return bool(self._run("config", "--get-regexp", patterns, accept=(0, 1)).strip())

    def check_complete(self, revisions: Iterable[FileRevision]) -> None:
        """Check that the repository has the content of each revision.

        Raises:
            InvalidInput: It has not, because it is a partial clone, or damaged.
        """
        blobs = {revision.blob: revision for revision in revisions if revision.blob and revision.is_file}
        asked = "".join(f"{blob}\n" for blob in blobs).encode()
        lines = self._run("cat-file", "--batch-check", "--buffer", given=asked).splitlines()
        missing = [line.split()[0].decode("ascii", "replace") for line in lines if line.endswith(b" missing")]
        if missing:
            first = blobs[missing[0]]
            raise self._incomplete(f"the content of {len(missing):,} revisions, the first in commit {first.hash[:12]}")

    def _incomplete(self, what: str) -> InvalidInput:
        if self._is_partial():
            return InvalidInput(
                f"{self.shown}: the repository is a partial clone without {what}{_NOTHING}", "clone it without --filter"
            )
        return InvalidInput(f"{self.shown}: the repository is without {what}{_NOTHING}", "see: git fsck")

    @contextmanager
    def contents(self, limit: int) -> Iterator["Contents"]:
        """Open one process of git that gives the content of each revision.

        Args:
            limit: The largest content, in bytes. Larger ones are not read into memory.
        """
        process = subprocess.Popen(
            self._command("cat-file", "--batch"),
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with process:
            assert process.stdin is not None  # it is a pipe, and so is stdout
            assert process.stdout is not None
            try:
                yield Contents(process.stdin, process.stdout, limit)
            finally:
                process.kill()

    def _files(self) -> str:
        """Return a hint that names files of the last commit; '' if it has none that could be meant."""
        try:
            names = self._run("ls-tree", "-r", "-z", "--name-only", "HEAD").split(b"\0")
        except InvalidInput:
            return ""
        endings = (b".txt", b".md", b".markdown", b".org")
        likely = [name for name in names if name.lower().endswith(endings)]
        likely.sort(key=lambda name: b"todo" not in name.lower())
        shown = [printable(os.fsdecode(name)) for name in likely[:_SHOWN]]
        return f"it has, for instance, {', '.join(shown)}" if shown else ""

    def _command(self, *arguments: str | bytes) -> list[str | bytes]:
        return [self._program, "-C", self._folder, *_OPTIONS, *arguments]

    def _run(self, *arguments: str | bytes, given: bytes = b"", accept: Sequence[int] = (0,)) -> bytes:
        done = subprocess.run(self._command(*arguments), env=_environment(), input=given, capture_output=True, check=False)
        if done.returncode not in accept:
            raise self._refused(done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def _refused(self, message: str) -> InvalidInput | UsageError:
        """Return the error for what git refused to do, in plain words."""
        folder = printable(os.fsdecode(os.path.abspath(self._folder)))
        if "dubious ownership" in message:
            command = next((line.strip() for line in message.splitlines() if "--add safe.directory" in line), "")
            return InvalidInput(
                f"{folder}: the repository belongs to another user, so git does not read it{_NOTHING}",
                f"if you trust its owner: {printable(command)}" if command else "see: git help config, safe.directory",
            )
        if "not a git repository" in message:
            return UsageError(f"{self.shown} is not in a git repository", "give a file in one, or REPOSITORY:FILE")
        if "'HEAD'" in message or "does not have any commits" in message:
            return InvalidInput(f"{folder}: the repository has no commits yet{_NOTHING}", "commit the file first")
        if "outside repository" in message:
            return UsageError(f"{self.shown}: the file is outside the repository", "give a file in the repository")
        if "not allowed" in message or "promisor" in message or "could not fetch" in message:
            return self._incomplete("some of its content")
        reason = next((line for line in reversed(message.splitlines()) if line.strip()), "it gave no reason")
        return InvalidInput(f"{self.shown}: git cannot read it: {printable(reason.removeprefix('fatal: '))}{_NOTHING}")


class Contents:
    """What a process of `git cat-file --batch` gives."""

    def __init__(self, asked: IO[bytes], given: IO[bytes], limit: int) -> None:
        self._asked = asked
        self._given = given
        self._limit = limit

    def read(self, blob: str) -> bytes | None:
        """Return a content; None if it is larger than the limit.

        Raises:
            InvalidInput: Git ended, or has no such content.
        """
        try:
            self._asked.write(f"{blob}\n".encode())
            self._asked.flush()
            header = self._given.readline().split()
            if len(header) != 3 or header[1] != b"blob":
                raise InvalidInput(f"git cannot read {blob}")
            rest = int(header[2])
            if rest <= self._limit:
                content = self._given.read(rest)
                self._given.read(1)
                return content
            while rest >= 0:  # with the line feed after it
                read = self._given.read(min(rest + 1, 1 << 20))
                if not read:
                    raise InvalidInput(f"git cannot read {blob}")
                rest -= len(read)
            return None
        except (OSError, ValueError) as error:
            raise InvalidInput(f"git cannot read {blob}: {error}") from error


def _split(path: bytes) -> tuple[bytes, bytes]:
    """Return a folder that exists, and the path of a file in it. The file is empty if the path is that of a folder."""
    if os.path.isdir(path):
        return path, b""
    folder, colon, file = path.rpartition(b":")
    if colon and file and not os.path.lexists(path) and os.path.isdir(folder):
        return folder, os.path.relpath(file, folder) if os.path.isabs(file) else file
    if os.path.islink(path):
        path = os.path.realpath(path)
    folder, file = os.path.split(path)
    while folder and not os.path.isdir(folder):  # the folder of a deleted file may be gone, too
        folder, name = os.path.split(folder)
        file = os.path.join(name, file)
    return folder or b".", file


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    fixed = {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",  # older versions fetch what a partial clone lacks, whatever the line above says
        "GIT_ATTR_NOSYSTEM": "1",
    }
    return {**kept, **fixed}


def _parse(output: bytes) -> Iterator[tuple[FileRevision, bytes, bytes]]:
    """Read what `git log` printed: a header, and for each change its modes, hashes and paths.

    Yields:
        The revision; the letter that says what was done; and the path before it.
    """
    fields = iter(output.split(b"\0"))
    header: list[bytes] = []
    for field in fields:
        if field.startswith(b"\x01"):
            header = field[1:].split(b"\x02", 4)
            continue
        change = field.lstrip(b"\n").split(b" ")
        if not change[0].startswith(b":"):
            continue
        _, mode, _, blob, status = change
        source = path = next(fields)
        if status[:1] in (b"R", b"C"):
            path = next(fields)
        deleted = status == b"D"
        revision = FileRevision(
            hash=header[0].decode(),
            at=_time(header[1], header[2]),
            by=_author(header[4], header[3]),
            path=path,
            blob="" if deleted else blob.decode(),
            is_file=deleted or mode in _FILE_MODES,
        )
        yield revision, status[:1], source


def _time(*seconds: bytes) -> datetime:
    """Return the first of some times that can be represented; if none can, the beginning of 1970."""
    for each in seconds:
        try:
            time = datetime.fromtimestamp(int(each), UTC)
        except (ValueError, OverflowError, OSError):
            continue
        if 1 < time.year < 9000:
            return time
    return datetime.fromtimestamp(0, UTC)


def _author(name: bytes, mail: bytes) -> str:
    return f"{name.decode('utf-8', 'replace')} <{mail.decode('utf-8', 'replace')}>".strip()
