"""Repositories that tests make with the program git, and the history of one file in them."""

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple


class Made(NamedTuple):
    """A revision of the file on the line of first parents."""

    hash: str
    at: datetime
    author: str
    content: bytes

    @property
    def lines(self) -> list[str]:
        return self.content.decode().split("\n")[:-1]


class Repository:
    """A repository in a folder of its own, whose commits have the times and authors that the test gives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(
        self, *arguments: str, at: datetime | None = None, author: str = "Ann <ann@example.org>", stdin: bytes = b""
    ) -> str:
        """Run git. The committer's time goes on by itself, so that a rebase gives commits new hashes."""
        name, _, mail = author.rstrip(">").partition(" <")
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": mail,
            "GIT_COMMITTER_NAME": "Cy",
            "GIT_COMMITTER_EMAIL": "cy@example.org",
            **({} if at is None else {"GIT_AUTHOR_DATE": at.isoformat(), "GIT_COMMITTER_DATE": at.isoformat()}),
        }
        done = subprocess.run(["git", *arguments], cwd=self.folder, env=env, input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "replace").strip()

    def write(self, file: str, lines: Sequence[str]) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes("".join(f"{line}\n" for line in lines).encode())

    def commit(self, at: datetime, files: Mapping[str, Sequence[str]] = {}, author: str = "Ann <ann@example.org>") -> str:
        """Commit what has changed in the folder, and return the hash."""
        for file, lines in files.items():
            self.write(file, lines)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a revision", at=at, author=author)
        return self.git("rev-parse", "HEAD")

    def commit_all(self, file: str, revisions: Iterable[tuple[datetime, bytes]]) -> None:
        """Commit many revisions of one file at once."""
        stream = bytearray()
        for at, content in revisions:
            for who in (b"author Ann <ann@example.org>", b"committer Cy <cy@example.org>"):
                stream += b"commit refs/heads/main\n" if who.startswith(b"author") else b""
                stream += b"%s %d +0000\n" % (who, at.timestamp())
            stream += b"data 1\nx\nM 100644 inline %s\ndata %d\n%s\n" % (file.encode(), len(content), content)
        self.git("fast-import", "--quiet", stdin=bytes(stream))

    def history(self, *names: str) -> list[Made]:
        """What the last commit and its first parents have of a file, oldest first, whatever it was called."""
        found: list[Made] = []
        for line in self.git("log", "--first-parent", "--reverse", "--format=%H %at %an <%ae>").split("\n"):
            hash, seconds, author = line.split(" ", 2)
            there = self.git("ls-tree", "-r", "-z", "--name-only", hash).split("\0")
            name = next((each for each in names if each in there), None)
            content = b"" if name is None else self.content(hash, name)
            at = datetime.fromtimestamp(int(seconds), UTC)
            if content != (found[-1].content if found else b""):
                found.append(Made(hash, at, author, content))
        return found

    def content(self, hash: str, name: str) -> bytes:
        return subprocess.run(["git", "show", f"{hash}:{name}"], cwd=self.folder, capture_output=True, check=True).stdout
