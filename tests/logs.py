"""What tests do with whole logs: fold them without a repository, and give altered lines right digests."""

from collections.abc import Iterable

from cqrs_todo.cqrs.decider import C, Decider, E, S
from cqrs_todo.cqrs.events import EventBatch
from cqrs_todo.cqrs.fold import Fold
from cqrs_todo.cqrs.stores.hash_chain import DIGEST_MEMBER_LENGTH, chain_line


def fold_of(decider: Decider[S, C, E], commits: Iterable[EventBatch]) -> Fold[S]:
    """Fold the commits of a log, from the first one on."""
    fold = Fold(decider)
    for commit in commits:
        fold.apply(commit)
    return fold


def rechain_line(previous: bytes, line: bytes) -> bytes:
    """Make the line, with its LF, of the same JSON object as a line (without its LF), after another digest."""
    return chain_line(previous, line[:-DIGEST_MEMBER_LENGTH] + b"}")
