"""What tests do with whole logs: fold them without a repository."""

from collections.abc import Iterable

from cqrs_todo.cqrs.decider import C, Decider, E, S
from cqrs_todo.cqrs.fold import Fold
from cqrs_todo.cqrs.protocols import EventBatch


def fold_of(decider: Decider[S, C, E], commits: Iterable[EventBatch]) -> Fold[S]:
    """Fold the commits of a log, from the first one on."""
    fold = Fold(decider)
    for commit in commits:
        fold.apply(commit)
    return fold
