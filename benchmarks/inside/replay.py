"""Replay: the fold of a whole log from its bytes, without a snapshot. Arguments: the store's folder, the log's name."""

import json
import sys
import time

from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.model import DECIDER
from cqrs_todo.todo.service import TYPES


def main(folder: str, name: str) -> None:
    """Print how many events were folded, in how many seconds."""
    store = open_store(f"jsonl:{folder}", TYPES)
    start = time.perf_counter()
    fold = Repository(store.open(name), DECIDER).fold()
    seconds = time.perf_counter() - start
    json.dump({"events": fold.position, "seconds": seconds}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
