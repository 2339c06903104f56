"""A lending library: a domain, a projection and a reaction, by somebody who knows the framework's public names alone."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from cqrs_todo.cqrs import Decider, EventTypes, Metadata, Query, Reaction, Recorded, Rejected, Repository, Runner, open_store
from cqrs_todo.cqrs.struct import Struct


class Lent(Struct, frozen=True):
    reader: str


class Returned(Struct, frozen=True):
    reader: str


Event = Lent | Returned
Command = tuple[str, str]  # what to do, and who wants it


def decide(command: Command, lent_to: str | None) -> Sequence[Event]:
    verb, reader = command
    if verb == "return":
        return [Returned(lent_to)] if lent_to is not None else []
    if lent_to is not None:
        raise Rejected(f"{lent_to} has it")
    return [Lent(reader)]


BOOK: Decider[str | None, Command, Event] = Decider(
    "book",
    None,
    {"lent": Lent, "returned": Returned},
    decide,
    lambda _, event: event.reader if isinstance(event, Lent) else None,
    lambda event: Returned(event.reader) if isinstance(event, Lent) else Lent(event.reader),
)


def play(url: str) -> tuple[dict[str, str | None], Counter[str], list[str]]:
    """Who has which book, how often each reader borrowed, and the letters that were written."""
    store = open_store(url, EventTypes(BOOK.events))
    log = store.create("library", datetime(2026, 11, 22, tzinfo=UTC))
    books = Repository(log, BOOK)
    wishes = [("dune", ("lend", "Ada")), ("emma", ("lend", "Bob")), ("dune", ("return", "")), ("dune", ("lend", "Bob"))]
    for number, (book, command) in enumerate(wishes):
        books.execute(book, command, Metadata(datetime(2026, 11, 22, number, tzinfo=UTC), "desk", f"wish-{number}", {}))
    borrowed = Counter(event.data.reader for event in log.events() if event.type == "lent")
    letters: list[str] = []

    def write(event: Recorded) -> None:
        letters.append(f"Dear {event.data.reader}, thank you for {event.stream.removeprefix('book/')}")

    Runner(store, log, Reaction("thanks", write, Query.of(types={"returned"}))).catch_up()
    return {entity.stream: entity.state for entity in books.fold()}, borrowed, letters
