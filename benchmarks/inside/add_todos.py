"""Adds todos to the list `inbox`, with one commit each.

Arguments: the folder of the store, how many, and what their text begins with.
"""

import sys
from datetime import UTC, datetime

from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.model import Create
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList


def main(folder: str, count: str, text: str) -> None:
    """Add them."""
    inbox = TodoList(open_store(f"jsonl:{folder}", TYPES), "inbox", "bench@host")
    for number in range(int(count)):
        inbox.add([Create(f"{text} {number}", datetime.now(UTC))])


if __name__ == "__main__":
    main(*sys.argv[1:])
