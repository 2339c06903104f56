"""`edit` without anything to change: one todo as text in the person's own editor."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from ..todo.views import Item, in_words, short_instant
from .errors import UsageError
from .fields import Fields, understand
from .render import to_local
from .session import Session
from .text import visible


def edited(session: Session, item: Item) -> tuple[Fields, list[str]]:
    """What a person made of a todo in their editor: the new fields, and those that they emptied."""
    todo = item.todo
    heads = {
        "text": visible(todo.text),
        "due": in_words(todo.due, to_local),
        "reminder": "" if todo.reminder is None else short_instant(todo.reminder, to_local),
        "priority": todo.priority or "",
        "tags": " ".join(todo.tags),
    }
    before = "".join(f"{name}: {value}".rstrip() + "\n" for name, value in heads.items())
    before += "\n" + (todo.note or "")
    after = _in_editor(before)
    head, _, note = after.partition("\n\n")
    values: dict[str, str] = {}
    for line in head.split("\n"):
        name, colon, value = line.partition(":")
        if not colon or name.strip() not in heads:
            raise UsageError(
                f"the edited text has the line {line!r}", f"its first lines are {', '.join(heads)}, then a blank one"
            )
        values[name.strip()] = value.strip()
    changed = {name: value for name, value in values.items() if value != heads[name].strip()}
    if changed.get("text") == "":
        raise UsageError("the edited text is empty", f"to remove the todo: todo rm {item.number}")
    clear = [name for name, value in changed.items() if not value]
    tags = changed.get("tags", "").split()
    if tags:
        clear.append("tags")
    note = note.rstrip("\n")
    if not note and todo.note:
        clear.append("note")
    given = understand(
        session,
        [changed["text"]] if "text" in changed else [],
        literal=1,
        due=changed.get("due") or None,
        priority=changed.get("priority") or None,
        tags=tags,
        reminder=changed.get("reminder") or None,
        note=note if note and note != (todo.note or "").rstrip("\n") else None,
    )
    return given, clear


def _in_editor(text: str) -> str:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.NamedTemporaryFile("w", suffix=".md", prefix="todo-", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        try:
            finished = subprocess.run([*shlex.split(editor), file.name], check=False)
        except (OSError, ValueError) as error:
            raise UsageError(f"the editor {editor!r} can't be run: {error}", "set EDITOR, or say what to change") from error
        if finished.returncode != 0:
            raise UsageError(f"the editor {editor!r} failed with exit code {finished.returncode}", "nothing was changed")
        try:
            return Path(file.name).read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the edited text can't be read: {error}", "nothing was changed") from error
