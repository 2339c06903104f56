"""`edit` without anything to change: one todo as text in the person's own editor."""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..cqrs.core import CqrsError, Rejected
from ..todo.service import Answer
from ..todo.views import Item, in_words, short_instant
from .clock import to_local
from .errors import UsageError
from .fields import Fields, understand
from .render import say
from .session import Session
from .text import visible


def edited(session: Session, item: Item, apply: Callable[[Fields, list[str]], Answer]) -> Answer:
    """Let a person change a todo in their editor, and `apply` the new fields and the names of those that they emptied.

    Where that is refused, or not understood, the file with what they wrote is kept, and named.
    """
    todo = item.todo
    heads = {
        "text": visible(todo.text),
        "due": in_words(todo.due, to_local),
        "reminder": "" if todo.reminder is None else short_instant(todo.reminder, to_local),
        "priority": todo.priority or "",
        "tags": " ".join(todo.tags),
    }
    before = "".join(f"{name}: {value}".rstrip() + "\n" for name, value in heads.items()) + "\n" + (todo.note or "")
    folder = Path(tempfile.mkdtemp(prefix="todo-"))
    file = folder / "todo.md"
    try:
        file.write_bytes(before.encode())
        _run_editor(file)
        answer = apply(*_understand(session, item, heads, _read(file)))
    except CqrsError:
        if file.is_file() and file.read_bytes() != before.encode():
            say(session, f"What you wrote is kept in {file}")
        else:
            shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
    return answer


def _run_editor(file: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    ours = signal.signal(signal.SIGINT, signal.SIG_IGN)  # while the editor runs, Ctrl-C is for it
    try:
        command = [*shlex.split(editor), str(file)]
        finished = subprocess.run(command, check=False, preexec_fn=lambda: signal.signal(signal.SIGINT, ours))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise UsageError(f"the editor {editor!r} can't be run: {error}", "set EDITOR, or say what to change") from error
    finally:
        signal.signal(signal.SIGINT, ours)
    if finished.returncode != 0:
        raise Rejected(f"the editor {editor!r} failed with exit code {finished.returncode}; nothing was changed")


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the edited text can't be read: {error}", "nothing was changed") from error


def _understand(session: Session, item: Item, heads: dict[str, str], text: str) -> tuple[Fields, list[str]]:
    head, _, note = text.partition("\n\n")
    values: dict[str, str] = {}
    for line in head.rstrip("\n").split("\n"):
        name, colon, value = line.partition(":")
        if not colon or name.strip() not in heads:
            raise UsageError(f"the edited text has the line {line!r}, but its first lines are {', '.join(heads)}")
        values[name.strip()] = value.strip()
    changed = {name: value for name, value in values.items() if value != heads[name].strip()}
    if changed.get("text") == "":
        raise UsageError(f"the edited text is empty; to remove the todo: todo rm {item.number}")
    clear = [name for name, value in changed.items() if not value]
    tags = changed.get("tags", "").split()
    if tags:
        clear.append("tags")
    note = note.rstrip("\n")
    if not note and item.todo.note:
        clear.append("note")
    given = understand(
        session,
        [_unescaped(changed["text"], item.todo.text)] if "text" in changed else [],
        literal=1,
        due=changed.get("due") or None,
        priority=changed.get("priority") or None,
        tags=tags,
        reminder=changed.get("reminder") or None,
        note=note if note and note != (item.todo.note or "").rstrip("\n") else None,
    )
    return given, clear


def _unescaped(text: str, original: str) -> str:
    """The text with the escapes that stood for characters of the original turned back into these."""
    for char in {char for char in original if visible(char) != char}:
        text = text.replace(visible(char), char)
    return text
