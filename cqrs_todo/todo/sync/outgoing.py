"""The order in which lists are sent: what removes todos that were moved comes after what has made them in the other list.

A list that needs another one, and is needed by it, is sent in several steps. So whenever a sync is killed, or one list
cannot be sent, each todo is in one list or in both on a hub, and not in none.

One case is left. A hub is only appended to, and takes one list at a time. Merges can put the commits of two machines into
this order: the inbox removes todo 1 for work, and then creates todo 2; work removes todo 2 for the inbox, and then creates
todo 1. Whichever list comes first, a todo is removed before it is created. Then the fewest todos are removed, and the next
commit that is sent creates them. If the sync is killed in between, each sync of a machine that lacks one of them names it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property

from ...cqrs.cursor import Cursor
from ...cqrs.store import Log, LogHead
from ...cqrs.stores.hash_chain import last_digest
from .halves import Leaving, cuts, first_position, leaving
from .remotes import places_in


class Outgoing:
    """A list that is sent.

    Attributes:
        head: The list.
        log: The log of it.
        lines: Its lines, each with its LF.
        since: The cursor that they come after.
        there: How many of them the remote has.
        halves: The halves of moves among the others that remove todos.
        seen: What the remote had of it after the last step, as `Remote.publish` returns it. None before the first one.
    """

    def __init__(self, head: LogHead, log: Log, lines: Sequence[bytes], since: Cursor, there: int) -> None:
        """Send nothing yet; the arguments are described above. The lines were just read."""
        self.head, self.log, self.lines, self.since, self.there = head, log, lines, since, there
        self.halves = [half for half in leaving(lines, head.id) if half.place >= there]
        self.seen: Mapping[str, str] | None = None
        self._end = log.cursor()

    @property
    def left(self) -> int:
        """How many lines are not sent yet."""
        return len(self.lines) - self.there

    @property
    def halves_left(self) -> list[Leaving]:
        """The halves of moves among the lines that are not sent yet."""
        return [half for half in self.halves if half.place >= self.there]

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The commands in the lines that the remote did not have at first, with the places of these lines."""
        return places_in(self.lines[self.there :], self.there)

    @property
    def cursor(self) -> Cursor:
        """The cursor behind the last line that the remote has."""
        if not self.left:
            return self._end
        if not self.there:
            return self.since
        sent = self.lines[: self.there]
        position = first_position(self.lines[self.there]) - 1
        size = self.since.offset + sum(map(len, sent))
        return Cursor(position, self.since.line + self.there, size, last_digest(sent[-1]))


def in_order(lists: Mapping[str, Outgoing]) -> Iterator[tuple[Outgoing, int]]:
    """Yield lists that are sent to a folder: where that can be, the lists that todos were moved to come first.

    Whoever receives them there holds back what is not complete.

    Args:
        lists: The lists by the ids of their logs. Whoever sends them takes those out that failed.

    Returns:
        Each list, and how many lines it has.
    """
    while left := [each for each in lists.values() if each.seen is None]:
        waiting = {each.head.id for each in left}
        free = (each for each in left if not any(half.target in waiting for half in each.halves))
        each = next(free, left[0])
        yield each, len(each.lines)


def in_steps(
    lists: Mapping[str, Outgoing], ids: Collection[str], is_there: Callable[[Leaving], bool]
) -> Iterator[tuple[Outgoing, int]]:
    """Yield which list is to be sent to a hub next, and up to which place. What is not yielded until its end has to wait.

    Args:
        lists: The lists by the ids of their logs. Whoever sends them takes those out that failed.
        ids: The ids of all lists. One that is not among them may be a part of any other one now.
        is_there: Returns whether the hub has the other half of a move, which is in no line that is to be sent.
    """
    found = {(id, ""): each.halves for id, each in lists.items()}
    places = {(id, ""): each.places for id, each in lists.items()} if any(found.values()) else {}
    needs: dict[Leaving, tuple[str, int] | None] = {}
    for half in (half for halves in found.values() for half in halves):
        others = [half.target] if half.target in ids else [id for id in lists if id != half.source]
        lines = ((id, places[id, ""].get(command)) for id in others if id in lists for command in half.others)
        need = next(((id, place) for id, place in lines if place is not None), None)
        if need is not None or not is_there(half):
            needs[half] = need

    def can_go(half: Leaving) -> bool:
        need = needs.get(half)
        if need is None:
            return half not in needs
        return need[0] in lists and lists[need[0]].there > need[1]

    def end(each: Outgoing) -> int:
        return next((half.place for half in each.halves if half.place >= each.there and not can_go(half)), len(each.lines))

    while left := [each for each in lists.values() if each.left or each.seen is None]:
        step = next((each for each in left if end(each) == len(each.lines)), None)
        if step is None:  # each waits for another one, perhaps only for a part of it
            step = next((each for each in left if each.seen is None or end(each) > each.there), None)
        if step is not None:
            yield step, end(step)
            continue
        keys = [(each.head.id, "") for each in left]  # their lines have to be sent together, which is impossible
        cut = cuts({key: found[key] for key in keys}, {key: places[key] for key in keys}, ids, can_go)
        ends = {id: cut[id, ""].place if (id, "") in cut else len(lists[id].lines) for id, _ in keys}
        steps = [
            (lists[id], place + 1)
            for each in left
            for id, place in [needs[each.halves_left[0]] or ("", 0)]
            if id in ends and place < ends[id] and each.there < ends[each.head.id]
        ]
        if not steps:
            return
        yield min(steps, key=lambda step: sum(not can_go(half) for half in step[0].halves_left if half.place < step[1]))
