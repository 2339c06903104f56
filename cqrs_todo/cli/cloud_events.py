"""Events in the form of CloudEvents 1.0 in JSON, which programs read from stdin; docs/reactions.md describes them."""

from typing import Any

import msgspec

from ..cqrs.events import Recorded
from ..todo.views import Item
from . import document


def cloud_event(log_id: str, list_name: str, event: Recorded[Any], item: Item | None) -> bytes:
    """Return an event as one line of JSON.

    Args:
        log_id: The id of the log.
        list_name: The name of its list.
        event: The event.
        item: The todo as it is after the event; None if it is not known.
    """
    return _encoded(
        log_id,
        type=event.type,
        subject=event.stream,
        id=event.id,
        time=event.metadata.at,
        data={
            "list": list_name,
            "event": document.event_document(event),
            "todo": None if item is None else document.todo_document(item),
        },
    )


def reminder_event(log_id: str, list_name: str, item: Item) -> bytes:
    """Return a reminder that came due in the same form. It is not an event of the log, so its `data` has no `event`."""
    at = item.todo.reminder
    assert at is not None  # it came due
    return _encoded(
        log_id,
        type="reminder_due",
        subject=item.stream,
        id=f"{item.id}/{at.isoformat()}",
        time=at,
        data={"list": list_name, "todo": document.todo_document(item)},
    )


def _encoded(log_id: str, **attributes: Any) -> bytes:
    event = {
        "specversion": "1.0",
        "source": f"urn:cqrs-todo:{log_id}",
        "datacontenttype": "application/json",
        **attributes,
    }
    return msgspec.json.encode(event) + b"\n"
