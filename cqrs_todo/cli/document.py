"""The JSON documents of `--json`, version 1; documented in docs/json.md and frozen by a test."""

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from ..cqrs.events import REDOES, UNDOES, Commit, PositionOf, Recorded, UnknownEvent, marked
from ..todo.fields import ATTRIBUTES, FIELDS
from ..todo.recorder import Answer
from ..todo.service import Added, View
from ..todo.views import Item
from .text import printable, safe_json

if TYPE_CHECKING:
    from .report import Failure

FORMAT = "cqrs-todo/1"


def todo_document(item: Item) -> dict[str, Any]:
    """Return the JSON form of a todo."""
    todo = item.todo
    document: dict[str, Any] = {
        "number": item.number,
        "id": item.id,
        "version": item.version,
        "text": todo.text,
        "done": todo.done,
        "removed": todo.removed,
        "note": todo.note,
        "due": todo.due,
        "reminder": todo.reminder,
        "priority": todo.priority,
        "tags": todo.tags,
        "created": todo.created,
        "completed": todo.completed,
    }
    document |= {field.name: getattr(todo, field.name) for field in FIELDS if field.name not in document}
    return document | {ATTRIBUTES.name: dict(todo.attributes)}


def event_document(event: Recorded) -> dict[str, Any]:
    """Return the JSON form of an event."""
    data = msgspec.Raw(event.data.data) if isinstance(event.data, UnknownEvent) else event.data
    return {"stream": event.stream, "version": event.version, "type": event.type, "data": data}


def commit_document(commit: Commit, position_of: PositionOf) -> dict[str, Any]:
    """Return the JSON form of a commit and its events.

    Args:
        commit: The commit.
        position_of: Finds the commits of its list by their command ids.
    """
    undone, redone = (
        [position for command in marked(commit.metadata, key) if (position := position_of(command)) is not None]
        for key in (UNDOES, REDOES)
    )
    return {
        "position": commit.position,
        "at": commit.metadata.at,
        "by": commit.metadata.by,
        "command": commit.metadata.command,
        "events": [event_document(event) for event in commit.events],
        "undoes": undone,
        "redoes": redone,
        "meta": {key: value for key, value in commit.metadata.meta.items() if key not in (UNDOES, REDOES)},
    }


def head(view: View) -> dict[str, Any]:
    """Return the part of a document that says which list it is about, and as of when."""
    return {"list": view.list, "position": view.position, "as_of": view.as_of}


def view_document(view: View, items: Iterable[Item]) -> dict[str, Any]:
    """Return the JSON form of a list, or of some of its todos."""
    return {**head(view), "todos": [todo_document(item) for item in items]}


def answer_document(answer: Answer, position_of: PositionOf) -> dict[str, Any]:
    """Return the JSON form of what a verb recorded, with the named todos as they are now.

    Args:
        answer: The answer.
        position_of: Finds the commits of its list by their command ids.
    """
    return {
        "list": answer.list,
        "position": answer.position,
        "commit": None if answer.commit is None else commit_document(answer.commit, position_of),
        "todos": [todo_document(item) for item in answer.items],
        "commits": len(answer.commits),
        "also": answer.also,
        "stayed": [item.number for item in answer.stayed],
        "others": [todo_document(item) for item in answer.others],
    }


def added_document(added: Added) -> dict[str, Any]:
    """Return the JSON form of what adding a batch recorded, without the todos, which are too many."""
    return {"list": added.list, "position": added.position, "added": added.todos, "commits": added.commits}


def error_document(failure: "Failure") -> str:
    """Return an error as JSON, for stderr."""
    return encode({"error": error_row(failure)}, versioned=False)


def error_row(failure: "Failure") -> dict[str, Any]:
    """Return what programs read of an error."""
    hint = None if failure.hint is None else printable(failure.hint)
    return {"code": failure.code, "message": printable(failure.message), "hint": hint}


def encode(document: Mapping[str, Any], *, versioned: bool = True) -> str:
    """Return a document as one line of JSON that cannot control a terminal."""
    head = {"format": FORMAT} if versioned else {}
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return safe_json(msgspec.json.encode({**head, **document}), ascii_only=not utf8)
