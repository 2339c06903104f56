"""Reactions that run right after the command that caused them. Whatever goes wrong, the command stays done."""

import logging
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from ..cqrs.errors import CqrsError
from ..cqrs.events import Commit
from ..cqrs.operation_errors import ReactionBusy
from .hints import complete_hint
from .reactions import FoundReaction, ListReaction, begun, failure_in_words, find_reactions
from .session import Session
from .text import visible


def react(session: Session, recorded: Mapping[str, tuple[int, Sequence[Commit]]]) -> None:
    """Run the reactions that are declared with `inline`, for what was recorded in some lists.

    An event that a reaction fails on is parked at once. A person waits for the command, so there is no second try.

    Args:
        session: This run of the program.
        recorded: What this run has recorded, by the names of lists: the last position, and the commits; see `OnRecorded`.
    """
    with suppress(OSError):  # the answer comes before what the programs do; `main` reports what cannot be written
        sys.stdout.flush()
    logging.getLogger("cqrs_todo").addHandler(logging.NullHandler())  # `_run` says what is parked
    try:
        found = find_reactions(session, inline=True)
        times = begun(session.store.url, [each.name for each in found])
    except (CqrsError, OSError) as error:
        _warn(session, f"no reaction was run: {error}", getattr(error, "hint", None))
        return
    for name, (_, commits) in recorded.items():
        for each in found:
            if each.lists and name not in each.lists:
                continue
            try:
                reaction = ListReaction(session, each, name, retries=0)
                if commits and not _matches_any(reaction, each, commits):
                    continue  # the next run that has something to do passes over these events
                if times[each.name] is None and commits:
                    reaction.runner.begin_after(commits[0].position - 1)
                else:
                    reaction.begin(times[each.name], from_start=False)
                _run(session, reaction, each)
            except ReactionBusy:  # another process runs it, and will come to these events
                continue
            except (CqrsError, OSError) as error:
                _warn(session, f"the reaction {each.name} was not run: {error}", getattr(error, "hint", None))


def _matches_any(reaction: ListReaction, found: FoundReaction, commits: Sequence[Commit]) -> bool:
    """Return whether a reaction wants something in commits of a list. That costs no write."""
    events = (event for commit in commits for event in commit.events)
    return any(found.query.wants(event) and reaction.matches(event) for event in events)


def _run(session: Session, reaction: ListReaction, found: FoundReaction) -> None:
    """Run a reaction for what is due, and say what it failed on."""
    before = {each.event for each in reaction.runner.parked()}
    reaction.catch_up()
    failed = [each for each in reaction.runner.parked() if each.event not in before]
    if failed:
        more = f" (and {len(failed) - 1:,} more)" if len(failed) > 1 else ""
        what = f"the reaction {found.name} failed: {failure_in_words(failed[0].error)}{more}"
        _warn(session, what, "see: todo react --failed")


def _warn(session: Session, message: str, hint: str | None) -> None:
    with suppress(OSError):  # nobody reads it; `todo react --failed` still tells
        sys.stderr.write(f"todo: warning: {visible(message)}\n")
        if hint is not None:
            sys.stderr.write(f"      {visible(complete_hint(hint, session))}\n")
