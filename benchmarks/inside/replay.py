"""Replay: the fold of a log from its bytes, without a snapshot. Arguments: the store's folder, the log's name, which way.

`repository` is as every reader does it; `bare` only verifies the digests, decodes and evolves, which is the least that it
takes.
"""

import json
import os
import sys
import time
from io import BytesIO
from pathlib import Path

from cqrs_todo.cqrs.cursor import START
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.chain import LineBlock
from cqrs_todo.cqrs.stores.format import Codec
from cqrs_todo.cqrs.stores.hash_chain import last_digest, verify_lines
from cqrs_todo.cqrs.stores.jsonl.lines import Lines
from cqrs_todo.todo.fields import State
from cqrs_todo.todo.model import DECIDER
from cqrs_todo.todo.recorder import TYPES


def main(folder: str, name: str, way: str) -> None:
    """Print how many events were folded, in how many seconds."""
    store = open_store(f"jsonl:{folder}", TYPES)
    path = Path(folder) / "lists" / f"{name}.jsonl"
    start = time.perf_counter()
    events = bare(path) if way == "bare" else Repository(store.open(name), DECIDER).fold().position
    seconds = time.perf_counter() - start
    json.dump({"events": events, "seconds": seconds}, sys.stdout)


def bare(path: Path) -> int:
    """The number of events that were applied; raises `RuntimeError` if a digest is wrong."""
    states: dict[str, State] = {}
    codec, events = Codec(TYPES), 0
    with path.open("rb") as file:
        header = file.readline()
        digest = last_digest(header)
        for chunk in Lines(str(path), file.fileno(), os.fstat(file.fileno()).st_size).chunks(len(header)):
            lines = list(BytesIO(chunk))
            if not verify_lines(digest, lines):
                raise RuntimeError(f"{path} is damaged")
            digest = last_digest(chunk)
            for commit in LineBlock(lines, codec.decode_lines(chunk), START).event_batches(codec):
                for event in commit.events:
                    states[event.stream] = DECIDER.evolve(states.get(event.stream), event.data)
                    events += 1
    return events


if __name__ == "__main__":
    main(*sys.argv[1:])
